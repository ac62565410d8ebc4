//! Persons: from a document to an id, the archive on both axes of time, the history, the people of
//! a place. Every answer about a person is on record before it leaves.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::life_event::ItemsTold;
use domain::{Document, DocumentKind, Item, PersonId};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::Row;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::archive_json::{self, AsOf, Shown};
use super::closed;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::query::{parse_cursor, parse_day, parse_instant, parse_place};
use super::recording::{self, Answer, record_answer};
use super::values_told;
use super::views_position::{at_position, wait_at_least};
use super::who::{Purpose, Who};
use crate::access::Action;
use crate::registry::Registry;

/// Persons in an answer to a search.
const FOUND_MAX: usize = 20;
/// Persons on a page of a place.
const PAGE_MAX: usize = 1_000;

/// The routes of persons.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/v1/persons/lookup", post(look_up_person))
        .route("/v1/persons/search", post(search_persons))
        .route("/v1/persons/{id}", get(read_person))
        .route("/v1/persons/{id}/history", get(read_history))
        .route("/v1/places/{code}/people", get(list_people))
        .with_state(registry)
}

#[derive(Deserialize)]
struct Question {
    valid_on: Option<String>,
    known_at: Option<String>,
    fields: Option<String>,
}

async fn read_person(
    State(registry): State<Arc<Registry>>,
    who: Who,
    purpose: Purpose,
    Path(id): Path<String>,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Action::ReadPerson)?;
    wait_at_least(&registry, &headers).await?;
    let asked_for = person_named(&id)?;
    let (mut id, row) = visible_id(&registry, &who, asked_for)?;
    let valid_on = question.valid_on.as_deref().map(parse_day).transpose()?;
    let known_at = question.known_at.as_deref().map(parse_instant).transpose()?;
    let position = registry.folded();
    let mut absorbed = row.absorbed.clone();
    let past = if valid_on.is_some() || known_at.is_some() {
        if let Some(then) = known_then(&registry, &who, asked_for, id, known_at)? {
            (id, absorbed) = then;
        }
        let archive = replay::history::as_of(registry.log(), id, valid_on, known_at);
        let Some(archive) = archive.map_err(|error| internal(&error))? else {
            // That nothing was known then is told of them too.
            let as_of = axes(valid_on, known_at);
            let told = Answer::about("read_person", id, ItemsTold::default());
            let told = Answer { as_of, position, count: 0, ..told };
            record_answer(&registry, &who, purpose, told).await?;
            return Err(Problem::new(&kinds::NOT_FOUND));
        };
        Some(archive)
    } else {
        None
    };
    let archive = past.as_ref().unwrap_or(&row.archive);
    let wanted = question.fields.as_deref().map(|fields| fields.split(',').collect::<Vec<_>>());
    let as_of = AsOf { known_at, position, valid_on };
    let hidden = closed::hidden_topics(&who, &row);
    let (people, deadlines) = (&registry.views.people, &registry.deadlines);
    let shown = Shown::new(people, id, archive, wanted.as_deref(), as_of, deadlines);
    let shown = shown.joined(asked_for, absorbed).withholding(&hidden);
    let told = values_told::of_archive(archive, wanted.as_deref())
        .without(closed::items_of_topics(&hidden));
    let recorded = Answer {
        fields: shown.parts(),
        as_of: axes(valid_on, known_at),
        position,
        ..Answer::about("read_person", id, told)
    };
    let recorded = record_answer(&registry, &who, purpose, recorded);
    // Written while the disk is busy with the record.
    let answer = at_position(position, shown);
    recorded.await?;
    Ok(answer)
}

/// The axes of a read that were asked for, as they are recorded.
fn axes(valid_on: Option<Date>, known_at: Option<Timestamp>) -> Map<String, Value> {
    let axes = [
        ("valid_on", valid_on.map(|day| json!(day))),
        ("known_at", known_at.map(|instant| json!(instant))),
    ];
    axes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[derive(Deserialize)]
struct KnownAt {
    known_at: Option<String>,
}

async fn read_history(
    State(registry): State<Arc<Registry>>,
    who: Who,
    purpose: Purpose,
    Path(id): Path<String>,
    Query(question): Query<KnownAt>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Action::ReadHistory)?;
    wait_at_least(&registry, &headers).await?;
    let asked_for = person_named(&id)?;
    let is_erased = closed::erased_to_audit(&registry, &who, asked_for)?;
    let (id, hidden) = match is_erased {
        true => (asked_for, Vec::new()),
        false => {
            let (id, row) = visible_id(&registry, &who, asked_for)?;
            (id, closed::hidden_topics(&who, &row))
        }
    };
    let known_at = question.known_at.as_deref().map(parse_instant).transpose()?;
    let id = match known_at {
        Some(_) => known_then(&registry, &who, asked_for, id, known_at)?.map_or(id, |(id, _)| id),
        None => id,
    };
    let position = registry.folded();
    let log = registry.log().clone();
    let read = move || match known_at {
        Some(known_at) => replay::history::history_then(&log, id, known_at),
        None => replay::history::history(&log, id),
    };
    let entries = tokio::task::spawn_blocking(read).await;
    let entries = entries.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
    let events = closed::entries(&entries, &hidden);
    // The log may be further than the views.
    let newest = entries.iter().map(|entry| entry.event.envelope.position).max();
    let mut as_of = axes(None, known_at);
    if is_erased {
        // The record of the read has no stream of theirs any more.
        as_of.insert("erased".into(), json!(id));
    }
    let told = values_told::of_history(&entries).without(closed::items_of_topics(&hidden));
    let told = Answer {
        fields: vec!["history"],
        as_of,
        position: newest.map_or(position, |newest| newest.max(position)),
        ..Answer::about("read_history", id, told)
    };
    record_answer(&registry, &who, purpose, told).await?;
    Ok(at_position(position, Json(json!({"person_id": id, "events": events}))))
}

