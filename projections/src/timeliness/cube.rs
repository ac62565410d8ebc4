//! The cube: cells grouped into one sheet per place and month, each sheet three flat sorted
//! arrays, so that a question reads memory in order and an event touches one small sheet.

use domain::Place;
use rustc_hash::FxHashMap;

use super::fact::{Contribution, due_days_after_first};
use super::month::Month;
use super::rows::Cell;
use crate::days::day_number;

/// Every counted event once, at one fineness of place.
#[derive(Debug)]
pub(super) struct Cube {
    /// Places finer than this many digits are summed up to their division of that level.
    pub(super) digits: u8,
    index: FxHashMap<u64, u32>,
    pub(super) sheets: Vec<Sheet>,
}

/// The cells of one place and month.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) place: Place,
    pub(super) month: Month,
    /// Number of the month's first day.
    pub(super) first_day: i32,
    /// One per series that occurs, in order of the series.
    pub(super) tallies: Vec<Tally>,
    /// Entries `series | lag bucket | count`, sorted: the exact count per day of lag.
    pub(super) lags: Vec<u64>,
    /// Entries `series | due value | count`, sorted: the exact count per due day, on time or late.
    pub(super) dues: Vec<u64>,
}

/// The totals of one cell. 64 bytes, one line of the cache.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) series: u16,
    pub(super) count: u32,
    pub(super) ruled: u32,
    pub(super) on_time: u32,
    /// How many entries of `lags` and `dues` belong to it.
    pub(super) lag_entries: u32,
    pub(super) due_entries: u32,
    /// Day number of the latest due day.
    pub(super) due_last: i32,
    pub(super) split_count: u32,
    /// Sums of days: citizen, department, transport, registry.
    pub(super) splits: [i64; 4],
}

/// Whether a contribution is put in or taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Subtract,
}

impl Cube {
    pub(super) fn new(digits: u8) -> Self {
        Self { digits, index: FxHashMap::default(), sheets: Vec::new() }
    }

    /// Puts an event in or takes it out; returns the number of its sheet.
    pub(super) fn change(&mut self, series: u16, event: &Contribution, change: Change) -> u32 {
        let number = self.sheet(event.place, event.month);
        self.sheets[number as usize].change(series, event, change);
        number
    }

    /// Puts a whole cell in.
    pub(super) fn add_cell(&mut self, series: u16, place: Place, month: Month, cell: &Cell) {
        let number = self.sheet(place, month);
        self.sheets[number as usize].add_cell(series, cell);
    }

    fn sheet(&mut self, place: Place, month: Month) -> u32 {
        let place = place.at_level(self.digits);
        // 40 bits of code, 4 of digits, 18 of month.
        let key = (place.code() << 22) | (u64::from(place.digits()) << 18) | u64::from(month.key());
        *self.index.entry(key).or_insert_with(|| {
            self.sheets.push(Sheet::new(place, month));
            (self.sheets.len() - 1) as u32
        })
    }
}

impl Sheet {
    fn new(place: Place, month: Month) -> Self {
        let first_day = day_number(month.first_day());
        let (tallies, lags, dues) = Default::default();
        Self { place, month, first_day, tallies, lags, dues }
    }

    fn change(&mut self, series: u16, event: &Contribution, change: Change) {
        let at = match self.tallies.binary_search_by_key(&series, |tally| tally.series) {
            Ok(at) => at,
            Err(at) if change == Change::Add => {
                insert(&mut self.tallies, at, Tally::empty(series));
                at
            }
            Err(_) => return debug_assert!(false, "only what was added is taken out"),
        };
        let tally = &mut self.tallies[at];
        let (sign, by) = match change {
            Change::Add => (1, 1_u32),
            Change::Subtract => (-1, u32::MAX),
        };
        tally.count = tally.count.wrapping_add(by);
        let key = entry_key(series, event.lag);
        tally.lag_entries = tally.lag_entries.wrapping_add(count_one(&mut self.lags, key, change));
        if let Some(due) = event.due {
            tally.ruled = tally.ruled.wrapping_add(by);
            tally.on_time = tally.on_time.wrapping_add(by.wrapping_mul(u32::from(due & 1)));
            let key = entry_key(series, due);
            tally.due_entries =
                tally.due_entries.wrapping_add(count_one(&mut self.dues, key, change));
            let day = self.first_day + due_days_after_first(due);
            if change == Change::Add {
                tally.due_last = tally.due_last.max(day);
            } else {
                tally.due_last = due_last(&self.dues, series, self.first_day);
            }
        }
        if let Some(split) = event.split {
            tally.split_count = tally.split_count.wrapping_add(by);
            for (sum, days) in tally.splits.iter_mut().zip(split) {
                *sum += sign * days;
            }
        }
        if tally.count == 0 {
            self.tallies.remove(at);
        }
    }

