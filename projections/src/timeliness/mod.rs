//! Timeliness: how long after an event its record came, whose delay that was, and whether it came
//! within the time that the rules give.
//!
//! Folded from envelopes alone; no payload is opened. Every life event and every collection
//! (number 1 to 104) is counted once, in the cell of its event, place, department, channel and
//! month of occurrence. Counts are exact per day, so a correction moves one event and an
//! annulment takes one out. Beside the places as recorded the cube is kept for townships and for
//! counties, so that questions about a province do not read every village.

mod acts;
mod borders;
mod cube;
mod fact;
mod lags;
mod month;
mod parts;
mod query;
mod rows;
mod selection;
mod sheet;

use std::sync::Arc;

use domain::{Envelope, Kind};
use rustc_hash::{FxHashMap, FxHashSet};

use self::acts::{Act, ActedOn};
use self::cube::Cube;
use self::fact::{Contribution, Fact, Series};
use self::sheet::{Change, Near};
use crate::deadlines::Deadlines;
use domain::days::{day_number, day_number_in_china};

pub use self::lags::{LagCurve, LagPoint};
pub use self::month::Month;
pub use self::query::{Dimension, Group, Level, Row, SplitDays, TimelinessQuery};
pub use self::rows::{Cell, CellKey, RowError};
pub use borders::Borders;

/// A group of months stays open for so many days after its latest due day.
pub const GRACE_DAYS: i32 = 90;

/// Events whose sheets are brought out of memory together.
const PLACED_AT_ONCE: usize = 64;

/// An event, and where in the cubes it counts.
struct Placed {
    event: Contribution,
    series: u16,
    /// Number of its sheet in each cube.
    sheets: [u32; 3],
    settled_before: i32,
}

/// The view.
#[derive(Debug)]
pub struct Timeliness {
    deadlines: Arc<Deadlines>,
    /// Of places as recorded, of townships and of counties; each counts every event.
    cubes: [Cube; 3],
    /// Event, department and channel of each series.
    series: Vec<Series>,
    series_numbers: FxHashMap<Series, u16>,
    /// By position of the event.
    acted_on: FxHashMap<u64, ActedOn>,
    /// From the position of an act to that of the event at its root.
    roots: FxHashMap<u64, u64>,
    /// Sheet of the finest cube and series of each cell that changed: `sheet << 16 | series`.
    dirty_cells: FxHashSet<u64>,
    dirty_acted_on: FxHashSet<u64>,
    /// Number of the day of the newest record; what was due before is settled.
    recorded_last: i32,
    is_day_dirty: bool,
}

/// Whether events of this number are counted: life events and collections, told in the subject's
/// own stream.
pub fn is_counted(number: u16) -> bool {
    (1..=Kind::Observation as u16).contains(&number)
}

impl Timeliness {
    /// An empty view under these rules.
    pub fn new(deadlines: Arc<Deadlines>) -> Self {
        Self {
            deadlines,
            cubes: [12, 9, 6].map(Cube::new),
            series: Vec::new(),
            series_numbers: FxHashMap::default(),
            acted_on: FxHashMap::default(),
            roots: FxHashMap::default(),
            dirty_cells: FxHashSet::default(),
            dirty_acted_on: FxHashSet::default(),
            recorded_last: i32::MIN,
            is_day_dirty: false,
        }
    }

