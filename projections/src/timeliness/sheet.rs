//! The cells of one place and month, in flat sorted arrays.
//!
//! What was due before the newest record is settled: it stands in the totals alone. Single due
//! days are kept for events that may be asked about before they are due, and dropped when their
//! cell changes after that day. So the arrays, and the stored bytes, follow from the history.

use domain::Place;

use super::fact::{Contribution, due_days_after_first};
use super::month::Month;
use super::rows::Cell;
use domain::days::day_number;

/// The cells of one place and month.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) place: Place,
    pub(super) month: Month,
    /// Number of the month's first day.
    first_day: i32,
    /// Over all series.
    pub(super) total: Tally,
    /// One per series that occurs, in order of the series.
    pub(super) runs: Vec<Run>,
    /// The totals of each run.
    pub(super) tallies: Vec<Tally>,
    /// Exact counts per lag bucket, run after run, each sorted by bucket: `bucket | count`, 16 bits
    /// each; of a bucket with more events every entry but its last is full.
    pub(super) lags: Vec<u32>,
    /// Exact counts per due day that is not settled: `series | due offset | count`, sorted. All of
    /// these events were recorded on time.
    dues: Vec<u64>,
    /// No due day that was ever put in is later.
    due_last: i32,
}

/// The arrays of a sheet, to be brought out of memory with those of others.
pub(super) struct Near<'a>(&'a [Run], &'a [Tally], &'a [u32], &'a [u64]);

/// Where the lags of a series end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) series: u16,
    pub(super) lag_end: u32,
}

/// Totals that can be added and subtracted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) count: u32,
    /// Events with a rule, and those of them that were recorded by their due day.
    pub(super) ruled: u32,
    pub(super) on_time: u32,
    /// Events with every clock, and their days of citizen, department, transport and registry.
    pub(super) split_count: u32,
    pub(super) splits: [i64; 4],
}

/// Whether a contribution is put in or taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Subtract,
}

impl Sheet {
    pub(super) fn new(place: Place, month: Month) -> Self {
        Self {
            place,
            month,
            first_day: day_number(month.first_day()),
            total: Tally::default(),
            runs: Vec::new(),
            tallies: Vec::new(),
            lags: Vec::new(),
            dues: Vec::new(),
            due_last: i32::MIN,
        }
    }

