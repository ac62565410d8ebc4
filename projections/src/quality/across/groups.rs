//! Records that have something in common: a number, a telephone, or name, birth and sex.
//!
//! Nothing of what they have in common is kept but a hash under a secret of this process.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};

use domain::household::hukou_key;
use domain::rules::Subject;
use domain::{CitizenNumber, Item};
use jiff::civil::Date;

use super::known::Index;

/// Makes the hashes.
#[derive(Clone, Default)]
pub struct Keys {
    secret: RandomState,
}

/// By hash, who has it.
#[derive(Default)]
pub(super) struct Groups(BTreeSet<(u64, Index)>);

impl Keys {
    /// A citizen number, raised to 18 characters where it is a valid one.
    pub fn number(&self, text: &str) -> u64 {
        match CitizenNumber::parse_any_region(text, Date::MAX) {
            Ok(number) => self.secret.hash_one((1, number.as_str())),
            Err(_) => self.secret.hash_one((1, text)),
        }
    }

    /// A telephone number.
    pub fn phone(&self, text: &str) -> u64 {
        self.secret.hash_one((2, text))
    }

    /// A number of a household of registration; none for a blank.
    pub(super) fn household(&self, number: &str) -> Option<u64> {
        Some(self.secret.hash_one((4, hukou_key(number)?)))
    }

    pub(super) fn number_of(&self, person: &Subject<'_>) -> Option<u64> {
        filled(person, Item::CitizenId).map(|text| self.number(text))
    }

    pub(super) fn phone_of(&self, person: &Subject<'_>) -> Option<u64> {
        filled(person, Item::Phone).map(|text| self.phone(text))
    }

    /// Name, date of birth, sex, and the county of residence or, where that is not known, of
    /// registration; none where one of them is missing.
    pub(super) fn alike(&self, person: &Subject<'_>) -> Option<u64> {
        let (name, sex) = (person.text(Item::FullName)?, person.text(Item::Sex)?);
        let born = person.day(Item::BirthDate)?;
        let county = |item| person.text(item)?.get(..6);
        let county = county(Item::Residence).or_else(|| county(Item::Hukou))?;
        Some(self.secret.hash_one((3, name, sex, born, county)))
    }
}

fn filled<'a>(person: &Subject<'a>, item: Item) -> Option<&'a str> {
    person.text(item).filter(|_| person.is_filled(item))
}

impl Groups {
    pub(super) fn insert(&mut self, key: u64, person: Index) {
        self.0.insert((key, person));
    }

    pub(super) fn remove(&mut self, key: u64, person: Index) {
        self.0.remove(&(key, person));
    }

    /// Those who have it, but for one.
    pub(super) fn rest(&self, key: u64, but: Option<Index>) -> impl Iterator<Item = Index> + '_ {
        let members = self.0.range((key, 0)..=(key, Index::MAX)).map(|(_, person)| *person);
        members.filter(move |person| Some(*person) != but)
    }

    /// How many they are, counted no further than `at_most`.
    pub(super) fn others(&self, key: u64, but: Option<Index>, at_most: usize) -> usize {
        self.rest(key, but).take(at_most).count()
    }
}
