//! The parts of an archive beyond its items, as the outside contract shows them: topics, what is
//! said beside the standing values, needs. Each value with the event that it comes from.

use domain::Topic;
use projections::Archive;
use projections::archive::Origin;
use serde_json::{Map, Value, json};

use super::archive_json::{ascii, department};

/// A value and the event that it comes from.
pub(super) fn stated(archive: &Archive, value: Value, origin: &Origin) -> Value {
    json!({
        "value": value,
        "source": archive.source(origin),
        "record_id": archive.record_id(origin),
        "department": department(origin.department),
        "channel": ascii(&origin.channel),
        "occurred_on": origin.occurred_on,
        "known_on": origin.known_on,
        "recorded_at": origin.recorded_at(),
        "position": origin.position,
    })
}

/// The eight topics, each with its fields, and what senders told of others.
pub(super) fn topics(archive: &Archive) -> Value {
    let mut topics = Map::new();
    for (topic, _, name, _) in Topic::ALL {
        let of_items = topic.fields().iter().filter_map(|field| {
            let (text, origin) = archive.stated(field.item?)?;
            Some((field.name.to_owned(), stated(archive, json!(text), origin)))
        });
        topics.insert(name.to_owned(), Value::Object(of_items.collect()));
    }
    for (name, field, told, origin) in archive.topics() {
        let told = stated(archive, serde_json::from_str(told).unwrap_or_default(), origin);
        match topics.get_mut(name) {
            Some(Value::Object(fields)) if !field.is_empty() => {
                // What is an item stands there already.
                fields.entry(field).or_insert(told);
            }
            _ => {
                topics.insert(name.to_owned(), told);
            }
        }
    }
    Value::Object(topics)
}

/// What is said of items by those without the word on them; the items that stand are marked as
/// doubted since the first of these words.
pub(super) fn beside(archive: &Archive, items: &mut Map<String, Value>) -> Value {
    let mut beside = Vec::new();
    for (item, text, origin) in archive.beside() {
        let mut told = stated(archive, json!(text), origin);
        told["item"] = json!(item);
        beside.push(told);
        let Some(Value::Object(standing)) = items.get_mut(item.name()) else { continue };
        let since = json!(origin.recorded_at());
        let earlier = standing.get("doubted_since").and_then(Value::as_str);
        if earlier.is_none_or(|earlier| since.as_str() < Some(earlier)) {
            standing.insert("doubted_since".to_owned(), since);
        }
    }
    Value::Array(beside)
}

/// Needs, raised and answered.
pub(super) fn needs(archive: &Archive) -> Value {
    let object =
        |text: &str| -> Map<String, Value> { serde_json::from_str(text).unwrap_or_default() };
    let told = |text: &str, origin: &Origin| {
        let mut told = object(text);
        let Value::Object(by) = stated(archive, Value::Null, origin) else { return told };
        told.extend(by.into_iter().filter(|(name, _)| name != "value"));
        told
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
    Value::Array(needs.collect())
}