    fn add_cell(&mut self, series: u16, cell: &Cell) {
        let at = match self.tallies.binary_search_by_key(&series, |tally| tally.series) {
            Ok(at) => at,
            Err(at) => {
                insert(&mut self.tallies, at, Tally::empty(series));
                at
            }
        };
        let tally = &mut self.tallies[at];
        for &(bucket, count) in &cell.lags {
            tally.count += count;
            tally.lag_entries += add_count(&mut self.lags, entry_key(series, bucket), count);
        }
        for &(due, count) in &cell.dues {
            tally.ruled += count;
            tally.on_time += count * u32::from(due & 1);
            tally.due_entries += add_count(&mut self.dues, entry_key(series, due), count);
        }
        tally.due_last = due_last(&self.dues, series, self.first_day);
        tally.split_count += cell.split_count;
        for (sum, days) in tally.splits.iter_mut().zip(cell.splits) {
            *sum += days;
        }
    }

    /// The cell of a series; none when nothing is counted there.
    pub(super) fn cell(&self, series: u16) -> Option<Cell> {
        let at = self.tallies.binary_search_by_key(&series, |tally| tally.series).ok()?;
        let tally = &self.tallies[at];
        let entries = |entries: &[u64]| {
            let from = entries.partition_point(|entry| (entry >> 48) < u64::from(series));
            let run = entries[from..].iter().take_while(|&&e| (e >> 48) == u64::from(series));
            run.map(|&entry| (value_of(entry), count_of(entry))).collect()
        };
        Some(Cell {
            lags: entries(&self.lags),
            dues: entries(&self.dues),
            split_count: tally.split_count,
            splits: tally.splits,
        })
    }
}

impl Tally {
    fn empty(series: u16) -> Self {
        Self {
            series,
            count: 0,
            ruled: 0,
            on_time: 0,
            lag_entries: 0,
            due_entries: 0,
            due_last: i32::MIN,
            split_count: 0,
            splits: [0; 4],
        }
    }
}

fn entry_key(series: u16, value: u16) -> u64 {
    (u64::from(series) << 48) | (u64::from(value) << 32)
}

/// The bucket or due value of an entry.
pub(super) fn value_of(entry: u64) -> u16 {
    (entry >> 32) as u16
}

/// The count of an entry.
pub(super) fn count_of(entry: u64) -> u32 {
    entry as u32
}

/// The due day of an entry of `dues`, whether it was met, and how many events it counts.
pub(super) fn due_day(entry: u64, first_day: i32) -> (i32, bool, u64) {
    let value = value_of(entry);
    (first_day + due_days_after_first(value), value & 1 == 1, u64::from(count_of(entry)))
}

fn due_last(dues: &[u64], series: u16, first_day: i32) -> i32 {
    let after = dues.partition_point(|entry| (entry >> 48) <= u64::from(series));
    match after.checked_sub(1).map(|at| dues[at]) {
        Some(entry) if (entry >> 48) == u64::from(series) => due_day(entry, first_day).0,
        _ => i32::MIN,
    }
}

/// Counts one in or out; returns by how much the number of entries grew, wrapping below 0.
fn count_one(entries: &mut Vec<u64>, key: u64, change: Change) -> u32 {
    if change == Change::Add {
        return add_count(entries, key, 1);
    }
    let at = entries.partition_point(|&entry| entry < key);
    match entries.get_mut(at) {
        Some(entry) if value_and_series(*entry) == key => {
            *entry -= 1;
            if count_of(*entry) == 0 {
                entries.remove(at);
                return u32::MAX;
            }
            0
        }
        _ => {
            debug_assert!(false, "only what was added is taken out");
            0
        }
    }
}

/// Adds to a count; returns how many entries are new, 0 or 1.
fn add_count(entries: &mut Vec<u64>, key: u64, count: u32) -> u32 {
    let at = entries.partition_point(|&entry| entry < key);
    match entries.get_mut(at) {
        Some(entry) if value_and_series(*entry) == key => {
            *entry += u64::from(count);
            0
        }
        _ => {
            insert(entries, at, key | u64::from(count));
            1
        }
    }
}

fn value_and_series(entry: u64) -> u64 {
    entry & !u64::from(u32::MAX)
}

/// Inserts, growing by an eighth: there are thousands of these arrays, and slack adds up.
fn insert<T>(into: &mut Vec<T>, at: usize, item: T) {
    if into.len() == into.capacity() {
        into.reserve_exact(into.len() / 8 + 4);
    }
    into.insert(at, item);
}
