//! Keeping the measures of quality with the rows: counted anew at an opening, changed with each row,
//! and judged again where the day goes on.

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

impl People {
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
        let days = batch.iter().map(|event| day_in_china(event.envelope.clocks.recorded_at));
        days.max().map_or(Ok(()), |day| self.go_on_to(day))
    }

    /// Judges everybody as of a day, where that is later than the one they are judged on. Only who
    /// folds may do it.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn go_on_to(&self, day: Date) -> Result<(), ViewsError> {
        let measures = self.measures();
        if day <= measures.today {
            return Ok(());
        }
        if measures.needs_recount(day) {
            drop(measures);
            return self.recount(day);
        }
        let (due, book) = (measures.due_until(day), RuleBook::in_force(day));
        let changes = self.counted(&due, |row| {
            let before = Counted::of(measures.book(), row, measures.today);
            (before, Counted::of(&book, row, day))
        })?;
        drop(measures);
        let mut measures = self.measures.write().unwrap_or_else(PoisonError::into_inner);
        measures.go_on(day);
        // What the rules find in a record alone counts across records too.
        self.touch(due, measures.position, day);
        measures.change(changes);
        Ok(())
    }

    /// Takes notice of the day of events that are not folded here but filled in as whole lives.
    pub fn see(&self, batch: &[Recorded]) {
        let days = batch.iter().map(|event| day_in_china(event.envelope.clocks.recorded_at));
        let today = self.measures().today;
        if let Some(day) = days.max().filter(|day| *day > today) {
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
            let mut room = Room::default();
            let mut changes = Vec::with_capacity(persons.len());
            for person in persons {
                let Some(row) = self.read_row(*person, &mut room)? else { continue };
                let (before, after) = count(&row);
                changes.push(Change { person: *person, before, after });
            }
            Ok(changes)
        };
        let halves = in_halves(persons, count).into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(halves.into_iter().flatten().collect())
    }
}
