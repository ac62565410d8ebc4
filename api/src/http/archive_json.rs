//! Archives as the outside contract shows them, as far as they are seen.

mod asked;
mod page;
mod sheltered;
mod told;
mod withheld;

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use domain::clocks::day_in_china;
use domain::{Divisions, DocumentKind, Item, PersonId, Position};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::deadlines::Deadlines;
use projections::{Archive, People, Row};
use serde::Serialize;
use serde_json::{Value, json};

use super::archive_family::{Relative, family};
use super::archive_needs::needs;
use super::archive_parts::{Beside, Household, Topics, beside, doubted_since, households, topics};
use super::archive_tasks::{Task, tasks};
use crate::access::{Part, Show, Sight, masks};

pub use asked::Asked;
pub(super) use page::Page;
pub(super) use told::{Text, Told, item_told, place_name, told};

/// Most archives are shorter as JSON.
const BYTES_EXPECTED: usize = 12 << 10;
/// Hardly anybody has more items.
const ITEMS_EXPECTED: usize = 32;
/// The place of each item, by its number, in the order of their names.
static NAME_RANKS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut by_name: Vec<_> = Item::all().collect();
    by_name.sort_unstable_by_key(|item| item.name());
    let mut ranks = vec![0; 1 + by_name.len()];
    for (rank, item) in (0..).zip(by_name) {
        ranks[usize::from(item.number())] = rank;
    }
    ranks
});

/// An archive as an answer shows it. Archives are read far more often than anything else, so this
/// borrows all that it says and is written out at once. Members stand in the order of their names.
pub struct Shown<'a> {
    /// The records that were merged into this one.
    absorbed: Vec<PersonId>,
    as_of: AsOf,
    beside: Option<Vec<Beside<'a>>>,
    documents: Option<Vec<Document<'a>>>,
    family: Option<Vec<Relative>>,
    households: Option<Vec<Household<'a>>>,
    /// Items with their values, ordered by name.
    items: Vec<(&'static str, Told<'a>)>,
    /// Who answers instead of the record that was asked for.
    merged_into: Option<PersonId>,
    needs: Option<Vec<Value>>,
    person_id: PersonId,
    /// That it is not told where the person is.
    protected: bool,
    status: &'static str,
    /// What somebody has to do; left out where there is nothing.
    tasks: Vec<Task>,
    topics: Option<Topics<'a>>,
    /// What was asked for and is not seen by the reader, whether it is there or not.
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
        let wanted_items = archive.values().filter(|(item, ..)| {
            (all_items || is_wanted(item.name())) && sight.show_item(*item) != Show::None
        });
        // Put in order before they are told, when they are small.
        let mut stated = Vec::with_capacity(ITEMS_EXPECTED);
        stated.extend(wanted_items);
        stated.sort_unstable_by_key(|(item, ..)| NAME_RANKS[usize::from(item.number())]);
        let items = stated.into_iter().map(|(item, text, origin)| {
            let show = sight.show_item(item);
            let mut told = item_told(archive, item, text, origin, show);
            if show == Show::Full {
                told = told.at(place_name(archive, item, text, origin));
            }
            let has_authority = archive.has_authority(item);
            (item.name(), told.standing(has_authority, doubted_since(archive, item)))
        });
        let items = items.collect();
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
            items,
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

impl Shown<'_> {
    fn write(&self, page: &mut Page) {
        page.raw("{");
        if !self.absorbed.is_empty() {
            page.raw("\"absorbed\":");
            page.value(&self.absorbed);
            page.raw(",");
        }
        page.raw("\"as_of\":");
        page.value(&self.as_of);
        if let Some(beside) = &self.beside {
            page.raw(",\"beside\":");
            page.list(beside, |page, beside| beside.write(page));
        }
        write_if_any(page, ",\"documents\":", self.documents.as_ref());
        if let Some(family) = &self.family {
            page.raw(",\"family\":");
            page.list(family, |page, relative| relative.write(page));
        }
        write_if_any(page, ",\"households\":", self.households.as_ref());
        page.raw(",\"items\":");
        page.object(self.items.iter().map(|(name, told)| (*name, told)), |page, told| {
            told.write(page);
        });
        write_if_any(page, ",\"merged_into\":", self.merged_into.as_ref());
        write_if_any(page, ",\"needs\":", self.needs.as_ref());
        page.raw(",\"person_id\":");
        page.value(&self.person_id);
        page.raw(if self.protected { ",\"protected\":true,\"status\":" } else { ",\"status\":" });
        page.text(self.status);
        write_if_any(page, ",\"tasks\":", Some(&self.tasks).filter(|tasks| !tasks.is_empty()));
        if let Some(topics) = &self.topics {
            page.raw(",\"topics\":");
            page.object(topics.iter().map(|(name, topic)| (*name, topic)), |page, topic| {
                topic.write(page);
            });
        }
        let withheld = Some(&self.withheld).filter(|withheld| !withheld.is_empty());
        write_if_any(page, ",\"withheld\":", withheld);
        page.raw("}");
    }
}

fn write_if_any(page: &mut Page, name: &str, value: Option<&impl Serialize>) {
    if let Some(value) = value {
        page.raw(name);
        page.value(value);
    }
}

impl IntoResponse for Shown<'_> {
    fn into_response(self) -> Response {
        let mut page = Page::with_room(BYTES_EXPECTED);
        self.write(&mut page);
        ([(CONTENT_TYPE, "application/json")], page.into_bytes()).into_response()
    }
}

fn document((kind, number): (DocumentKind, &str), show: Show) -> Document<'_> {
    let masked = show != Show::Full;
    let number = if masked { Cow::Owned(masks::number(number)) } else { Cow::Borrowed(number) };
    Document { kind: kind.name(), masked, number }
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
