//! Rows of persons who are told of in several streams: made anew from all of them whenever one
//! changes.

use std::collections::HashSet;

use domain::Position;

use super::folding::{Changes, Indexed};
use super::{People, Room, Row, Waiting, read_row};
use crate::archive;
use crate::quality::{Change, Counted};
use crate::{Lives, ViewsError};

impl People {
    /// Makes the rows anew of those who were merged or split, or of whose streams one changed, and of
    /// whoever absorbed these: each from all its streams. They are few.
    pub(super) fn merged(
        &self,
        changes: &[Changes],
        last: Position,
        lives: &dyn Lives,
    ) -> Result<Option<Changes>, ViewsError> {
        let mut persons: Vec<_> = changes.iter().flat_map(|half| &half.merged).copied().collect();
        if persons.is_empty() {
            return Ok(None);
        }
        let mut made = HashSet::new();
        let (mut anew, mut room) = (Changes::default(), Room::default());
        let measures = self.measures();
        let count = |row: &Row| Counted::of(measures.book(), row, measures.today);
        while let Some(person) = persons.pop() {
            if !made.insert(person) {
                continue;
            }
            let mut folded = changes.iter().flat_map(|half| &half.rows);
            let before = match folded.find(|(known, _)| *known == person) {
                Some((_, row)) if row.is_erased() => continue,
                Some((_, row)) => Some(read_row(&row.plain)?),
                None => self.read_row(person, &mut room)?,
            };
            let up_to = before.as_ref().map_or(last, |row: &Row| row.version.max(last));
            let life = lives.life(person, up_to).map_err(ViewsError::Lives)?;
            if archive::is_gone(&life) {
                continue;
            }
            let mut row = Row::of(person, &life);
            row.add_stood_then(person, &life, lives)?;
            let owner = before.as_ref().and_then(|row| row.owner);
            persons.extend(owner.into_iter().chain(row.owner));
            let counted = before.as_ref().map(count).unwrap_or_default();
            let (after, is_new) = (count(&row), before.is_none());
            anew.counted.push(Change { person, before: counted, after, is_new });
            let before = before.as_ref().map(Indexed::of).unwrap_or_default();
            self.index_changes(person, &before, &Indexed::of(&row), &mut anew.index);
            let plain = postcard::to_stdvec(&row).expect("a row is plain values");
            anew.rows.push((person, Waiting { version: row.version, plain: plain.into() }));
        }
        Ok(Some(anew))
    }
}
