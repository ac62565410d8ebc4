//! Appending rows: into the newest file, and behind them again what still stands in files that are
//! mostly obsolete.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, PoisonError};

use domain::PersonId;

use super::{End, Laid, Place, RowLog, RowLogError, pieces};
use crate::run::SYNC_BYTES;

/// Bytes that are gathered to be written at once: they are still near when they are.
const WRITE_BYTES: usize = 256 << 10;

/// Rows on their way into the newest files.
pub(crate) struct Appending<'a> {
    log: &'a RowLog,
    number: u32,
    file: Arc<File>,
    /// Length of the file, without what is gathered.
    length: u64,
    /// How far the file is durable, of what was written here.
    synced: u64,
    gathered: Laid,
    places: Vec<(PersonId, Place)>,
}

impl<'a> Appending<'a> {
    pub(super) fn begin(log: &'a RowLog) -> Result<Self, RowLogError> {
        let newest = {
            let state = log.read();
            let newest = state.files.last_key_value();
            newest.map(|(number, file)| (*number, Arc::clone(&file.file), file.bytes))
        };
        let (number, file, length) = match newest {
            Some(newest) => newest,
            None => (1, log.make_file(1)?, 0),
        };
        let (gathered, places) = (Laid::default(), Vec::new());
        Ok(Self { log, number, file, length, synced: length, gathered, places })
    }

    /// Takes a row that `add` adds, and writes it when it has gathered some.
    pub(super) fn gather(&mut self, add: impl FnOnce(&mut Laid)) -> Result<(), RowLogError> {
        add(&mut self.gathered);
        if self.gathered.bytes.len() < WRITE_BYTES { Ok(()) } else { self.write_gathered() }
    }

    fn write_gathered(&mut self) -> Result<(), RowLogError> {
        let mut gathered = std::mem::take(&mut self.gathered);
        self.write(&gathered)?;
        gathered.clear();
        self.gathered = gathered;
        Ok(())
    }

    /// Writes rows; where a file has reached its bytes, into the next one.
    pub(crate) fn write(&mut self, laid: &Laid) -> Result<(), RowLogError> {
        let (mut from, mut to) = (0, 0);
        for (person, bytes) in &laid.rows {
            if self.length + (to - from) as u64 >= self.log.file_bytes {
                self.write_piece(&laid.bytes[from..to])?;
                self.sync()?;
                self.number += 1;
                self.file = self.log.make_file(self.number)?;
                (self.length, self.synced) = (0, 0);
                from = to;
            }
            let place = Place::of(self.number, self.length + (to - from) as u64, *bytes);
            self.places.push((*person, place));
            to += *bytes as usize;
        }
        self.write_piece(&laid.bytes[from..to])
    }

    /// Writes rows into the file at hand; their places are known.
    fn write_piece(&mut self, bytes: &[u8]) -> Result<(), RowLogError> {
        self.file.write_all_at(bytes, self.length).map_err(|e| self.error(e))?;
        self.length += bytes.len() as u64;
        let mut state = self.log.write();
        state.files.get_mut(&self.number).expect("the file was made").bytes = self.length;
        state.set(&self.places);
        self.places.clear();
        drop(state);
        if self.length - self.synced < SYNC_BYTES { Ok(()) } else { self.sync() }
    }

    /// Appends again what still stands in an older file, which is then needed no more.
    fn take_over(&mut self, number: u32) -> Result<(), RowLogError> {
        let path = self.log.path(number);
        let (file, length) = {
            let state = self.log.read();
            let file = &state.files[&number];
            (Arc::clone(&file.file), file.bytes)
        };
        let mut stands = Vec::new();
        pieces::each_piece(&path, &file, length, &mut |rows| {
            stands.clear();
            let persons: Vec<_> = rows.iter().map(|(person, ..)| *person).collect();
            self.log.read().rows.find_each(&persons, |of, place| {
                let (_, row, offset) = rows[of];
                stands.push(place == Some(&Place::of(number, offset, row.len() as u32)));
            });
            let standing = rows.iter().zip(&stands).filter(|(_, stands)| **stands);
            standing
                .map(|(row, _)| row)
                .try_for_each(|(person, row, _)| self.gather(|laid| laid.add_again(*person, row)))
        })?;
        self.write_gathered()?;
        self.log.retired.lock().unwrap_or_else(PoisonError::into_inner).push(number);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), RowLogError> {
        self.synced = self.length;
        self.file.sync_data().map_err(|e| self.error(e))
    }

    /// Leaves behind what is obsolete, and makes all durable.
    ///
    /// # Errors
    /// [`RowLogError`].
    pub(crate) fn finish(mut self) -> Result<End, RowLogError> {
        self.write_gathered()?;
        while let Some(number) = self.log.most_obsolete(self.number) {
            self.take_over(number)?;
        }
        self.sync()?;
        Ok(self.log.end())
    }

    fn error(&self, source: io::Error) -> RowLogError {
        RowLogError::Io { path: self.log.path(self.number), source }
    }
}
