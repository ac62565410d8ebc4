//! Broken glass: somebody who must know gives themselves sight of one person for some minutes, says
//! why, and is looked into by somebody else afterwards. The person is told of it like of any read.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::life_event::{GlassBroken, GlassReviewed, ItemsTold, Oversight};
use domain::{Fault, PersonId, Position};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::accesses_json::department_told;
use super::closed;
use super::json_body::JsonBody;
use super::persons::{person_named, reached};
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::recording::{Answer, oversee, record_answer};
use super::views_position::wait_at_least;
use super::who::{Purpose, Who};
use crate::registry::{Glass, Registry};

/// Minutes for which glass is broken at most.
const MINUTES_MAX: i64 = 60;
/// Bytes of a ticket and of what is said in words, at most.
const TICKET_BYTES_MAX: usize = 100;
const WORDS_BYTES_MAX: usize = 2_000;
/// Entries on a page when nothing is asked for, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;

/// The routes of broken glass.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/v1/break-glass", post(break_glass))
        .route("/v1/audit/break-glass", get(list_broken_glass))
        .route("/v1/audit/break-glass/{glass}/review", post(review_broken_glass))
        .with_state(registry)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    person: String,
    ticket: String,
    reason: String,
    minutes: i64,
}

async fn break_glass(
    State(registry): State<Arc<Registry>>,
    who: Who,
    purpose: Purpose,
    headers: HeaderMap,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Response, Problem> {
    wait_at_least(&registry, &headers).await?;
    let ticket = words(&asked.ticket, TICKET_BYTES_MAX, "/ticket")?;
    let reason = words(&asked.reason, WORDS_BYTES_MAX, "/reason")?;
    if !(1..=MINUTES_MAX).contains(&asked.minutes) {
        let fault = Fault::new("minutes_out_of_range", "时限为1至60分钟", "1 to 60 minutes");
        return Err(Problem::new(&kinds::BAD_REQUEST).errors(vec![fault.at("/minutes")]));
    }
    let person = person_reached(&registry, &who, person_named(&asked.person)?)?;
    let until = Timestamp::now() + SignedDuration::from_mins(asked.minutes);
    let role = who.0.role.name().to_owned();
    let said = GlassBroken { person, role, until, ticket, reason, later: Map::new() };
    let act = Oversight::GlassBroken(Arc::new(said));
    let recorded = oversee(&registry, &who, act, Some(person), Position(0)).await?;
    let id = recorded.envelope.position;
    let as_of = Map::from_iter([("minutes".to_owned(), json!(asked.minutes))]);
    // What the person is told of, unless that is lawfully hidden.
    let told = Answer {
        fields: vec!["break_glass"],
        as_of,
        position: registry.folded(),
        ..Answer::about("break_glass", person, ItemsTold::default())
    };
    record_answer(&registry, &who, purpose, told).await?;
    crate::counts::COUNTS.glass_broken.add();
    tracing::warn!(glass = id.0, until = %until, "glass was broken");
    let answer = json!({"id": id, "person_id": person, "until": until});
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// The person of an id, when the grant reaches them; who is sheltered too, since who may break glass
/// may see them then.
fn person_reached(registry: &Registry, who: &Who, id: PersonId) -> Result<PersonId, Problem> {
    let (mut id, mut row) = (id, closed::row(registry, who, id)?);
    while let Some(owner) = row.owner {
        (id, row) = (owner, closed::row(registry, who, owner)?);
    }
    reached(who, id, &row)?;
    closed::refuse_hidden(who, &row)?;
    Ok(id)
}

/// What somebody says in words: something, and not too much.
pub(super) fn words(text: &str, bytes_max: usize, pointer: &str) -> Result<String, Problem> {
    let text = text.trim();
    let is_plain = |c: char| !c.is_control() || c == '\n';
    if !text.is_empty() && text.len() <= bytes_max && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    let (zh, en) = ("须如实填写,且不可过长", "it must be said, and not at such length");
    let fault = Fault::new("words_missing", zh, en);
    Err(Problem::new(&kinds::BAD_REQUEST).errors(vec![fault.at(pointer)]))
}

#[derive(Deserialize)]
struct Question {
    state: Option<String>,
    after: Option<u64>,
    limit: Option<usize>,
}

async fn list_broken_glass(
    State(registry): State<Arc<Registry>>,
    who: Who,
    purpose: Purpose,
    Query(Question { state, after, limit }): Query<Question>,
) -> Result<Response, Problem> {
    let now = Timestamp::now();
    let is_asked: fn(&Glass, Timestamp) -> bool = match state.as_deref() {
        None | Some("all") => |_, _| true,
        Some("open") => Glass::is_open,
        Some("unreviewed") => |glass, _| glass.review.is_none(),
        Some("overdue") => Glass::is_overdue,
        Some("reviewed") => |glass, _| glass.review.is_some(),
        Some(_) => {
            return Err(Problem::new(&kinds::BAD_REQUEST).detail(
                "state 为 open、unreviewed、overdue、reviewed 或 all",
                "state is open, unreviewed, overdue, reviewed or all",
            ));
        }
    };
    let limit = limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let after = Position(after.unwrap_or(0));
    let all = known(&registry);
    let mut asked = all
        .iter()
        .filter(|glass| glass.id > after && who.0.covers(glass.place) && is_asked(glass, now));
    let page: Vec<_> = asked.by_ref().take(limit).collect();
    let next = page.last().filter(|_| asked.next().is_some()).map(|glass| glass.id);
    let shown: Vec<_> = page.iter().map(|glass| told(glass, now)).collect();
    let answer = Answer {
        count: shown.len(),
        fields: vec!["break_glass"],
        position: registry.folded(),
        ..Answer::of_nobody("list_broken_glass")
    };
    record_answer(&registry, &who, purpose, answer).await?;
    Ok(Json(json!({"break_glass": shown, "next": next})).into_response())
}

/// Every broken glass; of whom is erased that there was one, and nothing of what was said.
fn known(registry: &Registry) -> Vec<Glass> {
    let mut all = registry.oversight.glasses();
    for glass in &mut all {
        let person = glass.said.as_ref().map(|said| said.person);
        let keys = registry.log().keys();
        if person.is_some_and(|person| keys.is_destroyed(person.as_uuid())) {
            glass.said = None;
            if let Some((.., found)) = &mut glass.review {
                *found = None;
            }
        }
    }
    all
}

fn told(glass: &Glass, now: Timestamp) -> Value {
    let said = glass.said.as_ref();
    let review = glass.review.as_ref().map(|(reviewer, reviewed_at, found)| {
        json!({
            "reviewer": reviewer,
            "reviewed_at": reviewed_at,
            "justified": found.as_ref().map(|found| found.justified),
            "note": found.as_ref().map(|found| &found.note),
        })
    });
    json!({
        "id": glass.id,
        "holder": glass.holder,
        "department": department_told(glass.department),
        "role": said.map(|said| &said.role),
        "person_id": said.map(|said| said.person),
        "ticket": said.map(|said| &said.ticket),
        "reason": said.map(|said| &said.reason),
        "broken_at": glass.broken_at,
        "until": said.map(|said| said.until),
        "open": glass.is_open(now),
        "overdue": glass.is_overdue(now),
        "review": review,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Review {
    justified: bool,
    note: String,
}

async fn review_broken_glass(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Path(glass): Path<u64>,
    JsonBody(Review { justified, note }): JsonBody<Review>,
) -> Result<Response, Problem> {
    let note = words(&note, WORDS_BYTES_MAX, "/note")?;
    let all = known(&registry);
    let glass = all.iter().find(|one| one.id.0 == glass && who.0.covers(one.place));
    let glass = glass.ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
    if glass.holder == who.0.subject {
        let (zh, en) = ("复核人与启用人相同", "who looks into it is who broke it");
        let fault = Fault::new("reviewer_is_holder", zh, en).at("");
        return Err(Problem::new(&kinds::REJECTED).errors(vec![fault]));
    }
    if glass.review.is_some() {
        let (zh, en) = ("已复核", "it was looked into before");
        let fault = Fault::new("already_reviewed", zh, en).at("");
        return Err(Problem::new(&kinds::REJECTED).errors(vec![fault]));
    }
    let person = glass.said.as_ref().map(|said| said.person);
    let found = GlassReviewed { glass: glass.id, justified, note, later: Map::new() };
    let act = Oversight::GlassReviewed(Arc::new(found));
    let recorded = oversee(&registry, &who, act, person, glass.id).await?;
    let now = Timestamp::now();
    let all = known(&registry);
    let reviewed = all.iter().find(|one| one.id == recorded.envelope.causation);
    let answer = reviewed.map(|glass| told(glass, now));
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}
