//! Reads of one person's archive at random over everybody: now, and as of two moments.
//!
//! Each is measured twice: closed, to see how many are answered, and paced at the rate that the
//! goal names, to see how long one takes when the machine is not pressed to its limit.

use std::net::SocketAddr;

use crate::Error;
use crate::ingest::read_person;
use crate::load::{self, Outcome, Plan, mix};
use crate::samples::Percentiles;
use crate::table::{Goal, Row};

/// Connections of the closed and of the paced run.
pub const CONNECTIONS: usize = 32;
const PACE_NOW_PER_SECOND: f64 = 10_000.0;
const PACE_AS_OF_PER_SECOND: f64 = 1_000.0;
const OK: u16 = 200;

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
    /// How long each of the runs may take.
    pub seconds_max: f64,
}

/// Both runs of one kind of read.
pub struct Both {
    /// As many as were answered.
    pub closed: Outcome,
    /// At the rate of the goal.
    pub paced: Outcome,
    pace_per_second: f64,
}

impl Reads<'_> {
    /// The archive as it stands.
    ///
    /// # Errors
    /// When connections break again and again.
    pub fn now(&self) -> Result<Both, Error> {
        Ok(self.both_now(self.closed_now()?, self.paced_now()?))
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
    pub fn paced_now(&self) -> Result<Outcome, Error> {
        self.run(Some(PACE_NOW_PER_SECOND), &self.write_now())
    }

    /// Both runs of reads of the archive as it stands.
    pub fn both_now(&self, closed: Outcome, paced: Outcome) -> Both {
        Both { closed, paced, pace_per_second: PACE_NOW_PER_SECOND }
    }

    fn write_now(&self) -> impl Fn(u128, u64, &mut Vec<u8>) + Sync {
        |person, _, out| read_person(out, self.token, person, "", "")
    }

    /// The archive on a random day as known at a random later moment.
    ///
    /// # Errors
    /// When connections break again and again.
    pub fn as_of(&self) -> Result<Both, Error> {
        let (first, last) = (month_of(self.days.0), month_of(self.days.1));
        let span = u64::try_from(last - first).unwrap_or(0).max(1);
        let write = |person, draw: u64, out: &mut Vec<u8>| {
            // The later half of the span: most people are known by then.
            let known = first + i64::try_from(span / 2 + draw % (span - span / 2)).unwrap_or(0);
            let valid = known - i64::try_from((draw >> 32) % (span / 2 + 1)).unwrap_or(0);
            let query = format!("?valid_on={}&known_at={}T00:00:00Z", day(valid), day(known));
            read_person(out, self.token, person, &query, "");
        };
        let (closed, paced) =
            (self.run(None, &write)?, self.run(Some(PACE_AS_OF_PER_SECOND), &write)?);
        Ok(Both { closed, paced, pace_per_second: PACE_AS_OF_PER_SECOND })
    }

    fn run(
        &self,
        per_second: Option<f64>,
        write: &(impl Fn(u128, u64, &mut Vec<u8>) + Sync),
    ) -> Result<Outcome, Error> {
        let plan = Plan {
            connections: CONNECTIONS,
            requests_max: u64::MAX,
            seconds_max: self.seconds_max,
            per_second,
        };
        load::run(self.address, plan, &[OK], |connection, n, out| {
            let draw = mix(n.wrapping_mul(CONNECTIONS as u64) + connection as u64);
            let at = usize::try_from(draw % self.persons.len() as u64).unwrap_or(0);
            write(self.persons[at], mix(draw), out);
            true
        })
    }
}

impl Both {
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
        let paced = format!("{name}, paced at {}/s", self.pace_per_second);
        let answered = |outcome: &Outcome| {
            let bytes = outcome.body_bytes / outcome.latency.count.max(1) as u64;
            let others = outcome.others(&[OK]);
            format!("{} answers of {bytes} bytes{others}", outcome.latency.count)
        };
        let Percentiles { p50_ms, p99_ms, .. } = self.closed.latency;
        let slow = self.paced.per_second() < 0.95 * self.pace_per_second;
        let fell = if slow { "; could not keep the pace" } else { "" };
        let note = format!("{}{fell}", answered(&self.paced));
        vec![
            Row::new(format!("{closed}: rate"), self.closed.per_second(), "answers/s", rate)
                .note(answered(&self.closed)),
            Row::new(format!("{closed}: p50"), p50_ms, "ms", Goal::None),
            Row::new(format!("{closed}: p99"), p99_ms, "ms", Goal::None),
            Row::new(format!("{paced}: p50"), self.paced.latency.p50_ms, "ms", Goal::None),
            Row::new(format!("{paced}: p99"), self.paced.latency.p99_ms, "ms", latency).note(note),
        ]
    }
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
