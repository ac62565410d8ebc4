//! Measures of quality: how complete the records are, and how consistent, item by item and rule by
//! rule, down to the village, as they are now, as they were known at an instant, and month by month.
//!
//! They count rows of people, so a month's measure is that of the rows as they stood at its end,
//! judged on its last day, and not of what happened in it. The month that is not over is told as of
//! now, and open.

mod past;
mod rows;
mod small_cells;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::RETRY_AFTER;
use axum::response::Response;
use axum::routing::get;
use domain::rules::EDITION;
use domain::{Place, Position};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::timeliness::Month;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::past::Past;
use self::rows::{Measure, Standing};
use super::metrics::answer::{Page, answer};
use super::metrics::parse_month;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::query::{parse_instant, parse_place};
use super::views_position::wait_at_least;
use super::who::Who;
use crate::registry::{Collector, Registry};

/// Months that are told when nobody says which.
const MONTHS: u16 = 12;
/// Months of one question, at most.
const MONTHS_MAX: usize = 120;

#[derive(Clone)]
struct Served {
    registry: Arc<Registry>,
    past: Arc<Past>,
}

/// The routes of the measures of quality.
pub fn routes(registry: Arc<Registry>) -> Router {
    let past = Arc::new(Past::in_folder(&registry.spool_folder()));
    Router::new()
        .route("/v1/metrics/completeness", get(read_completeness))
        .route("/v1/metrics/consistency", get(read_consistency))
        .with_state(Served { registry, past })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    place: Option<String>,
    group_by: Option<String>,
    from: Option<String>,
    to: Option<String>,
    known_at: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// What is asked for.
struct Asked {
    measure: Measure,
    whole: Option<Place>,
    /// Digits of the divisions that rows are of.
    digits: Option<u8>,
    by_item: bool,
    by_rule: bool,
    by_month: bool,
}

/// What an answer is true of.
#[derive(Serialize)]
struct AsOf {
    /// The position up to which the rules across records looked.
    across_position: Option<Position>,
    day: Date,
    known_at: Option<Timestamp>,
    position: Position,
    rules_version: String,
}

async fn read_completeness(
    State(served): State<Served>,
    who: Who,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    read(Measure::Completeness, &served, &who, &question, &headers).await
}

async fn read_consistency(
    State(served): State<Served>,
    who: Who,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    read(Measure::Consistency, &served, &who, &question, &headers).await
}

async fn read(
    measure: Measure,
    served: &Served,
    who: &Who,
    question: &Question,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    wait_at_least(&served.registry, headers).await?;
    let page = Page::read(question.limit, question.cursor.as_deref())?;
    let asked = Asked::read(measure, who, question)?;
    let known_at = question.known_at.as_deref().map(parse_instant).transpose()?;
    let known_at = known_at.filter(|known_at| *known_at < Timestamp::now());
    let (mut as_of, mut rows) = match (asked.by_month, known_at) {
        (false, None) => live(&served.registry, &asked, None)?,
        (false, Some(known_at)) => {
            let told = served.past.at(&served.registry, vec![known_at]).await?;
            let told = told.first().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
            let standing = Standing::past(told, None);
            (AsOf::of(&standing), rows::of(&asked, &standing))
        }
        (true, known_at) => by_month(served, &asked, question, known_at).await?,
    };
    as_of.known_at = known_at;
    if who.0.sees_sums_only() {
        small_cells::suppress(&mut rows);
    }
    let rows = page.of(rows, |(key, _)| key.clone());
    answer(as_of.position, headers, &as_of, &rows, |(_, row): &(String, Value)| row)
}

/// The rows as they are now.
fn live(
    registry: &Registry,
    asked: &Asked,
    month: Option<Month>,
) -> Result<(AsOf, Vec<(String, Value)>), Problem> {
    let people = &registry.views.people;
    let (measures, across) = (people.measures(), people.across());
    let needs_across = asked.measure == Measure::Consistency && !asked.by_item;
    if !measures.is_whole() || needs_across && !across.is_whole() {
        // After a start everybody is looked at first.
        return Err(Problem::new(&kinds::VIEW_BEHIND).header(RETRY_AFTER, 5.into()));
    }
    let standing = Standing {
        month,
        is_open: true,
        position: measures.position,
        across_position: across.is_whole().then_some(across.position),
        measures: &measures,
        across: across.cells(),
    };
    Ok((AsOf::of(&standing), rows::of(asked, &standing)))
}

/// The rows at the end of each month, the one that is not over as it is now.
async fn by_month(
    served: &Served,
    asked: &Asked,
    question: &Question,
    known_at: Option<Timestamp>,
) -> Result<(AsOf, Vec<(String, Value)>), Problem> {
    let until = known_at.unwrap_or_else(Timestamp::now);
    let newest = Month::of(domain::clocks::day_in_china(until));
    let to = question.to.as_deref().map(parse_month).transpose()?.unwrap_or(newest).min(newest);
    let from = question.from.as_deref().map(parse_month).transpose()?;
    let from = from.unwrap_or_else(|| to.before(MONTHS - 1));
    let months: Vec<_> =
        std::iter::successors(Some(from), |month| Some(month.next()).filter(|next| *next <= to))
            .take_while(|month| *month <= to)
            .take(MONTHS_MAX + 1)
            .collect();
    if months.len() > MONTHS_MAX {
        return Err(Problem::new(&kinds::BAD_REQUEST)
            .detail("一次最多 120 个月", "at most 120 months in one question"));
    }
    let ends = months.iter().map(|month| {
        let end = parse_instant(&month.last_day().to_string())?;
        Ok((*month, end))
    });
    let ends = ends.collect::<Result<Vec<_>, Problem>>()?;
    let (over, open): (Vec<_>, Vec<_>) = ends.into_iter().partition(|(_, end)| *end < until);
    // Of a past instant the month that was not over then is told as it was known then.
    let open_then = open.first().filter(|_| known_at.is_some()).map(|(month, _)| (*month, until));
    let over: Vec<_> = over.into_iter().map(|it| (it, false)).collect();
    let asked_for: Vec<_> = over.into_iter().chain(open_then.map(|it| (it, true))).collect();
    let instants = asked_for.iter().map(|((_, instant), _)| *instant).collect();
    let told = served.past.at(&served.registry, instants).await?;
    let mut rows = Vec::new();
    let mut as_of = None;
    for (told, ((month, _), is_open)) in told.iter().zip(asked_for) {
        let standing = Standing { is_open, ..Standing::past(told, Some(month)) };
        rows.extend(rows::of(asked, &standing));
        as_of = Some(AsOf::of(&standing));
    }
    if let Some((month, _)) = open.first().filter(|_| known_at.is_none()) {
        let (now, of_month) = live(&served.registry, asked, Some(*month))?;
        rows.extend(of_month);
        as_of = Some(now);
    }
    let as_of = match as_of {
        Some(as_of) => as_of,
        None => live(&served.registry, asked, None)?.0,
    };
    Ok((as_of, rows))
}

impl AsOf {
    fn of(standing: &Standing<'_>) -> Self {
        Self {
            across_position: standing.across_position,
            day: standing.measures.today,
            known_at: None,
            position: standing.position,
            rules_version: EDITION.to_string(),
        }
    }
}

impl Asked {
    fn read(measure: Measure, who: &Who, question: &Question) -> Result<Self, Problem> {
        let place = question.place.as_deref().map(parse_place).transpose()?;
        let whole = match (place, who.0.place) {
            (Some(asked), _) if who.0.covers(asked) => Some(asked),
            (Some(_), _) => return Err(Problem::new(&kinds::NOT_FOUND)),
            (None, own) => own,
        };
        let mut asked =
            Self { measure, whole, digits: None, by_item: false, by_rule: false, by_month: false };
        for name in question.group_by.as_deref().unwrap_or("").split(',') {
            match name.trim() {
                "" => {}
                "place" => asked.digits = Some(next_level(whole)),
                "place:2" => asked.digits = Some(2),
                "place:4" => asked.digits = Some(4),
                "place:6" => asked.digits = Some(6),
                "place:9" => asked.digits = Some(9),
                "place:12" => asked.digits = Some(12),
                "month" => asked.by_month = true,
                "item" => asked.by_item = true,
                "rule" if measure == Measure::Consistency => asked.by_rule = true,
                _ => return Err(no_such_group(measure)),
            }
        }
        if asked.by_item && asked.by_rule {
            return Err(no_such_group(measure));
        }
        if !asked.by_month && (question.from.is_some() || question.to.is_some()) {
            return Err(Problem::new(&kinds::BAD_REQUEST).detail(
                "from、to 须与 group_by=month 同用",
                "from and to go with group_by=month: a record has no month of its own",
            ));
        }
        Ok(asked)
    }
}

/// The divisions just below the one that is asked about.
pub(super) fn next_level(whole: Option<Place>) -> u8 {
    match whole.map(Place::digits) {
        None => 2,
        Some(2) => 4,
        Some(4) => 6,
        Some(6) => 9,
        Some(_) => 12,
    }
}

fn no_such_group(measure: Measure) -> Problem {
    let problem = Problem::new(&kinds::BAD_REQUEST);
    match measure {
        Measure::Consistency => problem.detail(
            "group_by 可用: place, place:2/4/6/9/12, month, item 或 rule",
            "group_by takes place, place:2/4/6/9/12, month, and item or rule",
        ),
        Measure::Completeness => problem.detail(
            "group_by 可用: place, place:2/4/6/9/12, month, item",
            "group_by takes place, place:2/4/6/9/12, month, item",
        ),
    }
}
