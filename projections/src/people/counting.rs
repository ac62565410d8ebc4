//! Keeping the measures of quality with the rows: counted anew after an opening, changed with each
//! row, and judged again where the day goes on.
//!
//! After an opening the service answers at once and its rows are counted behind it, person by
//! person in the order of their ids; what changes of somebody who is not counted yet is not counted
//! twice. Nothing of it is stored, so a cut flush cannot leave it wrong.

use std::sync::PoisonError;

use domain::PersonId;
use domain::clocks::day_in_china;
use domain::recorded::Recorded;
use domain::rules::RuleBook;
use jiff::civil::Date;

use super::{People, Room, Row};
use crate::ViewsError;
use crate::halves::in_halves;
use crate::quality::{Change, Counted, Measures};

/// Rows that are counted before others may fold again: some milliseconds of work.
const COUNTED_AT_ONCE: usize = 250;

impl People {
    /// Counts the rows that were there at the opening, if that is still to be done. `go_on` is asked
    /// now and then, and ends the work with false; it can be gone on with later.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn count_rest(&self, go_on: impl Fn() -> bool) -> Result<(), ViewsError> {
        let _looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        if self.measures().is_whole() {
            return Ok(());
        }
        let mut persons = self.everybody();
        persons.sort_unstable();
        for persons in persons.chunks(COUNTED_AT_ONCE) {
            if !go_on() {
                return Ok(());
            }
            let mut measures = self.measures.write().unwrap_or_else(PoisonError::into_inner);
            let due = persons.iter().filter(|person| measures.is_due_to_be_counted(**person));
            let due: Vec<_> = due.copied().collect();
            let today = measures.today;
            let count = |row: &Row| (Counted::default(), Counted::of(measures.book(), row, today));
            let counted = self.counted(&due, count)?;
            if let Some(last) = due.last() {
                measures.count_up_to(*last, counted);
            }
        }
        self.measures.write().unwrap_or_else(PoisonError::into_inner).end_counting();
        Ok(())
    }

    /// Counts every row, flushed or not, as of a day.
    pub(super) fn recount(&self, today: Date) -> Result<(), ViewsError> {
        self.touch_everybody(today);
        let persons = self.everybody();
        let mut measures = Measures::new(today, self.folded());
        let count = |row: &Row| (Counted::default(), Counted::of(measures.book(), row, today));
        let counted = self.counted(&persons, count)?;
        measures.change(counted);
        *self.measures.write().unwrap_or_else(PoisonError::into_inner) = measures;
        Ok(())
    }

    /// Goes on to the day of the newest event of a batch, before the batch is folded.
    pub(super) fn go_on(&self, batch: &[Recorded]) -> Result<(), ViewsError> {
        let newest = batch.iter().map(|event| event.envelope.clocks.recorded_at).max();
        newest.map(day_in_china).map_or(Ok(()), |day| self.go_on_to(day))
    }

    /// Judges everybody as of a day, where that is later than the one they are judged on. Only who
    /// folds may do it.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn go_on_to(&self, day: Date) -> Result<(), ViewsError> {
        if day <= self.measures().today {
            return Ok(());
        }
        if self.measures().needs_recount(day) {
            return self.recount(day);
        }
        // Whoever counts rows after an opening must not count by the old day in between.
        let mut measures = self.measures.write().unwrap_or_else(PoisonError::into_inner);
        let (due, book) = (measures.due_until(day), RuleBook::in_force(day));
        let changes = self.counted(&due, |row| {
            let before = Counted::of(measures.book(), row, measures.today);
            (before, Counted::of(&book, row, day))
        })?;
        measures.go_on(day);
        // Whether a record by itself is without an error of logic counts across records too; all else
        // that is read there changes with the record alone.
        let is_other =
            |change: &&Change| change.before.is_consistent_in() != change.after.is_consistent_in();
        let touched = changes.iter().filter(is_other).map(|change| change.person);
        self.touch(touched, measures.position, day);
        measures.change(changes);
        Ok(())
    }

    /// Takes notice of the day of events that are not folded here but filled in as whole lives.
    pub fn see(&self, batch: &[Recorded]) {
        let newest = batch.iter().map(|event| event.envelope.clocks.recorded_at).max();
        let today = self.measures().today;
        if let Some(day) = newest.map(day_in_china).filter(|day| *day > today) {
            self.measures.write().unwrap_or_else(PoisonError::into_inner).go_on(day);
        }
    }

    /// How the rows of persons counted and count.
    fn counted(
        &self,
        persons: &[PersonId],
        count: impl Fn(&Row) -> (Counted, Counted) + Sync,
    ) -> Result<Vec<Change>, ViewsError> {
        let count = |persons: &[PersonId]| -> Result<Vec<Change>, ViewsError> {
            // Each row takes the memory of the one before.
            let (mut room, mut row) = (Room::default(), Row::default());
            let mut changes = Vec::with_capacity(persons.len());
            for person in persons {
                if !self.refill_row(*person, &mut room, &mut row)? {
                    continue;
                }
                let (before, after) = count(&row);
                changes.push(Change { person: *person, before, after, is_new: false });
            }
            Ok(changes)
        };
        let halves = in_halves(persons, count).into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(halves.into_iter().flatten().collect())
    }
}
