//! The catalogue of events for those who connect a system: every event that may be posted, with the
//! JSON Schema of its data. It is made from the table that validates what is sent.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use domain::Item;
use domain::catalogue::upcast::OLDER;
use domain::catalogue::{CATALOGUE, Entry, Need, Sets};
use projections::deadlines::{self, Row};
use serde_json::{Value, json};

use super::archive_json::ascii;

/// The catalogue as it is answered: it never changes while the service runs.
static ANSWER: LazyLock<Bytes> = LazyLock::new(|| {
    let rules = deadlines::embedded_rows();
    let posted = CATALOGUE.iter().filter(|entry| entry.is_posted);
    let events: Vec<_> = posted.map(|entry| event(entry, &rules)).collect();
    Bytes::from(json!({ "events": events }).to_string())
});

/// The route, for everybody with a token.
pub fn routes() -> Router {
    Router::new().route("/v1/catalogue/events", get(list_events))
}

async fn list_events() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], ANSWER.clone())
}

fn event(entry: &Entry, rules: &[Row]) -> Value {
    let topics: Vec<_> = entry.topics.iter().map(|topic| topic.name()).collect();
    let related = entry.related.iter().map(|(role, need)| {
        let is_told = role.is_told(entry.kind);
        json!({"role": role.name(), "need": word(*need), "told_in_their_record": is_told})
    });
    let fields = entry.fields.iter().map(|field| {
        let sets: Vec<_> = field.sets.iter().map(|sets| set(*sets)).collect();
        let (zh, en) = (field.zh, field.en);
        json!({"name": field.name, "name_zh": zh, "name_en": en, "need": word(field.need), "sets": sets})
    });
    let rules: Vec<_> = rules.iter().filter(|row| entry.deadlines.contains(&row.rule)).collect();
    json!({
        "event": entry.code,
        "type": event_type(entry, entry.version),
        "older": older(entry),
        "number": entry.kind as u16,
        "name_zh": entry.name_zh,
        "name_en": entry.name_en,
        "topics": topics,
        "authority": entry.authority.iter().map(|code| ascii(code)).collect::<Vec<_>>(),
        "channels": entry.channels.iter().map(|code| ascii(code)).collect::<Vec<_>>(),
        "deadlines": rules,
        "items_changed": entry.changes.iter().map(|item| item.name()).collect::<Vec<_>>(),
        "base_items_changed": base_items(entry),
        "fields": fields.collect::<Vec<_>>(),
        "related": related.collect::<Vec<_>>(),
        "opens_a_record": entry.opens,
        "schema": entry.data_schema(),
    })
}

/// Older versions of the event that may still be posted, each with the schema of its data.
fn older(entry: &Entry) -> Vec<Value> {
    let older = OLDER.iter().filter(|older| older.kind == entry.kind);
    let older = older.map(|older| {
        let schema = Entry { fields: older.fields, ..*entry }.data_schema();
        json!({"type": event_type(entry, older.version), "schema": schema})
    });
    older.collect()
}

fn event_type(entry: &Entry, version: u16) -> String {
    format!("renkou.{}.v{version}", entry.code)
}

/// Numbers of the base items, 1 to 17, that the event changes.
fn base_items(entry: &Entry) -> Vec<u8> {
    let base = entry.changes.iter().filter(|item| item.is_base());
    let mut numbers: Vec<_> = base.map(|item: &Item| item.number()).collect();
    numbers.sort_unstable();
    numbers
}

fn word(need: Need) -> &'static str {
    match need {
        Need::Required => "required",
        Need::Expected => "expected",
        Need::Optional => "optional",
    }
}

fn set(sets: Sets) -> String {
    match sets {
        Sets::Item(item) => format!("items/{}", item.name()),
        Sets::Topic(topic, name) => format!("topics/{}/{name}", topic.name()),
    }
}
