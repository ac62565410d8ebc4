//! What a source sent in vain, until a corrected event clears it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use domain::life_event::{ItemsTold, Rejection};
use domain::submission::Source;
use domain::{Payload, Position};
use serde::Deserialize;
use serde_json::{Value, json};

use super::language::Language;
use super::looking::is_sender;
use super::persons::internal;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::query::parse_instant;
use super::recording::{Answer, record_answer};
use super::shelter;
use super::terms::Terms;
use super::views_position::{at_position, wait_at_least};
use super::who::{Purpose, Who};
use crate::access::{Action, may};
use crate::registry::Registry;

/// Rejections on a page.
const PAGE_MAX: usize = 1_000;

/// The routes of rejections.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new().route("/v1/rejections", get(list_rejections)).with_state(registry)
}

#[derive(Deserialize)]
struct Question {
    source: Option<String>,
    since: Option<String>,
    after: Option<u64>,
    limit: Option<usize>,
}

async fn list_rejections(
    State(registry): State<Arc<Registry>>,
    who: Who,
    language: Language,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    wait_at_least(&registry, &headers).await?;
    let since = question.since.as_deref().map(parse_instant).transpose()?;
    let sender = who.0.sender(jiff::Timestamp::now());
    let is_own =
        |text: &str| Source::read(text).is_ok_and(|source| sender.check_source(&source).is_ok());
    let sources = match question.source {
        Some(source) if is_own(&source) => vec![source],
        Some(_) => return Err(Problem::new(&kinds::NOT_FOUND)),
        None => {
            let known = registry.views.sources.list("").into_iter();
            known.filter(|(s, t)| t.waiting > 0 && is_own(s)).map(|(source, _)| source).collect()
        }
    };
    let after = Position(question.after.unwrap_or(0));
    let limit = question.limit.unwrap_or(100).clamp(1, PAGE_MAX);
    let mut positions = Vec::new();
    for source in &sources {
        let waiting = registry.views.sources.waiting(source, since, after, limit);
        positions.extend(waiting.map_err(|error| internal(&error))?);
    }
    positions.sort_unstable();
    positions.truncate(limit);
    let next = positions.last().filter(|_| positions.len() == limit).copied();
    let mut rejections = Vec::with_capacity(positions.len());
    let mut persons = BTreeSet::new();
    for position in positions {
        let Some(event) = registry.log().event(position).map_err(|error| internal(&error))? else {
            continue;
        };
        if let Some(Payload::Rejection(rejection)) = &event.payload {
            let mut told = told(&event, rejection, language, &who);
            if let Some(person) = rejection.person
                && shelter::hides_by_id(&registry, &who, person)?
            {
                // Whoever sent it has it, and knows it by its id.
                told["received"] = Value::Null;
                told["source"] = Value::Null;
            }
            rejections.push(told);
            persons.extend(rejection.person);
        }
    }
    // What was sent in vain is shown as it was sent, and tells of somebody; that nothing was, of
    // nobody.
    if !rejections.is_empty() {
        let read = Answer {
            persons: persons.into_iter().map(|id| (id, ItemsTold::default())).collect(),
            count: rejections.len(),
            fields: vec!["rejections"],
            position: registry.folded(),
            ..Answer::of_nobody("list_rejections")
        };
        // Whoever may list them does so to send them again.
        let purpose = Purpose("registration", Terms::default());
        record_answer(&registry, &who, purpose, read).await?;
    }
    let answer = json!({"rejections": rejections, "next": next});
    Ok(at_position(registry.folded(), Json(answer)))
}

/// A rejection. Who may send from its source is told what was sent; who may not, and sees persons,
/// whom it was about; who runs the service, what was wrong.
fn told(event: &domain::Recorded, rejection: &Rejection, language: Language, who: &Who) -> Value {
    let errors: Vec<_> = rejection
        .faults
        .iter()
        .map(|fault| {
            json!({
                "pointer": fault.pointer,
                "code": fault.code,
                "message": language.choose(&fault.zh, &fault.en),
            })
        })
        .collect();
    let is_sender = is_sender(who.0.role);
    let sees_persons = is_sender || may(who.0.role, Action::ReadPerson);
    let mut told = json!({
        "id": rejection.id,
        "type": rejection.event_type,
        "source": event.envelope.source,
        "status": if rejection.conflict { "conflict" } else { "rejected" },
        "position": event.envelope.position,
        "recorded_at": event.envelope.clocks.recorded_at,
        "person_id": rejection.person.filter(|_| sees_persons),
        "errors": errors,
        "received": is_sender.then_some(&rejection.received),
    });
    if !is_sender {
        told["withheld"] = json!(["received"]);
    }
    told
}
