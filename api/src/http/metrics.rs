//! Measures: timeliness with every grouping, lag curves, and how the sources do.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use domain::clocks::day_in_china;
use domain::{Kind, Position};
use jiff::Timestamp;
use projections::deadlines::Deadlines;
use projections::timeliness::{
    Dimension, Group, LagCurve, Level, Month, Row, Timeliness, TimelinessQuery,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::archive_json::{ascii, department, instant};
use super::persons::{internal, parse_instant, parse_place};
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::views_position::{at_position, wait_at_least};
use super::who::Who;
use crate::access::Action;
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
}

async fn read_timeliness(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (rows, as_of) =
        ask(&registry, &who, question, &headers, |cube, query| cube.query(query)).await?;
    let objects = rows.iter().map(row_json).collect();
    answer(&registry, &headers, as_of, objects)
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
    let objects = curves.iter().map(curve_json).collect();
    answer(&registry, &headers, as_of, objects)
}

/// What an answer is true of.
struct AsOf {
    position: Position,
    rules_version: String,
    known_at: Option<Timestamp>,
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
    let asked = tokio::task::spawn_blocking(move || {
        let deadlines = Arc::new(Deadlines::embedded());
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
    Ok(TimelinessQuery {
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

fn group_json(group: &Group) -> Map<String, Value> {
    let mut told = Map::new();
    let mut tell = |name: &str, value: Option<Value>| {
        told.extend(value.map(|value| (name.to_owned(), value)));
    };
    tell("place", group.place.map(|place| json!(place)));
    let event = group.event.and_then(Kind::from_number).map(|(kind, _)| kind.code());
    tell("event", event.map(|code| json!(code)));
    tell("department", group.department.map(|code| json!(department(code))));
    tell("channel", group.channel.map(|code| json!(ascii(&code))));
    tell("month", group.month.map(|month| json!(month.to_string())));
    told
}

fn row_json(row: &Row) -> Map<String, Value> {
    let mut told = group_json(&row.group);
    let split = row.split.map(|split| {
        json!({
            "citizen": split.citizen,
            "department": split.department,
            "transport": split.transport,
            "registry": split.registry,
        })
    });
    let figures = json!({
        "numerator": row.numerator,
        "denominator": row.denominator,
        "rate": row.rate,
        "total": row.total,
        "unruled": row.unruled,
        "not_yet_due": row.not_yet_due,
        "p50_days": row.p50_days,
        "p90_days": row.p90_days,
        "p99_days": row.p99_days,
        "split": split,
        "open": row.open,
    });
    if let Value::Object(figures) = figures {
        told.extend(figures);
    }
    told
}

fn curve_json(curve: &LagCurve) -> Map<String, Value> {
    let mut told = group_json(&curve.group);
    let points = curve.points.iter().map(
        |point| json!({"lag_days": point.lag_days, "count": point.count, "share": point.share}),
    );
    told.insert("points".into(), points.collect());
    told.insert("total".into(), json!(curve.total));
    told
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
    let rows = list.into_iter().filter(|(source, _)| own(source)).map(|(source, tally)| {
        let row = json!({
            "source": source,
            "recorded": tally.recorded,
            "rejected": tally.rejected,
            "conflicts": tally.conflicts,
            "waiting": tally.waiting,
            "last_seen": instant(tally.last_seen_micros),
        });
        match row {
            Value::Object(row) => row,
            _ => Map::new(),
        }
    });
    let rows = rows.collect();
    let position = registry.folded();
    let as_of = AsOf { position, rules_version: String::new(), known_at: None };
    answer(&registry, &headers, as_of, rows)
}

fn answer(
    registry: &Registry,
    headers: &HeaderMap,
    as_of: AsOf,
    rows: Vec<Map<String, Value>>,
) -> Result<Response, Problem> {
    let position = registry.folded();
    if headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/csv")) {
        let text = csv_of(&rows).map_err(|error| internal(&error))?;
        return Ok(at_position(position, ([(CONTENT_TYPE, "text/csv; charset=utf-8")], text)));
    }
    let as_of = json!({
        "position": as_of.position,
        "rules_version": as_of.rules_version,
        "known_at": as_of.known_at,
    });
    Ok(at_position(position, Json(json!({"as_of": as_of, "rows": rows})).into_response()))
}

/// Nested figures become columns named `split.citizen` and the like.
fn csv_of(rows: &[Map<String, Value>]) -> Result<String, csv::Error> {
    let flat = |row: &Map<String, Value>| {
        let mut cells: Vec<(String, String)> = Vec::new();
        for (name, value) in row {
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
