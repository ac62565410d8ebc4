//! The record of a person as the rules see it: borrowed texts, dates read once, links by index.
//!
//! Whoever evaluates brings the person and those around them in one slice; a link is a place in
//! it. So nobody owns anybody, and a circle of relatives is no circle of owners.

use jiff::civil::Date;

use crate::items::{Item, parse_day};

/// A person's place in the slice of [`super::Context::people`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PersonIndex(pub u32);

/// One person's record.
///
/// A person of whom nothing is known but that they are a relative is `Subject::default()`: alive,
/// without values.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    texts: [Option<&'a str>; ITEMS],
    days: [Option<Date>; DAYS.len()],
    /// Whether no death is known.
    pub is_alive: bool,
    /// Kind of disability: 1 to 7, the 19th digit of the certificate.
    pub disability_type: Option<&'a str>,
    /// Number of the disability certificate.
    pub disability_cert: Option<&'a str>,
    /// Whether the record tells of a pregnancy.
    pub has_pregnancy_record: bool,
    /// Contraceptive method, a code of `contraceptive_method_ours`.
    pub contraceptive: Option<&'a str>,
    /// Since when the kind of household registration stands.
    pub hukou_nature_date: Option<Date>,
    /// The day of the last event other than the death.
    pub last_event: Option<Date>,
    /// The day on which somebody last verified the record.
    pub last_verified: Option<Date>,
    /// The mother.
    pub mother: Option<PersonIndex>,
    /// The father.
    pub father: Option<PersonIndex>,
    /// The husband or wife, alive or dead.
    pub spouse: Option<PersonIndex>,
    /// The last husband or wife of somebody who is widowed.
    pub last_spouse: Option<PersonIndex>,
    /// The children.
    pub children: &'a [PersonIndex],
}

/// Items are numbered from 1.
const ITEMS: usize = Item::IdDocumentType as usize;
/// The items that are dates.
const DAYS: [Item; 5] = [
    Item::BirthDate,
    Item::MaritalChangeDate,
    Item::MigrationDate,
    Item::FirstMarriageDate,
    Item::DeathDate,
];

impl<'a> Subject<'a> {
    /// A person with these values of items, alive unless there is a date of death. A date that
    /// is none counts as missing; items that were let in by [`Item::read`] have no such dates.
    pub fn of_items(values: impl IntoIterator<Item = (Item, &'a str)>) -> Self {
        let mut subject = Self::default();
        for (item, text) in values {
            subject.texts[usize::from(item.number()) - 1] = Some(text);
            if let Some(at) = DAYS.iter().position(|day| *day == item) {
                subject.days[at] = parse_day(text).ok();
            }
        }
        subject.is_alive = subject.day(Item::DeathDate).is_none();
        subject
    }

    /// Sets the text of an item; of one that is a date, use [`Subject::set_day`].
    pub fn set_text(&mut self, item: Item, text: &'a str) {
        self.texts[usize::from(item.number()) - 1] = Some(text);
    }

    /// Sets the date of an item; nothing comes of it for an item that is no date.
    pub fn set_day(&mut self, item: Item, day: Date) {
        if let Some(at) = DAYS.iter().position(|dated| *dated == item) {
            self.days[at] = Some(day);
        }
    }

    /// The text of an item. A blank text is a value, and equals no code.
    pub fn text(&self, item: Item) -> Option<&'a str> {
        self.texts[usize::from(item.number()) - 1]
    }

    /// The date of an item; none for an item that is no date.
    pub fn day(&self, item: Item) -> Option<Date> {
        self.days[DAYS.iter().position(|day| *day == item)?]
    }

    /// Whether an item has a value that is not blank.
    pub fn is_filled(&self, item: Item) -> bool {
        if DAYS.contains(&item) { self.day(item).is_some() } else { is_filled(self.text(item)) }
    }

    /// Whether the item is known to be one of these codes.
    pub fn has(&self, item: Item, codes: &[&str]) -> bool {
        self.text(item).is_some_and(|text| codes.contains(&text))
    }

    /// Whether the item is one of these codes; none when it is missing.
    pub fn is_among(&self, item: Item, codes: &[&str]) -> Option<bool> {
        self.text(item).map(|text| codes.contains(&text))
    }
}

impl Default for Subject<'_> {
    fn default() -> Self {
        Self {
            texts: [None; ITEMS],
            days: [None; DAYS.len()],
            is_alive: true,
            disability_type: None,
            disability_cert: None,
            has_pregnancy_record: false,
            contraceptive: None,
            hukou_nature_date: None,
            last_event: None,
            last_verified: None,
            mother: None,
            father: None,
            spouse: None,
            last_spouse: None,
            children: &[],
        }
    }
}

/// Whether there is a text and it is not blank.
pub(super) fn is_filled(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.chars().all(char::is_whitespace))
}
