//! Receipts, read without parsing: the client looks for a few words in each line and leaves the
//! processor to the server.

use memchr::memmem;

use crate::events::value_of;

/// What the receipts said.
#[derive(Clone, Debug, Default)]
pub struct Receipts {
    /// Events recorded.
    pub recorded: u64,
    /// Events that had been recorded before.
    pub duplicates: u64,
    /// Events refused or in conflict.
    pub refused: u64,
    /// The highest position in the log.
    pub last_position: u64,
    /// Everybody who was recorded, as 128-bit ids; each once after [`ingest`].
    pub persons: Vec<u128>,
    /// Whether time was up before the last receipt.
    pub is_cut_short: bool,
    /// The first refusal as it was answered, cut short.
    pub refusal: Option<String>,
}

impl Receipts {
    /// Reads one result line, looking for its words only; a summary line counts for nothing.
    pub fn read(&mut self, line: &[u8]) {
        match value_of(line, b"\"status\":\"") {
            Some(b"recorded") => self.recorded += 1,
            Some(b"duplicate") => self.duplicates += 1,
            Some(_) => {
                self.refused += 1;
                if self.refusal.is_none() {
                    let start = String::from_utf8_lossy(line).chars().take(300).collect();
                    self.refusal = Some(start);
                }
                return;
            }
            None => return,
        }
        if let Some(position) = number_of(line, b"\"position\":") {
            self.last_position = self.last_position.max(position);
        }
        if let Some(person) = value_of(line, b"\"person_id\":\"").and_then(person_id)
            && self.persons.last() != Some(&person)
        {
            self.persons.push(person);
        }
    }
}

fn person_id(text: &[u8]) -> Option<u128> {
    uuid::Uuid::try_parse_ascii(text).ok().map(|id| id.as_u128())
}

fn number_of(line: &[u8], key: &[u8]) -> Option<u64> {
    let digits = &line[memmem::find(line, key)? + key.len()..];
    let digits = digits.split(|byte| !byte.is_ascii_digit()).next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
