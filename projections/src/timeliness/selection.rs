//! From a question to the cells that answer it: the coarsest cube that is fine enough, its sheets
//! in the order of the groups, each place and month of the answer at a time.

use domain::Place;
use rustc_hash::FxHashMap;

use super::borders::{Borders, Redrawn};
use super::cube::Cube;
use super::fact::Series;
use super::lags::Lags;
use super::month::Month;
use super::parts::Parts;
use super::query::{Dimension, Group, TimelinessQuery, Totals};
use super::sheet::Sheet;
use super::{GRACE_DAYS, Timeliness};
use domain::days::day_number;

/// Place and month of a group.
type SheetGroup = (Option<Place>, Option<Month>);

/// The sheets that a question is about, sorted by the place and month of their groups.
pub(super) struct Selection<'a> {
    /// Day number of `as_of`, not before the newest record.
    as_of: i32,
    sheets: Vec<(SheetGroup, &'a Sheet)>,
    /// Event, department and channel of each group of series, ascending.
    series_groups: Vec<Group>,
    /// For each series the number of its group.
    group_of_series: Vec<u32>,
    /// For each series whether a month is still open, of the months for which it can be.
    open: FxHashMap<Month, Vec<bool>>,
}

impl<'a> Selection<'a> {
    pub(super) fn new(view: &'a Timeliness, query: &TimelinessQuery) -> Self {
        let level = query.level();
        let by_month = query.group_by.contains(&Dimension::Month);
        let cube = coarsest(&view.cubes, query, level.map_or(0, |level| level as u8));
        let as_of = day_number(query.as_of).max(view.recorded_last);
        let mut redrawn = Redrawn::new(query.borders, query.as_of);
        let chosen = |sheet: &&Sheet| {
            !sheet.runs.is_empty()
                && query.from.is_none_or(|from| sheet.month >= from)
                && query.to.is_none_or(|to| sheet.month <= to)
        };
        let group_of = |sheet: &'a Sheet| {
            let own = redrawn.place(sheet.place, sheet.month);
            let place = level.map(|level| own.at_level(level as u8));
            let is_within = query.place.is_none_or(|whole| own.lies_in(whole));
            is_within.then_some(((place, by_month.then_some(sheet.month)), sheet))
        };
        let mut sheets: Vec<_> = cube.sheets.iter().filter(chosen).filter_map(group_of).collect();
        sheets.sort_by_key(|(group, _)| *group);
        let (series_groups, group_of_series) = group_series(&view.series, &query.group_by);
        let mut open = FxHashMap::default();
        for (_, sheet) in &sheets {
            let month_end = day_number(sheet.month.last_day());
            if as_of <= month_end + view.deadlines.days_max() + GRACE_DAYS {
                open.entry(sheet.month).or_insert_with(|| {
                    let due = |s: &Series| view.deadlines.latest_due_day(s.event(), month_end);
                    view.series.iter().map(|s| as_of <= due(s) + GRACE_DAYS).collect()
                });
            }
        }
        Self { as_of, sheets, series_groups, group_of_series, open }
    }

    /// Hands over each group that has events, with its totals and its lags.
    pub(super) fn for_each_group(&self, mut take: impl FnMut(Group, &Totals, &Lags<'_>)) {
        let groups = self.series_groups.len();
        let mut parts = Parts::new(self.as_of, &self.group_of_series, groups);
        for sheets in self.sheets.chunk_by(|(one, _), (other, _)| one == other) {
            let (place, month) = sheets[0].0;
            for (_, sheet) in sheets {
                parts.add(sheet, self.open.get(&sheet.month).map(Vec::as_slice));
            }
            parts.drain(|number, totals, lags| {
                let group = Group { place, month, ..self.series_groups[number] };
                take(group, totals, lags);
            });
        }
    }
}

/// The coarsest cube that still tells the places of a question apart.
fn coarsest<'a>(cubes: &'a [Cube; 3], query: &TimelinessQuery, digits: u8) -> &'a Cube {
    let digits = digits.max(query.place.map_or(0, Place::digits));
    let digits = if query.borders == Borders::Now { digits.max(6) } else { digits };
    cubes.iter().rev().find(|cube| cube.digits >= digits).unwrap_or(&cubes[0])
}

/// The groups that the series fall into, ascending, and for each series the number of its group.
fn group_series(series: &[Series], group_by: &[Dimension]) -> (Vec<Group>, Vec<u32>) {
    let has = |dimension| group_by.contains(&dimension);
    let (event, department, channel) =
        (has(Dimension::Event), has(Dimension::Department), has(Dimension::Channel));
    let masked = |series: &Series| {
        (
            event.then(|| series.event()),
            department.then(|| series.department()),
            channel.then(|| series.channel()),
        )
    };
    let mut keys: Vec<_> = series.iter().map(masked).collect();
    keys.sort_unstable();
    keys.dedup();
    let number = |series| keys.binary_search(&masked(series)).unwrap_or_default() as u32;
    let group_of_series = series.iter().map(number).collect();
    let group = |&(event, department, channel): &_| Group {
        event,
        department,
        channel,
        ..Group::default()
    };
    (keys.iter().map(group).collect(), group_of_series)
}
