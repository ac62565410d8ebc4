//! Everything that faces outside: HTTP, the command line, the registry assembled.

pub mod access;
pub mod http;
pub mod registry;
