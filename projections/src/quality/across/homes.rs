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

use domain::rules::{Household, HouseholdKind, Tally};
use domain::{Item, Pairs};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Across;
use super::groups::{Key, Keys, half};
use super::known::Index;
use super::packed::{Code, Link, Said};
use crate::archive::{Archive, Origin};
use crate::household::{HEAD, MEMBERS_MAX, is_registered_there};

/// What a record says of its household of registration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Home {
    /// A hash of its number.
    pub(super) key: Key,
    /// Whether the person belongs to it still, alive or dead.
    pub(super) is_there: bool,
    pub(super) relation: Option<Code<3>>,
    /// The township of registration.
    pub(super) township: Option<Code<9>>,
    /// Since when the person is called head of it.
    called_head: Option<Said>,
    kind: Option<HouseholdKind>,
    /// When the kind was said.
    kind_said: Option<Said>,
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
    /// By half of the key; whose key is another one is passed over.
    members: Pairs,
    counted: FxHashMap<Key, Kept>,
    /// Those to be counted again, and whether all of their members are to be judged whatever
    /// comes of it.
    changed: FxHashMap<Key, bool>,
}

/// What is kept of a household that was counted.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kept {
    alive: u32,
    heads_alive: u32,
    spouses_alive: u32,
    children: u32,
    head: Link,
    kind: Option<HouseholdKind>,
    sons_in_order: Option<bool>,
    daughters_in_order: Option<bool>,
}

impl Kept {
    fn of(counted: Counted) -> Self {
        let Household { kind, head: _, alive, heads_alive, .. } = counted.household;
        let Household { spouses_alive, children, .. } = counted.household;
        let Household { sons_in_order, daughters_in_order, .. } = counted.household;
        let head = Link::to(counted.head);
        Self {
            alive,
            heads_alive,
            spouses_alive,
            children,
            head,
            kind,
            sons_in_order,
            daughters_in_order,
        }
    }

    fn counted(self) -> Counted {
        let household = Household {
            kind: self.kind,
            head: None,
            alive: self.alive,
            heads_alive: self.heads_alive,
            spouses_alive: self.spouses_alive,
            children: self.children,
            sons_in_order: self.sons_in_order,
            daughters_in_order: self.daughters_in_order,
        };
        Counted { household, head: self.head.get() }
    }
}

fn said(origin: &Origin) -> Said {
    Said::of(origin.occurred_on, origin.position)
}

impl Home {
    /// Of a record that stands by itself; none where no number of a household is known.
    pub(super) fn of(archive: &Archive, keys: &Keys) -> Option<Self> {
        let key = keys.household(archive.get(Item::HouseholdId)?)?;
        let relation = archive.stated(Item::RelationToHead);
        let head = relation.filter(|(code, _)| HEAD.contains(code) && !archive.is_dead);
        let kind = archive.stated(Item::HouseholdKind);
        let kind =
            kind.and_then(|(kind, origin)| Some((HouseholdKind::from_name(kind)?, said(origin))));
        Some(Self {
            key,
            is_there: is_registered_there(archive),
            relation: relation.map(|(code, _)| Code::of(code)),
            township: archive.get(Item::Hukou).map(|code| Code::of(code.get(..9).unwrap_or(code))),
            called_head: head.map(|(_, origin)| said(origin)),
            kind: kind.map(|(kind, _)| kind),
            kind_said: kind.map(|(_, said)| said),
        })
    }
}

impl Homes {
    /// Moves somebody from one household to another; either may be the same or none.
    pub(super) fn change(&mut self, person: Index, old: Option<&Home>, new: Option<&Home>) {
        for home in old.into_iter().chain(new) {
            let leads = |it: &Kept| it.head.get() == Some(person);
            let leads = self.counted.get(&home.key).is_some_and(leads);
            *self.changed.entry(home.key).or_default() |= leads;
        }
        if let Some(home) = old {
            self.members.remove(half(home.key), person);
        }
        if let Some(home) = new {
            self.members.insert(half(home.key), person);
        }
    }

    /// What a household came to; none of one that nobody stands under.
    pub(super) fn counted(&self, key: Key) -> Option<Counted> {
        self.counted.get(&key).map(|kept| kept.counted())
    }
}

impl Across {
    /// Whether so many stand under a number that nobody is compared with a head.
    fn is_great(&self, key: Key) -> bool {
        self.members_of(key).nth(MEMBERS_MAX).is_some()
    }

    /// Who stands or stood under the number of a household.
    fn members_of(&self, key: Key) -> impl Iterator<Item = Index> + '_ {
        let home = |person: Index| self.known[person].row.as_ref()?.home.as_ref();
        let is_theirs = move |person: &Index| home(*person).is_some_and(|home| home.key == key);
        self.homes.members.of(half(key)).filter(is_theirs)
    }

    /// Counts the households again that changed, and adds their members where all are to be judged.
    pub(super) fn count_homes(&mut self, concerned: &mut FxHashSet<Index>) {
        for (key, judges_all) in std::mem::take(&mut self.homes.changed) {
            let new = self.count(key).map(Kept::of);
            let old = match new {
                Some(new) => self.homes.counted.insert(key, new),
                None => self.homes.counted.remove(&key),
            };
            if judges_all || old != new {
                concerned.extend(self.members_of(key));
            }
        }
    }

    fn count(&self, key: Key) -> Option<Counted> {
        let (mut tally, mut members) = (Tally::default(), 0);
        let (mut head, mut kind) = (None, None);
        for person in self.members_of(key) {
            let traits = self.known[person].row.as_ref()?;
            let home = traits.home.as_ref()?;
            members += 1;
            let said = home.kind_said.zip(home.kind);
            kind = kind.max(said.map(|(said, kind)| (home.is_there, said, kind)));
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
        let is_asked = self.is_whole && is_registered_there(archive) && self.is_great(key);
        let counted = self.homes.counted(key).filter(|_| is_asked);
        counted.map(|counted| counted.household)
    }
}
