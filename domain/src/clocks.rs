//! The six clocks of an event: six names, never a bare "timestamp".

use jiff::Timestamp;
use jiff::civil::Date;

/// When an event happened, was known, was sent, was received, was recorded and was verified.
///
/// The differences say whose delay it is: citizen (known − occurred), department (sent − known),
/// transport (received − sent), registry (recorded − received).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// The day it happened in the world.
    pub occurred_on: Date,
    /// The day the first official channel knew of it.
    pub known_on: Option<Date>,
    /// When the upstream system made its message (CloudEvents `time`).
    pub sent_at: Option<Timestamp>,
    /// When the registry's socket had it.
    pub received_at: Timestamp,
    /// When it entered the log.
    pub recorded_at: Timestamp,
    /// When somebody checked it on the ground.
    pub verified_at: Option<Timestamp>,
}

impl Clocks {
    /// Days from the event to its record, on the registry's calendar (UTC+8); negative when the
    /// event is dated in the future.
    pub fn total_lag_days(&self) -> i32 {
        let recorded_on = day_in_china(self.recorded_at);
        (recorded_on - self.occurred_on).get_days()
    }
}

/// The civil date in China (UTC+8, no summer time) at an instant.
pub fn day_in_china(instant: Timestamp) -> Date {
    jiff::tz::offset(8).to_datetime(instant).date()
}
