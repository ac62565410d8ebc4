//! Measures: timeliness with every grouping, lag curves, and how the sources do.

pub(super) mod answer;
mod rows;
mod sources;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use domain::Position;
use domain::clocks::day_in_china;
use jiff::Timestamp;
use projections::timeliness::{
    Borders, Dimension, Group, Level, Month, Timeliness, TimelinessQuery,
};
use serde::{Deserialize, Serialize};

use self::answer::{Page, Rows, answer};
use self::rows::{Curve, Timely};
use self::sources::read_sources;
use super::persons::internal;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::query::{parse_instant, parse_place};
use super::views_position::wait_at_least;
use super::who::Who;
use crate::registry::Registry;

/// Days of lag that a curve shows: a year and a month.
const CURVE_DAYS_MAX: u16 = 396;
/// The routes of measures.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/v1/metrics/timeliness", get(read_timeliness))
        .route("/v1/metrics/lag_curve", get(read_lag_curve))
        .route("/v1/metrics/sources", get(read_sources))
        .with_state(registry)
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    place: Option<String>,
    group_by: Option<String>,
    from: Option<String>,
    to: Option<String>,
    known_at: Option<String>,
    divisions: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

async fn read_timeliness(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let page = Page::read(question.limit, question.cursor.as_deref())?;
    let (rows, query, as_of) =
        ask(&registry, &who, question, &headers, |cube, query| cube.query(query)).await?;
    let rows = page.of(rows, |row| key(&row.group, &query));
    answer(registry.folded(), &headers, &as_of, &rows, Timely::from)
}

async fn read_lag_curve(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let page = Page::read(question.limit, question.cursor.as_deref())?;
    let (curves, query, as_of) = ask(&registry, &who, question, &headers, |cube, query| {
        cube.lag_curve(query, 1, CURVE_DAYS_MAX)
    })
    .await?;
    let curves: Rows<_> = page.of(curves, |curve| key(&curve.group, &query));
    answer(registry.folded(), &headers, &as_of, &curves, Curve::from)
}

/// Orders rows as they are answered.
fn key(group: &Group, query: &TimelinessQuery) -> String {
    format!("{:032x}", group.key(&query.group_by))
}

/// What an answer is true of.
#[derive(Serialize)]
struct AsOf {
    known_at: Option<Timestamp>,
    position: Position,
    rules_version: String,
}

/// Asks the live cube, or one folded up to the instant that the question names.
async fn ask<T: Send + 'static>(
    registry: &Arc<Registry>,
    who: &Who,
    question: Question,
    headers: &HeaderMap,
    ask: fn(&Timeliness, &TimelinessQuery) -> T,
) -> Result<(T, TimelinessQuery, AsOf), Problem> {
    wait_at_least(registry, headers).await?;
    let known_at = question.known_at.as_deref().map(parse_instant).transpose()?;
    let query = query(&question, who, known_at)?;
    let Some(known_at) = known_at else {
        let cube = registry.views.timeliness.cube();
        let position = registry.folded();
        let rules_version = cube.deadlines().rules_version().to_owned();
        let told = ask(&cube, &query);
        return Ok((told, query, AsOf { position, rules_version, known_at: None }));
    };
    let log = registry.log().clone();
    let deadlines = Arc::clone(registry.views.timeliness.cube().deadlines());
    let asked = tokio::task::spawn_blocking(move || {
        let (cube, position) = replay::known_then::timeliness(&log, deadlines, known_at)?;
        let rules_version = cube.deadlines().rules_version().to_owned();
        let as_of = AsOf { position, rules_version, known_at: Some(known_at) };
        Ok::<_, replay::ReplayError>((ask(&cube, &query), query, as_of))
    });
    asked.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))
}

fn query(
    question: &Question,
    who: &Who,
    known_at: Option<Timestamp>,
) -> Result<TimelinessQuery, Problem> {
    let asked = question.place.as_deref().map(parse_place).transpose()?;
    let place = match (asked, who.0.place) {
        (Some(asked), _) if who.0.covers(asked) => Some(asked),
        (Some(_), _) => return Err(Problem::new(&kinds::NOT_FOUND)),
        (None, own) => own,
    };
    let names = question.group_by.as_deref().unwrap_or("").split(',');
    let group_by =
        names.filter(|name| !name.is_empty()).map(dimension).collect::<Result<_, _>>()?;
    let borders = match question.divisions.as_deref() {
        None | Some("then") => Borders::Then,
        Some("now") => Borders::Now,
        Some(_) => {
            return Err(Problem::new(&kinds::BAD_REQUEST)
                .detail("divisions 可用: then, now", "divisions takes then or now"));
        }
    };
    Ok(TimelinessQuery {
        borders,
        place,
        from: question.from.as_deref().map(parse_month).transpose()?,
        to: question.to.as_deref().map(parse_month).transpose()?,
        group_by,
        as_of: day_in_china(known_at.unwrap_or_else(Timestamp::now)),
    })
}

/// `place`, or `place:9` for the divisions of nine digits.
fn dimension(name: &str) -> Result<Dimension, Problem> {
    Ok(match name.trim() {
        "place" => Dimension::Place(None),
        "place:2" => Dimension::Place(Some(Level::Province)),
        "place:4" => Dimension::Place(Some(Level::Prefecture)),
        "place:6" => Dimension::Place(Some(Level::County)),
        "place:9" => Dimension::Place(Some(Level::Township)),
        "place:12" => Dimension::Place(Some(Level::Village)),
        "event" => Dimension::Event,
        "department" => Dimension::Department,
        "channel" => Dimension::Channel,
        "month" => Dimension::Month,
        _ => {
            return Err(Problem::new(&kinds::BAD_REQUEST).detail(
                "group_by 可用: place, place:2/4/6/9/12, event, department, channel, month",
                "group_by takes place, place:2/4/6/9/12, event, department, channel, month",
            ));
        }
    })
}

/// A month, or the month of a day.
pub(super) fn parse_month(text: &str) -> Result<Month, Problem> {
    let month = text.get(..7).filter(|_| matches!(text.len(), 7 | 10)).and_then(Month::parse);
    month.ok_or_else(|| {
        Problem::new(&kinds::BAD_REQUEST)
            .detail("from、to 应为 YYYY-MM 或 YYYY-MM-DD", "from and to are YYYY-MM or YYYY-MM-DD")
    })
}
