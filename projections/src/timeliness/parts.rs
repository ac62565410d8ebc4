//! The groups of one place and month, filled sheet by sheet in the order of memory.

use super::lags::{Lags, Merged};
use super::query::Totals;
use super::sheet::{Sheet, Tally};

/// One part per group of series; their memory is used again for the next place and month.
pub(super) struct Parts<'a> {
    as_of: i32,
    group_of_series: &'a [u32],
    parts: Vec<Part<'a>>,
}

/// What was found of a group.
#[derive(Default)]
struct Part<'a> {
    totals: Totals,
    /// The lags of a first cell, sorted: most of the finest groups have no second one.
    first: Option<&'a [u32]>,
    merged: Merged,
}

impl<'a> Parts<'a> {
    pub(super) fn new(as_of: i32, group_of_series: &'a [u32], groups: usize) -> Self {
        let parts = std::iter::repeat_with(Part::default).take(groups).collect();
        Self { as_of, group_of_series, parts }
    }

    /// Adds the cells of a sheet; `open` has for each series whether the month is still open.
    pub(super) fn add(&mut self, sheet: &'a Sheet, open: Option<&[bool]>) {
        let is_open = |series: u16| open.is_some_and(|open| open[usize::from(series)]);
        if let [part] = self.parts.as_mut_slice() {
            let is_open = sheet.runs.iter().any(|run| is_open(run.series));
            part.sum_up(&sheet.total, sheet.pending(None, self.as_of), is_open);
            part.merged.add(&sheet.lags);
            return;
        }
        let runs = sheet.runs.iter().zip(&sheet.tallies).zip(sheet.lag_runs());
        for ((run, tally), lags) in runs {
            let group = self.group_of_series[usize::from(run.series)];
            let part = &mut self.parts[group as usize];
            let pending = sheet.pending(Some(run.series), self.as_of);
            part.sum_up(tally, pending, is_open(run.series));
            part.add_run(lags);
        }
    }

    /// Hands over the groups that were found, by their numbers, and forgets them.
    pub(super) fn drain(&mut self, mut take: impl FnMut(usize, &Totals, &Lags<'_>)) {
        for (number, part) in self.parts.iter_mut().enumerate() {
            if part.totals.count == 0 {
                continue;
            }
            match part.first.take() {
                Some(run) => take(number, &part.totals, &Lags::Stored(run)),
                None => {
                    part.merged.finish();
                    take(number, &part.totals, &Lags::Merged(&part.merged));
                    part.merged.clear();
                }
            }
            part.totals = Totals::default();
        }
    }
}

impl<'a> Part<'a> {
    fn sum_up(&mut self, tally: &Tally, pending: u64, is_open: bool) {
        self.totals.add(tally);
        self.totals.pending += pending;
        self.totals.open |= is_open || pending > 0;
    }

    /// Adds the lags of one cell. Its tally is summed up already.
    fn add_run(&mut self, lags: &'a [u32]) {
        match self.first.take() {
            Some(first) => self.merged.add(first),
            None if self.merged.is_empty() => {
                self.first = Some(lags);
                return;
            }
            None => {}
        }
        self.merged.add(lags);
    }
}
