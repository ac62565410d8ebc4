//! The parts of an archive beyond its items, as the outside contract shows them: topics, what is
//! said beside the standing values, households. Each value with the event that it comes from.

use std::collections::BTreeMap;

use domain::{Basis, HouseholdId, Item, Topic};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::archive::Field;
use projections::{Archive, People};
use serde::Serialize;
use serde_json::value::RawValue;

use super::archive_family::{ClaimedTie, claimed};
use super::archive_json::{Told, told};

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
    household_id: HouseholdId,
    /// Of a registration: its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    household_no: Option<&'a str>,
    kind: Option<&'a str>,
    relation_code: Option<&'a str>,
}

/// A value as text, or as the JSON that was sent.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Text<'a> {
    Plain(&'a str),
    Json(Option<&'a RawValue>),
}

/// What is said beside a standing value or tie.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Beside<'a> {
    Value(Told<'a, Text<'a>>),
    Tie(ClaimedTie<'a>),
}

/// The eight topics, each with its fields, and what senders told of others.
pub(super) fn topics(archive: &Archive) -> Topics<'_> {
    let mut topics = Topics::new();
    for (topic, _, name, _) in Topic::ALL {
        let of_items = topic.fields().iter().filter_map(|field| {
            let (text, origin) = archive.stated(field.item?)?;
            let told = told(archive, Text::Plain(text), origin);
            let has_authority = archive.has_authority(field.item?);
            Some((field.name, told.standing(has_authority, doubted_since(archive, field.item?))))
        });
        topics.insert(name, Shown::Fields(of_items.collect()));
    }
    for field in archive.fields() {
        let told = told(archive, Text::Json(serde_json::from_str(field.json).ok()), field.origin);
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

/// What is said of items, of fields of topics and of ties by those without the word on them, each in
/// its order and then by time.
pub(super) fn beside(archive: &Archive) -> Vec<Beside<'_>> {
    let words = archive.beside();
    let of_items =
        words.map(|(item, text, origin)| told(archive, Text::Plain(text), origin).about(item));
    let of_fields = archive.fields_beside().map(|field| {
        let json = Text::Json(serde_json::from_str(field.json).ok());
        told(archive, json, field.origin).about_field(field.topic, field.name)
    });
    let of_values = of_items.chain(of_fields).map(Beside::Value);
    of_values.chain(claimed(archive).map(Beside::Tie)).collect()
}

/// The household of registration and that of living.
pub(super) fn households<'a>(people: &People, archive: &'a Archive) -> Vec<Household<'a>> {
    let households = people.households_of(archive).into_iter();
    let shown = households.map(|(basis, household_id)| {
        let is_registered = basis == Basis::Hukou;
        Household {
            basis,
            household_id,
            household_no: archive.get(Item::HouseholdId).filter(|_| is_registered),
            kind: archive.get(Item::HouseholdKind).filter(|_| is_registered),
            relation_code: archive.get(Item::RelationToHead),
        }
    });
    shown.collect()
}

/// Since when an item is doubted: what is said beside it is ordered by time.
pub(super) fn doubted_since(archive: &Archive, item: Item) -> Option<Timestamp> {
    let first = archive.beside().find(|(of, ..)| *of == item);
    first.map(|(_, _, origin)| origin.recorded_at())
}

fn field_doubted_since(archive: &Archive, field: &Field<'_>) -> Option<Timestamp> {
    let mut beside = archive.fields_beside();
    let first = beside.find(|told| (told.topic, told.name) == (field.topic, field.name));
    first.map(|told| told.origin.recorded_at())
}
