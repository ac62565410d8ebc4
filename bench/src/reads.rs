//! Reads of one person's archive at random over everybody: now, and as of two moments.
//!
//! Each is measured closed, to see how many are answered, and paced at the rate that the goal names, to
//! see how long one takes when the machine is not pressed to its limit. The archive as it stands is
//! paced in two ways: ten requests every millisecond, and one every tenth of one. On a virtual
//! machine the second can be slower by what its host withholds: processors that are woken every
//! tenth of a millisecond never rest, and their waiting counts as work there.

use std::net::SocketAddr;

use crate::Error;
use crate::ingest::read_person;
use crate::load::{self, Outcome, Plan, mix};
use crate::paced::{self, Pace};
use crate::samples::Percentiles;
use crate::table::{Goal, Row, figure};
use crate::usage::Withheld;

/// Connections of the closed and of the paced run.
pub const CONNECTIONS: usize = 32;
const PACES_NOW: [(&str, Pace); 2] = [
    ("paced at 10000/s, ten each millisecond", Pace { per_second: 10_000.0, together: 10 }),
    ("paced at 10000/s, evenly", Pace { per_second: 10_000.0, together: 1 }),
];
const PACES_AS_OF: [(&str, Pace); 1] =
    [("paced at 1000/s", Pace { per_second: 1_000.0, together: 1 })];
const OK: u16 = 200;
/// At least so long a paced run takes. A disk may stand still for some milliseconds every few seconds: in a
/// shorter run it is chance how many of those there are, and with it what one answer in a hundred takes.
pub(crate) const PACED_SECONDS_MIN: f64 = 15.0;

/// The archive at one moment, or now.
pub struct Reads<'a> {
    /// Where.
    pub address: SocketAddr,
    /// As whom.
    pub token: &'a str,
    /// Whom to read.
    pub persons: &'a [u128],
    /// Days of the first and of the last event, for as-of reads.
    pub days: (&'a str, &'a str),
    /// How long each of the runs may take; a paced one takes a quarter of a minute at least.
    pub seconds_max: f64,
}

/// All runs of one kind of read.
pub struct Runs {
    /// As many as were answered.
    pub closed: Outcome,
    /// At the rate of the goal.
    pub paced: Vec<Paced>,
}

/// A run at a pace.
pub struct Paced {
    name: &'static str,
    pace: Pace,
    /// What came of it.
    pub outcome: Outcome,
    /// The share of the processors' time that the host gave to others meanwhile, of 100.
    withheld_percent: f64,
}

