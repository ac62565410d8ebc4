//! The JSON of an event of a life, written by hand: it is made once for every event that is
//! recorded, and nearly all of it is names of our own and texts in which nothing needs an escape.
//!
//! The bytes are those that serde gives for the same type, which the tests hold it against: the
//! derived form stays the definition.

use serde::Serialize;
use serde_json::{Map, Value};

use super::LifeEvent;

/// Appends the JSON of an event to `json`.
pub(super) fn write(event: &LifeEvent, json: &mut Vec<u8>) {
    // Named one by one: a field that is added and not written does not compile.
    let LifeEvent {
        id,
        document,
        items,
        related,
        certificate_no,
        target,
        true_day,
        reason,
        approved_by,
        doubts,
        details,
        later,
    } = event;
    json.push(b'{');
    let start = json.len();
    if let Some(id) = id {
        field(json, start, "id");
        text(json, id);
    }
    if let Some(document) = document {
        field(json, start, "document");
        json.extend(b"{\"kind\":\"");
        json.extend(document.kind().name().as_bytes());
        json.extend(b"\",\"number\":");
        text(json, document.number());
        json.push(b'}');
    }
    if !items.is_empty() {
        field(json, start, "items");
        json.push(b'{');
        let first = json.len();
        for (item, value) in items.iter() {
            field(json, first, item.name());
            text(json, value);
        }
        json.push(b'}');
    }
    if !related.is_empty() {
        field(json, start, "related");
        plain(json, related);
    }
    if let Some(number) = certificate_no {
        text_field(json, start, "certificate_no", number);
    }
    if let Some(target) = target {
        field(json, start, "target");
        plain(json, target);
    }
    if let Some(day) = true_day {
        field(json, start, "true_day");
        plain(json, day);
    }
    let told = [("reason", reason), ("approved_by", approved_by)];
    for (name, it) in told {
        it.iter().for_each(|it| text_field(json, start, name, it));
    }
    if !doubts.is_empty() {
        field(json, start, "doubts");
        list(json, doubts, |json, doubt| text(json, doubt));
    }
    if !details.is_empty() {
        field(json, start, "details");
        object(json, details);
    }
    members(json, start, later);
    json.push(b'}');
}

/// A name in front of its value, and a comma where it is not the first since `start`. Names are
/// ours and need no escape.
fn field(json: &mut Vec<u8>, start: usize, name: &str) {
    json.extend(if json.len() > start { b",\"".as_slice() } else { b"\"" });
    json.extend(name.as_bytes());
    json.extend(b"\":");
}

fn text_field(json: &mut Vec<u8>, start: usize, name: &str, value: &str) {
    field(json, start, name);
    text(json, value);
}

fn object(json: &mut Vec<u8>, map: &Map<String, Value>) {
    json.push(b'{');
    members(json, json.len(), map);
    json.push(b'}');
}

fn members(json: &mut Vec<u8>, start: usize, map: &Map<String, Value>) {
    for (name, it) in map {
        if json.len() > start {
            json.push(b',');
        }
        text(json, name);
        json.push(b':');
        value(json, it);
    }
}

fn list<T>(json: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    json.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        write(json, item);
    }
    json.push(b']');
}

fn value(json: &mut Vec<u8>, it: &Value) {
    match it {
        Value::String(it) => text(json, it),
        Value::Object(map) => object(json, map),
        Value::Array(items) => list(json, items, value),
        Value::Null | Value::Bool(_) | Value::Number(_) => plain(json, it),
    }
}

fn text(json: &mut Vec<u8>, text: &str) {
    // Without a branch a byte, so that many are looked at together.
    let needs_escape = |any: bool, byte: &u8| any | (*byte < 0x20) | matches!(*byte, b'"' | b'\\');
    if text.as_bytes().iter().fold(false, needs_escape) {
        return plain(json, text);
    }
    json.push(b'"');
    json.extend(text.as_bytes());
    json.push(b'"');
}

/// What is rare, or a number.
fn plain(json: &mut Vec<u8>, it: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(json, it).expect("these types have string keys only");
}
