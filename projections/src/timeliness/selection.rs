//! From a question to the cells that answer it: the coarsest cube that is fine enough, its sheets
//! in the order of the groups, and each group's runs of entries merged one group at a time.

use domain::Place;
use rustc_hash::FxHashMap;

use super::Timeliness;
use super::cube::{Cube, Sheet, Tally, due_day};
use super::fact::Series;
use super::lags::{Lags, Merged};
use super::month::Month;
use super::query::{AsOf, Dimension, Group, TimelinessQuery, Totals};
use crate::days::day_number;

/// Place and month of a group.
type SheetGroup = (Option<Place>, Option<Month>);

/// The sheets that a question is about, sorted by the place and month of their groups.
pub(super) struct Selection<'a> {
    view: &'a Timeliness,
    as_of: AsOf,
    sheets: Vec<(SheetGroup, &'a Sheet)>,
    /// Event, department and channel of each group of series, ascending.
    series_groups: Vec<Group>,
    /// For each series the number of its group.
    group_of_series: Vec<u32>,
    /// The latest due day of each series in the months that may be open.
    latest_due: FxHashMap<Month, Vec<i32>>,
}

/// Cells of one sheet that lie side by side and belong to one group.
#[derive(Clone, Copy)]
struct Piece<'a> {
    sheet: &'a Sheet,
    tallies: &'a [Tally],
    lags: &'a [u64],
    dues: &'a [u64],
}

impl<'a> Selection<'a> {
    pub(super) fn new(view: &'a Timeliness, query: &TimelinessQuery) -> Self {
        let level = query.level();
        let by_month = query.group_by.contains(&Dimension::Month);
        let cube = coarsest(&view.cubes, query, level.map_or(0, |level| level as u8));
        let as_of = AsOf::new(view, query.as_of);
        let chosen = |sheet: &&Sheet| {
            !sheet.tallies.is_empty()
                && query.from.is_none_or(|from| sheet.month >= from)
                && query.to.is_none_or(|to| sheet.month <= to)
                && query.place.is_none_or(|place| sheet.place.lies_in(place))
        };
        let group_of = |sheet: &Sheet| {
            let place = level.map(|level| sheet.place.at_level(level as u8));
            (place, by_month.then_some(sheet.month))
        };
        let mut sheets: Vec<_> =
            cube.sheets.iter().filter(chosen).map(|sheet| (group_of(sheet), sheet)).collect();
        sheets.sort_by_key(|(group, _)| *group);
        let (series_groups, group_of_series) = group_series(&view.series, &query.group_by);
        let mut latest_due = FxHashMap::default();
        for (_, sheet) in &sheets {
            let month_end = day_number(sheet.month.last_day());
            if !as_of.is_long_closed(month_end) {
                latest_due.entry(sheet.month).or_insert_with(|| {
                    let due = |s: &Series| view.deadlines.latest_due_day(s.event(), month_end);
                    view.series.iter().map(due).collect()
                });
            }
        }
        Self { view, as_of, sheets, series_groups, group_of_series, latest_due }
    }

