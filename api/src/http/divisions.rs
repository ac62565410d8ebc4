//! A division as it was on a day: its names, what it lay in, what lay in it, what became of it.
//! Nothing here is about anybody, so every token may ask.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use domain::clocks::day_in_china;
use domain::{DivisionKind, Divisions, Place, Standing};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::Problem;
use super::problem_kinds as kinds;
use super::query::{parse_day, parse_place};
use crate::registry::Registry;

/// Children on a page at most; no province has more than some 200 divisions right below it.
const CHILDREN_MAX: usize = 1_000;

/// The route.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new().route("/v1/divisions/{code}", get(read_division)).with_state(registry)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    on: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

async fn read_division(
    State(registry): State<Arc<Registry>>,
    Path(code): Path<String>,
    Query(question): Query<Question>,
) -> Result<Json<Value>, Problem> {
    let place = parse_place(&code)?.shortest();
    let divisions = registry.intake.reader(Timestamp::now()).divisions;
    let kind = divisions.kind(place).ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
    let today = day_in_china(Timestamp::now());
    let on = question.on.as_deref().map(parse_day).transpose()?.unwrap_or(today);
    let after = question.after.as_deref().map(parse_place).transpose()?;
    let limit = question.limit.unwrap_or(100).clamp(1, CHILDREN_MAX);
    let (standing, name) = match divisions.name_on(place, on) {
        Standing::Named(name) => ("named", Some(name)),
        Standing::Unsettled(name) => ("unsettled", Some(name)),
        Standing::Absent => ("absent", None),
        Standing::Unlisted => ("unlisted", None),
    };
    let mut answer = json!({
        "code": place,
        "on": on,
        "level": level(place),
        "kind": word(kind),
        "standing": standing,
        "name": name,
        "full_name": divisions.full_name(place, on),
        "parent": divisions.parent(place, on).map(|whole| told(divisions, whole, on)),
    });
    history(&mut answer, divisions, place, (on, today));
    let urban = registry.views.timeliness.cube().deadlines().areas().told(place);
    answer["urban"] = json!(urban.unwrap_or_else(|| place.is_urban()));
    answer["urban_by"] = json!(if urban.is_some() { "operator" } else { "code" });
    let children = divisions.children(place, on);
    let mut rest =
        children.iter().skip_while(|child| after.is_some_and(|after| !is_after(**child, after)));
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let next = page.last().filter(|_| rest.next().is_some());
    answer["next"] = json!(next);
    let page: Vec<_> = page.into_iter().map(|child| told(divisions, *child, on)).collect();
    answer["children"] = json!(page);
    Ok(Json(answer))
}

/// The name of the day with its first and last day, the names of all days, and what became of it.
fn history(answer: &mut Value, divisions: &Divisions, place: Place, (on, today): (Date, Date)) {
    let names = divisions.tenancies(place);
    let holds = |day: &Date| {
        names.iter().rev().find(|told| {
            told.valid_from.is_none_or(|first| first <= *day)
                && told.valid_to.is_none_or(|last| *day <= last)
        })
    };
    let of_the_day = holds(&on);
    answer["valid_from"] = json!(of_the_day.and_then(|told| told.valid_from));
    answer["valid_to"] = json!(of_the_day.and_then(|told| told.valid_to));
    let names = names.iter().map(
        |told| json!({"name": told.name, "valid_from": told.valid_from, "valid_to": told.valid_to}),
    );
    answer["names"] = json!(names.collect::<Vec<_>>());
    // Asked of a day on which it stood, that division is followed; else the last before today.
    let followed =
        divisions.successor(place, on, today).or_else(|| divisions.follower(place, today));
    let followed = followed.filter(|successor| *successor != place);
    answer["successor"] = json!(followed.map(|successor| told(divisions, successor, today)));
}

/// Codes of one level stand in their order; a city before its counties.
fn is_after(place: Place, other: Place) -> bool {
    let digits = |place: Place| format!("{:0<12}", place.to_string());
    digits(place) > digits(other)
}

fn told(divisions: &Divisions, place: Place, on: Date) -> Value {
    let name = match divisions.name_on(place, on) {
        Standing::Named(name) | Standing::Unsettled(name) => Some(name),
        Standing::Absent | Standing::Unlisted => None,
    };
    json!({"code": place, "name": name})
}

fn level(place: Place) -> &'static str {
    match place.digits() {
        2 => "province",
        4 => "prefecture",
        6 => "county",
        9 => "township",
        _ => "village",
    }
}

fn word(kind: DivisionKind) -> &'static str {
    match kind {
        DivisionKind::Division => "division",
        DivisionKind::Heading => "heading",
        DivisionKind::DevelopmentZone => "development_zone",
        DivisionKind::Unlisted => "unlisted",
        DivisionKind::Fictional => "fictional",
    }
}
