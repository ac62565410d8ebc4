//! What the audit rules doubt of a person's record today, with those around them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use domain::clocks::day_in_china;
use domain::rules::{EDITION, Findings, Rule, RuleBook};
use jiff::Timestamp;
use projections::quality::{Persons, audit};
use serde_json::{Map, Value, json};

use super::persons::{internal, record, visible};
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::views_position::{at_position, wait_at_least};
use super::who::{Purpose, Who};
use crate::access::Action;
use crate::registry::Registry;

/// The routes of flags.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new().route("/v1/persons/{id}/flags", get(read_flags)).with_state(registry)
}

async fn read_flags(
    State(registry): State<Arc<Registry>>,
    who: Who,
    purpose: Purpose,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Action::ReadPerson)?;
    wait_at_least(&registry, &headers).await?;
    let (id, _) = visible(&registry, &who, &id)?;
    let position = registry.folded();
    let today = day_in_china(Timestamp::now());
    let book = RuleBook::in_force(today);
    let around = Persons::around(&registry.views.people, &[id]);
    let persons = around.map_err(|error| internal(&error))?;
    let (findings, counted) = {
        let register = registry.views.people.across();
        let findings = audit(&book, &persons, &[id], None, Some(&register), today).pop();
        (findings, register.is_whole().then_some(register.position))
    };
    let (_, findings) = findings.ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
    let as_of = json!({
        "day": today, "position": position, "counts_position": counted, "edition": EDITION,
    });
    let answer = json!({
        "person_id": id,
        "flags": flags(&book, &findings),
        "not_evaluated": names(&book, &findings),
        "as_of": as_of,
    });
    let mut asked = Map::new();
    asked.insert("day".into(), json!(today));
    record(&registry, &who, Some(id), purpose, "read_flags", vec!["flags"], asked).await?;
    Ok(at_position(position, Json(answer)))
}

/// Each rule by which something is wrong, in the order of the table.
pub(super) fn flags(book: &RuleBook, findings: &Findings) -> Vec<Value> {
    findings.fired.iter().filter_map(|id| book.rule(id)).map(flag).collect()
}

fn flag(rule: &Rule) -> Value {
    json!({
        "rule": rule.id.to_string(),
        "class": rule.id.class().name(),
        "severity": rule.severity.name(),
        "items": rule.items.iter().map(|field| field.name()).collect::<Vec<_>>(),
        "message": {"zh": rule.message_zh, "en": rule.message_en},
        "edition": EDITION,
    })
}

/// The rules for which an operand is missing.
fn names(book: &RuleBook, findings: &Findings) -> Vec<String> {
    let rules = findings.not_evaluated.iter().filter_map(|id| book.rule(id));
    rules.map(|rule| rule.id.to_string()).collect()
}