    /// What is looked at before the sheet is changed.
    pub(super) fn near(&self) -> Near<'_> {
        Near(&self.runs, &self.tallies, &self.lags, &self.dues)
    }

    /// Puts one event in or takes it out; `settled_before` is the day of the newest record.
    pub(super) fn change(
        &mut self,
        series: u16,
        event: &Contribution,
        change: Change,
        settled_before: i32,
    ) {
        let Some(at) = self.run(series, change == Change::Add) else {
            return debug_assert!(false, "only what was added is taken out");
        };
        self.total.change(event, change);
        self.tallies[at].change(event, change);
        self.count_lag(at, event.lag, change);
        self.settle(series, settled_before);
        if let Some(due) = event.due.filter(|due| self.first_day + due.days >= settled_before) {
            self.due_last = self.due_last.max(self.first_day + due.days);
            self.count_due(due_key(series, due.offset()), change);
        }
        if self.tallies[at].count == 0 {
            self.tallies.remove(at);
            self.runs.remove(at);
        }
    }

    /// Puts a whole cell in.
    pub(super) fn add_cell(&mut self, series: u16, cell: &Cell) {
        let Some(at) = self.run(series, true) else { return };
        for &(bucket, count) in &cell.lags {
            self.add_lags(at, bucket, count);
        }
        let tally = cell.tally();
        self.total.add(&tally);
        self.tallies[at].add(&tally);
        for &(offset, count) in &cell.dues {
            self.due_last = self.due_last.max(self.first_day + due_days_after_first(offset));
            add_due(&mut self.dues, due_key(series, offset), count);
        }
    }

    /// The cell of a series; none when nothing is counted there.
    pub(super) fn cell(&self, series: u16) -> Option<Cell> {
        let at = self.runs.binary_search_by_key(&series, |run| run.series).ok()?;
        let mut lags: Vec<(u16, u32)> = Vec::new();
        for &entry in self.lags_of(at) {
            match lags.last_mut() {
                Some((bucket, count)) if *bucket == bucket_of(entry) => *count += count_of(entry),
                _ => lags.push((bucket_of(entry), count_of(entry))),
            }
        }
        let dues = self.dues_of(series).iter().map(|&e| ((e >> 32) as u16, e as u32)).collect();
        let Tally { ruled, on_time, split_count, splits, .. } = self.tallies[at];
        Some(Cell { lags, dues, ruled, on_time, split_count, splits })
    }

    /// The lag entries of the run at `at`.
    fn lags_of(&self, at: usize) -> &[u32] {
        &self.lags[self.lag_start(at)..self.runs[at].lag_end as usize]
    }

    /// The lag entries of every run, in order.
    pub(super) fn lag_runs(&self) -> impl Iterator<Item = &[u32]> {
        let mut rest = self.lags.as_slice();
        let mut start = 0;
        self.runs.iter().map(move |run| {
            let lags;
            (lags, rest) = rest.split_at((run.lag_end - start) as usize);
            start = run.lag_end;
            lags
        })
    }

    /// How many events are due on day `as_of` or later, of one series or of all.
    pub(super) fn pending(&self, series: Option<u16>, as_of: i32) -> u64 {
        if self.due_last < as_of {
            return 0;
        }
        let dues = series.map_or(self.dues.as_slice(), |series| self.dues_of(series));
        let due_later = |entry: &&u64| self.due_day(**entry) >= as_of;
        dues.iter().filter(due_later).map(|&entry| u64::from(entry as u32)).sum()
    }

    fn dues_of(&self, series: u16) -> &[u64] {
        let from = self.dues.partition_point(|entry| entry >> 48 < u64::from(series));
        let length = self.dues[from..].partition_point(|entry| entry >> 48 == u64::from(series));
        &self.dues[from..from + length]
    }

    fn due_day(&self, entry: u64) -> i32 {
        self.first_day + due_days_after_first((entry >> 32) as u16)
    }

    fn lag_start(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| self.runs[before].lag_end as usize)
    }

    /// The run of a series, made when there is none and `make` says so.
    fn run(&mut self, series: u16, make: bool) -> Option<usize> {
        match self.runs.binary_search_by_key(&series, |run| run.series) {
            Ok(at) => Some(at),
            Err(at) if make => {
                let lag_end = self.lag_start(at) as u32;
                insert(&mut self.runs, at, Run { series, lag_end });
                insert(&mut self.tallies, at, Tally::default());
                Some(at)
            }
            Err(_) => None,
        }
    }

    fn count_lag(&mut self, at: usize, bucket: u16, change: Change) {
        if change == Change::Add {
            return self.add_lags(at, bucket, 1);
        }
        // The last entry of the bucket is the one that may be less than full.
        let after = self.lags_of(at).partition_point(|&entry| bucket_of(entry) <= bucket);
        let Some(last) = (self.lag_start(at) + after).checked_sub(1) else { return };
        debug_assert_eq!(bucket_of(self.lags[last]), bucket, "only what was added is taken out");
        self.lags[last] -= 1;
        if count_of(self.lags[last]) == 0 {
            self.lags.remove(last);
            self.runs[at..].iter_mut().for_each(|run| run.lag_end -= 1);
        }
    }

    fn add_lags(&mut self, at: usize, bucket: u16, mut count: u32) {
        let after = self.lags_of(at).partition_point(|&entry| bucket_of(entry) <= bucket);
        let mut next = self.lag_start(at) + after;
        if after > 0 && bucket_of(self.lags[next - 1]) == bucket {
            let fits = count.min(u32::from(u16::MAX) - count_of(self.lags[next - 1]));
            self.lags[next - 1] += fits;
            count -= fits;
        }
        while count > 0 {
            let fits = count.min(u32::from(u16::MAX));
            insert(&mut self.lags, next, (u32::from(bucket) << 16) | fits);
            self.runs[at..].iter_mut().for_each(|run| run.lag_end += 1);
            count -= fits;
            next += 1;
        }
    }

    /// Drops the due days of a series that are settled.
    fn settle(&mut self, series: u16, settled_before: i32) {
        if self.dues.is_empty() {
            return;
        }
        let from = self.dues.partition_point(|entry| entry >> 48 < u64::from(series));
        let is_settled = |entry: &&u64| {
            **entry >> 48 == u64::from(series) && self.due_day(**entry) < settled_before
        };
        let settled = self.dues[from..].iter().take_while(is_settled).count();
        if settled > 0 {
            self.dues.drain(from..from + settled);
        }
    }

    fn count_due(&mut self, key: u64, change: Change) {
        if change == Change::Add {
            return add_due(&mut self.dues, key, 1);
        }
        let at = self.dues.partition_point(|&entry| entry < key);
        let Some(entry) = self.dues.get_mut(at) else { return };
        debug_assert_eq!(*entry >> 32, key >> 32, "only what was added is taken out");
        *entry -= 1;
        if *entry == key {
            self.dues.remove(at);
        }
    }
}

