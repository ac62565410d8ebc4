//! Persons whose key is destroyed: the row goes, and whatever else was made of it.

use std::sync::{MutexGuard, PoisonError};

use domain::PersonId;
use domain::recorded::Recorded;
use rustc_hash::FxHashMap;

use super::folding::Changes;
use super::indexed::Indexed;
use super::{
    HIDDEN, HOUSEHOLD, NAME, PLACE, PackedRow, People, Room, Row, SHELTERED, STOOD, person_of,
};
use crate::ViewsError;
use crate::halves::in_halves;
use crate::quality::{Change, Counted, Measures};

impl People {
    /// Takes out the row of somebody who is erased, with its entries in the indexes and its part
    /// of the counts. Mostly the key is destroyed only when that is done; where it went before, by
    /// an end of the process in between, the row does not open and what it stood for is looked up.
    pub(super) fn erase(
        &self,
        person: PersonId,
        events: &[&Recorded],
        measures: &Measures,
        room: &mut Room,
        changes: &mut Changes,
    ) -> Result<(), ViewsError> {
        self.months.forget()?;
        match self.read_row(person, room)? {
            Some(row) => {
                let (before, after) = (Indexed::of(&row), Indexed::default());
                // Under which households others stood while they were one with this record.
                changes.merged.extend(self.ever_one_with(&row, room)?);
                self.index_changes(person, &before, &after, &mut changes.index);
                let before = Counted::of(measures.book(), &row, measures.today);
                let after = Counted::default();
                changes.counted.push(Change { person, before, after, is_new: false });
            }
            None if self.waiting(person).is_none() => {
                let had_row = self.rows.get(person, &mut room.sealed)?.is_some();
                self.lost().insert(person, had_row);
            }
            None => {}
        }
        let version = events.last().map(|event| event.envelope.position);
        changes.keep(person, PackedRow::erased(version.unwrap_or_default()), false);
        Ok(())
    }

    /// Every record that was ever one with this one, or with one of these.
    fn ever_one_with(&self, row: &Row, room: &mut Room) -> Result<Vec<PersonId>, ViewsError> {
        let (mut all, mut met) = (row.joined.clone(), 0);
        while let Some(one) = all.get(met).copied() {
            met += 1;
            let row = self.read_row(one, room)?;
            let theirs = row.into_iter().flat_map(|row| row.joined);
            all.extend(theirs.filter(|other| !all.contains(other)).collect::<Vec<_>>());
        }
        Ok(all)
    }

    /// Every record that was ever one with one whose row did not open. Nobody can ask that row any
    /// more, so all others are asked.
    pub(super) fn ever_one_with_lost(&self) -> Result<Vec<PersonId>, ViewsError> {
        let lost = |(lost, had_row): (&PersonId, &bool)| had_row.then_some(*lost);
        let lost: Vec<_> = self.lost().iter().filter_map(lost).collect();
        if lost.is_empty() {
            return Ok(Vec::new());
        }
        let halves = in_halves(&self.everybody(), |persons| -> Result<Vec<PersonId>, ViewsError> {
            let (mut room, mut found) = (Room::default(), Vec::new());
            for person in persons {
                let Some(row) = self.read_row(*person, &mut room)? else { continue };
                if row.joined.iter().any(|joined| lost.contains(joined)) {
                    found.push(*person);
                    found.extend(self.ever_one_with(&row, &mut room)?);
                }
            }
            Ok(found)
        });
        let halves = halves.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(halves.into_iter().flatten().collect())
    }

    /// As [`People::remove_lost`], where a row was there: otherwise nothing can be listed, but by a
    /// flush that was cut, and that may wait for the next one.
    pub(super) fn remove_lost_rows(&self) -> Result<(), ViewsError> {
        let had_row = self.lost().values().any(|had_row| *had_row);
        if had_row { self.remove_lost() } else { Ok(()) }
    }

    /// Removes the entries of those whose rows did not open, and counts all others anew where one
    /// of them may have been counted.
    pub(super) fn remove_lost(&self) -> Result<(), ViewsError> {
        let lost = std::mem::take(&mut *self.lost());
        if lost.is_empty() {
            return Ok(());
        }
        for kind in [NAME, PLACE, HOUSEHOLD, STOOD, HIDDEN, SHELTERED] {
            let entries = self.index.scan(&[kind], None, usize::MAX)?;
            let theirs = entries.into_iter().filter(|(key, _)| lost.contains_key(&person_of(key)));
            self.index.change(theirs.map(|(key, _)| (key, None)));
        }
        let today = self.measures().today;
        if lost.values().any(|had_row| *had_row) { self.recount(today) } else { Ok(()) }
    }

    fn lost(&self) -> MutexGuard<'_, FxHashMap<PersonId, bool>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
