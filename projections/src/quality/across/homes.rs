//! Households of registration, as the rules count them: who stands under each, and what came of
//! counting it.
//!
//! A household is counted again when the record of somebody changed who stands or stood under it,
//! and all of its members are judged again when it counts otherwise, or when its head changed. So
//! a student who enters a great dormitory costs one judgement and one look at the others.
//!
//! Rules that compare somebody with the head speak of a family. Where more stand under one number
//! than [`MEMBERS_MAX`] (a collective household, or a number that stands for none), nobody is
//! compared: the rules that count (one head, one husband or wife, not more than 15 in a family,
//! no family in a collective household) are judged all the same.

use std::collections::BTreeSet;

use domain::Item;
use domain::Position;
use domain::rules::{Household, HouseholdKind, Tally};
use jiff::civil::Date;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Across;
use super::groups::Keys;
use super::known::{Code, Index};
use crate::archive::{Archive, Origin};
use crate::household::{HEAD, MEMBERS_MAX, is_registered_there};

/// When something was said: the newest word counts.
type Order = (Date, Position);

/// What a record says of its household of registration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Home {
    /// A hash of its number.
    pub(super) key: u64,
    /// Whether the person belongs to it still, alive or dead.
    pub(super) is_there: bool,
    pub(super) relation: Option<Code<3>>,
    /// The township of registration.
    pub(super) township: Option<Code<9>>,
    /// Since when the person is called head of it.
    called_head: Option<Order>,
    kind: Option<(HouseholdKind, Order)>,
}

/// A household that was counted. The head is kept apart: here it is a place in the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Counted {
    pub(super) household: Household,
    pub(super) head: Option<Index>,
}

/// All households.
#[derive(Default)]
pub(super) struct Homes {
    members: BTreeSet<(u64, Index)>,
    counted: FxHashMap<u64, Counted>,
    /// Those to be counted again, and whether all of their members are to be judged whatever
    /// comes of it.
    changed: FxHashMap<u64, bool>,
}

fn order(origin: &Origin) -> Order {
    (origin.occurred_on, origin.position)
}

impl Home {
    /// Of a record that stands by itself; none where no number of a household is known.
    pub(super) fn of(archive: &Archive, keys: &Keys) -> Option<Self> {
        let key = keys.household(archive.get(Item::HouseholdId)?)?;
        let relation = archive.stated(Item::RelationToHead);
        let head = relation.filter(|(code, _)| HEAD.contains(code) && !archive.is_dead);
        let kind = archive.stated(Item::HouseholdKind);
        Some(Self {
            key,
            is_there: is_registered_there(archive),
            relation: relation.map(|(code, _)| Code::of(code)),
            township: archive.get(Item::Hukou).map(|code| Code::of(code.get(..9).unwrap_or(code))),
            called_head: head.map(|(_, origin)| order(origin)),
            kind: kind
                .and_then(|(kind, origin)| Some((HouseholdKind::from_name(kind)?, order(origin)))),
        })
    }
}

impl Homes {
    /// Moves somebody from one household to another; either may be the same or none.
    pub(super) fn change(&mut self, person: Index, old: Option<&Home>, new: Option<&Home>) {
        for home in old.into_iter().chain(new) {
            let leads = self.counted.get(&home.key).is_some_and(|it| it.head == Some(person));
            *self.changed.entry(home.key).or_default() |= leads;
        }
        old.map(|home| self.members.remove(&(home.key, person)));
        new.map(|home| self.members.insert((home.key, person)));
    }

    /// What a household came to; none of one that nobody stands under.
    pub(super) fn counted(&self, key: u64) -> Option<&Counted> {
        self.counted.get(&key)
    }

    /// Whether so many stand under a number that nobody is compared with a head.
    pub(super) fn is_great(&self, key: u64) -> bool {
        self.members_of(key).nth(MEMBERS_MAX).is_some()
    }

    fn members_of(&self, key: u64) -> impl Iterator<Item = Index> + '_ {
        self.members.range((key, 0)..=(key, Index::MAX)).map(|(_, person)| *person)
    }
}

impl Across {
    /// Counts the households again that changed, and adds their members where all are to be judged.
    pub(super) fn count_homes(&mut self, concerned: &mut FxHashSet<Index>) {
        for (key, judges_all) in std::mem::take(&mut self.homes.changed) {
            let new = self.count(key);
            let old = match new {
                Some(new) => self.homes.counted.insert(key, new),
                None => self.homes.counted.remove(&key),
            };
            if judges_all || old != new {
                concerned.extend(self.homes.members_of(key));
            }
        }
    }

    fn count(&self, key: u64) -> Option<Counted> {
        let (mut tally, mut members) = (Tally::default(), 0);
        let (mut head, mut kind) = (None, None);
        for person in self.homes.members_of(key) {
            let traits = self.known[person as usize].row.as_ref()?;
            let home = traits.home.as_ref()?;
            members += 1;
            kind = kind.max(home.kind.map(|(kind, order)| (home.is_there, order, kind)));
            if home.is_there {
                tally.add(&traits.subject());
                head = head.max(home.called_head.map(|since| (since, person)));
            }
        }
        let kind = kind.map(|(.., kind)| kind);
        let household = tally.household(kind, None);
        let head = head.map(|(_, person)| person);
        match members {
            0 => None,
            1..=MEMBERS_MAX => Some(Counted { household, head }),
            _ => Some(Counted { household: household.without_comparisons(), head: None }),
        }
    }

    /// The household of registration of an archive, in counts, where more stand under its number
    /// than are looked at one by one; none of any other, of whoever left it, and while not everybody
    /// was looked at.
    pub fn great_household(&self, archive: &Archive) -> Option<Household> {
        let key = self.keys.household(archive.get(Item::HouseholdId)?)?;
        let is_asked = self.is_whole && is_registered_there(archive) && self.homes.is_great(key);
        self.homes.counted(key).filter(|_| is_asked).map(|counted| counted.household)
    }
}