#[derive(Deserialize)]
struct LookUp {
    document: Named,
}

#[derive(Deserialize)]
struct Named {
    kind: String,
    number: String,
}

async fn look_up_person(
    State(registry): State<Arc<Registry>>,
    who: Who,
    purpose: Purpose,
    headers: HeaderMap,
    Json(LookUp { document }): Json<LookUp>,
) -> Result<Response, Problem> {
    who.require(Action::Lookup)?;
    wait_at_least(&registry, &headers).await?;
    let id = document_id(&registry, &document)?;
    let found = visible_id(&registry, &who, id);
    let told = match &found {
        Ok((id, _)) => Answer::about("look_up_person", *id, ItemsTold::default()),
        Err(_) => Answer::of_nobody("look_up_person"),
    };
    let (fields, position) = (vec!["person_id"], registry.folded());
    // The id is a keyed hash of the document, and mostly that of the person.
    let is_theirs = found.as_ref().is_ok_and(|(person, _)| *person == id);
    let query = (!is_theirs).then(|| id.to_string());
    let told = Answer { fields, position, query, ..told };
    record_answer(&registry, &who, purpose, told).await?;
    let (id, _) = found?;
    Ok(at_position(registry.folded(), Json(json!({"person_id": id}))))
}

fn document_id(registry: &Registry, named: &Named) -> Result<PersonId, Problem> {
    let kind = DocumentKind::from_name(&named.kind).ok_or_else(|| {
        Problem::new(&kinds::BAD_REQUEST)
            .detail("证件种类未知", "the kind of document is not known")
    })?;
    let reader = registry.intake.reader(Timestamp::now());
    let document: Document = reader
        .document(kind, &named.number)
        .map_err(|fault| Problem::new(&kinds::BAD_REQUEST).errors(vec![fault.at("/document")]))?;
    Ok(PersonId::of_document(registry.intake.identity(), &document))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    full_name: String,
    birth_date: Option<String>,
    place: Option<String>,
}

impl Search {
    fn fingerprint(&self, registry: &Registry) -> String {
        let [day, place] = [&self.birth_date, &self.place].map(|text| text.as_deref());
        let parts = [self.full_name.trim(), day.unwrap_or_default(), place.unwrap_or_default()];
        recording::fingerprint(registry, &parts)
    }
}

async fn search_persons(
    State(registry): State<Arc<Registry>>,
    who: Who,
    purpose: Purpose,
    headers: HeaderMap,
    Json(search): Json<Search>,
) -> Result<Response, Problem> {
    who.require(Action::Search)?;
    wait_at_least(&registry, &headers).await?;
    let place = search.place.as_deref().map(parse_place).transpose()?;
    let named = registry.views.people.named(search.full_name.trim(), PAGE_MAX);
    let position = registry.folded();
    let (mut found, mut persons) = (Vec::new(), Vec::new());
    let mut is_cut = false;
    for id in named.map_err(|error| internal(&error))? {
        let Ok((id, row)) = visible_id(&registry, &who, id) else { continue };
        let born = row.archive.get(Item::BirthDate);
        let fits = search.birth_date.as_deref().is_none_or(|day| born == Some(day))
            && place.is_none_or(|whole| row.places().any(|place| place.lies_in(whole)));
        if fits && found.len() == FOUND_MAX {
            is_cut = true;
            break;
        }
        if fits && !persons.iter().any(|(known, _)| *known == id) {
            persons.push((id, values_told::of_hit(&row)));
            found.push(archive_json::hit(id, &row));
        }
    }
    let told = Answer {
        operation: "search_persons",
        count: found.len(),
        persons,
        fields: Vec::new(),
        as_of: Map::new(),
        query: Some(search.fingerprint(&registry)),
        position,
    };
    record_answer(&registry, &who, purpose, told).await?;
    Ok(at_position(position, Json(json!({"persons": found, "more": is_cut}))))
}

