//! Rows as they lie in a file, one behind the other: made once, where they are sealed, and written
//! from there.

use domain::PersonId;

use super::pieces::HEADER_BYTES;

/// Rows on their way into a file. Its room is used again.
#[derive(Default)]
pub struct Laid {
    pub(super) bytes: Vec<u8>,
    /// Whose each row is, and how long with its header.
    pub(super) rows: Vec<(PersonId, u32)>,
}

impl Laid {
    /// Adds the row that `write` appends to the bytes; who appends nothing has none any more.
    pub fn add(&mut self, person: PersonId, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend([0; 8]);
        self.bytes.extend(person.as_uuid().as_bytes());
        write(&mut self.bytes);
        let row_bytes = (self.bytes.len() - start - HEADER_BYTES) as u32;
        self.bytes[start + 4..start + 8].copy_from_slice(&row_bytes.to_le_bytes());
        let checksum = crc32c::crc32c(&self.bytes[start + 4..]);
        self.bytes[start..start + 4].copy_from_slice(&checksum.to_le_bytes());
        self.rows.push((person, HEADER_BYTES as u32 + row_bytes));
    }

    /// Adds a row as it lies in a file already, with its header.
    pub(super) fn add_again(&mut self, person: PersonId, row: &[u8]) {
        self.bytes.extend(row);
        self.rows.push((person, row.len() as u32));
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
    }
}
