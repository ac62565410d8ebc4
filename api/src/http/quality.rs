//! Measures of quality: how complete the records are, and how consistent, item by item and rule by
//! rule, down to the village. They are of one day, that of the newest event recorded.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use domain::items::BASE_ITEMS;
use domain::rules::EDITION;
use domain::{Item, Place};
use projections::quality::{Cell, Measures};
use serde::Deserialize;
use serde_json::{Value, json};

use super::persons::parse_place;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::views_position::{at_position, wait_at_least};
use super::who::Who;
use crate::access::Action;
use crate::registry::Registry;

/// The routes of the measures of quality.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/v1/metrics/completeness", get(read_completeness))
        .route("/v1/metrics/consistency", get(read_consistency))
        .with_state(registry)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    place: Option<String>,
    group_by: Option<String>,
}

/// What is asked for.
struct Asked {
    whole: Option<Place>,
    /// Digits of the divisions that rows are of.
    digits: Option<u8>,
    by_item: bool,
    by_rule: bool,
}

async fn read_completeness(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = asked(&registry, &who, &question, &headers, false).await?;
    Ok(answer(&registry, &asked, |place, cell, _| match asked.by_item {
        true => items()
            .map(|(item, at)| {
                let counts = cell.items[at];
                let mut row = row(place, counts.filled, counts.applicable);
                row["item"] = json!(item.name());
                row["normal"] = rate(counts.normal, counts.filled);
                row
            })
            .collect(),
        false => {
            let sum = |count: fn(&Cell, usize) -> u64| -> u64 {
                (0..BASE_ITEMS).map(|at| count(cell, at)).sum()
            };
            let filled = sum(|cell, at| cell.items[at].filled);
            let mut row = row(place, filled, sum(|cell, at| cell.items[at].applicable));
            row["normal"] = rate(sum(|cell, at| cell.items[at].normal), filled);
            row["records"] = rate(cell.complete, cell.persons);
            vec![row]
        }
    }))
}

async fn read_consistency(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = asked(&registry, &who, &question, &headers, true).await?;
    Ok(answer(&registry, &asked, |place, cell, measures| {
        if asked.by_rule {
            let whole = place.or(asked.whole);
            let rules = measures.book().rules().filter_map(|rule| {
                let counts = measures.areas(rule.id, whole).unwrap_or(cell.rule(rule.id));
                let held = counts.evaluated - counts.violations;
                let mut row = row(place, held, counts.evaluated);
                row["rule"] = json!(rule.id.to_string());
                row["severity"] = json!(rule.severity.name());
                row["violations"] = json!(counts.violations);
                (counts.evaluated > 0).then_some(row)
            });
            return rules.collect();
        }
        if asked.by_item {
            let rows = items().map(|(item, at)| {
                let mut row = row(place, cell.items[at].consistent, cell.items[at].filled);
                row["item"] = json!(item.name());
                row
            });
            return rows.collect();
        }
        vec![row(place, cell.consistent, cell.persons)]
    }))
}

fn items() -> impl Iterator<Item = (Item, usize)> {
    Item::all().take(BASE_ITEMS).zip(0..)
}

fn rate(numerator: u64, denominator: u64) -> Value {
    let rate = (denominator > 0).then(|| numerator as f64 / denominator as f64);
    json!({"numerator": numerator, "denominator": denominator, "rate": rate})
}

fn row(place: Option<Place>, numerator: u64, denominator: u64) -> Value {
    let mut row = rate(numerator, denominator);
    if let Some(place) = place {
        row["place"] = json!(place);
    }
    row
}

fn answer(
    registry: &Registry,
    asked: &Asked,
    rows: impl Fn(Option<Place>, &Cell, &Measures) -> Vec<Value>,
) -> Response {
    let measures = registry.views.people.measures();
    let cells = measures.cells(asked.whole, asked.digits);
    let rows: Vec<_> =
        cells.iter().flat_map(|(place, cell)| rows(*place, cell, &measures)).collect();
    let as_of = json!({
        "position": measures.position,
        "day": measures.today,
        "rules_version": EDITION.to_string(),
    });
    at_position(measures.position, Json(json!({"as_of": as_of, "rows": rows})))
}

async fn asked(
    registry: &Registry,
    who: &Who,
    question: &Question,
    headers: &HeaderMap,
    takes_rules: bool,
) -> Result<Asked, Problem> {
    who.require(Action::ReadMetrics)?;
    wait_at_least(registry, headers).await?;
    let place = question.place.as_deref().map(parse_place).transpose()?;
    let whole = match (place, who.0.place) {
        (Some(asked), _) if who.0.covers(asked) => Some(asked),
        (Some(_), _) => return Err(Problem::new(&kinds::NOT_FOUND)),
        (None, own) => own,
    };
    let mut asked = Asked { whole, digits: None, by_item: false, by_rule: false };
    for name in question.group_by.as_deref().unwrap_or("").split(',') {
        match name.trim() {
            "" => {}
            "place" => asked.digits = Some(next_level(whole)),
            "place:2" => asked.digits = Some(2),
            "place:4" => asked.digits = Some(4),
            "place:6" => asked.digits = Some(6),
            "place:9" => asked.digits = Some(9),
            "place:12" => asked.digits = Some(12),
            "item" => asked.by_item = true,
            "rule" if takes_rules => asked.by_rule = true,
            _ => return Err(no_such_group(takes_rules)),
        }
    }
    if asked.by_item && asked.by_rule {
        return Err(no_such_group(takes_rules));
    }
    Ok(asked)
}

/// The divisions just below the one that is asked about.
fn next_level(whole: Option<Place>) -> u8 {
    match whole.map(Place::digits) {
        None => 2,
        Some(2) => 4,
        Some(4) => 6,
        Some(6) => 9,
        Some(_) => 12,
    }
}

fn no_such_group(takes_rules: bool) -> Problem {
    let problem = Problem::new(&kinds::BAD_REQUEST);
    if takes_rules {
        problem.detail(
            "group_by 可用: place, place:2/4/6/9/12, item 或 rule",
            "group_by takes place, place:2/4/6/9/12, and item or rule",
        )
    } else {
        problem.detail(
            "group_by 可用: place, place:2/4/6/9/12, item",
            "group_by takes place, place:2/4/6/9/12, item",
        )
    }
}
