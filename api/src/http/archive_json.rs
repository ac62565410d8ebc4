//! Archives and histories as the outside contract shows them.

mod withheld;

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use domain::clocks::day_in_china;
use domain::{Divisions, DocumentKind, Item, Payload, PersonId, Place, Position};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::archive::Origin;
use projections::deadlines::Deadlines;
use projections::{Archive, People, Row};
use replay::history::Entry;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::archive_family::{Relative, family};
use super::archive_needs::needs;
use super::archive_parts::{Beside, Household, Topics, beside, doubted_since, households, topics};
use super::archive_tasks::{Task, tasks};

/// Most archives are shorter as JSON.
const BYTES_EXPECTED: usize = 6 << 10;

/// An archive as an answer shows it. Archives are read far more often than anything else, so this
/// borrows all that it says and is written out at once. Members stand in the order of their names.
#[derive(Serialize)]
pub struct Shown<'a> {
    /// The records that were merged into this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    absorbed: Vec<PersonId>,
    as_of: AsOf,
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<Vec<Beside<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<Vec<Document<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<Vec<Relative>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    households: Option<Vec<Household<'a>>>,
    items: Items<'a>,
    /// Who answers instead of the record that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    merged_into: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<Vec<Value>>,
    person_id: PersonId,
    status: &'static str,
    /// What somebody has to do; left out where there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<Task>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topics: Option<Topics<'a>>,
}

/// The axes of a read, and the position of the views that answered it.
#[derive(Clone, Copy, Serialize)]
pub struct AsOf {
    /// As the register knew it at this instant.
    pub known_at: Option<Timestamp>,
    /// What the answer was made from.
    pub position: Position,
    /// What was true on this day.
    pub valid_on: Option<Date>,
}

/// Items with their values, ordered by name.
struct Items<'a>(Vec<(&'static str, Told<'a, &'a str>)>);

/// A value and the event that it comes from.
#[derive(Serialize)]
pub(super) struct Told<'a, V> {
    #[serde(serialize_with = "as_text")]
    channel: [u8; 2],
    #[serde(serialize_with = "as_text")]
    department: [u8; 3],
    /// Since when somebody without the word on a standing item has said something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubted_since: Option<Timestamp>,
    /// Of what is said beside the fields of topics: which field.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// Of standing items: whether who has the word on it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_authority: Option<bool>,
    /// Of what is said beside the standing items: which item.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'static str>,
    known_on: Option<Date>,
    occurred_on: Date,
    /// Of standing items that are a place: its name on the day of the fact.
    #[serde(skip_serializing_if = "Option::is_none")]
    place_name: Option<String>,
    position: Position,
    record_id: Option<&'a str>,
    recorded_at: Timestamp,
    source: &'a str,
    /// Of what is said beside the fields of topics: which topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<V>,
}

#[derive(Serialize)]
struct Document<'a> {
    kind: &'static str,
    number: &'a str,
}

impl<'a> Shown<'a> {
    /// An archive; `wanted` narrows it to items and parts by name. `people` knows the ids of
    /// households.
    pub fn new(
        people: &People,
        id: PersonId,
        archive: &'a Archive,
        wanted: Option<&[&str]>,
        as_of: AsOf,
        deadlines: &Deadlines,
    ) -> Shown<'a> {
        let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted.contains(&name));
        let all_items = is_wanted("items");
        let items = archive.values().filter(|(item, ..)| all_items || is_wanted(item.name()));
        let items = items.map(|(item, text, origin)| {
            let told = Told {
                place_name: place_name(archive, item, text, origin),
                ..told(archive, text, origin)
            };
            let has_authority = archive.has_authority(item);
            (item.name(), told.standing(has_authority, doubted_since(archive, item)))
        });
        let mut items: Vec<_> = items.collect();
        items.sort_unstable_by_key(|(name, _)| *name);
        let part = |name| is_wanted(name).then_some(());
        Shown {
            absorbed: Vec::new(),
            as_of,
            beside: part("beside").map(|()| beside(archive)),
            documents: part("documents").map(|()| archive.documents().map(document).collect()),
            family: part("family").map(|()| family(archive)),
            households: part("households").map(|()| households(people, archive)),
            items: Items(items),
            merged_into: None,
            needs: part("needs").map(|()| needs(archive, deadlines, as_of.day())),
            person_id: id,
            status: status(archive),
            tasks: part("tasks").map_or_else(Vec::new, |()| tasks(archive, as_of.day())),
            topics: part("topics").map(|()| topics(archive)),
        }
    }

    /// Tells which records are one with it, and whether another one was asked for.
    pub fn joined(self, asked_for: PersonId, absorbed: Vec<PersonId>) -> Self {
        let merged_into = absorbed.contains(&asked_for).then_some(self.person_id);
        Self { absorbed, merged_into, ..self }
    }

    /// Names of the parts in the answer but items, as the record of the read keeps them.
    pub fn parts(&self) -> Vec<&'static str> {
        let parts = [
            (!self.absorbed.is_empty(), "absorbed"),
            (self.beside.is_some(), "beside"),
            (self.documents.is_some(), "documents"),
            (self.family.is_some(), "family"),
            (self.households.is_some(), "households"),
            (self.needs.is_some(), "needs"),
            (true, "person_id"),
            (true, "status"),
            (!self.tasks.is_empty(), "tasks"),
            (self.topics.is_some(), "topics"),
        ];
        parts.into_iter().filter_map(|(is_there, name)| is_there.then_some(name)).collect()
    }
}

