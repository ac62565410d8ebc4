//! What readers looked at: the log of reads for who audits them.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use domain::clocks::day_in_china;
use domain::recorded::{Envelope, Recorded};
use domain::{Kind, Place, Position};
use jiff::Timestamp;
use replay::reads::{Found, first_since, search};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::accesses::blocking;
use super::accesses_json::{Viewer, person_of};
use super::looking::Looking;
use super::problem::Problem;
use super::query::{parse_instant, parse_place};
use super::recording::{Answer, record_answer};
use super::shelter;
use super::views_position::{at_position, wait_at_least};
use crate::registry::Registry;

/// Reads on a page when nothing is asked for, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;
/// Envelopes that are looked at for one page; the next page goes on behind them.
const LOOK_MAX: u64 = 200_000;

/// The route of the audit of reads.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new().route("/v1/audit/accesses", get(audit_accesses)).with_state(registry)
}

#[derive(Deserialize)]
struct Question {
    actor: Option<String>,
    place: Option<String>,
    from: Option<String>,
    to: Option<String>,
    after: Option<u64>,
    limit: Option<usize>,
}

/// Whose reads are asked for, from when to when, as far as the auditor's grant reaches.
struct Sought {
    actor: Option<String>,
    place: Option<Place>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Question {
    fn read(&self) -> Result<Sought, Problem> {
        Ok(Sought {
            actor: self.actor.clone(),
            place: self.place.as_deref().map(parse_place).transpose()?,
            from: self.from.as_deref().map(parse_since).transpose()?,
            to: self.to.as_deref().map(parse_instant).transpose()?,
        })
    }

    /// As it is recorded.
    fn as_of(&self) -> Map<String, Value> {
        let stated = [
            ("actor", &self.actor),
            ("place", &self.place),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let stated = stated
            .into_iter()
            .filter_map(|(name, text)| text.as_ref().map(|text| (name.to_owned(), json!(text))));
        stated.collect()
    }
}

/// Reads an instant from which on something is asked for: of a day its begin.
fn parse_since(text: &str) -> Result<Timestamp, Problem> {
    let Ok(day) = domain::items::parse_day(text) else { return parse_instant(text) };
    let begin = jiff::tz::offset(8).to_timestamp(day.at(0, 0, 0, 0));
    begin.or_else(|_| parse_instant(text))
}

async fn audit_accesses(
    State(registry): State<Arc<Registry>>,
    looking: Looking,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Looking { who, purpose, look } = looking;
    wait_at_least(&registry, &headers).await?;
    let sought = question.read()?;
    let limit = question.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let after = question.after;
    let (grant, log) = (Arc::clone(&who.0), registry.reads_log().clone());
    let found = blocking(move || {
        let begin = match (after, sought.from) {
            (Some(after), _) => Position(after.saturating_add(1)),
            (None, Some(from)) => first_since(&log, from)?,
            (None, None) => Position(1),
        };
        let is_wanted = |envelope: &Envelope| {
            // Acts of oversight have lists of their own.
            let is_read = envelope.event_type.number == Kind::PersonRead as u16;
            is_read
                && sought.actor.as_ref().is_none_or(|actor| *actor == envelope.actor)
                && sought.place.is_none_or(|whole| envelope.place.lies_in(whole))
                && sought.from.is_none_or(|from| envelope.clocks.recorded_at >= from)
                && grant.covers(envelope.place)
        };
        let behind = |to: Timestamp| Timestamp::from_microsecond(to.as_microsecond() + 1);
        let end = match sought.to.map(behind) {
            Some(Ok(end)) => first_since(&log, end)?,
            _ => Position(log.journal().head().0 + 1),
        };
        search(&log, begin, end, limit, LOOK_MAX, is_wanted)
    });
    let Found { reads, next } = found.await?;
    let position = registry.folded();
    let told = Answer {
        count: reads.len(),
        fields: vec!["accesses"],
        as_of: question.as_of(),
        position,
        ..Answer::of_nobody("audit_accesses")
    };
    record_answer(&registry, &who, purpose, told).await?;
    let viewer = Viewer::new(&look, day_in_china(Timestamp::now()));
    let entry = |read: &Recorded| {
        let (mut told, person) = (viewer.told(read), person_of(read));
        if let Some(person) = person
            && shelter::hides_by_id(&registry, &who, person)?
        {
            shelter::access(&mut told, read.envelope.place);
        }
        told.insert("person_id".to_owned(), json!(person));
        Ok(told)
    };
    let accesses = reads.iter().map(entry).collect::<Result<Vec<_>, Problem>>()?;
    // The position before the first that was not looked at.
    let next = next.map(|next| next.0 - 1);
    let answer = json!({"accesses": accesses, "next": next});
    Ok(at_position(position, Json(answer)))
}
