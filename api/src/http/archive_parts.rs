//! The parts of an archive beyond its items, as the outside contract shows them: topics, what is
//! said beside the standing values, households. Each value with the event that it comes from.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::{Basis, HouseholdId, Item, Topic};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::archive::Field;
use projections::{Archive, People};
use serde::Serialize;
use serde_json::value::RawValue;

use super::archive_family::{ClaimedTie, claimed};
use super::archive_json::{Told, is_false, item_told, told};
use crate::access::{Part, Show as Seen, Sight, masks};

/// Topics by name.
pub(super) type Topics<'a> = BTreeMap<&'a str, Shown<'a>>;

/// A topic: its fields, or what a sender told of one that has none here.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Shown<'a> {
    Fields(BTreeMap<&'a str, Told<'a, Text<'a>>>),
    Whole(Told<'a, Text<'a>>),
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

/// A value as text, what a mask leaves of one, or the JSON that was sent.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Text<'a> {
    Plain(&'a str),
    Left(String),
    Json(Option<&'a RawValue>),
}

/// What is said beside a standing value or tie.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Beside<'a> {
    Value(Told<'a, Text<'a>>),
    Tie(ClaimedTie<'a>),
}

/// The topics that are seen, each with its fields, and what senders told of others.
pub(super) fn topics(archive: &Archive, sight: Sight) -> Topics<'_> {
    let mut topics = Topics::new();
    for (topic, _, name, _) in Topic::ALL {
        if !sight.sees(Part::of_topic(topic)) {
            continue;
        }
        let of_items = topic.fields().iter().filter_map(|field| {
            let item = field.item?;
            let seen = Some(sight.show_field(name, field.name)).filter(|s| *s != Seen::None)?;
            let (text, origin) = archive.stated(item)?;
            let told = match seen {
                Seen::Full => told(archive, Text::Plain(text), origin),
                _ => item_told(archive, item, text, origin, seen),
            };
            let has_authority = archive.has_authority(item);
            Some((field.name, told.standing(has_authority, doubted_since(archive, item))))
        });
        topics.insert(name, Shown::Fields(of_items.collect()));
    }
    for field in archive.fields() {
        let Some(told) = field_told(archive, &field, sight) else { continue };
        match topics.get_mut(field.topic) {
            Some(Shown::Fields(fields)) if !field.name.is_empty() => {
                let doubted = field_doubted_since(archive, &field);
                // What is an item stands there already.
                let told = told.standing(field.has_authority, doubted);
                fields.entry(field.name).or_insert(told);
            }
            _ => {
                topics.insert(field.topic, Shown::Whole(told));
            }
        }
    }
    topics
}

/// A field of a topic as it is seen, with its origin.
fn field_told<'a>(
    archive: &'a Archive,
    field: &Field<'a>,
    sight: Sight,
) -> Option<Told<'a, Text<'a>>> {
    let json = || Text::Json(serde_json::from_str(field.json).ok());
    match sight.show_field(field.topic, field.name) {
        Seen::None => None,
        Seen::Full => Some(told(archive, json(), field.origin)),
        Seen::Masked => {
            let text = serde_json::from_str::<String>(field.json).ok();
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
        let told = match sight.show_item(item) {
            Seen::Full => told(archive, Text::Plain(text), origin),
            seen => item_told(archive, item, text, origin, seen),
        };
        told.about(item)
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
