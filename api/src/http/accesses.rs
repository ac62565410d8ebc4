//! Who looked at a person, and who was told a value that was corrected since: answered from the
//! reads on record, along the person's own stream.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use domain::clocks::day_in_china;
use domain::life_event::ItemsTold;
use domain::recorded::Recorded;
use domain::{Item, PersonId, Position};
use jiff::Timestamp;
use replay::ReplayError;
use replay::reads::Backwards;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::accesses_json::{Viewer, read_of};
use super::looking::Looking;
use super::persons::{internal, visible};
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::recording::{Answer, record_answer};
use super::shelter;
use super::views_position::{at_position, wait_at_least};
use crate::access::Part;
use crate::registry::Registry;

/// Reads on a page when nothing is asked for, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;

/// The routes of accesses and disclosures.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/v1/persons/{id}/accesses", get(read_accesses))
        .route("/v1/persons/{id}/disclosures", get(read_disclosures))
        .with_state(registry)
}

/// Which part of a list of reads is asked for, newest first.
#[derive(Deserialize)]
struct Page {
    before: Option<u64>,
    limit: Option<usize>,
}

async fn read_accesses(
    State(registry): State<Arc<Registry>>,
    looking: Looking,
    Path(id): Path<String>,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Looking { who, purpose, look } = looking;
    wait_at_least(&registry, &headers).await?;
    let (id, row) = visible(&registry, &who, &id)?;
    let persons = std::iter::once(id).chain(row.absorbed.iter().copied()).collect();
    let position = registry.folded();
    let viewer = Viewer::new(&look, day_in_china(Timestamp::now()));
    let found = shown(&registry, persons, page, move |read| viewer.sees(read)).await?;
    let told = Answer {
        fields: vec!["accesses"],
        position,
        ..Answer::about("read_accesses", id, ItemsTold::default())
    };
    record_answer(&registry, &who, purpose, told).await?;
    let is_sheltered = shelter::hides(&registry, &who, id, &row)?;
    let accesses = accesses_told(&found.reads, viewer, is_sheltered);
    let answer = json!({"person_id": id, "accesses": accesses, "next": found.next});
    Ok(at_position(position, Json(answer)))
}

#[derive(Deserialize)]
struct ValueAsked {
    item: String,
    value_at: u64,
    before: Option<u64>,
    limit: Option<usize>,
}

async fn read_disclosures(
    State(registry): State<Arc<Registry>>,
    looking: Looking,
    Path(id): Path<String>,
    Query(asked): Query<ValueAsked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Looking { who, purpose, look } = looking;
    wait_at_least(&registry, &headers).await?;
    let (id, row) = visible(&registry, &who, &id)?;
    let is_sheltered = shelter::hides(&registry, &who, id, &row)?;
    let ValueAsked { item, value_at, before, limit } = asked;
    let item = Item::from_name(&item).ok_or_else(|| {
        Problem::new(&kinds::BAD_REQUEST).detail("没有这个项目", "there is no such item")
    })?;
    // Who was told a value tells that there is one.
    if !look.sight.sees(Part::of_item(item)) {
        return Err(Problem::new(&kinds::NOT_ALLOWED));
    }
    let value_at = Position(value_at);
    let position = registry.folded();
    let log = registry.log().clone();
    // A value may have been told while the record was one with another, and be this one's still.
    let persons = blocking(move || replay::history::ever_one_with(&log, id)).await?;
    let viewer = Viewer::new(&look, day_in_china(Timestamp::now()));
    let is_told = move |read: &Recorded| {
        viewer.sees(read) && read_of(read).is_some_and(|read| read.told.has(item, value_at))
    };
    let found = shown(&registry, persons, Page { before, limit }, is_told).await?;
    let mut as_of = Map::new();
    as_of.insert("item".into(), json!(item));
    as_of.insert("value_at".into(), json!(value_at));
    let told = Answer {
        fields: vec!["disclosures"],
        as_of,
        position,
        ..Answer::about("read_disclosures", id, ItemsTold::default())
    };
    record_answer(&registry, &who, purpose, told).await?;
    let disclosures = accesses_told(&found.reads, viewer, is_sheltered);
    let answer = json!({
        "person_id": id,
        "item": item,
        "value_at": value_at,
        "disclosures": disclosures,
        "next": found.next,
    });
    Ok(at_position(position, Json(answer)))
}

/// Reads as they are told, without places where the person is sheltered from who asks.
fn accesses_told(
    reads: &[Recorded],
    viewer: Viewer,
    is_sheltered: bool,
) -> Vec<Map<String, Value>> {
    let told = reads.iter().map(|read| {
        let mut told = viewer.told(read);
        if is_sheltered {
            shelter::access(&mut told, read.envelope.place);
        }
        told
    });
    told.collect()
}

/// Reads to be shown, newest first, and where the next page begins.
struct Shown {
    reads: Vec<Recorded>,
    next: Option<Position>,
}

/// The reads of a page that somebody may see. What they may not see leaves no gap: a page is as
/// long as if it were not there, and there is a next one only where that shows something.
async fn shown(
    registry: &Registry,
    persons: Vec<PersonId>,
    page: Page,
    is_shown: impl Fn(&Recorded) -> bool + Send + 'static,
) -> Result<Shown, Problem> {
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let before = page.before.map(Position);
    let log = registry.reads_log().clone();
    blocking(move || {
        let mut backwards = Backwards::of(&log, &persons, before)?;
        let mut reads: Vec<Recorded> = Vec::new();
        while let Some(read) = backwards.next_older()? {
            if !is_shown(&read) {
                continue;
            }
            if reads.len() == limit {
                let next = reads.last().map(|read| read.envelope.position);
                return Ok(Shown { reads, next });
            }
            reads.push(read);
        }
        Ok(Shown { reads, next: None })
    })
    .await
}

/// Reads a log on a thread that may wait for the disk.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReplayError> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| internal(&error))?;
    done.map_err(|error| internal(&error))
}
