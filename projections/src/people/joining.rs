//! Whose record a row is and which records are absorbed into it, by the merges and splits that its
//! life tells.

use domain::recorded::Recorded;
use domain::{Kind, PersonId, Position};

use super::Row;
use crate::archive::{self, Join};

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