impl Reads<'_> {
    /// The archive as it stands.
    ///
    /// # Errors
    /// When connections break again and again.
    pub fn now(&self) -> Result<Runs, Error> {
        Ok(Runs { closed: self.closed_now()?, paced: self.paced_now()? })
    }

    /// As many as are answered, of the archive as it stands.
    ///
    /// # Errors
    /// When connections break again and again.
    pub fn closed_now(&self) -> Result<Outcome, Error> {
        self.run(None, &self.write_now())
    }

    /// The archive as it stands, at the rate of the goal.
    ///
    /// # Errors
    /// When connections break again and again.
    pub fn paced_now(&self) -> Result<Vec<Paced>, Error> {
        self.paced(&PACES_NOW, &self.write_now())
    }

    fn write_now(&self) -> impl Fn(u128, u64, &mut Vec<u8>) + Sync {
        |person, _, out| read_person(out, self.token, person, "", "")
    }

    /// The archive on a random day as known at a random later moment.
    ///
    /// # Errors
    /// When connections break again and again.
    pub fn as_of(&self) -> Result<Runs, Error> {
        let (first, last) = (month_of(self.days.0), month_of(self.days.1));
        let span = u64::try_from(last - first).unwrap_or(0).max(1);
        let write = |person, draw: u64, out: &mut Vec<u8>| {
            // The later half of the span: most people are known by then.
            let known = first + i64::try_from(span / 2 + draw % (span - span / 2)).unwrap_or(0);
            let valid = known - i64::try_from((draw >> 32) % (span / 2 + 1)).unwrap_or(0);
            let query = format!("?valid_on={}&known_at={}T00:00:00Z", day(valid), day(known));
            read_person(out, self.token, person, &query, "");
        };
        Ok(Runs { closed: self.run(None, &write)?, paced: self.paced(&PACES_AS_OF, &write)? })
    }

    fn paced(
        &self,
        paces: &[(&'static str, Pace)],
        write: &(impl Fn(u128, u64, &mut Vec<u8>) + Sync),
    ) -> Result<Vec<Paced>, Error> {
        let one = |(name, pace): &(&'static str, Pace)| {
            let before = Withheld::now();
            let outcome = self.run(Some(*pace), write)?;
            let withheld_percent = Withheld::now().percent_since(before);
            Ok(Paced { name, pace: *pace, outcome, withheld_percent })
        };
        paces.iter().map(one).collect()
    }

    fn run(
        &self,
        pace: Option<Pace>,
        write: &(impl Fn(u128, u64, &mut Vec<u8>) + Sync),
    ) -> Result<Outcome, Error> {
        let next = |connection: usize, n: u64, out: &mut Vec<u8>| {
            let draw = mix(n.wrapping_mul(CONNECTIONS as u64) + connection as u64);
            let at = usize::try_from(draw % self.persons.len() as u64).unwrap_or(0);
            write(self.persons[at], mix(draw), out);
            true
        };
        let seconds_max = self.seconds_max;
        match pace {
            Some(pace) => {
                let seconds = seconds_max.max(PACED_SECONDS_MIN);
                paced::run(self.address, CONNECTIONS, (pace, seconds), &[OK], next)
            }
            None => {
                let plan = Plan { connections: CONNECTIONS, requests_max: u64::MAX, seconds_max };
                load::run(self.address, plan, &[OK], next)
            }
        }
    }
}

impl Runs {
    /// How many were answered.
    pub fn answers(&self) -> usize {
        let paced = self.paced.iter().map(|paced| paced.outcome.latency.count);
        self.closed.latency.count + paced.sum::<usize>()
    }

    /// The rows of the report for reads of the archive as it stands.
    pub fn rows_now(&self) -> Vec<Row> {
        let rate = Goal::More { least: 10_000.0, reach: 25_000.0 };
        self.rows("archive read", rate, Goal::Less { most: 2.0, reach: None })
    }

    /// The rows of the report for as-of reads.
    pub fn rows_as_of(&self) -> Vec<Row> {
        let latency = Goal::Less { most: 5.0, reach: Some(1.0) };
        self.rows("as-of read (both axes)", Goal::None, latency)
    }

    fn rows(&self, name: &str, rate: Goal, latency: Goal) -> Vec<Row> {
        let closed = format!("{name}, {CONNECTIONS} connections, closed");
        let Percentiles { p50_ms, p99_ms, .. } = self.closed.latency;
        let mut rows = vec![
            Row::new(format!("{closed}: rate"), self.closed.per_second(), "answers/s", rate)
                .note(answered(&self.closed)),
            Row::new(format!("{closed}: p50"), p50_ms, "ms", Goal::None),
            Row::new(format!("{closed}: p99"), p99_ms, "ms", Goal::None),
        ];
        for Paced { name: pace_name, pace, outcome, withheld_percent } in &self.paced {
            let paced = format!("{name}, {pace_name}");
            let slow = outcome.per_second() < 0.95 * pace.per_second;
            let fell = if slow { "; could not keep the pace" } else { "" };
            let withheld = figure(*withheld_percent);
            let note = format!(
                "{}{fell}; the host withheld {withheld} % of the processors",
                answered(outcome)
            );
            let Percentiles { p50_ms, p99_ms, .. } = outcome.latency;
            rows.extend([
                Row::new(format!("{paced}: p50"), p50_ms, "ms", Goal::None),
                Row::new(format!("{paced}: p99"), p99_ms, "ms", latency).note(note),
            ]);
        }
        rows
    }
}

fn answered(outcome: &Outcome) -> String {
    let bytes = outcome.body_bytes / outcome.latency.count.max(1) as u64;
    format!("{} answers of {bytes} bytes{}", outcome.latency.count, outcome.others(&[OK]))
}

/// Months since the year 0 of a day `YYYY-MM-DD`; of 2020-01 when it is none.
fn month_of(day: &str) -> i64 {
    let mut parts = day.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(year), Some(month)) => year * 12 + month - 1,
        _ => 2020 * 12,
    }
}

/// The middle of a month, `YYYY-MM-DD`.
fn day(month: i64) -> String {
    format!("{:04}-{:02}-15", month.div_euclid(12), month.rem_euclid(12) + 1)
}
