//! The parts of an archive beyond its items, as the outside contract shows them: topics, what is
//! said beside the standing values, households. Each value with the event that it comes from.

use std::borrow::Cow;

use domain::{Basis, HouseholdId, Item, Topic};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::archive::Field;
use projections::{Archive, People};
use serde::Serialize;

use super::archive_family::{ClaimedTie, claimed};
use super::archive_json::{Page, Text, Told, is_false, item_told, told};
use crate::access::{Part, Show as Seen, Sight, masks};

/// Hardly anybody has more topics, and a topic more fields.
const TOPICS_EXPECTED: usize = 12;
const FIELDS_EXPECTED: usize = 8;

/// Topics, ordered by name.
pub(super) type Topics<'a> = Vec<(&'a str, Shown<'a>)>;

/// A topic: its fields, ordered by name, or what a sender told of one that has none here.
pub(super) enum Shown<'a> {
    Fields(Vec<(&'a str, Told<'a>)>),
    Whole(Told<'a>),
    Withheld { withheld_until: Date },
}

/// A household that the person belongs to.
#[derive(Serialize)]
pub(super) struct Household<'a> {
    basis: Basis,
    #[serde(skip_serializing_if = "is_false")]
    masked: bool,
    household_id: HouseholdId,
    /// Of a registration: its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    household_no: Option<Cow<'a, str>>,
    kind: Option<&'a str>,
    relation_code: Option<&'a str>,
}

/// What is said beside a standing value or tie.
pub(super) enum Beside<'a> {
    Value(Told<'a>),
    Tie(ClaimedTie<'a>),
}

impl Shown<'_> {
    /// Writes it.
    pub fn write(&self, page: &mut Page) {
        match self {
            Self::Fields(fields) => {
                let fields = fields.iter().map(|(name, told)| (*name, told));
                page.object(fields, |page, told| told.write(page));
            }
            Self::Whole(told) => told.write(page),
            Self::Withheld { withheld_until } => {
                page.raw("{\"withheld_until\":");
                page.day(*withheld_until);
                page.raw("}");
            }
        }
    }
}

impl Beside<'_> {
    /// Writes it.
    pub fn write(&self, page: &mut Page) {
        match self {
            Self::Value(told) => told.write(page),
            Self::Tie(tie) => tie.write(page),
        }
    }
}

/// The topics that are seen, each with its fields, and what senders told of others.
pub(super) fn topics(archive: &Archive, sight: Sight) -> Topics<'_> {
    let mut topics = Topics::with_capacity(TOPICS_EXPECTED);
    for (topic, _, name, _) in Topic::ALL {
        if !sight.sees(Part::of_topic(topic)) {
            continue;
        }
        let of_items = topic.fields().iter().enumerate().filter_map(|(at, field)| {
            let item = field.item?;
            let seen = Some(sight.show_field_at(topic, at)).filter(|s| *s != Seen::None)?;
            let (text, origin) = archive.stated(item)?;
            let told = item_told(archive, item, text, origin, seen);
            let has_authority = archive.has_authority(item);
            Some((field.name, told.standing(has_authority, doubted_since(archive, item))))
        });
        let mut fields = Vec::with_capacity(FIELDS_EXPECTED);
        fields.extend(of_items);
        topics.push((name, Shown::Fields(fields)));
    }
    for field in archive.fields() {
        let Some(told) = field_told(archive, &field, sight) else { continue };
        match topics.iter_mut().find(|(name, _)| *name == field.topic) {
            Some((_, Shown::Fields(fields))) if !field.name.is_empty() => {
                // What is an item stands there already.
                if !fields.iter().any(|(name, _)| *name == field.name) {
                    let doubted = field_doubted_since(archive, &field);
                    fields.push((field.name, told.standing(field.has_authority, doubted)));
                }
            }
            Some((_, shown)) => *shown = Shown::Whole(told),
            None => topics.push((field.topic, Shown::Whole(told))),
        }
    }
    topics.sort_unstable_by_key(|(name, _)| *name);
    for (_, topic) in &mut topics {
        if let Shown::Fields(fields) = topic {
            fields.sort_unstable_by_key(|(name, _)| *name);
        }
    }
    topics
}

/// A field of a topic as it is seen, with its origin.
fn field_told<'a>(archive: &'a Archive, field: &Field<'a>, sight: Sight) -> Option<Told<'a>> {
    let seen = match field.basic {
        Some((topic, at)) => sight.show_field_at(topic, at),
        None => sight.show_field(field.topic, field.name),
    };
    match seen {
        Seen::None => None,
        Seen::Full => Some(told(archive, Some(Text::Json(field.json)), field.origin)),
        Seen::Masked => {
            let text = masks::held_by_field(field.name)
                .and_then(|_| serde_json::from_str::<String>(field.json).ok());
            let left = text.and_then(|text| masks::of_field(field.name, &text));
            Some(told(archive, None, field.origin).masked(left.map(Text::Left)))
        }
    }
}

/// What is said of items, of fields of topics and of ties by those without the word on them, each in
/// its order and then by time, as far as it is seen.
pub(super) fn beside(archive: &Archive, sight: Sight) -> Vec<Beside<'_>> {
    let words = archive.beside().filter(|(item, ..)| sight.show_item(*item) != Seen::None);
    let of_items = words.map(|(item, text, origin)| {
        item_told(archive, item, text, origin, sight.show_item(item)).about(item)
    });
    let of_fields = archive.fields_beside().filter_map(|field| {
        let told = field_told(archive, &field, sight)?;
        Some(told.about_field(field.topic, field.name))
    });
    let of_values = of_items.chain(of_fields).map(Beside::Value);
    let ties = sight.show(Part::Family);
    let claimed = claimed(archive, ties).filter(|_| ties != Seen::None);
    of_values.chain(claimed.map(Beside::Tie)).collect()
}

/// The household of registration and that of living.
pub(super) fn households<'a>(
    people: &People,
    archive: &'a Archive,
    seen: Seen,
) -> Vec<Household<'a>> {
    let masked = seen != Seen::Full;
    let number = |number: &'a str| match masked {
        true => Cow::Owned(masks::certificate(number)),
        false => Cow::Borrowed(number),
    };
    let households = people.households_of(archive).into_iter();
    let shown = households.map(|(basis, household_id)| {
        let is_registered = basis == Basis::Hukou;
        Household {
            basis,
            masked,
            household_id,
            household_no: archive.get(Item::HouseholdId).filter(|_| is_registered).map(number),
            kind: archive.get(Item::HouseholdKind).filter(|_| is_registered && !masked),
            relation_code: archive.get(Item::RelationToHead).filter(|_| !masked),
        }
    });
    shown.collect()
}

/// Since when an item is doubted: something is said beside it, in the order of time, or it was
/// changed and nobody approved.
pub(super) fn doubted_since(archive: &Archive, item: Item) -> Option<Timestamp> {
    let beside = archive.beside().find(|(of, ..)| *of == item).map(|(.., origin)| origin);
    let doubts = beside.into_iter().chain(archive.unapproved(item));
    doubts.map(|origin| origin.recorded_at()).min()
}

fn field_doubted_since(archive: &Archive, field: &Field<'_>) -> Option<Timestamp> {
    let mut beside = archive.fields_beside();
    let first = beside.find(|told| (told.topic, told.name) == (field.topic, field.name));
    first.map(|told| told.origin.recorded_at())
}
