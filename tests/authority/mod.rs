//! Who sees what: the table of access, the masks, and every answer that tells of persons.

mod masks;
mod table;