impl AsOf {
    /// The day of which it speaks; today, where none was asked for.
    fn day(&self) -> Date {
        self.valid_on.unwrap_or_else(|| day_in_china(self.known_at.unwrap_or_else(Timestamp::now)))
    }
}

impl<'a, V> Told<'a, V> {
    /// The same, naming the item.
    pub(super) fn about(self, item: Item) -> Self {
        Self { item: Some(item.name()), ..self }
    }

    /// The same, naming the field of a topic.
    pub(super) fn about_field(self, topic: &'a str, field: &'a str) -> Self {
        let (topic, field) = (Some(topic), Some(field).filter(|field| !field.is_empty()));
        Self { topic, field, ..self }
    }

    /// The same, as what stands.
    pub(super) fn standing(self, has_authority: bool, doubted_since: Option<Timestamp>) -> Self {
        Self { has_authority: Some(has_authority), doubted_since, ..self }
    }
}

impl IntoResponse for Shown<'_> {
    fn into_response(self) -> Response {
        let mut body = Vec::with_capacity(BYTES_EXPECTED);
        serde_json::to_writer(&mut body, &self).expect("all names are texts");
        ([(CONTENT_TYPE, "application/json")], body).into_response()
    }
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, told)| (name, told)))
    }
}

/// The name of the place of an item: of the birth place on the day of birth, of others on the day
/// from which they hold.
pub(super) fn place_name(
    archive: &Archive,
    item: Item,
    text: &str,
    origin: &Origin,
) -> Option<String> {
    let day = match item {
        Item::BirthPlace => archive.get(Item::BirthDate).and_then(|day| day.parse().ok()),
        Item::Residence | Item::Hukou => Some(origin.occurred_on),
        _ => return None,
    };
    DIVISIONS.full_name(Place::parse(text).ok()?, day.unwrap_or(origin.occurred_on))
}

/// A value with its origin.
pub(super) fn told<'a, V>(
    archive: &'a Archive,
    value: impl Into<Option<V>>,
    origin: &'a Origin,
) -> Told<'a, V> {
    let mut department = origin.department;
    department.make_ascii_lowercase();
    Told {
        channel: origin.channel,
        department,
        doubted_since: None,
        field: None,
        has_authority: None,
        item: None,
        known_on: origin.known_on,
        occurred_on: origin.occurred_on,
        place_name: None,
        position: origin.position,
        record_id: archive.record_id(origin),
        recorded_at: origin.recorded_at(),
        source: archive.source(origin),
        topic: None,
        value: value.into(),
    }
}

fn as_text<S: Serializer>(code: &impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(code.as_ref()))
}

fn document((kind, number): (DocumentKind, &str)) -> Document<'_> {
    Document { kind: kind.name(), number }
}

/// Whether somebody is alive, as answers call it.
pub(super) fn status(archive: &Archive) -> &'static str {
    match (archive.is_dead, archive.is_registered) {
        (true, _) => "dead",
        _ if archive.is_missing => "missing",
        (false, true) => "alive",
        (false, false) => "unregistered",
    }
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

/// Names of places: those of the time. The fictional province has none.
static DIVISIONS: LazyLock<Divisions> = LazyLock::new(|| Divisions::embedded(false));

/// One event of a history.
pub fn entry(entry: &Entry) -> Value {
    let envelope = &entry.event.envelope;
    let clocks = &envelope.clocks;
    let kind = domain::Kind::from_number(envelope.event_type.number);
    let code = kind.map_or("unknown", |(kind, _)| kind.code());
    // It is shown in the newest form, whatever form it was recorded in.
    let recorded = envelope.event_type.version;
    let shown = kind.map_or(recorded, |(kind, _)| kind.entry().version);
    let changes: Vec<_> = entry
        .changes
        .iter()
        .map(|change| json!({"item": change.item, "before": change.before, "after": change.after}))
        .collect();
    let correlation = envelope.correlation.0.iter().map(|byte| format!("{byte:02x}"));
    let mut told = json!({
        "position": envelope.position,
        "sequence": envelope.sequence,
        "type": format!("renkou.{code}.v{shown}"),
        "recorded_version": recorded,
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
        "place_name": DIVISIONS.full_name(envelope.place, clocks.occurred_on),
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
        if !life.later.is_empty() {
            map.insert("later".into(), Value::Object(life.later.clone()));
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
    ascii(&code).trim_matches('\0').to_ascii_lowercase()
}

/// A code of the envelope as text.
pub fn ascii(code: &[u8]) -> String {
    String::from_utf8_lossy(code).into_owned()
}

/// An instant that a row keeps in microseconds.
pub fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}
