//! How the sources do: what each sent, what of it was refused, and when it was last heard of.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use domain::Place;
use domain::submission::Source;
use projections::sources::Tally;
use projections::timeliness::Month;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Page, answer};
use super::{AsOf, parse_month};
use crate::http::archive_json::instant;
use crate::http::problem::Problem;
use crate::http::problem_kinds as kinds;
use crate::http::quality::next_level;
use crate::http::query::parse_place;
use crate::http::views_position::wait_at_least;
use crate::http::who::Who;
use crate::registry::Registry;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    place: Option<String>,
    group_by: Option<String>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// By what rows are told apart.
#[derive(Clone, Copy, Default)]
struct By {
    source: bool,
    department: bool,
    /// Digits of the divisions.
    place: Option<u8>,
    month: bool,
}

/// The values of a row, in the order by which rows are sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    place: Option<String>,
    department: Option<String>,
    source: Option<String>,
    month: Option<String>,
}

/// What is summed up.
#[derive(Default)]
struct Sum {
    counts: [u64; 3],
    waiting: u64,
    last_seen_micros: i64,
}

pub(super) async fn read_sources(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    wait_at_least(&registry, &headers).await?;
    let page = Page::read(question.limit, question.cursor.as_deref())?;
    let whole = question.place.as_deref().map(parse_place).transpose()?;
    if whole.is_some_and(|whole| !who.0.covers(whole)) {
        return Err(Problem::new(&kinds::NOT_FOUND));
    }
    let by = By::read(question.group_by.as_deref(), whole.or(who.0.place))?;
    let from = question.from.as_deref().map(parse_month).transpose()?;
    let to = question.to.as_deref().map(parse_month).transpose()?;
    let mut sums = BTreeMap::<Group, Sum>::new();
    for (text, tally) in registry.views.sources.list("") {
        let Ok(source) = Source::read(&text) else { continue };
        let is_asked = whole.is_none_or(|whole| source.division.lies_in(whole));
        if is_asked && who.0.covers(source.division) {
            by.add(&mut sums, &source, &tally, from, to);
        }
    }
    let position = registry.folded();
    let as_of = AsOf { position, rules_version: String::new(), known_at: None };
    let rows = sums.into_iter().map(|(group, sum)| (group.key(), row(&by, group, &sum))).collect();
    let rows = page.of(rows, |(key, _)| key.clone());
    answer(position, &headers, &as_of, &rows, |(_, row)| row)
}

impl By {
    fn read(group_by: Option<&str>, whole: Option<Place>) -> Result<Self, Problem> {
        let mut by = Self::default();
        let Some(names) = group_by.filter(|names| !names.is_empty()) else {
            return Ok(Self { source: true, ..by });
        };
        for name in names.split(',') {
            match name.trim() {
                "source" => by.source = true,
                "department" => by.department = true,
                "month" => by.month = true,
                "place" => by.place = Some(next_level(whole)),
                "place:2" => by.place = Some(2),
                "place:4" => by.place = Some(4),
                "place:6" => by.place = Some(6),
                "place:9" => by.place = Some(9),
                "place:12" => by.place = Some(12),
                _ => {
                    return Err(Problem::new(&kinds::BAD_REQUEST).detail(
                        "group_by 可用: source, department, place, place:2/4/6/9/12, month",
                        "group_by takes source, department, place, place:2/4/6/9/12, month",
                    ));
                }
            }
        }
        Ok(by)
    }

    fn add(
        self,
        sums: &mut BTreeMap<Group, Sum>,
        source: &Source,
        tally: &Tally,
        from: Option<Month>,
        to: Option<Month>,
    ) {
        let group = Group {
            place: self.place.map(|digits| source.division.at_level(digits).to_string()),
            department: self.department.then(|| department(source)),
            source: self.source.then(|| source.text.clone()),
            month: None,
        };
        if self.month {
            for (key, counts) in &tally.months {
                let Some(month) = Month::from_key(*key) else { continue };
                if from.is_none_or(|from| month >= from) && to.is_none_or(|to| month <= to) {
                    let group = Group { month: Some(month.to_string()), ..group.clone() };
                    sums.entry(group).or_default().add(*counts, tally);
                }
            }
        } else {
            sums.entry(group).or_default().add(tally.between(from, to), tally);
        }
    }
}

impl Sum {
    fn add(&mut self, counts: [u64; 3], tally: &Tally) {
        self.counts = std::array::from_fn(|at| self.counts[at] + counts[at]);
        self.waiting += tally.waiting;
        self.last_seen_micros = self.last_seen_micros.max(tally.last_seen_micros);
    }
}

impl Group {
    fn key(&self) -> String {
        let parts = [&self.place, &self.department, &self.source, &self.month];
        let parts = parts.into_iter().map(|part| part.as_deref().unwrap_or(""));
        // A byte 0 stands in no text, so that keys are ordered as groups are.
        let bytes = parts.flat_map(|part| part.bytes().chain([0]));
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }
}

fn department(source: &Source) -> String {
    String::from_utf8_lossy(&source.department).to_lowercase()
}

/// What waits, and when a source was last heard of, is so now and not in a month.
fn row(by: &By, group: Group, sum: &Sum) -> Value {
    let [recorded, rejected, conflicts] = sum.counts;
    let mut row = json!({"recorded": recorded, "rejected": rejected, "conflicts": conflicts});
    if !by.month {
        row["waiting"] = json!(sum.waiting);
        row["last_seen"] = json!(instant(sum.last_seen_micros));
    }
    let groups = [
        ("place", group.place),
        ("department", group.department),
        ("source", group.source),
        ("month", group.month),
    ];
    for (name, value) in groups {
        if let Some(value) = value {
            row[name] = json!(value);
        }
    }
    row
}
