//! Archives as the outside contract shows them, as far as they are seen.

mod asked;
mod sheltered;
mod withheld;

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use domain::clocks::day_in_china;
use domain::{Divisions, DocumentKind, Item, PersonId, Place, Position};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::archive::Origin;
use projections::deadlines::Deadlines;
use projections::{Archive, People, Row};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::archive_family::{Relative, family};
use super::archive_needs::needs;
use super::archive_parts::{
    Beside, Household, Text, Topics, beside, doubted_since, households, topics,
};
use super::archive_tasks::{Task, tasks};
use crate::access::{Part, Show, Sight, masks};

pub use asked::Asked;

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
    /// That it is not told where the person is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    protected: bool,
    status: &'static str,
    /// What somebody has to do; left out where there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<Task>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topics: Option<Topics<'a>>,
    /// What was asked for and is not seen by the reader, whether it is there or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    withheld: Vec<&'static str>,
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
struct Items<'a>(Vec<(&'static str, Told<'a, Text<'a>>)>);

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
    /// Whether the value is told in part only, or not at all.
    #[serde(skip_serializing_if = "is_false")]
    masked: bool,
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
    #[serde(skip_serializing_if = "is_false")]
    masked: bool,
    number: Cow<'a, str>,
}

impl<'a> Shown<'a> {
    /// An archive as it is seen; `asked.wanted` narrows it to items and parts by name. `people`
    /// knows the ids of households.
    pub fn new(
        people: &People,
        id: PersonId,
        archive: &'a Archive,
        asked: Asked<'_>,
        deadlines: &Deadlines,
    ) -> Shown<'a> {
        let Asked { wanted, as_of, sight } = asked;
        let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted.contains(&name));
        let all_items = is_wanted("items");
        let items = archive.values().filter(|(item, ..)| {
            (all_items || is_wanted(item.name())) && sight.show_item(*item) != Show::None
        });
        let items = items.map(|(item, text, origin)| {
            let told = item_told(archive, item, text, origin, sight.show_item(item));
            let has_authority = archive.has_authority(item);
            (item.name(), told.standing(has_authority, doubted_since(archive, item)))
        });
        let mut items: Vec<_> = items.collect();
        items.sort_unstable_by_key(|(name, _)| *name);
        let part = |name| is_wanted(name).then_some(());
        let seen = |name, of: Part| part(name).filter(|()| sight.sees(of)).map(|()| sight.show(of));
        Shown {
            absorbed: Vec::new(),
            as_of,
            beside: part("beside").map(|()| beside(archive, sight)),
            documents: seen("documents", Part::Number)
                .map(|show| archive.documents().map(|one| document(one, show)).collect()),
            family: seen("family", Part::Family).map(|show| family(archive, show)),
            households: seen("households", Part::Household)
                .map(|show| households(people, archive, show)),
            items: Items(items),
            merged_into: None,
            needs: seen("needs", Part::Needs)
                .map(|show| needs(archive, deadlines, as_of.day(), show)),
            person_id: id,
            protected: false,
            status: status(archive),
            tasks: seen("tasks", Part::Family)
                .map_or_else(Vec::new, |show| tasks(archive, as_of.day(), show)),
            topics: part("topics").map(|()| topics(archive, sight)),
            withheld: asked.withheld(),
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
            (self.protected, "protected"),
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

    /// The same without the value, but for what a mask leaves of it, and without the sender's number
    /// of its record.
    pub(super) fn masked(self, left: Option<V>) -> Self {
        Self { masked: true, value: left, record_id: None, place_name: None, ..self }
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
        masked: false,
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

fn document((kind, number): (DocumentKind, &str), show: Show) -> Document<'_> {
    let masked = show != Show::Full;
    let number = if masked { Cow::Owned(masks::number(number)) } else { Cow::Borrowed(number) };
    Document { kind: kind.name(), masked, number }
}

/// A value of an item as it is seen, with its origin.
pub(super) fn item_told<'a>(
    archive: &'a Archive,
    item: Item,
    text: &'a str,
    origin: &'a Origin,
    show: Show,
) -> Told<'a, Text<'a>> {
    let told = told(archive, Text::Plain(text), origin);
    match show {
        Show::Full => Told { place_name: place_name(archive, item, text, origin), ..told },
        _ => told.masked(masks::of_item(item, text).map(Text::Left)),
    }
}

pub(super) fn is_false(flag: &bool) -> bool {
    !*flag
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

/// A person in the answer to a search: enough to tell namesakes apart, as far as it is seen.
pub fn hit(id: PersonId, row: &Row, sight: Sight) -> Value {
    let seen = |item: Item| {
        let text = row.archive.get(item)?;
        match sight.show_item(item) {
            Show::None => None,
            Show::Full => Some(text.to_owned()),
            Show::Masked => masks::of_item(item, text),
        }
    };
    // Of a list, everybody's number is masked.
    let number = row.archive.get(Item::CitizenId).filter(|_| sight.sees(Part::Number));
    let mut hit = json!({
        "person_id": id,
        "full_name": seen(Item::FullName),
        "sex": seen(Item::Sex),
        "birth_date": seen(Item::BirthDate),
        "place": row.place().filter(|_| sight.sees(Part::Place)),
        "citizen_id": number.map(masks::number_in_list),
        "status": status(&row.archive),
    });
    let shown = [Item::FullName, Item::Sex, Item::BirthDate].map(|item| sight.show_item(item));
    if shown.contains(&Show::Masked) {
        hit["masked"] = json!(true);
    }
    hit
}

/// Names of places: those of the time. The fictional province has none.
pub(super) static DIVISIONS: LazyLock<Divisions> = LazyLock::new(|| Divisions::embedded(false));

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
