//! Days as numbers, so that they can be counted and kept in few bytes: days since 1 January 1970.
//!
//! `#[serde(with = "domain::days")]` stores a date so.

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serializer};

const EPOCH: Date = date(1970, 1, 1);

/// The number of a day.
pub fn day_number(day: Date) -> i32 {
    // No date of the calendar is further than four million days from the epoch.
    (day.duration_since(EPOCH).as_hours() / 24) as i32
}

/// The day of a number; the calendar's first or last day beyond its ends.
pub fn date_of(number: i32) -> Date {
    EPOCH.saturating_add(SignedDuration::from_hours(24 * i64::from(number)))
}

/// The number of the civil day in China at an instant, as [`crate::clocks::day_in_china`] has it.
pub fn day_number_in_china(instant: Timestamp) -> i32 {
    // Of second 0 in UTC it is eight o'clock in China; instants end with the year 9999.
    (instant.as_second() + 8 * 3600).div_euclid(24 * 3600) as i32
}

/// Stores a day as its number.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i32(day_number(*day))
}

/// Reads what [`serialize`] stored.
///
/// # Errors
/// The deserializer's.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    i32::deserialize(deserializer).map(date_of)
}