#[derive(Deserialize)]
struct Page {
    after: Option<String>,
    limit: Option<usize>,
}

async fn list_people(
    State(registry): State<Arc<Registry>>,
    who: Who,
    purpose: Purpose,
    Path(code): Path<String>,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Action::ListPlace)?;
    wait_at_least(&registry, &headers).await?;
    let place = parse_place(&code)?;
    if !who.0.covers(place) {
        return Err(Problem::new(&kinds::NOT_FOUND));
    }
    let after = page.after.as_deref().map(parse_cursor).transpose()?;
    let limit = page.limit.unwrap_or(100).clamp(1, PAGE_MAX);
    let position = registry.folded();
    let people = registry.views.people.living_in(place, after, limit);
    let people = people.map_err(|error| internal(&error))?;
    let next = people.last().filter(|_| people.len() == limit);
    let next = next.map(|(place, person)| format!("{place}.{person}"));
    let (mut list, mut persons) = (Vec::new(), Vec::with_capacity(people.len()));
    for (place, id) in people {
        if closed::is_unlisted(&registry, &who, id)? {
            continue;
        }
        let row = registry.views.people.row(id).map_err(|error| internal(&error))?;
        // The list and the row are read one after the other: who has moved in between is left out.
        let Some(row) = row.filter(|row| row.places().any(|one| one == place)) else { continue };
        persons.push((id, values_told::of_resident(&row, place)));
        list.push(json!({"person_id": id, "place": place}));
    }
    let mut asked = Map::new();
    asked.insert("place".into(), json!(place));
    let told = Answer {
        operation: "list_people",
        count: list.len(),
        persons,
        fields: vec!["person_id", "place"],
        as_of: asked,
        query: None,
        position,
    };
    record_answer(&registry, &who, purpose, told).await?;
    Ok(at_position(position, Json(json!({"people": list, "next": next}))))
}

/// The person of an id in a path, when the grant reaches them. Whether somebody exists outside of
/// it is not told: the answer is 404 either way.
pub(super) fn visible(
    registry: &Registry,
    who: &Who,
    id: &str,
) -> Result<(PersonId, Arc<Row>), Problem> {
    visible_id(registry, who, person_named(id)?)
}

pub(super) fn person_named(id: &str) -> Result<PersonId, Problem> {
    let id = uuid::Uuid::parse_str(id).map_err(|_| Problem::new(&kinds::NOT_FOUND))?;
    Ok(PersonId::from_uuid(id))
}

/// As [`visible`], of an id that was read.
pub(super) fn visible_id(
    registry: &Registry,
    who: &Who,
    id: PersonId,
) -> Result<(PersonId, Arc<Row>), Problem> {
    let (mut id, mut found) = (id, closed::row(registry, who, id)?);
    while let Some(owner) = found.owner {
        (id, found) = (owner, closed::row(registry, who, owner)?);
    }
    reached(who, id, &found)?;
    closed::refuse_hidden(who, &found)?;
    Ok((id, found))
}

/// Who answered for a record at an instant, and who was absorbed into them, where an instant is
/// asked for: before a merge that is another one than `id`, who answers now.
fn known_then(
    registry: &Registry,
    who: &Who,
    asked_for: PersonId,
    id: PersonId,
    known_at: Option<Timestamp>,
) -> Result<Option<(PersonId, Vec<PersonId>)>, Problem> {
    if known_at.is_none() {
        return Ok(None);
    }
    let then = replay::history::known_then(registry.log(), asked_for, known_at);
    let then = then.map_err(|error| internal(&error))?;
    // Whoever answered then may lie outside the grant.
    if let Some((person, _)) = then.as_ref().filter(|(person, _)| *person != id) {
        visible_alone(registry, who, *person)?;
    }
    // Of a record that was not there yet nothing was known, whoever absorbed it since.
    Ok(Some(then.unwrap_or_else(|| (asked_for, Vec::new()))))
}

/// Whether the grant reaches a record by itself, be it absorbed into another one.
fn visible_alone(registry: &Registry, who: &Who, id: PersonId) -> Result<(), Problem> {
    reached(who, id, &*closed::row(registry, who, id)?)
}

pub(super) fn reached(who: &Who, id: PersonId, row: &Row) -> Result<(), Problem> {
    let reached = who.0.may_read(id) && row.places().any(|place| who.0.covers(place));
    if reached { Ok(()) } else { Err(Problem::new(&kinds::NOT_FOUND)) }
}

/// A fault of ours: logged here once, and not told.
pub(super) fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!(error = %replay::chain(error), "a question could not be answered");
    Problem::new(&kinds::INTERNAL)
}