    /// Folds events in; they come in the order of the log, each once.
    ///
    /// Each comes with the envelope that a correction or annulment acts on, which may itself be a
    /// correction or annulment. An act on an event that is not counted changes nothing.
    pub fn apply_each<'a>(
        &mut self,
        events: impl IntoIterator<Item = (&'a Envelope, Option<&'a Envelope>)>,
    ) {
        let mut placed = Vec::with_capacity(PLACED_AT_ONCE);
        for (envelope, target) in events {
            let number = envelope.event_type.number;
            if is_counted(number) {
                let fact = Fact::of(envelope);
                self.note_record(fact.recorded);
                placed.extend(self.place(&fact, fact.occurred));
                if placed.len() == PLACED_AT_ONCE {
                    self.put_in(&mut placed);
                }
                continue;
            }
            self.put_in(&mut placed);
            if number == Kind::Correction as u16 {
                self.act(envelope, target, Some(day_number(envelope.clocks.occurred_on)));
            } else if number == Kind::Annulment as u16 {
                self.act(envelope, target, None);
            }
        }
        self.put_in(&mut placed);
    }

    /// As [`Timeliness::apply_each`] of one event.
    pub fn apply(&mut self, envelope: &Envelope, target: Option<&Envelope>) {
        self.apply_each([(envelope, target)]);
    }

    /// The rules that judge.
    pub fn deadlines(&self) -> &Arc<Deadlines> {
        &self.deadlines
    }

    /// Takes what changed since the last taking: keys in order, each with its new value, none
    /// where the cell is empty now.
    pub fn take_dirty(&mut self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut changed = Vec::with_capacity(self.dirty_cells.len() + self.dirty_acted_on.len());
        for cell in self.dirty_cells.drain() {
            let (sheet, number) = (&self.cubes[0].sheets[(cell >> 16) as usize], cell as u16);
            let key = CellKey::of(self.series[usize::from(number)], sheet.place, sheet.month);
            changed.push((key.encode(), sheet.cell(number).map(|cell| cell.encode())));
        }
        for position in self.dirty_acted_on.drain() {
            let value = self.acted_on.get(&position).map(rows::encode);
            changed.push((rows::acted_on_key(position), value));
        }
        if std::mem::take(&mut self.is_day_dirty) {
            let value = rows::encode(&self.recorded_last);
            changed.push((rows::RECORDED_LAST.to_vec(), Some(value)));
        }
        changed.sort_unstable();
        changed
    }

    /// The view whose rows these are, in any order; going on from it equals never having stopped.
    ///
    /// # Errors
    /// [`RowError`] at the first row that is none.
    pub fn load<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        deadlines: Arc<Deadlines>,
        rows: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, RowError> {
        let mut view = Self::new(deadlines);
        for (key, value) in rows {
            view.load_row(key.as_ref(), value.as_ref())?;
        }
        Ok(view)
    }

    fn load_row(&mut self, key: &[u8], value: &[u8]) -> Result<(), RowError> {
        if key.first() == Some(&rows::CELL) {
            let (key, cell) = (CellKey::decode(key)?, Cell::decode(value)?);
            let series = self.series_number(key.series());
            for cube in &mut self.cubes {
                let at = cube.sheet(key.place, key.month);
                cube.sheets[at as usize].add_cell(series, &cell);
            }
        } else if key == rows::RECORDED_LAST {
            self.recorded_last = rows::decode(value)?;
        } else {
            let position = rows::acted_on_position(key)?;
            let acted_on: ActedOn = rows::decode(value)?;
            self.roots.extend(acted_on.positions().map(|act| (act, position)));
            self.acted_on.insert(position, acted_on);
        }
        Ok(())
    }

    /// Takes a correction (with its true day) or an annulment into account.
    fn act(&mut self, envelope: &Envelope, target: Option<&Envelope>, true_day: Option<i32>) {
        let acts_on = envelope.corrects.0;
        let root = self.roots.get(&acts_on).copied().unwrap_or(acts_on);
        let new = match target {
            Some(target) if target.position.0 == root && is_counted(target.event_type.number) => {
                Some(target)
            }
            _ => None,
        };
        let acted_on = match (self.acted_on.get_mut(&root), new) {
            (Some(known), _) => known,
            (None, Some(target)) => {
                self.acted_on.entry(root).or_insert(ActedOn::new(Fact::of(target)))
            }
            (None, None) => return,
        };
        let recorded = day_number_in_china(envelope.clocks.recorded_at);
        let before = acted_on.current_day(root);
        let position = envelope.position.0;
        acted_on.push(Act { position, target: acts_on, true_day });
        let after = acted_on.current_day(root);
        let fact = acted_on.fact;
        self.note_record(recorded);
        self.roots.insert(position, root);
        self.dirty_acted_on.insert(root);
        if before != after {
            if let Some(day) = before {
                self.change(&fact, day, Change::Subtract);
            }
            if let Some(day) = after {
                self.change(&fact, day, Change::Add);
            }
        }
    }

    /// Puts an event that happened on `day` into every cube, or takes it out.
    fn change(&mut self, fact: &Fact, day: i32, change: Change) {
        if let Some(placed) = self.place(fact, day) {
            self.put(&placed, change);
        }
    }

    /// Where an event that happened on `day` counts; none when a stored place is no place.
    fn place(&mut self, fact: &Fact, day: i32) -> Option<Placed> {
        let event = fact.contribution(day, &self.deadlines)?;
        let series = self.series_number(event.series);
        let settled_before = self.recorded_last;
        let sheets = self.cubes.each_mut().map(|cube| cube.sheet(event.place, event.month));
        Some(Placed { event, series, sheets, settled_before })
    }

    /// Puts events into every cube. Their sheets lie anywhere in memory, which is asked for all of
    /// them before any is changed.
    fn put_in(&mut self, all: &mut Vec<Placed>) {
        let sheets = |placed: &Placed| std::iter::zip(&self.cubes, placed.sheets);
        let near = all.iter().flat_map(sheets).map(|(cube, at)| cube.sheets[at as usize].near());
        let arrays = near.collect::<Vec<_>>();
        std::hint::black_box(arrays.into_iter().map(Near::look).fold(0, |sum, one| sum ^ one));
        all.drain(..).for_each(|placed| self.put(&placed, Change::Add));
    }

    fn put(&mut self, placed: &Placed, change: Change) {
        let Placed { event, series, sheets, settled_before } = placed;
        self.dirty_cells.insert((u64::from(sheets[0]) << 16) | u64::from(*series));
        for (cube, at) in self.cubes.iter_mut().zip(sheets) {
            cube.sheets[*at as usize].change(*series, event, change, *settled_before);
        }
    }

    fn note_record(&mut self, day: i32) {
        if day > self.recorded_last {
            self.recorded_last = day;
            self.is_day_dirty = true;
        }
    }

    fn series_number(&mut self, series: Series) -> u16 {
        *self.series_numbers.entry(series).or_insert_with(|| {
            self.series.push(series);
            // 104 events by the departments and channels of two short code tables.
            u16::try_from(self.series.len() - 1).expect("fewer series than 65,536")
        })
    }
}
