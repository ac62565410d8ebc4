//! Who sees what: the table of access, the masks, and every answer that tells of persons.

mod leaks;
mod masks;
mod oracle;
mod routes;
mod sums;
mod table;
mod told;
mod world;
