//! The household as the rules see it: counted once, whoever of its members is looked at.

use super::kin::{DAUGHTERS_RANKED, HEAD, OWN_CHILD, SONS_RANKED, SPOUSE_OF_HEAD};
use super::subject::{PersonIndex, Subject};
use crate::items::Item;
use jiff::civil::Date;

/// Whether people keep house together or are registered together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HouseholdKind {
    /// 家庭户
    Family,
    /// 集体户
    Collective,
}

/// A household, in counts. Members whose relation is unknown count in none of the relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        let mut tally = Tally::default();
        members.iter().for_each(|member| tally.add(&people[member.0 as usize]));
        tally.household(kind, head)
    }
}

impl Household {
    /// The same household with nobody in it compared with anybody: it has no head, and no order of
    /// births.
    #[must_use]
    pub fn without_comparisons(self) -> Self {
        Self { head: None, sons_in_order: None, daughters_in_order: None, ..self }
    }
}

/// The counts of a household whose members are looked at one after the other.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    alive: u32,
    heads_alive: u32,
    spouses_alive: u32,
    children: u32,
    sons: Ranks,
    daughters: Ranks,
}

/// Of whoever has a rank: the first and the last birth of each, the eldest first.
#[derive(Clone, Debug, Default)]
struct Ranks {
    born: [Option<(Date, Date)>; 5],
    ranked: u32,
    is_birth_missing: bool,
}

impl Tally {
    /// Counts a member.
    pub fn add(&mut self, member: &Subject<'_>) {
        let is = |codes: &[&str]| member.has(Item::RelationToHead, codes);
        self.alive += u32::from(member.is_alive);
        self.heads_alive += u32::from(member.is_alive && is(&HEAD));
        self.spouses_alive += u32::from(member.is_alive && is(&SPOUSE_OF_HEAD));
        self.children += u32::from(is(&OWN_CHILD));
        self.sons.add(member, &SONS_RANKED);
        self.daughters.add(member, &DAUGHTERS_RANKED);
    }

    /// The household of those who were counted.
    pub fn household(&self, kind: Option<HouseholdKind>, head: Option<PersonIndex>) -> Household {
        Household {
            kind,
            head,
            alive: self.alive,
            heads_alive: self.heads_alive,
            spouses_alive: self.spouses_alive,
            children: self.children,
            sons_in_order: self.sons.are_in_order(),
            daughters_in_order: self.daughters.are_in_order(),
        }
    }
}

impl Ranks {
    fn add(&mut self, member: &Subject<'_>, ranks: &[&str; 5]) {
        let Some(relation) = member.text(Item::RelationToHead) else { return };
        let Some(rank) = ranks.iter().position(|code| *code == relation) else { return };
        self.ranked += 1;
        let Some(birth) = member.day(Item::BirthDate) else {
            self.is_birth_missing = true;
            return;
        };
        let (first, last) = self.born[rank].unwrap_or((birth, birth));
        self.born[rank] = Some((birth.min(first), birth.max(last)));
    }

    /// Whether nobody of a lower rank was born after somebody of a higher one. People of one rank
    /// may be born in any order.
    fn are_in_order(&self) -> Option<bool> {
        let mut latest_above = None;
        for (first, last) in self.born.into_iter().flatten() {
            if latest_above.is_some_and(|latest| first < latest) {
                return Some(false);
            }
            latest_above = latest_above.max(Some(last));
        }
        (!self.is_birth_missing || self.ranked < 2).then_some(true)
    }
}