    /// Hands over each group that has events, with its totals and its lags.
    pub(super) fn for_each_group(&self, mut take: impl FnMut(Group, &Totals, &Lags<'_>)) {
        debug_assert_eq!(self.group_of_series.len(), self.view.series.len());
        let mut merged = Merged::new();
        let mut parts = Parts::default();
        for sheets in self.sheets.chunk_by(|(one, _), (other, _)| one == other) {
            let (place, month) = sheets[0].0;
            if self.series_groups.len() <= 1 {
                parts.whole(sheets);
            } else {
                parts.split(sheets, &self.group_of_series, self.series_groups.len());
            }
            let mut from = 0;
            for (number, &end) in parts.ends.iter().enumerate() {
                let pieces = &parts.pieces[from..end as usize];
                from = end as usize;
                if !pieces.is_empty() {
                    let group = Group { place, month, ..self.series_groups[number] };
                    self.merge(pieces, &mut merged, |totals, lags| take(group, totals, lags));
                }
            }
        }
    }

    fn merge(
        &self,
        pieces: &[Piece<'_>],
        merged: &mut Merged,
        take: impl FnOnce(&Totals, &Lags<'_>),
    ) {
        let mut totals = Totals::default();
        for piece in pieces {
            self.sum_up(piece, &mut totals);
        }
        if let [Piece { tallies: [_], lags, .. }] = pieces {
            return take(&totals, &Lags::Stored(lags));
        }
        merged.clear();
        for piece in pieces {
            merged.add(piece.lags);
        }
        merged.finish();
        take(&totals, &Lags::Merged(merged));
    }

    fn sum_up(&self, piece: &Piece<'_>, totals: &mut Totals) {
        let latest_due = self.latest_due.get(&piece.sheet.month);
        let mut dues = piece.dues;
        for tally in piece.tallies {
            totals.count += u64::from(tally.count);
            totals.ruled += u64::from(tally.ruled);
            totals.split_count += u64::from(tally.split_count);
            for (sum, days) in totals.splits.iter_mut().zip(tally.splits) {
                *sum += days;
            }
            let of_tally;
            (of_tally, dues) = dues.split_at(tally.due_entries as usize);
            if tally.due_last < self.as_of.day() {
                totals.due += u64::from(tally.ruled);
                totals.on_time += u64::from(tally.on_time);
            } else {
                for &entry in of_tally {
                    let (day, on_time, count) = due_day(entry, piece.sheet.first_day);
                    if day < self.as_of.day() {
                        totals.due += count;
                        totals.on_time += if on_time { count } else { 0 };
                    }
                }
            }
            let by_rule = latest_due.map_or(i32::MIN, |days| days[usize::from(tally.series)]);
            totals.open |= self.as_of.is_open(by_rule.max(tally.due_last));
        }
    }
}

/// The coarsest cube that still tells the places of a question apart.
fn coarsest<'a>(cubes: &'a [Cube; 3], query: &TimelinessQuery, digits: u8) -> &'a Cube {
    let digits = digits.max(query.place.map_or(0, Place::digits));
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

/// The pieces of the sheets of one place and month group, one group of series after the other.
#[derive(Default)]
struct Parts<'a> {
    pieces: Vec<Piece<'a>>,
    /// Where the pieces of each group of series end.
    ends: Vec<u32>,
    found: Vec<(u32, Piece<'a>)>,
}

impl<'a> Parts<'a> {
    /// All series in one group: a piece is a whole sheet.
    fn whole(&mut self, sheets: &[(SheetGroup, &'a Sheet)]) {
        self.pieces.clear();
        self.pieces.extend(sheets.iter().map(|(_, sheet)| Piece {
            sheet,
            tallies: &sheet.tallies,
            lags: &sheet.lags,
            dues: &sheet.dues,
        }));
        self.ends.clear();
        self.ends.push(self.pieces.len() as u32);
    }

    /// A piece per cell, sorted into its group by counting.
    fn split(&mut self, sheets: &[(SheetGroup, &'a Sheet)], group_of: &[u32], groups: usize) {
        self.found.clear();
        self.ends.clear();
        self.ends.resize(groups, 0);
        for (_, sheet) in sheets {
            let (mut lags, mut dues) = (sheet.lags.as_slice(), sheet.dues.as_slice());
            for tallies in sheet.tallies.chunks(1) {
                let piece;
                let (lag_run, due_run);
                (lag_run, lags) = lags.split_at(tallies[0].lag_entries as usize);
                (due_run, dues) = dues.split_at(tallies[0].due_entries as usize);
                piece = Piece { sheet, tallies, lags: lag_run, dues: due_run };
                let group = group_of[usize::from(tallies[0].series)];
                self.ends[group as usize] += 1;
                self.found.push((group, piece));
            }
        }
        let mut so_far = 0;
        for end in &mut self.ends {
            // For now where the group begins; it moves to its end as the pieces are placed.
            so_far += std::mem::replace(end, so_far);
        }
        self.pieces.clear();
        if let Some(&(_, any)) = self.found.first() {
            self.pieces.resize(self.found.len(), any);
        }
        for &(group, piece) in &self.found {
            let end = &mut self.ends[group as usize];
            self.pieces[*end as usize] = piece;
            *end += 1;
        }
    }
}
