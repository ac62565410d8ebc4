//! Persons: the archive on both axes of time, and the history. Every answer about a person is on
//! record before it leaves.

use std::future::Future;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use domain::life_event::ItemsTold;
use domain::{Item, PersonId};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::Row;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::archive_json::{AsOf, Asked, Shown};
use super::closed;
use super::history_seen;
use super::looking::Looking;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::query::{parse_day, parse_instant};
use super::recording::{Answer, record_answer};
use super::shelter;
use super::values_told;
use super::views_position::{AtLeast, at_position, wait_at_least};
use super::who::Who;
use crate::access::{Part, Show, Sight};
use crate::registry::Registry;

/// The routes of persons.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/v1/persons/{id}", get(read_person))
        .route("/v1/persons/{id}/history", get(read_history))
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
    looking: Looking,
    Path(id): Path<String>,
    Query(question): Query<Question>,
    at_least: AtLeast,
) -> Result<Response, Problem> {
    at_least.wait(&registry).await?;
    let OnRecord { recorded, answer } = person_read(&registry, looking, id, question)?;
    recorded.await?;
    answer
}

/// An answer that leaves when the read is on record.
struct OnRecord<R> {
    recorded: R,
    answer: Result<Response, Problem>,
}

/// The answer to a read of a person. By itself, so that nothing of what it was made from is kept
/// while the disk is busy: what waits is given back by any thread.
fn person_read(
    registry: &Arc<Registry>,
    looking: Looking,
    id: String,
    question: Question,
) -> Result<OnRecord<impl Future<Output = Result<(), Problem>> + use<>>, Problem> {
    let Looking { who, purpose, look } = looking;
    let asked_for = person_named(&id)?;
    let (mut id, row) = visible_id(registry, &who, asked_for)?;
    let look = shelter::look_at(registry, look, id);
    let valid_on = question.valid_on.as_deref().map(parse_day).transpose()?;
    let known_at = question.known_at.as_deref().map(parse_instant).transpose()?;
    let position = registry.folded();
    let mut absorbed = row.absorbed.clone();
    let past = if valid_on.is_some() || known_at.is_some() {
        if let Some(then) = known_then(registry, &who, asked_for, id, known_at)? {
            (id, absorbed) = then;
        }
        let archive = replay::history::as_of(registry.log(), id, valid_on, known_at);
        let Some(archive) = archive.map_err(|error| internal(&error))? else {
            // That nothing was known then is told of them too.
            let as_of = axes(valid_on, known_at);
            let told = Answer::about("read_person", id, ItemsTold::default());
            let told = Answer { as_of, position, count: 0, ..told };
            let recorded = record_answer(registry, &who, purpose, told);
            return Ok(OnRecord { recorded, answer: Err(Problem::new(&kinds::NOT_FOUND)) });
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
    let asked = Asked { wanted: wanted.as_deref(), as_of, sight: look.sight };
    let shown = Shown::new(people, id, archive, asked, deadlines);
    let mut shown = shown.joined(asked_for, absorbed).withholding(&hidden);
    let mut told = values_told::of_archive(archive, wanted.as_deref(), look.sight)
        .without(closed::items_of_topics(&hidden));
    if shelter::hides(registry, &who, asked_for, &row)?
        || past.as_ref().is_some_and(|past| shelter::hides_past(registry, &who, id, past))
    {
        shown = shown.sheltered();
        told = told.without(shelter::WHEREABOUTS);
    } else {
        shown = shown.without_tellers_of(&shelter::shared_acts(registry, &who, archive)?);
    }
    let recorded = Answer {
        fields: shown.parts(),
        masked: masked_parts(look.sight, wanted.as_deref()),
        as_of: axes(valid_on, known_at),
        position,
        ..Answer::about("read_person", id, told)
    };
    let recorded = record_answer(registry, &who, purpose, recorded);
    // Written while the disk is busy with the record.
    let answer = Ok(at_position(position, shown));
    registry.views.people.take_back(row);
    Ok(OnRecord { recorded, answer })
}

/// Names of the parts of the table of access that an answer shows masked, of what is wanted.
pub(super) fn masked_parts(sight: Sight, wanted: Option<&[&str]>) -> Vec<&'static str> {
    let is_part = |part: &Part| {
        let is_wanted = |name: &&str| match Item::from_name(name) {
            Some(item) => Part::of_item(item) == *part,
            // A part of an answer holds many.
            None => true,
        };
        wanted.is_none_or(|wanted| wanted.iter().any(is_wanted))
    };
    sight.parts(Show::Masked).filter(is_part).map(Part::name).collect()
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
    looking: Looking,
    Path(id): Path<String>,
    Query(question): Query<KnownAt>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Looking { who, purpose, look } = looking;
    wait_at_least(&registry, &headers).await?;
    let asked_for = person_named(&id)?;
    let is_erased = closed::erased_to_audit(&registry, &who, asked_for)?;
    let (id, hidden, is_sheltered) = match is_erased {
        true => (asked_for, Vec::new(), false),
        false => {
            let (id, row) = visible_id(&registry, &who, asked_for)?;
            (id, closed::hidden_topics(&who, &row), shelter::hides(&registry, &who, id, &row)?)
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
    let look = shelter::look_at(&registry, look, id);
    let (seen, told) = history_seen::seen(&entries, look.sight);
    let shown: Vec<_> = seen.iter().map(|(entry, _)| *entry).collect();
    let mut events = closed::entries(seen, &hidden);
    shelter::history(&registry, &who, id, is_sheltered, &shown, &mut events)?;
    // The log may be further than the views.
    let newest = entries.iter().map(|entry| entry.event.envelope.position).max();
    let mut as_of = axes(None, known_at);
    if is_erased {
        // The record of the read has no stream of theirs any more.
        as_of.insert("erased".into(), json!(id));
    }
    let mut told = told.without(closed::items_of_topics(&hidden));
    if is_sheltered {
        told = told.without(shelter::WHEREABOUTS);
    }
    let told = Answer {
        fields: vec!["history"],
        masked: masked_parts(look.sight, None),
        as_of,
        position: newest.map_or(position, |newest| newest.max(position)),
        ..Answer::about("read_history", id, told)
    };
    record_answer(&registry, &who, purpose, told).await?;
    let mut answer = json!({"person_id": id, "events": events});
    let withheld: Vec<_> = look.sight.parts(Show::None).map(Part::name).collect();
    if !withheld.is_empty() {
        answer["withheld"] = json!(withheld);
    }
    Ok(at_position(position, Json(answer)))
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
    shelter::refuse_near(registry, who, id, &found)?;
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
    if who.0.reaches(id, row.places()) { Ok(()) } else { Err(Problem::new(&kinds::NOT_FOUND)) }
}

/// A fault of ours: logged here once, and not told.
pub(super) fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!(error = %replay::chain(error), "a question could not be answered");
    Problem::new(&kinds::INTERNAL)
}
