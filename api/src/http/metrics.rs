//! Measures: timeliness with every grouping, lag curves, and how the sources do.

mod rows;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::Response;
use axum::routing::get;
use domain::Position;
use domain::clocks::day_in_china;
use jiff::Timestamp;
use projections::timeliness::{Borders, Dimension, Level, Month, Timeliness, TimelinessQuery};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use self::rows::{Curve, Timely};
use super::archive_json::instant;
use super::persons::{internal, parse_instant, parse_place};
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::views_position::{at_position, wait_at_least};
use super::who::Who;
use crate::access::Action;
use crate::registry::Registry;

/// Days of lag that a curve shows: a year and a month.
const CURVE_DAYS_MAX: u16 = 396;
/// Most rows are shorter as JSON.
const ROW_BYTES_EXPECTED: usize = 400;

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
}

async fn read_timeliness(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (rows, as_of) =
        ask(&registry, &who, question, &headers, |cube, query| cube.query(query)).await?;
    answer(&registry, &headers, &as_of, &rows, Timely::from)
}

async fn read_lag_curve(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (curves, as_of) = ask(&registry, &who, question, &headers, |cube, query| {
        cube.lag_curve(query, 1, CURVE_DAYS_MAX)
    })
    .await?;
    answer(&registry, &headers, &as_of, &curves, Curve::from)
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
) -> Result<(T, AsOf), Problem> {
    who.require(Action::ReadMetrics)?;
    wait_at_least(registry, headers).await?;
    let known_at = question.known_at.as_deref().map(parse_instant).transpose()?;
    let query = query(&question, who, known_at)?;
    let Some(known_at) = known_at else {
        let cube = registry.views.timeliness.cube();
        let position = registry.folded();
        let rules_version = cube.deadlines().rules_version().to_owned();
        return Ok((ask(&cube, &query), AsOf { position, rules_version, known_at: None }));
    };
    let log = registry.log().clone();
    let deadlines = Arc::clone(registry.views.timeliness.cube().deadlines());
    let asked = tokio::task::spawn_blocking(move || {
        let (cube, position) = replay::known_then::timeliness(&log, deadlines, known_at)?;
        let rules_version = cube.deadlines().rules_version().to_owned();
        let as_of = AsOf { position, rules_version, known_at: Some(known_at) };
        Ok::<_, replay::ReplayError>((ask(&cube, &query), as_of))
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
fn parse_month(text: &str) -> Result<Month, Problem> {
    let month = text.get(..7).filter(|_| matches!(text.len(), 7 | 10)).and_then(Month::parse);
    month.ok_or_else(|| {
        Problem::new(&kinds::BAD_REQUEST)
            .detail("from、to 应为 YYYY-MM 或 YYYY-MM-DD", "from and to are YYYY-MM or YYYY-MM-DD")
    })
}

async fn read_sources(
    State(registry): State<Arc<Registry>>,
    who: Who,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Action::ReadMetrics)?;
    wait_at_least(&registry, &headers).await?;
    let own = |source: &str| {
        domain::submission::Source::read(source).is_ok_and(|source| who.0.covers(source.division))
    };
    let list = registry.views.sources.list("");
    let list: Vec<_> = list.into_iter().filter(|(source, _)| own(source)).collect();
    let position = registry.folded();
    let as_of = AsOf { position, rules_version: String::new(), known_at: None };
    answer(&registry, &headers, &as_of, &list, |(source, tally)| {
        json!({
            "source": source,
            "recorded": tally.recorded,
            "rejected": tally.rejected,
            "conflicts": tally.conflicts,
            "waiting": tally.waiting,
            "last_seen": instant(tally.last_seen_micros),
        })
    })
}

fn answer<'a, R, T: Serialize>(
    registry: &Registry,
    headers: &HeaderMap,
    as_of: &'a AsOf,
    rows: &'a [R],
    tell: fn(&'a R) -> T,
) -> Result<Response, Problem> {
    let position = registry.folded();
    if headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/csv")) {
        let rows = rows.iter().map(tell).map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
        let text = csv_of(&rows.map_err(|error| internal(&error))?);
        let text = text.map_err(|error| internal(&error))?;
        return Ok(at_position(position, ([(CONTENT_TYPE, "text/csv; charset=utf-8")], text)));
    }
    let answer = Answer { as_of, rows: Rows(rows, tell) };
    let mut text = Vec::with_capacity(128 + rows.len() * ROW_BYTES_EXPECTED);
    serde_json::to_writer(&mut text, &answer).map_err(|error| internal(&error))?;
    Ok(at_position(position, ([(CONTENT_TYPE, "application/json")], text)))
}

#[derive(Serialize)]
#[serde(bound = "T: Serialize")]
struct Answer<'a, R, T> {
    as_of: &'a AsOf,
    rows: Rows<'a, R, T>,
}

/// Rows and how each is told; told one by one while they are written.
struct Rows<'a, R, T>(&'a [R], fn(&'a R) -> T);

impl<R, T: Serialize> Serialize for Rows<'_, R, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

/// Nested figures become columns named `split.citizen` and the like.
fn csv_of(rows: &[Value]) -> Result<String, csv::Error> {
    let flat = |row: &Value| {
        let mut cells: Vec<(String, String)> = Vec::new();
        for (name, value) in row.as_object().into_iter().flatten() {
            match value {
                Value::Object(parts) => cells.extend(
                    parts.iter().map(|(part, value)| (format!("{name}.{part}"), cell(value))),
                ),
                other => cells.push((name.clone(), cell(other))),
            }
        }
        cells
    };
    let rows: Vec<_> = rows.iter().map(flat).collect();
    let mut columns: Vec<String> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&columns)?;
    for row in &rows {
        let of = |column: &String| row.iter().find(|(name, _)| name == column);
        writer.write_record(columns.iter().map(|c| of(c).map_or("", |(_, text)| text)))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
