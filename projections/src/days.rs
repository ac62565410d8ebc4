//! Days as numbers, so that a cube can count them: days since 1 January 1970.

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};

const EPOCH: Date = date(1970, 1, 1);

/// The number of a day.
pub(crate) fn day_number(day: Date) -> i32 {
    // No date of the calendar is further than four million days from the epoch.
    (day.duration_since(EPOCH).as_hours() / 24) as i32
}

/// The day of a number; the calendar's first or last day beyond its ends.
pub(crate) fn date_of(number: i32) -> Date {
    EPOCH.saturating_add(SignedDuration::from_hours(24 * i64::from(number)))
}

/// The number of the civil day in China at an instant, as [`domain::clocks::day_in_china`] has it.
pub(crate) fn day_number_in_china(instant: Timestamp) -> i32 {
    // Of second 0 in UTC it is eight o'clock in China; instants end with the year 9999.
    (instant.as_second() + 8 * 3600).div_euclid(24 * 3600) as i32
}
