//! Who was told of many persons, and whom a second person allowed to be told of more.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use domain::life_event::{Oversight, ReadingApproved};
use domain::{Fault, Position};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::break_glass::words;
use super::json_body::JsonBody;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::query::parse_instant;
use super::recording::oversee;
use super::who::Who;
use crate::access::{APPROVED_MAX, WINDOW_DAYS};
use crate::registry::{Approval, Registry};

/// Bytes of a subject and of a reason, at most.
const HOLDER_BYTES_MAX: usize = 255;
const WORDS_BYTES_MAX: usize = 2_000;
/// Days for which a word is good at most.
const DAYS_MAX: i64 = 90;
/// Entries on a page when nothing is asked for, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;

/// The routes of alarms and approvals.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/v1/audit/alarms", get(list_alarms))
        .route("/v1/audit/approvals", get(list_approvals).post(approve_reading))
        .with_state(registry)
}

#[derive(Deserialize)]
struct Page {
    holder: Option<String>,
    after: Option<u64>,
    limit: Option<usize>,
}

impl Page {
    /// The entries of the page, of those whose position and holder `of` tells, and where the next
    /// page begins.
    fn cut<T>(
        &self,
        all: Vec<T>,
        of: impl Fn(&T) -> (Position, &str),
    ) -> (Vec<T>, Option<Position>) {
        let limit = self.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
        let after = Position(self.after.unwrap_or(0));
        let is_asked = |one: &T| {
            let (position, holder) = of(one);
            position > after && self.holder.as_deref().is_none_or(|asked| asked == holder)
        };
        let mut asked: Vec<_> = all.into_iter().filter(is_asked).collect();
        let is_cut = asked.len() > limit;
        asked.truncate(limit);
        let next = asked.last().filter(|_| is_cut).map(|one| of(one).0);
        (asked, next)
    }
}

async fn list_alarms(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let mut all = registry.oversight.alarms();
    all.retain(|alarm| who.0.covers(alarm.place));
    let (alarms, next) = page.cut(all, |alarm| (alarm.position, &alarm.holder));
    let told = alarms.iter().map(|alarm| {
        json!({
            "position": alarm.position,
            "holder": alarm.holder,
            "role": alarm.said.role,
            "raised_at": alarm.raised_at,
            "persons": alarm.said.persons,
            "threshold": alarm.said.threshold,
            "days": WINDOW_DAYS,
        })
    });
    let told: Vec<_> = told.collect();
    Ok(Json(json!({"alarms": told, "next": next})).into_response())
}

async fn list_approvals(
    State(registry): State<Arc<Registry>>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let all = registry.oversight.approvals();
    let (approvals, next) = page.cut(all, |approval| (approval.position, &approval.said.holder));
    let told: Vec<_> = approvals.iter().map(told).collect();
    Ok(Json(json!({"approvals": told, "next": next})).into_response())
}

fn told(approval: &Approval) -> Value {
    let said = &approval.said;
    json!({
        "position": approval.position,
        "holder": said.holder,
        "up_to": said.up_to,
        "until": said.until,
        "reason": said.reason,
        "approver": approval.approver,
        "approved_at": approval.approved_at,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    holder: String,
    up_to: u32,
    until: String,
    reason: String,
}

async fn approve_reading(
    State(registry): State<Arc<Registry>>,
    who: Who,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Response, Problem> {
    let holder = words(&asked.holder, HOLDER_BYTES_MAX, "/holder")?;
    let reason = words(&asked.reason, WORDS_BYTES_MAX, "/reason")?;
    let until = parse_instant(&asked.until)?;
    let now = Timestamp::now();
    let last = now + SignedDuration::from_hours(24 * DAYS_MAX);
    if until <= now || until > last {
        let (zh, en) = ("期限须在今后90天之内", "it ends within 90 days from now");
        let fault = Fault::new("until_out_of_range", zh, en).at("/until");
        return Err(Problem::new(&kinds::REJECTED).errors(vec![fault]));
    }
    if !(1..=APPROVED_MAX).contains(&asked.up_to) {
        let (zh, en) = ("人数为1至100000", "1 to 100,000 persons");
        let fault = Fault::new("up_to_out_of_range", zh, en).at("/up_to");
        return Err(Problem::new(&kinds::REJECTED).errors(vec![fault]));
    }
    if holder == who.0.subject {
        let (zh, en) = ("审批人与查阅人相同", "who approves is who reads");
        let fault = Fault::new("approver_is_holder", zh, en).at("/holder");
        return Err(Problem::new(&kinds::REJECTED).errors(vec![fault]));
    }
    let up_to = asked.up_to;
    let said = ReadingApproved { holder, up_to, until, reason, later: Map::new() };
    let act = Oversight::ReadingApproved(Arc::new(said));
    let recorded = oversee(&registry, &who, act, None, Position(0)).await?;
    let position = recorded.envelope.position;
    let all = registry.oversight.approvals();
    let answer = all.iter().find(|approval| approval.position == position).map(told);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}