impl Near<'_> {
    /// Looks at one item in the midst of each array, where a search begins.
    pub(super) fn look(self) -> u64 {
        let Self(runs, tallies, lags, dues) = self;
        let run = runs.get(runs.len() / 2).map_or(0, |run| u64::from(run.series));
        let tally = tallies.get(tallies.len() / 2).map_or(0, |tally| u64::from(tally.count));
        let lag = lags.get(lags.len() / 2).map_or(0, |lag| u64::from(*lag));
        run ^ tally ^ lag ^ dues.get(dues.len() / 2).map_or(0, |due| *due)
    }
}

impl Tally {
    fn change(&mut self, event: &Contribution, change: Change) {
        let (is_ruled, is_on_time) = event.due.map_or((false, false), |due| (true, due.on_time));
        let one = Tally {
            count: 1,
            ruled: u32::from(is_ruled),
            on_time: u32::from(is_on_time),
            split_count: u32::from(event.split.is_some()),
            splits: event.split.unwrap_or_default(),
        };
        match change {
            Change::Add => self.add(&one),
            Change::Subtract => self.subtract(&one),
        }
    }

    fn add(&mut self, other: &Tally) {
        self.count += other.count;
        self.ruled += other.ruled;
        self.on_time += other.on_time;
        self.split_count += other.split_count;
        self.splits.iter_mut().zip(other.splits).for_each(|(sum, days)| *sum += days);
    }

    fn subtract(&mut self, other: &Tally) {
        self.count -= other.count;
        self.ruled -= other.ruled;
        self.on_time -= other.on_time;
        self.split_count -= other.split_count;
        self.splits.iter_mut().zip(other.splits).for_each(|(sum, days)| *sum -= days);
    }
}

/// The bucket of a lag entry.
pub(super) fn bucket_of(entry: u32) -> u16 {
    (entry >> 16) as u16
}

/// The count of a lag entry.
pub(super) fn count_of(entry: u32) -> u32 {
    entry & u32::from(u16::MAX)
}

fn due_key(series: u16, offset: u16) -> u64 {
    (u64::from(series) << 48) | (u64::from(offset) << 32)
}

fn add_due(dues: &mut Vec<u64>, key: u64, count: u32) {
    let at = dues.partition_point(|&entry| entry < key);
    match dues.get_mut(at) {
        Some(entry) if *entry >> 32 == key >> 32 => *entry += u64::from(count),
        _ => insert(dues, at, key | u64::from(count)),
    }
}

/// Inserts, growing by an eighth: there are thousands of these arrays, and slack adds up.
fn insert<T>(into: &mut Vec<T>, at: usize, item: T) {
    if into.len() == into.capacity() {
        into.reserve_exact(into.len() / 8 + 4);
    }
    into.insert(at, item);
}
