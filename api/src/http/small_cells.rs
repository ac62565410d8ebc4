//! Measures for those who see sums only: of a handful of people nothing is told, and no two answers
//! give one away when they are taken from each other.
//!
//! What counts fewer than five is not told. Every other count is told to the nearest five, whether
//! it stands in a row or within one, so that two of them differ by nothing or by five at least,
//! however their divisions, months and groups overlap, and whenever they were asked for. Questions
//! are about whole periods: a span that is moved by a month, or an instant by a second, would find
//! each event by where the number jumps. Rows that count persons keep their sums too: beside a small
//! one others are hidden.

use std::collections::BTreeMap;

use domain::clocks::day_in_china;
use jiff::Timestamp;
use projections::timeliness::Month;
use replay::known_then::end_of;
use serde_json::{Value, json};

use super::problem::Problem;
use super::problem_kinds as kinds;

/// Groups of fewer are not told; the number is ours.
const PERSONS_MIN: u64 = 5;
/// Digits of the divisions whose sum somebody may ask for beside.
const SUMS_OF: [usize; 5] = [0, 2, 4, 6, 9];

/// A row of a division, as far as it matters here.
struct Group {
    /// Which rows may be added up: those of one month, and of one item or rule.
    kind: String,
    place: String,
    persons: u64,
    is_hidden: bool,
}

/// Blanks the rows of fewer than five persons, and beside them so many others that every division
/// above hides nobody or at least two rows and five persons: whoever knows its sum learns no more.
///
/// Months are taken one by one. What is shown is told to the nearest five.
pub(super) fn suppress(rows: &mut [(String, Value)]) {
    let mut groups: Vec<_> = rows.iter().map(|(_, row)| group(row)).collect();
    while hide_one_more(&mut groups) {}
    for ((_, row), group) in rows.iter_mut().zip(&groups) {
        match group.is_hidden {
            true => blank(row),
            false => round(row),
        }
    }
}

/// Whether so many are so few that they are not told.
pub(super) fn is_small(count: u64) -> bool {
    (1..PERSONS_MIN).contains(&count)
}

/// A count as it is told: the nearest multiple of five.
pub(super) fn rounded(count: u64) -> u64 {
    (count + PERSONS_MIN / 2) / PERSONS_MIN * PERSONS_MIN
}

/// The least days that so many percent do not exceed, of `total`: told where five at least lie on
/// either side, since it is the lag of a single event.
pub(super) fn told_quantile(days: i32, percent: u64, total: u64) -> Option<i32> {
    let beyond = total * percent.min(100 - percent) / 100;
    (beyond >= PERSONS_MIN).then_some(days)
}

/// Refuses a question about a part of a month or of a year.
///
/// # Errors
/// 400 for an instant that ends no month of China's calendar, and for a span of months, where rows
/// are not told apart by month, that is no calendar year.
pub(super) fn check_times(
    known_at: Option<Timestamp>,
    span: Option<(Option<Month>, Option<Month>)>,
) -> Result<(), Problem> {
    let ends_month = |instant: Timestamp| {
        let day = day_in_china(instant);
        day == day.last_of_month() && end_of(day) == Some(instant)
    };
    if !known_at.is_none_or(ends_month) {
        return Err(Problem::new(&kinds::BAD_REQUEST).detail(
            "只见合计者:known_at 须为某月末日,如 2026-10-31",
            "who sees sums only asks as known at the end of a month, as 2026-10-31",
        ));
    }
    let is_whole = match span {
        None | Some((None, None)) => true,
        Some((Some(from), Some(to))) => from.first_day().month() == 1 && to.before(11) == from,
        Some(_) => false,
    };
    match is_whole {
        true => Ok(()),
        false => Err(Problem::new(&kinds::BAD_REQUEST).detail(
            "只见合计者:from、to 须为一整年,或与 group_by=month 同用",
            "who sees sums only asks for one calendar year, or with group_by=month",
        )),
    }
}

fn group(row: &Value) -> Group {
    let text = |name: &str| row[name].as_str().unwrap_or_default();
    // Of a sum over items, the persons are those of the records.
    let persons = row["records"]["denominator"].as_u64().or(row["denominator"].as_u64());
    let persons = persons.unwrap_or(0);
    Group {
        kind: [text("month"), text("item"), text("rule")].join("/"),
        place: text("place").to_owned(),
        persons,
        is_hidden: is_small(persons),
    }
}

/// Hides the smallest row of each division whose hidden rows its sum would give away; false when
/// there is none.
fn hide_one_more(groups: &mut [Group]) -> bool {
    let mut has_hidden = false;
    for digits in SUMS_OF {
        let mut divisions: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for (at, group) in groups.iter().enumerate().filter(|(_, group)| group.persons > 0) {
            if group.place.len() > digits {
                let division = (group.kind.clone(), group.place[..digits].to_owned());
                divisions.entry(division).or_default().push(at);
            }
        }
        for rows in divisions.into_values() {
            let hidden: Vec<_> = rows.iter().filter(|at| groups[**at].is_hidden).collect();
            let persons: u64 = hidden.iter().map(|at| groups[**at].persons).sum();
            if hidden.is_empty() || hidden.len() > 1 && persons >= PERSONS_MIN {
                continue;
            }
            let shown = rows.iter().filter(|at| !groups[**at].is_hidden);
            if let Some(smallest) = shown.min_by_key(|at| groups[**at].persons) {
                groups[*smallest].is_hidden = true;
                has_hidden = true;
            }
        }
    }
    has_hidden
}

fn blank(row: &mut Value) {
    let Value::Object(row) = row else { return };
    for name in ["violations", "normal", "records"] {
        row.remove(name);
    }
    for name in ["numerator", "denominator", "rate"] {
        row.insert(name.to_owned(), Value::Null);
    }
    row.insert("suppressed".to_owned(), json!(true));
}

/// Tells every count of a row to the nearest five, and rates of what is told.
fn round(row: &mut Value) {
    let Value::Object(row) = row else { return };
    for name in ["numerator", "denominator", "violations"] {
        if let Some(count) = row.get_mut(name) {
            *count = json!(count.as_u64().map(rounded));
        }
    }
    for name in ["normal", "records"] {
        row.get_mut(name).into_iter().for_each(round);
    }
    let count = |name: &str| row.get(name).and_then(Value::as_u64);
    if let (Some(numerator), Some(denominator)) = (count("numerator"), count("denominator")) {
        let rate = (denominator > 0).then(|| numerator as f64 / denominator as f64);
        row.insert("rate".to_owned(), json!(rate));
    }
}
