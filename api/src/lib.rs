//! Everything that faces outside: HTTP, the command line, the registry assembled.

pub mod access;
pub mod cli;
pub mod counts;
pub mod csv_text;
pub mod generate;
pub mod http;
pub mod outward;
pub mod registry;
