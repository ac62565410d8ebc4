//! What stands in archives after one event and another: the cases of `golden/archive_cases.json`,
//! which are data, through the real path.

use std::path::Path;

use domain::Item;
use projections::Archive;
use projections::archive::{Link, Origin};
use serde_json::{Map, Value, json};

use super::desk::{Desk, citizen, data, faults, number, recorded};

/// The persons of a case.
const PERSONS: [&str; 4] = ["A", "B", "C", "D"];

fn number_of(serial: u32, name: &str) -> String {
    let at = PERSONS.iter().position(|known| *known == name).expect("a person of the case");
    number("19800101", serial * 10 + at as u32)
}

fn name_of(desk: &Desk, serial: u32, person: domain::PersonId) -> &'static str {
    let is_it = |name: &&&str| desk.stream_of_citizen(&number_of(serial, name)) == person;
    PERSONS.iter().find(is_it).expect("a person of the case")
}

/// Names in place of persons become references.
fn refer(serial: u32, value: &Value) -> Value {
    match value {
        Value::String(name) if PERSONS.contains(&&**name) => citizen(&number_of(serial, name)),
        Value::Array(values) => values.iter().map(|value| refer(serial, value)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), refer(serial, value)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

fn by(origin: &Origin) -> String {
    String::from_utf8_lossy(&origin.department).to_lowercase()
}

fn plain(json: &str) -> String {
    json.trim_matches('"').to_owned()
}

/// An archive in short words.
fn shown(desk: &Desk, serial: u32, archive: &Archive) -> Value {
    let items = archive.values().map(|(item, text, _)| (item.name().to_owned(), json!(text)));
    let items: Map<String, Value> = items.collect();
    let mut topics = json!({});
    for field in archive.fields() {
        topics[field.topic][field.name] = json!(plain(field.json));
    }
    let of_items =
        archive.beside().map(|(item, text, told)| format!("{} {text} {}", item.name(), by(told)));
    let of_fields = archive.fields_beside().map(|field| {
        let name = format!("{}.{}", field.topic, field.name);
        format!("{name} {} {}", plain(field.json), by(field.origin))
    });
    let of_ties = archive.ties_beside().map(|(role, person, origin)| {
        format!("{} {} {}", role.name(), name_of(desk, serial, person), by(origin))
    });
    let family = archive.links().iter().map(|link| tie(desk, serial, archive, link));
    let needs = archive.needs().map(|need| {
        let raised: Value = serde_json::from_str(need.raised).expect("an object");
        let state = match (need.answered, need.closed_by) {
            (Some((_, by)), _) => format!("answered {}", by.occurred_on),
            (None, Some(by)) => format!("closed {}", by.occurred_on),
            (None, None) => "open".to_owned(),
        };
        format!("{} {state}", plain(&raised["need_id"].to_string()))
    });
    let unapproved = Item::all().filter(|item| archive.unapproved(*item).is_some());
    let unapproved: Vec<_> = unapproved.map(Item::name).collect();
    let status = if archive.is_dead { "dead" } else { "alive" };
    json!({
        "status": status, "items": items, "topics": topics,
        "beside": of_items.chain(of_fields).chain(of_ties).collect::<Vec<_>>(),
        "family": family.collect::<Vec<_>>(), "needs": needs.collect::<Vec<_>>(),
        "unapproved": unapproved,
    })
}

fn tie(desk: &Desk, serial: u32, archive: &Archive, link: &Link) -> String {
    let mut told = format!("{} {}", link.role.name(), name_of(desk, serial, link.person));
    if let Some(ended) = link.ended {
        told += &format!(" ended {}", archive.origin(ended).occurred_on);
    }
    if let Some(doubt) = archive.doubt_of(link) {
        told += &format!(" doubted by {}", by(doubt));
    }
    told
}

fn check(desk: &Desk, serial: u32, then: &Map<String, Value>, told: &str) {
    for (path, due) in then {
        let mut names = path.split('.');
        let first = names.next().expect("a name");
        let of = if PERSONS.contains(&first) { first } else { "A" };
        let archive = desk.archive(desk.stream_of_citizen(&number_of(serial, of)));
        let shown = shown(desk, serial, &archive);
        let names = path.split('.').skip(usize::from(PERSONS.contains(&first)));
        let is = names.fold(&shown, |value, name| &value[name]);
        assert_eq!(is, due, "{told}: {path}");
    }
}

/// The fields of a step that are not the event.
const ABOUT: [&str; 6] = ["by", "on", "id", "of", "then", "refused"];

fn take(desk: &Desk, case: &str, serial: u32, at: usize, step: &Value) {
    let fields = step.as_object().expect("a step");
    let (kind, more) = fields.iter().find(|(name, _)| !ABOUT.contains(&&***name)).expect("a kind");
    let text = |name: &str| step[name].as_str();
    let (department, channel) = text("by").and_then(|by| by.split_once(' ')).expect("who and how");
    let mut more = refer(serial, more);
    let own = |id: &str| format!("{serial}-{id}");
    for target in ["corrects", "annuls"] {
        if let Some(id) = more[target].as_str().map(own) {
            more[target] = json!(id);
        }
    }
    more["channel"] = json!(channel);
    more.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let person = citizen(&number_of(serial, text("of").unwrap_or("A")));
    let id = text("id").map_or_else(|| format!("{serial}-{at}"), own);
    let data = data(&person, text("on").expect("a day"), more);
    let source = format!("/{department}/990101/desk");
    let receipt = desk.send_from(&source, (&id, kind, data));
    let told = format!("{case}, step {at} ({kind})");
    match text("refused") {
        Some(code) => assert_eq!(faults(&receipt)[0].0, code, "{told}"),
        None => assert!(recorded(&receipt).position.0 > 0, "{told}"),
    }
    if let Some(then) = step["then"].as_object() {
        check(desk, serial, then, &told);
    }
}

#[test]
fn archives_hold_what_their_cases_say_after_each_event() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/archive_cases.json");
    let text = std::fs::read_to_string(path).expect("cases");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("cases");
    let desk = Desk::new();
    for (serial, case) in (1..).zip(&cases) {
        let name = case["case"].as_str().expect("a name");
        for (at, step) in case["steps"].as_array().expect("steps").iter().enumerate() {
            take(&desk, name, serial, at, step);
        }
    }
    desk.close();
}
