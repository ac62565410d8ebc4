//! Everything that faces outside: HTTP, the command line, the registry assembled.

pub mod generate;
pub mod registry;
