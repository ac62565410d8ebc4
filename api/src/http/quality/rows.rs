//! The rows of completeness and consistency, made of counts.

use domain::items::BASE_ITEMS;
use domain::{Item, Place, Position};
use projections::quality::{AcrossCell, AcrossCells, Cell, Measures, MonthEnd};
use projections::timeliness::Month;
use replay::known_then::Quality;
use serde_json::{Value, json};

use super::Asked;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// Whether what ought to be there is there.
    Completeness,
    /// Whether it agrees.
    Consistency,
}

/// The counts of everybody as they stood once.
pub(super) struct Standing<'a> {
    /// The month at whose end that was, when rows are told apart by it.
    pub(super) month: Option<Month>,
    /// Whether the month is not over.
    pub(super) is_open: bool,
    pub(super) position: Position,
    pub(super) across_position: Option<Position>,
    pub(super) measures: &'a Measures,
    pub(super) across: &'a AcrossCells,
}

impl<'a> Standing<'a> {
    pub(super) fn past(told: &'a Quality, month: Option<Month>) -> Self {
        let MonthEnd { measures, across } = &told.then;
        let (position, is_open) = (measures.position, false);
        Self { month, is_open, position, across_position: Some(position), measures, across }
    }
}

/// Each row with its key, in the order of the keys.
pub(super) fn of(asked: &Asked, standing: &Standing<'_>) -> Vec<(String, Value)> {
    let across = standing.across.of(asked.whole, asked.digits);
    let nothing = AcrossCell::default();
    let mut rows = Vec::new();
    for (place, cell) in standing.measures.cells(asked.whole, asked.digits) {
        let across = across.get(&place).unwrap_or(&nothing);
        let told = match asked.measure {
            Measure::Completeness => completeness(asked, &cell),
            Measure::Consistency => consistency(asked, standing, place, &cell, across),
        };
        for (at, mut row) in told.into_iter().enumerate() {
            let month = standing.month.map(|month| month.to_string());
            if let Some(month) = &month {
                row["month"] = json!(month);
                row["day"] = json!(standing.measures.today);
                row["open"] = json!(standing.is_open);
            }
            let code = place.map(|place| place.to_string()).unwrap_or_default();
            row.as_object_mut().into_iter().for_each(|row| {
                row.extend(place.map(|place| ("place".to_owned(), json!(place))));
            });
            rows.push((format!("{}.{code}.{at:03}", month.unwrap_or_default()), row));
        }
    }
    rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    rows
}

fn completeness(asked: &Asked, cell: &Cell) -> Vec<Value> {
    if asked.by_item {
        let rows = items().map(|(item, at)| {
            let counts = cell.items[at];
            let mut row = rate(counts.filled, counts.applicable);
            row["item"] = json!(item.name());
            row["normal"] = rate(counts.normal, counts.filled);
            row
        });
        return rows.collect();
    }
    let sum =
        |count: fn(&Cell, usize) -> u64| -> u64 { (0..BASE_ITEMS).map(|at| count(cell, at)).sum() };
    let filled = sum(|cell, at| cell.items[at].filled);
    let mut row = rate(filled, sum(|cell, at| cell.items[at].applicable));
    row["normal"] = rate(sum(|cell, at| cell.items[at].normal), filled);
    row["records"] = rate(cell.complete, cell.persons);
    vec![row]
}

/// Of all: persons without an error of logic, in their own record or across records.
fn consistency(
    asked: &Asked,
    standing: &Standing<'_>,
    place: Option<Place>,
    cell: &Cell,
    across: &AcrossCell,
) -> Vec<Value> {
    if asked.by_rule {
        let whole = place.or(asked.whole);
        let rules = standing.measures.book().rules().filter_map(|rule| {
            let of_areas = standing.measures.areas(rule.id, whole);
            let counts = of_areas.or(across.rule(rule.id)).unwrap_or(cell.rule(rule.id));
            let mut row = rate(counts.evaluated - counts.violations, counts.evaluated);
            row["rule"] = json!(rule.id.to_string());
            row["severity"] = json!(rule.severity.name());
            row["violations"] = json!(counts.violations);
            (counts.evaluated > 0).then_some(row)
        });
        return rules.collect();
    }
    if asked.by_item {
        let rows = items().map(|(item, at)| {
            let mut row = rate(cell.items[at].consistent, cell.items[at].filled);
            row["item"] = json!(item.name());
            row
        });
        return rows.collect();
    }
    vec![rate(across.consistent, across.persons)]
}

fn items() -> impl Iterator<Item = (Item, usize)> {
    Item::all().take(BASE_ITEMS).zip(0..)
}

fn rate(numerator: u64, denominator: u64) -> Value {
    let rate = (denominator > 0).then(|| numerator as f64 / denominator as f64);
    json!({"numerator": numerator, "denominator": denominator, "rate": rate})
}
