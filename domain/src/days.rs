//! Days as numbers, so that they can be counted and kept in few bytes: days since 1 January 1970.
//!
//! `#[serde(with = "domain::days")]` stores a date so.
//!
//! Each row of a view and each person of the decider holds dozens of days, so they are counted here
//! and not by way of durations, which cost ten times as much.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serializer};

/// Days in the 400 years after which the calendar repeats.
const ERA_DAYS: i32 = 146_097;
/// From 1 March of the year 0, with which eras begin, to the epoch.
const EPOCH_DAYS: i32 = 719_468;

/// The number of a day.
pub fn day_number(day: Date) -> i32 {
    let (year, month, of_month) = (i32::from(day.year()), i32::from(day.month()), day.day());
    // Years are taken from March on, so that a leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + i32::from(of_month) - 1;
    era * ERA_DAYS + year * 365 + year / 4 - year / 100 + of_year - EPOCH_DAYS
}

/// The day of a number; the calendar's first or last day beyond its ends.
pub fn date_of(number: i32) -> Date {
    let days = number.saturating_add(EPOCH_DAYS);
    let (era, of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (later, month) = if month < 10 { (0, month + 3) } else { (1, month - 9) };
    let year = era * 400 + year + later;
    let date =
        i16::try_from(year).ok().and_then(|year| Date::new(year, month as i8, of_month as i8).ok());
    date.unwrap_or(if number < 0 { Date::MIN } else { Date::MAX })
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
