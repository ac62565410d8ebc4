//! Filling the empty view from whole lives: a row is sealed as soon as it is folded, and is written
//! once.

use std::error::Error;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use domain::recorded::Recorded;
use domain::{PersonId, Position};

use super::indexed::Indexed;
use super::{END, People, Row, VERSION};
use crate::archive;
use crate::quality::{Change, Counted, Measures};
use crate::{Lives, ViewsError};

/// Sealed rows, index entries and how persons count, to be kept by [`People::keep_filled`].
#[derive(Default)]
pub struct Filled {
    rows: Vec<(PersonId, Option<Vec<u8>>)>,
    index: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    counted: Vec<Change>,
}

impl Filled {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Adds others.
    pub fn add(&mut self, others: Self) {
        self.rows.extend(others.rows);
        self.index.extend(others.index);
        self.counted.extend(others.counted);
    }
}

impl People {
    /// Begins to count, as of the day that [`People::see`] was told.
    pub fn begin_filling(&self) {
        let mut measures = self.measures.write().unwrap_or_else(PoisonError::into_inner);
        *measures = Measures::new(measures.today, measures.position);
    }

    /// Makes the rows of some lives, which `open` gives whole and in order. `log` gives those of
    /// who was merged as they were before. Several threads may do so at once.
    ///
    /// # Errors
    /// [`ViewsError::Lives`] with what `open` failed with.
    pub fn fill<L>(
        &self,
        lives: &[L],
        open: impl Fn(&L) -> Result<(PersonId, Vec<Recorded>), Box<dyn Error + Send + Sync>>,
        log: &dyn Lives,
    ) -> Result<Filled, ViewsError> {
        let (book, today) = {
            // Not held meanwhile: whoever keeps the rows before these writes it.
            let measures = self.measures();
            (measures.book().clone(), measures.today)
        };
        let (mut filled, mut plain) = (Filled::default(), Vec::new());
        for life in lives {
            let (person, life) = open(life).map_err(ViewsError::Lives)?;
            if archive::is_gone(&life) {
                continue;
            }
            let mut row = Row::of(person, &life);
            row.add_stood_then(person, &life, log)?;
            let (before, after) = (Indexed::default(), Indexed::of(&row));
            self.index_changes(person, &before, &after, &mut filled.index);
            plain.clear();
            plain = postcard::to_extend(&row, plain).expect("a row is plain values");
            // A row without a key is never written.
            let Some(sealed) = self.seals.seal(VERSION, person, row.version, &plain)? else {
                continue;
            };
            filled.rows.push((person, Some(sealed)));
            let (before, after) = (Counted::default(), Counted::of(&book, &row, today));
            filled.counted.push(Change { person, before, after, is_new: true });
        }
        Ok(filled)
    }

    /// Writes what [`People::fill`] made.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn keep_filled(&self, filled: Filled) -> Result<(), ViewsError> {
        let end = self.rows.append(filled.rows)?;
        self.measures.write().unwrap_or_else(PoisonError::into_inner).change(filled.counted);
        self.ends.insert(END, end.to_bytes())?;
        self.index.change(filled.index);
        self.index.begin_flush();
        self.keep_entries()
    }

    /// Says that every life up to a position was filled in.
    pub fn end_filling(&self, head: Position) {
        self.folded.store(head.0, Ordering::Release);
        let mut measures = self.measures.write().unwrap_or_else(PoisonError::into_inner);
        measures.position = head;
        self.touch_everybody(measures.today);
    }
}
