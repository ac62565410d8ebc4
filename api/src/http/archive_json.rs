//! Archives and histories as the outside contract shows them.

use domain::{DocumentKind, Item, Payload, PersonId};
use jiff::Timestamp;
use projections::archive::{Link, Origin};
use projections::{Archive, Row};
use replay::history::Entry;
use serde_json::{Map, Value, json};

use super::archive_parts::{beside, needs, stated, topics};

/// An archive; `wanted` narrows it to items and parts by name.
pub fn archive(id: PersonId, archive: &Archive, wanted: Option<&[&str]>) -> Map<String, Value> {
    let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted.contains(&name));
    let part = |name: &str| is_wanted(name) || wanted.is_none();
    let mut items: Map<_, _> = archive
        .values()
        .filter(|(item, ..)| is_wanted(item.name()) || wanted.is_some_and(|w| w.contains(&"items")))
        .map(|(item, text, origin)| (item.name().to_owned(), value(archive, item, text, origin)))
        .collect();
    let mut answer = Map::new();
    answer.insert("person_id".into(), json!(id));
    answer.insert("status".into(), json!(status(archive)));
    if part("documents") {
        let documents: Vec<_> = archive.documents().map(document).collect();
        answer.insert("documents".into(), json!(documents));
    }
    let beside = beside(archive, &mut items);
    answer.insert("items".into(), Value::Object(items));
    if part("beside") {
        answer.insert("beside".into(), beside);
    }
    if part("topics") {
        answer.insert("topics".into(), topics(archive));
    }
    if part("family") {
        let family: Vec<_> = archive.links().iter().map(|l| link(archive, l)).collect();
        answer.insert("family".into(), json!(family));
    }
    if part("households") {
        answer.insert("households".into(), households(archive));
    }
    if part("needs") {
        answer.insert("needs".into(), needs(archive));
    }
    answer
}

/// Names of the items and parts in an answer, as the record of the read keeps them.
pub fn names(answer: &Map<String, Value>) -> Vec<String> {
    let items = answer.get("items").and_then(Value::as_object);
    let items = items.into_iter().flat_map(|items| items.keys());
    answer.keys().filter(|name| *name != "items").chain(items).cloned().collect()
}

fn status(archive: &Archive) -> &'static str {
    match (archive.is_dead, archive.is_registered) {
        (true, _) => "dead",
        _ if archive.is_missing => "missing",
        (false, true) => "alive",
        (false, false) => "unregistered",
    }
}

fn value(archive: &Archive, item: Item, text: &str, origin: &Origin) -> Value {
    let mut told = stated(archive, json!(text), origin);
    told["has_authority"] = json!(archive.has_authority(item));
    told
}

fn document((kind, number): (DocumentKind, &str)) -> Value {
    json!({"kind": kind.name(), "number": number})
}

fn link(archive: &Archive, link: &Link) -> Value {
    let ended = link.ended.map(|origin| archive.origin(origin));
    json!({
        "role": link.role,
        "person_id": link.person,
        "since": archive.origin(link.origin).occurred_on,
        "until": ended.map(|origin| origin.occurred_on),
        "position": archive.origin(link.origin).position,
    })
}

fn households(archive: &Archive) -> Value {
    let Some(id) = archive.get(Item::HouseholdId) else { return json!([]) };
    json!([{
        "household_id": id,
        "kind": archive.get(Item::HouseholdKind),
        "relation_code": archive.get(Item::RelationToHead),
    }])
}

/// A person in the answer to a search: enough to tell namesakes apart, and no more.
pub fn hit(id: PersonId, row: &Row) -> Value {
    let number = row.archive.get(Item::CitizenId);
    json!({
        "person_id": id,
        "full_name": row.archive.get(Item::FullName),
        "sex": row.archive.get(Item::Sex),
        "birth_date": row.archive.get(Item::BirthDate),
        "place": row.place(),
        "citizen_id": number.and_then(|n| Some(format!("**************{}", n.get(14..)?))),
        "status": status(&row.archive),
    })
}

/// One event of a history.
pub fn entry(entry: &Entry) -> Value {
    let envelope = &entry.event.envelope;
    let clocks = &envelope.clocks;
    let kind = domain::Kind::from_number(envelope.event_type.number);
    let code = kind.map_or("unknown", |(kind, _)| kind.code());
    let changes: Vec<_> = entry
        .changes
        .iter()
        .map(|change| json!({"item": change.item, "before": change.before, "after": change.after}))
        .collect();
    let correlation = envelope.correlation.0.iter().map(|byte| format!("{byte:02x}"));
    let mut told = json!({
        "position": envelope.position,
        "sequence": envelope.sequence,
        "type": format!("renkou.{code}.v{}", envelope.event_type.version),
        "event": code,
        "told_for_another": kind.is_some_and(|(_, side)| side),
        "occurred_on": clocks.occurred_on,
        "known_on": clocks.known_on,
        "sent_at": clocks.sent_at,
        "received_at": clocks.received_at,
        "recorded_at": clocks.recorded_at,
        "verified_at": clocks.verified_at,
        "lag_days": clocks.total_lag_days(),
        "place": envelope.place,
        "department": department(envelope.department),
        "channel": ascii(&envelope.channel),
        "actor": envelope.actor,
        "source": envelope.source,
        "correlation": correlation.collect::<String>(),
        "changes": changes,
        "corrects": Some(envelope.corrects).filter(|position| position.0 > 0),
        "corrected_by": entry.acted_on_by,
        "annulled": entry.is_annulled,
    });
    if let (Some(Payload::Life(life)), Value::Object(map)) = (&entry.event.payload, &mut told) {
        let optional = [
            ("id", &life.id),
            ("certificate_no", &life.certificate_no),
            ("reason", &life.reason),
            ("approved_by", &life.approved_by),
        ];
        for (name, value) in optional {
            map.extend(value.as_ref().map(|value| (name.to_owned(), json!(value))));
        }
        if !life.related.is_empty() {
            map.insert("related".into(), json!(life.related));
        }
        if !life.details.is_empty() {
            map.insert("details".into(), Value::Object(life.details.clone()));
        }
    } else if let Value::Object(map) = &mut told {
        map.insert("erased".into(), json!(true));
    }
    told
}

/// A department's code as it stands in a source.
pub fn department(code: [u8; 3]) -> String {
    ascii(&code).to_ascii_lowercase()
}

/// A code of the envelope as text.
pub fn ascii(code: &[u8]) -> String {
    String::from_utf8_lossy(code).into_owned()
}

/// An instant that a row keeps in microseconds.
pub fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}
