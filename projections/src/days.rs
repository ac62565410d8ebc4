//! Days as numbers, so that a cube can count them: days since 1 January 1970.

use domain::clocks::day_in_china;
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

/// The number of the civil day in China at an instant.
pub(crate) fn day_number_in_china(instant: Timestamp) -> i32 {
    day_number(day_in_china(instant))
}
