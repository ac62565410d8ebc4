//! Whose record a row is and which records are absorbed into it, by the merges and splits that its
//! life tells. The rows of persons who are told of in several streams are made anew from all of them
//! whenever one changes.

use std::collections::HashSet;

use domain::recorded::Recorded;
use domain::{Kind, PersonId, Position};

use super::folding::Changes;
use super::indexed::Indexed;
use super::{PackedRow, People, Room, Row, read_row};
use crate::archive::{self, Join};
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
        persons.extend(self.ever_one_with_lost()?);
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
            if archive::is_gone(&*life) {
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
            anew.keep(person, PackedRow::of(&row), false);
        }
        Ok(Some(anew))
    }
}

impl Row {
    pub(super) fn join(&mut self, join: &Join) {
        if !self.joined.contains(&join.other) {
            self.joined.push(join.other);
        }
        match (join.side, join.merges) {
            (true, merges) => self.owner = merges.then_some(join.other),
            (false, true) => self.absorbed.push(join.other),
            (false, false) => self.absorbed.retain(|known| *known != join.other),
        }
    }

    /// Whether which records are one with this may be another matter after some events: by a merge,
    /// a split, or by what annuls one.
    pub(super) fn may_join(&self, events: &[&Recorded]) -> bool {
        let acts = |event: &Recorded| event.envelope.corrects != Position(0);
        let joins = |event: &&Recorded| archive::join(event).is_some() || acts(event);
        !self.joined.is_empty() && events.iter().any(joins)
    }

    /// Whose record it is and who is absorbed into it, by the whole life: an annulment may act on a
    /// merge, and merges may follow each other.
    pub(super) fn settle_joins(&mut self, person: PersonId, life: &[Recorded]) {
        self.owner = archive::owner(life.iter().filter(|event| is_of(person, event)));
        self.absorbed = archive::all_absorbed(person, life);
        let mut reports = life.iter().rev().filter(|event| is_report(event, life));
        let place = reports.next().map(|event| event.envelope.place);
        self.reported_for = place.map_or((0, 0), |place| (place.code(), place.digits()));
    }
}

/// Whether an event says where somebody is: not whose documents and records are whose, nor orders.
fn is_report(event: &Recorded, life: &[Recorded]) -> bool {
    let kind = Kind::from_number(event.envelope.event_type.number).map(|(kind, _)| kind);
    let is_claim = kind == Some(Kind::DocumentClaimed);
    let is_order = kind.is_some_and(Kind::is_order);
    !is_claim && !is_order && !archive::is_about_joins(event, life)
}

/// Whether an event is told in a person's own stream.
pub(super) fn is_of(person: PersonId, event: &Recorded) -> bool {
    event.envelope.stream.id == person.as_uuid()
}
