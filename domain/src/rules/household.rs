//! The household as the rules see it: counted once, whoever of its members is looked at.

use super::kin::{DAUGHTERS_RANKED, HEAD, OWN_CHILD, SONS_RANKED, SPOUSE_OF_HEAD};
use super::subject::{PersonIndex, Subject};
use crate::items::Item;

/// Whether people keep house together or are registered together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HouseholdKind {
    /// 家庭户
    Family,
    /// 集体户
    Collective,
}

/// A household, in counts. Members whose relation is unknown count in none of the relations.
#[derive(Clone, Debug)]
pub struct Household {
    /// Its kind, where known.
    pub kind: Option<HouseholdKind>,
    /// Its head, where known.
    pub head: Option<PersonIndex>,
    /// Members alive.
    pub alive: u32,
    /// Heads alive.
    pub heads_alive: u32,
    /// Husbands and wives of the head alive.
    pub spouses_alive: u32,
    /// Own children of the head, the dead ones too.
    pub children: u32,
    /// Whether the ranks of the sons are those of their births; none when a birth is missing.
    pub sons_in_order: Option<bool>,
    /// The same of the daughters.
    pub daughters_in_order: Option<bool>,
}

impl HouseholdKind {
    /// The kind of the word of `household_kind`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "family" => Some(Self::Family),
            "collective" => Some(Self::Collective),
            _ => None,
        }
    }
}

impl Household {
    /// Counts a household. Its cost grows with its members, that of a rule does not.
    pub fn new(
        kind: Option<HouseholdKind>,
        head: Option<PersonIndex>,
        members: &[PersonIndex],
        people: &[Subject<'_>],
    ) -> Self {
        let member = |index: &PersonIndex| &people[index.0 as usize];
        let count = |codes: &[&str], only_alive: bool| {
            let counts = |person: &&Subject<'_>| {
                person.has(Item::RelationToHead, codes) && (person.is_alive || !only_alive)
            };
            members.iter().map(member).filter(counts).count() as u32
        };
        Self {
            kind,
            head,
            alive: members.iter().map(member).filter(|person| person.is_alive).count() as u32,
            heads_alive: count(&HEAD, true),
            spouses_alive: count(&SPOUSE_OF_HEAD, true),
            children: count(&OWN_CHILD, false),
            sons_in_order: in_order(members.iter().map(member), &SONS_RANKED),
            daughters_in_order: in_order(members.iter().map(member), &DAUGHTERS_RANKED),
        }
    }
}

/// Whether nobody of a lower rank was born after somebody of a higher one. `ranks` goes from the
/// eldest on; people of one rank may be born in any order.
fn in_order<'a>(members: impl Iterator<Item = &'a Subject<'a>>, ranks: &[&str; 5]) -> Option<bool> {
    let mut born = [None; 5];
    let (mut ranked, mut is_birth_missing) = (0, false);
    for member in members {
        let Some(relation) = member.text(Item::RelationToHead) else { continue };
        let Some(rank) = ranks.iter().position(|code| *code == relation) else { continue };
        ranked += 1;
        let Some(birth) = member.day(Item::BirthDate) else {
            is_birth_missing = true;
            continue;
        };
        let (first, last) = born[rank].unwrap_or((birth, birth));
        born[rank] = Some((birth.min(first), birth.max(last)));
    }
    let mut latest_above = None;
    for (first, last) in born.into_iter().flatten() {
        if latest_above.is_some_and(|latest| first < latest) {
            return Some(false);
        }
        latest_above = latest_above.max(Some(last));
    }
    (!is_birth_missing || ranked < 2).then_some(true)
}
