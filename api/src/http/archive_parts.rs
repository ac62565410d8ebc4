//! The parts of an archive beyond its items, as the outside contract shows them: topics, what is
//! said beside the standing values, needs. Each value with the event that it comes from.

use std::collections::BTreeMap;

use domain::Topic;
use jiff::civil::Date;
use projections::Archive;
use projections::archive::Origin;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

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

/// A value as text, or as the JSON that was sent.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Text<'a> {
    Plain(&'a str),
    Json(Option<&'a RawValue>),
}

/// The eight topics, each with its fields, and what senders told of others.
pub(super) fn topics(archive: &Archive) -> Topics<'_> {
    let mut topics = Topics::new();
    for (topic, _, name, _) in Topic::ALL {
        let of_items = topic.fields().iter().filter_map(|field| {
            let (text, origin) = archive.stated(field.item?)?;
            Some((field.name, told(archive, Text::Plain(text), origin)))
        });
        topics.insert(name, Shown::Fields(of_items.collect()));
    }
    for (name, field, json, origin) in archive.topics() {
        let told = told(archive, Text::Json(serde_json::from_str(json).ok()), origin);
        match topics.get_mut(name) {
            Some(Shown::Fields(fields)) if !field.is_empty() => {
                // What is an item stands there already.
                fields.entry(field).or_insert(told);
            }
            _ => {
                topics.insert(name, Shown::Whole(told));
            }
        }
    }
    topics
}

/// What is said of items by those without the word on them, ordered by item and time.
pub(super) fn beside(archive: &Archive) -> Vec<Told<'_, &str>> {
    let words = archive.beside();
    words.map(|(item, text, origin)| told(archive, text, origin).about(item)).collect()
}

/// Needs, raised and answered.
pub(super) fn needs(archive: &Archive) -> Vec<Value> {
    let object =
        |text: &str| -> Map<String, Value> { serde_json::from_str(text).unwrap_or_default() };
    let told = |text: &str, origin: &Origin| {
        let mut needed = object(text);
        if let Ok(Value::Object(by)) = serde_json::to_value(told::<()>(archive, None, origin)) {
            needed.extend(by);
        }
        needed
    };
    let needs = archive.needs().map(|(raised, by, answered, confirmed)| {
        let mut need = told(raised, by);
        let answered = answered.map(|(answer, by)| {
            let mut answer = object(answer);
            let responded = answer.remove("department");
            let mut answer_told = told("{}", by);
            answer_told.extend(answer);
            answer_told.insert("responded_by".to_owned(), responded.unwrap_or_default());
            answer_told
        });
        need.insert("answered".to_owned(), json!(answered));
        need.insert("items_confirmed".to_owned(), json!(confirmed));
        Value::Object(need)
    });
    needs.collect()
}
