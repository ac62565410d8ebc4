//! The questions that the view answers, and the figures of an answer.
//!
//! Timeliness is n(recorded by the due day) / n(due day passed), over the events whose due day
//! lies before `as_of`. Events not yet due and events without a rule are counted apart.

use domain::Place;
use jiff::civil::Date;

use super::Timeliness;
use super::borders::Borders;
use super::lags::{Lags, quantile};
use super::month::Month;
use super::selection::Selection;
use super::sheet::Tally;

/// What to count, and by what to part it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelinessQuery {
    /// Only events of this division and all that lie in it.
    pub place: Option<Place>,
    /// First month of occurrence, inclusive.
    pub from: Option<Month>,
    /// Last month of occurrence, inclusive.
    pub to: Option<Month>,
    /// One row per value of all of these, ordered by them in this order.
    pub group_by: Vec<Dimension>,
    /// By which borders places are told apart, and `place` is meant.
    pub borders: Borders,
    /// The day of asking: what was due before it is judged. A day before the newest record is
    /// taken as the day of that record; figures as of a past day come from a view folded up to it.
    pub as_of: Date,
}

/// By what rows can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// The divisions of a level; none is the level below the place that is asked about. An event
    /// recorded for a coarser division stands in a row of that division.
    Place(Option<Level>),
    /// The event.
    Event,
    /// The reporting department.
    Department,
    /// The channel.
    Channel,
    /// The month of occurrence.
    Month,
}

/// A level of divisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Two digits.
    Province = 2,
    /// Four digits.
    Prefecture = 4,
    /// Six digits.
    County = 6,
    /// Nine digits.
    Township = 9,
    /// Twelve digits.
    Village = 12,
}

/// The values that a row is for; none in the dimensions that were not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Division.
    pub place: Option<Place>,
    /// Number of the event in the catalogue.
    pub event: Option<u16>,
    /// Department.
    pub department: Option<[u8; 3]>,
    /// Channel.
    pub channel: Option<[u8; 2]>,
    /// Month of occurrence.
    pub month: Option<Month>,
}

/// The figures of a group; a group without events has no row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Which group.
    pub group: Group,
    /// Events recorded by their due day, of those due before `as_of`.
    pub numerator: u64,
    /// Events due before `as_of`.
    pub denominator: u64,
    /// Numerator over denominator; none when nothing was due.
    pub rate: Option<f64>,
    /// All events of the group.
    pub total: u64,
    /// Events without a rule.
    pub unruled: u64,
    /// Events whose due day is `as_of` or later.
    pub not_yet_due: u64,
    /// Median days of lag over all events, by nearest rank: the smallest lag that at least half
    /// of the events do not exceed; -1 stands for every event dated after its record.
    pub p50_days: i32,
    /// The same for nine in ten.
    pub p90_days: i32,
    /// The same for 99 in a hundred.
    pub p99_days: i32,
    /// Whose delay it was; none when no event of the group had every clock.
    pub split: Option<SplitDays>,
    /// How many events had every clock.
    pub split_count: u64,
    /// Whether events of these months may still come in without being out of the ordinary: until
    /// `as_of` is later than their latest due day and [`super::GRACE_DAYS`].
    pub open: bool,
}

/// Mean days of delay, in whole days on China's calendar; they add up to the mean total lag of
/// the events that had every clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitDays {
    /// From the event to the day the first official channel knew.
    pub citizen: f64,
    /// From there to the upstream system's message.
    pub department: f64,
    /// From there to the registry's socket.
    pub transport: f64,
    /// From there to the log.
    pub registry: f64,
}

impl Timeliness {
    /// One row per group that has events, in the order of `group_by`.
    pub fn query(&self, query: &TimelinessQuery) -> Vec<Row> {
        let mut rows = Vec::new();
        Selection::new(self, query).for_each_group(|group, totals, lags| {
            rows.push(totals.row(group, lags));
        });
        rows.sort_by_cached_key(|row| row.group.key(&query.group_by));
        rows
    }
}

impl TimelinessQuery {
    /// The level by which places are told apart; none when they are not.
    pub(super) fn level(&self) -> Option<Level> {
        self.group_by.iter().find_map(|dimension| match dimension {
            Dimension::Place(level) => {
                Some(level.unwrap_or_else(|| Level::below(self.place.map_or(0, Place::digits))))
            }
            _ => None,
        })
    }
}

impl Level {
    /// The level below that of a code of so many digits; a village has none below it.
    pub fn below(digits: u8) -> Self {
        match digits {
            0..2 => Level::Province,
            2..4 => Level::Prefecture,
            4..6 => Level::County,
            6..9 => Level::Township,
            _ => Level::Village,
        }
    }
}

impl Group {
    /// A number that orders groups by the dimensions in their order.
    pub fn key(&self, by: &[Dimension]) -> u128 {
        by.iter().fold(0, |key, dimension| {
            let (bits, value) = match dimension {
                Dimension::Place(_) => (44, self.place.map_or(0, place_key)),
                Dimension::Event => (16, self.event.map_or(0, u64::from)),
                Dimension::Department => (24, self.department.map_or(0, |code| number(&code))),
                Dimension::Channel => (16, self.channel.map_or(0, |code| number(&code))),
                Dimension::Month => (18, self.month.map_or(0, |month| u64::from(month.key()))),
            };
            (key << bits) | u128::from(value)
        })
    }
}

/// Orders places as texts: a division stands before what lies in it.
fn place_key(place: Place) -> u64 {
    let digits = place.digits();
    ((place.code() * 10_u64.pow(u32::from(12 - digits))) << 4) | u64::from(digits)
}

fn number(code: &[u8]) -> u64 {
    code.iter().fold(0, |number, &byte| (number << 8) | u64::from(byte))
}

/// What is summed up over the cells of a group.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) count: u64,
    pub(super) ruled: u64,
    pub(super) on_time: u64,
    /// Of both, the events that are not due yet.
    pub(super) pending: u64,
    pub(super) split_count: u64,
    pub(super) splits: [i64; 4],
    pub(super) open: bool,
}

impl Totals {
    pub(super) fn add(&mut self, tally: &Tally) {
        self.count += u64::from(tally.count);
        self.ruled += u64::from(tally.ruled);
        self.on_time += u64::from(tally.on_time);
        self.split_count += u64::from(tally.split_count);
        self.splits.iter_mut().zip(tally.splits).for_each(|(sum, days)| *sum += days);
    }

    fn row(&self, group: Group, lags: &Lags<'_>) -> Row {
        let mean = |days: i64| days as f64 / self.split_count as f64;
        let [citizen, department, transport, registry] = self.splits.map(mean);
        let [p50_days, p90_days, p99_days] = quantile(lags, self.count, [50, 90, 99]);
        let (numerator, denominator) = (self.on_time - self.pending, self.ruled - self.pending);
        Row {
            group,
            numerator,
            denominator,
            rate: (denominator > 0).then(|| numerator as f64 / denominator as f64),
            total: self.count,
            unruled: self.count - self.ruled,
            not_yet_due: self.pending,
            p50_days,
            p90_days,
            p99_days,
            split: (self.split_count > 0).then_some(SplitDays {
                citizen,
                department,
                transport,
                registry,
            }),
            split_count: self.split_count,
            open: self.open,
        }
    }
}
