//! Which rows changed since the rules across records last looked, and looking.
//!
//! Folding only notes who changed. Whoever keeps the measures across records takes the notes at a
//! pace of their own, reads the rows as they are by then, and judges.

use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use domain::{PersonId, Position};
use jiff::civil::Date;

use super::{People, Room};
use crate::ViewsError;
use crate::quality::{Across, Seen};

/// Rows that are read and judged before others may read the measures again.
const ROWS_AT_ONCE: usize = 1_000;
/// Notes that are kept before those of one person become one.
const NOTES_MIN: usize = 100_000;

/// Who changed, and up to where.
pub(super) struct Touched {
    persons: Vec<PersonId>,
    /// Notes that are kept until those of one person become one.
    notes_max: usize,
    /// Everybody is to be read: nobody was yet, or other rules came into force.
    everybody: bool,
    position: Position,
    today: Date,
    since: Option<Instant>,
    /// Notes that somebody took and looks at just now; none when nobody does.
    in_hand: usize,
}

/// What waits to be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Unseen {
    /// Notes of rows that changed, with those that are looked at just now.
    pub rows: usize,
    /// Whether everybody is to be read.
    pub everybody: bool,
    /// Since when something waits; none when nothing does.
    pub since: Option<Instant>,
}

impl Touched {
    pub(super) fn new(position: Position, today: Date) -> Self {
        let since = Some(Instant::now());
        let (persons, notes_max) = (Vec::new(), NOTES_MIN);
        Self { persons, notes_max, everybody: true, position, today, since, in_hand: 0 }
    }
}

impl People {
    /// Notes whose rows changed; they can be read already. Everything up to a position is folded.
    pub(super) fn touch(
        &self,
        persons: impl IntoIterator<Item = PersonId>,
        position: Position,
        today: Date,
    ) {
        let mut touched = self.touched();
        (touched.position, touched.today) = (position, today);
        if !touched.everybody {
            touched.persons.extend(persons);
            if touched.persons.len() > touched.notes_max {
                touched.persons.sort_unstable();
                touched.persons.dedup();
                touched.notes_max = NOTES_MIN.max(2 * touched.persons.len());
            }
        }
        touched.since.get_or_insert_with(Instant::now);
    }

    /// Notes that everybody is to be judged anew.
    pub(super) fn touch_everybody(&self, today: Date) {
        let position = self.folded();
        *self.touched() = Touched::new(position, today);
    }

    /// What waits for [`People::look_across`].
    pub fn unseen(&self) -> Unseen {
        let touched = self.touched();
        let rows = touched.persons.len() + touched.in_hand;
        Unseen { rows, everybody: touched.everybody, since: touched.since }
    }

    /// The rules across records, as far as they have looked.
    pub fn across(&self) -> RwLockReadGuard<'_, Across> {
        self.across.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// SHA-256 over the measures of quality, and over what is found across records, both of
    /// everything that is folded: nobody may fold meanwhile.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub(crate) fn counts_digests(&self) -> Result<[(&'static str, [u8; 32]); 2], ViewsError> {
        self.look_across(|| true)?;
        let (quality, across) = (self.measures().digest(), self.across().digest());
        Ok([("quality", quality), ("across_records", across)])
    }

    /// Whether somebody waits until a look that goes on is over: it is not to pause then. Who folds
    /// looks when a month ends, and every view would wait with it.
    pub fn is_look_awaited(&self) -> bool {
        self.look_awaited.load(Ordering::Acquire) > 0
    }

    /// Looks at what changed up to now. `go_on` is asked now and then and ends the work with false:
    /// everybody is then looked at the next time.
    ///
    /// # Errors
    /// [`ViewsError`]; everybody is looked at the next time.
    pub fn look_across(&self, go_on: impl FnMut() -> bool) -> Result<(), ViewsError> {
        self.look_awaited.fetch_add(1, Ordering::AcqRel);
        let _looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        self.look_awaited.fetch_sub(1, Ordering::AcqRel);
        let taken = {
            let mut touched = self.touched();
            let (position, today) = (touched.position, touched.today);
            let mut taken = std::mem::replace(&mut *touched, Touched::new(position, today));
            (touched.everybody, touched.since) = (false, None);
            touched.in_hand = taken.persons.len();
            taken.persons.sort_unstable();
            taken.persons.dedup();
            taken
        };
        let today = taken.today;
        let looked = self.look_at(taken, go_on);
        self.touched().in_hand = 0;
        if !matches!(looked, Ok(true)) {
            self.touch_everybody(today);
        }
        looked.map(drop)
    }

    fn look_at(&self, taken: Touched, mut go_on: impl FnMut() -> bool) -> Result<bool, ViewsError> {
        let persons = match taken.everybody {
            true => self.everybody(),
            false => taken.persons,
        };
        let mut across = self.write_across();
        if taken.everybody {
            *across = Across::new(taken.today);
        }
        let judges_everybody = 2 * persons.len() > across.records();
        if judges_everybody {
            across.judge_later();
        }
        across.go_on(taken.today);
        drop(across);
        let (book, keys) = {
            let across = self.across();
            (across.book().clone(), across.keys().clone())
        };
        let mut room = Room::default();
        for persons in persons.chunks(ROWS_AT_ONCE) {
            if !go_on() {
                return Ok(false);
            }
            let mut seen = Vec::with_capacity(persons.len());
            for person in persons {
                seen.push(match self.read_row(*person, &mut room)? {
                    Some(row) => Seen::of(&book, &keys, *person, &row, taken.today),
                    None => Seen::nothing(*person),
                });
            }
            self.write_across().see(seen);
        }
        if judges_everybody {
            let (mut next, records) = (0, self.across().records());
            while next < records {
                if !go_on() {
                    return Ok(false);
                }
                next = self.write_across().judge_from(next, ROWS_AT_ONCE);
            }
        }
        let mut across = self.write_across();
        across.set_whole();
        across.position = taken.position;
        Ok(true)
    }

    /// Everybody who has a row, flushed or not.
    pub(super) fn everybody(&self) -> Vec<PersonId> {
        let layers = self.read();
        let mut persons: Vec<_> =
            layers.pending.keys().chain(layers.flushing.keys()).copied().collect();
        persons.extend(self.rows.persons());
        drop(layers);
        persons.sort_unstable();
        persons.dedup();
        persons
    }

    fn touched(&self) -> MutexGuard<'_, Touched> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_across(&self) -> RwLockWriteGuard<'_, Across> {
        self.across.write().unwrap_or_else(PoisonError::into_inner)
    }
}
