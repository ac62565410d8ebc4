//! Records that have something in common: a number, a telephone, or name, birth and sex.
//!
//! Nothing of what they have in common is kept but a hash under a secret of this process. They are
//! told apart by half of it here, and by all of it where each of them is kept.

use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU64;

use domain::household::hukou_key;
use domain::rules::Subject;
use domain::{CitizenNumber, Item, Pairs};
use jiff::civil::Date;

use super::Across;
use super::known::Index;

/// What stands for a number, a telephone, a household, or what makes people alike.
pub type Key = NonZeroU64;

/// Makes the hashes.
#[derive(Clone, Default)]
pub struct Keys {
    secret: RandomState,
}

/// By half of a key, who has it.
#[derive(Default)]
pub(super) struct Groups(Pairs);

/// Half of a key.
pub(super) fn half(key: Key) -> u32 {
    (key.get() >> 32) as u32
}

impl Keys {
    /// A citizen number, raised to 18 characters where it is a valid one.
    pub fn number(&self, text: &str) -> Key {
        match CitizenNumber::parse_any_region(text, Date::MAX) {
            Ok(number) => self.key((1, number.as_str())),
            Err(_) => self.key((1, text)),
        }
    }

    /// A telephone number.
    pub fn phone(&self, text: &str) -> Key {
        self.key((2, text))
    }

    /// A number of a household of registration; none for a blank.
    pub(super) fn household(&self, number: &str) -> Option<Key> {
        Some(self.key((4, hukou_key(number)?)))
    }

    pub(super) fn number_of(&self, person: &Subject<'_>) -> Option<Key> {
        filled(person, Item::CitizenId).map(|text| self.number(text))
    }

    pub(super) fn phone_of(&self, person: &Subject<'_>) -> Option<Key> {
        filled(person, Item::Phone).map(|text| self.phone(text))
    }

    /// Name, date of birth, sex, and the county of residence or, where that is not known, of
    /// registration; none where one of them is missing.
    pub(super) fn alike(&self, person: &Subject<'_>) -> Option<Key> {
        let (name, sex) = (person.text(Item::FullName)?, person.text(Item::Sex)?);
        let born = person.day(Item::BirthDate)?;
        let county = |item| person.text(item)?.get(..6);
        let county = county(Item::Residence).or_else(|| county(Item::Hukou))?;
        Some(self.key((3, name, sex, born, county)))
    }

    fn key(&self, of: impl Hash) -> Key {
        Key::new(self.secret.hash_one(of)).unwrap_or(Key::MIN)
    }
}

fn filled<'a>(person: &Subject<'a>, item: Item) -> Option<&'a str> {
    person.text(item).filter(|_| person.is_filled(item))
}

impl Groups {
    pub(super) fn insert(&mut self, key: Key, person: Index) {
        self.0.insert(half(key), person);
    }

    pub(super) fn remove(&mut self, key: Key, person: Index) {
        self.0.remove(half(key), person);
    }
}

impl Across {
    /// Those who have something in common, but for one.
    pub(super) fn rest(&self, key: Key, but: Option<Index>) -> impl Iterator<Item = Index> + '_ {
        let has_it = move |person: &Index| {
            let row = self.known[*person].row.as_ref();
            row.is_some_and(|row| [row.number, row.alike, row.phone].contains(&Some(key)))
        };
        let some = self.groups.0.of(half(key));
        some.filter(move |person| Some(*person) != but).filter(has_it)
    }

    /// How many they are, counted no further than `at_most`.
    pub(super) fn others(&self, key: Key, but: Option<Index>, at_most: usize) -> usize {
        self.rest(key, but).take(at_most).count()
    }
}
