//! Writing what was folded: index entries first, then rows, then the position up to which both are
//! written, so that a cut flush is repeated.

use std::sync::Arc;

use domain::{PersonId, Position};

use super::{CHECKPOINT, END, ENTRIES, PackedRow, People, Rows, TODAY, VERSION};
use crate::row_log::Laid;
use crate::{SealError, ViewsError};

/// Rows that room is made for before they come.
const ROOM_MAX: usize = 40_000;

/// Rows that are sealed before they are written: as many as are still near when they are.
const SEALED_AT_ONCE: usize = 300;

impl People {
    /// How many changed rows wait to be flushed.
    pub fn pending(&self) -> usize {
        self.read().pending.len()
    }

    /// Sets what was folded up to now apart, to be written by [`People::finish_flush`].
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn begin_flush(&self) -> Result<(), ViewsError> {
        self.remove_lost()?;
        let mut layers = self.write();
        // As many come until the next flush.
        let room = layers.pending.len().min(ROOM_MAX);
        let next = Rows::with_capacity_and_hasher(room, Default::default());
        let taken = std::mem::replace(&mut layers.pending, next);
        // What an earlier, failed flush left is still due.
        let flushing = Arc::make_mut(&mut layers.flushing);
        if flushing.is_empty() {
            *flushing = taken
        } else {
            flushing.extend(taken)
        }
        self.index.begin_flush();
        self.months.table.begin_flush();
        Ok(())
    }

    /// Writes what was set apart: index entries, rows, then the checkpoint.
    ///
    /// # Errors
    /// [`ViewsError`]; what was folded stays readable.
    pub fn finish_flush(&self, checkpoint: Position) -> Result<(), ViewsError> {
        let changed = Arc::clone(&self.read().flushing);
        let rows: Vec<_> = changed.iter().collect();
        self.keep_entries()?;
        self.months.table.finish_flush(checkpoint)?;
        let mut appending = self.rows.begin()?;
        let mut laid = Laid::default();
        for rows in rows.chunks(SEALED_AT_ONCE) {
            self.seal_into(rows, &mut laid)?;
            appending.write(&laid)?;
        }
        let end = appending.finish()?;
        let today = self.measures().today.to_string();
        self.ends.insert(TODAY, today.as_bytes())?;
        self.ends.insert(END, end.to_bytes())?;
        self.ends.insert(CHECKPOINT, &checkpoint.0.to_be_bytes())?;
        self.write().flushing = Arc::default();
        Ok(())
    }

    /// Lays rows as they are written in the place of others.
    fn seal_into(
        &self,
        rows: &[(&PersonId, &PackedRow)],
        laid: &mut Laid,
    ) -> Result<(), SealError> {
        laid.clear();
        let (erased, standing): (Vec<_>, Vec<_>) =
            rows.iter().partition(|(_, waiting)| waiting.is_erased());
        let standing: Vec<_> =
            standing.iter().map(|(person, row)| (**person, row.version, &*row.plain)).collect();
        self.seals.seal_each(VERSION, &standing, &mut |person, sealed| {
            laid.add(person, |to| sealed.into_iter().for_each(|append| append(to)));
        })?;
        erased.iter().for_each(|(person, _)| laid.add(**person, |_| ()));
        Ok(())
    }

    /// Writes the index entries that were set apart, before the rows that they are made from: of
    /// rows that stand nothing is folded again.
    pub(super) fn keep_entries(&self) -> Result<(), ViewsError> {
        self.ends.insert(ENTRIES, self.index.write()?)?;
        Ok(())
    }

    /// To be called when what [`People::finish_flush`] wrote is durable.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn remove_obsolete(&self) -> Result<(), ViewsError> {
        self.index.remove_obsolete()?;
        Ok(self.rows.remove_obsolete()?)
    }

    /// SHA-256 over the flushed rows, and over the flushed indexes.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn digests(&self) -> Result<[(&'static str, [u8; 32]); 2], ViewsError> {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        let mut room = Vec::new();
        for person in self.rows.persons() {
            let Some(row) = self.rows.get(person, &mut room)? else { continue };
            hash.update(person.as_uuid().as_bytes());
            hash.update((row.len() as u32).to_be_bytes());
            hash.update(row);
        }
        Ok([("archive", hash.finalize().into()), ("names_and_places", self.index.digest()?)])
    }
}
