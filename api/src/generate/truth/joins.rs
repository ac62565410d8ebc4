//! Which records are one, as far as the register has been told.

use domain::Kind;
use rustc_hash::FxHashMap;

use super::super::event::{Event, Value};

/// What was told of merges and splits, in the order of delivery.
#[derive(Default)]
pub(super) struct Joins {
    owner: FxHashMap<u32, u32>,
    told: FxHashMap<u32, Vec<Join>>,
}

/// A merge or split, as one of the two records knows it.
#[derive(Clone, Copy)]
pub(super) struct Join {
    pub(super) known: i64,
    pub(super) merges: bool,
    /// Whether the other record is the absorbed one.
    pub(super) absorbs: bool,
    pub(super) other: u32,
}

impl Joins {
    /// Takes in a merge or split; false for any other report.
    pub(super) fn take(&mut self, event: &Event) -> bool {
        if !event.kind.joins_or_parts() {
            return false;
        }
        let absorbed = event.fields.iter().find_map(|(_, value)| match value {
            Value::Whom(named) => Some(named.person),
            _ => None,
        });
        let Some((survivor, absorbed)) = event.subject.map(|named| named.person).zip(absorbed)
        else {
            return true;
        };
        let merges = event.kind == Kind::PersonMerge;
        match merges {
            true => self.owner.insert(absorbed, survivor),
            false => self.owner.remove(&absorbed),
        };
        for (person, absorbs, other) in [(survivor, true, absorbed), (absorbed, false, survivor)] {
            let join = Join { known: event.recorded, merges, absorbs, other };
            self.told.entry(person).or_default().push(join);
        }
        true
    }

    /// In whose record it is told what is told of somebody now.
    pub(super) fn owner(&self, person: u32) -> u32 {
        self.owner.get(&person).copied().unwrap_or(person)
    }

    /// The record of somebody with those that are one with it now.
    pub(super) fn one_with(&self, person: u32) -> impl Iterator<Item = u32> {
        let owner = self.owner(person);
        let absorbed = self.of(owner).iter().filter(|join| join.absorbs).map(|join| join.other);
        let mut all: Vec<_> =
            absorbed.filter(|other| self.owner(*other) == owner).chain([owner]).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter()
    }

    /// What was told of somebody's record.
    pub(super) fn of(&self, person: u32) -> &[Join] {
        self.told.get(&person).map_or(&[], Vec::as_slice)
    }
}
