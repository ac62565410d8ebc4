//! Under which households a record ever stood: as was true on any day and known at any instant.
//!
//! What somebody belonged to on a day is told by the facts up to it, and what was known of it by
//! the events recorded by then. So for each event all states are gone through that the facts known
//! with it make, one after the other: an event that comes after all others makes one new state, one
//! that is late or changes another makes those from its day on. What a record stood under is thus
//! the same however its events were folded, and whoever was a member on any day, as known at any
//! instant, is found in the index under the household; their life then says whether they were.

use std::collections::BTreeSet;

use domain::catalogue::{Sets, Word};
use domain::recorded::Recorded;
use domain::{Item, Kind, PersonId, Position};

use super::Row;
use super::households::Belongs;
use crate::archive::{self, Archive, Fact};
use crate::{Lives, ViewsError};

/// What decides about households, or is taken over into what does.
const DECIDING: [Item; 6] = [
    Item::HouseholdId,
    Item::Residence,
    Item::ResidenceAddress,
    Item::DoorPlate,
    Item::Hukou,
    Item::HukouAddress,
];

/// What makes the households one under which a record stands while it is folded.
#[derive(Default)]
pub(super) struct Stood {
    /// What it stood under before, and whose it was.
    first: Belongs,
    owner: Option<PersonId>,
    /// What it stands under now, where that is another thing.
    last: Option<Belongs>,
    keys: BTreeSet<String>,
    is_another: bool,
}

impl Stood {
    /// What a row stood under until now.
    pub(super) fn of(row: &Row) -> Self {
        let first = Belongs::of(&row.archive, None);
        Self { first, owner: row.owner, ..Self::default() }
    }

    /// Notes a state.
    pub(super) fn note(&mut self, archive: &Archive) {
        if !self.last.as_ref().unwrap_or(&self.first).is_of(archive) {
            let now = Belongs::of(archive, None);
            self.keys.extend(now.keys().into_iter().filter_map(|(_, key)| key));
            (self.last, self.is_another) = (Some(now), true);
        }
    }

    /// Keeps with a row what it stood under and does not stand under now.
    pub(super) fn keep(self, row: &mut Row) {
        let Self { first, owner, mut keys, is_another, .. } = self;
        if !is_another && row.owner == owner {
            return;
        }
        keys.append(&mut row.stood.drain(..).collect());
        keys.extend(first.keys().into_iter().filter_map(|(_, key)| key));
        for (_, key) in Belongs::of(&row.archive, row.owner).keys() {
            key.map(|key| keys.remove(&key));
        }
        row.stood = keys.into_iter().collect();
    }
}

/// Whether an event may make states in which a household is another one.
pub(super) fn may_move(fact: &Fact<'_>) -> bool {
    let entry = fact.kind.entry();
    let decides = |sets: Sets| match sets {
        Sets::Item(item) => DECIDING.contains(&item),
        Sets::Topic(topic, name) => topic
            .fields()
            .iter()
            .any(|field| field.name == name && field.item.is_some_and(|i| DECIDING.contains(&i))),
    };
    archive::is_change(fact.kind)
        || fact.kind.is_death()
        || fact.kind == Kind::Reappear
        || DECIDING.iter().any(|item| fact.life.items.get(*item).is_some())
        || entry.fields.iter().any(|field| field.sets.iter().any(|sets| decides(*sets)))
        || entry.concludes.iter().chain(entry.concludes_aside).any(|conclusion| {
            let takes = matches!(conclusion.word, Word::SameAs(item) if DECIDING.contains(&item));
            decides(conclusion.sets) || takes
        })
        // A sender's own topics may tell items.
        || fact.life.details.contains_key("topic")
}

impl Row {
    /// Adds what the record stood under while other records were absorbed into it than are now.
    ///
    /// # Errors
    /// [`ViewsError`] when a life of then could not be had.
    pub(super) fn add_stood_then(
        &mut self,
        person: PersonId,
        life: &[Recorded],
        lives: &dyn Lives,
    ) -> Result<(), ViewsError> {
        // Those of whoever is absorbed too, since merges follow each other, and their annulments.
        let joins = |life: &[Recorded], up_to: Option<Position>| -> Vec<Position> {
            let before = |position: Position| up_to.is_none_or(|up_to| position < up_to);
            let known = life.iter().filter(|event| before(event.envelope.position));
            let joins = known.filter(|event| archive::is_about_joins(event, life));
            joins.map(|event| event.envelope.position).collect()
        };
        let mut due: BTreeSet<Position> = joins(life, None).into_iter().collect();
        if due.is_empty() {
            return Ok(());
        }
        let mut stood = Stood::of(self);
        // From the newest on: who was let go since brings the merges and splits of their own.
        while let Some(join) = due.pop_last() {
            let then = lives.life(person, Position(join.0 - 1)).map_err(ViewsError::Lives)?;
            due.extend(joins(&then, Some(join)));
            let row = Self::of(person, &then);
            stood.note(&row.archive);
            stood.keys.extend(row.stood);
        }
        stood.is_another = true;
        stood.keep(self);
        Ok(())
    }
}
