//! What the measure takes from one envelope, and what that adds to a cell.

use domain::{Envelope, Place};
use serde::{Deserialize, Serialize};

use super::month::Month;
use crate::deadlines::Deadlines;
use domain::days::{date_of, day_number, day_number_in_china};

/// A counted event, as far as the measure goes. Days are day numbers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Fact {
    event: u16,
    place_code: u64,
    place_digits: u8,
    department: [u8; 3],
    channel: [u8; 2],
    /// The day it happened, as first told.
    pub(super) occurred: i32,
    known: Option<i32>,
    sent: Option<i32>,
    received: i32,
    pub(super) recorded: i32,
}

/// Event number, department and channel in one number, ordered in that order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Series(pub(super) u64);

/// What one event adds to its cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contribution {
    pub(super) series: Series,
    pub(super) place: Place,
    pub(super) month: Month,
    pub(super) lag: u16,
    /// None without a rule.
    pub(super) due: Option<DueInMonth>,
    /// Days of delay of citizen, department, transport and registry; none when a clock is absent.
    pub(super) split: Option<[i64; 4]>,
}

/// By when a contribution had to be on record.
#[derive(Clone, Copy, Debug)]
pub(super) struct DueInMonth {
    /// Days after the first of the month of occurrence.
    pub(super) days: i32,
    /// Whether it was.
    pub(super) on_time: bool,
}

/// Offsets of due days begin so many days before the first of the month.
const DUE_DAYS_BEFORE_MAX: i32 = 1024;

impl Fact {
    pub(super) fn of(envelope: &Envelope) -> Self {
        let clocks = &envelope.clocks;
        Self {
            event: envelope.event_type.number,
            place_code: envelope.place.code(),
            place_digits: envelope.place.digits(),
            department: envelope.department,
            channel: envelope.channel,
            occurred: day_number(clocks.occurred_on),
            known: clocks.known_on.map(day_number),
            sent: clocks.sent_at.map(day_number_in_china),
            received: day_number_in_china(clocks.received_at),
            recorded: day_number_in_china(clocks.recorded_at),
        }
    }

    /// What the event adds when it happened on day `occurred`; none when a stored place is no
    /// place.
    pub(super) fn contribution(
        &self,
        occurred: i32,
        deadlines: &Deadlines,
    ) -> Option<Contribution> {
        let place = Place::from_code(self.place_code, self.place_digits)?;
        let day = date_of(occurred);
        let month = Month::of(day);
        let first_day = occurred + 1 - i32::from(day.day());
        let due = deadlines
            .due_day(self.event, deadlines.areas().is_urban(place), occurred, self.known)
            .map(|(day, _)| DueInMonth { days: day - first_day, on_time: self.recorded <= day });
        let split = self.known.zip(self.sent).map(|(known, sent)| {
            [known - occurred, sent - known, self.received - sent, self.recorded - self.received]
                .map(i64::from)
        });
        Some(Contribution {
            series: Series::new(self.event, self.department, self.channel),
            place,
            month,
            lag: lag_bucket(self.recorded - occurred),
            due,
            split,
        })
    }
}

impl Series {
    pub(super) fn new(event: u16, department: [u8; 3], channel: [u8; 2]) -> Self {
        let [d0, d1, d2] = department;
        let [event_high, event_low] = event.to_be_bytes();
        let bytes = [0, event_high, event_low, d0, d1, d2, channel[0], channel[1]];
        Self(u64::from_be_bytes(bytes))
    }

    pub(super) fn event(self) -> u16 {
        (self.0 >> 40) as u16
    }

    pub(super) fn department(self) -> [u8; 3] {
        let bytes = self.0.to_be_bytes();
        [bytes[3], bytes[4], bytes[5]]
    }

    pub(super) fn channel(self) -> [u8; 2] {
        let bytes = self.0.to_be_bytes();
        [bytes[6], bytes[7]]
    }
}

/// The bucket of a lag: 0 for events dated in the future, else the days and one; the last bucket
/// holds all that took 65,534 days or longer.
pub(super) fn lag_bucket(days: i32) -> u16 {
    (days.max(-1) + 1).min(i32::from(u16::MAX)) as u16
}

/// The days of lag that a bucket stands for; -1 for events dated in the future.
pub(super) fn lag_days(bucket: u16) -> i32 {
    i32::from(bucket) - 1
}

impl DueInMonth {
    /// The due day in 16 bits; beyond 170 years the last one.
    pub(super) fn offset(self) -> u16 {
        (self.days + DUE_DAYS_BEFORE_MAX).clamp(0, i32::from(u16::MAX)) as u16
    }
}

/// How many days after the first of the month of occurrence the due day of an offset lies.
pub(super) fn due_days_after_first(offset: u16) -> i32 {
    i32::from(offset) - DUE_DAYS_BEFORE_MAX
}
