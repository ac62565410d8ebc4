//! How long reports take, channel by channel: the exchange between departments a few days, the
//! window ten, a household visit two months, the village's report until the fifth of next month.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::person::Day;
use super::random::Random;

const DAY_SECONDS: i64 = 86_400;

/// Seconds of local time, except `known`, which is a day.
pub(super) struct Drawn {
    pub(super) known: Day,
    pub(super) sent: i64,
    pub(super) recorded: i64,
}

/// The number of a date.
pub(super) fn day_number(date: Date) -> Day {
    (date - jiff::civil::date(1970, 1, 1)).get_days()
}

/// The date of a number.
pub(super) fn date_of(day: Day) -> Date {
    let instant = Timestamp::from_second(i64::from(day) * DAY_SECONDS);
    instant.map(|at| Offset::UTC.to_datetime(at).date()).unwrap_or(Date::MAX)
}

/// The first of September on which the school year of a day began; from July on, begins.
pub(super) fn school_day(day: Day) -> Day {
    let date = date_of(day);
    let year = if date.month() >= 7 { date.year() } else { date.year() - 1 };
    day_number(jiff::civil::date(year, 9, 1))
}

/// The clocks of a report through a channel of something that happened on `occurred`.
pub(super) fn clocks(random: &mut Random, channel: &str, occurred: Day, late: bool) -> Drawn {
    let tail = if late { random.between(30, 200) } else { 0 };
    let lag = lag_days(random, channel, occurred) + tail;
    let recorded_on = occurred + lag;
    let known = match channel {
        "HV" | "OW" | "BZ" => recorded_on - random.between(0, lag.min(1)),
        "MR" => occurred + random.between(0, lag.min(7)),
        _ => occurred + random.between(0, lag) * random.between(0, 1),
    };
    let sent_on = recorded_on - random.between(0, (recorded_on - known).min(1));
    sending(random, known, sent_on, recorded_on)
}

/// The clocks of a report that is sent and recorded on given days.
pub(super) fn sending(random: &mut Random, known: Day, sent_on: Day, recorded_on: Day) -> Drawn {
    let office_hour = |random: &mut Random| i64::from(random.between(8 * 3600, 17 * 3600));
    let sent = i64::from(sent_on) * DAY_SECONDS + office_hour(random);
    let recorded = if sent_on == recorded_on {
        sent + i64::from(random.between(1, 1800))
    } else {
        i64::from(recorded_on) * DAY_SECONDS + office_hour(random)
    };
    Drawn { known, sent, recorded }
}

fn lag_days(random: &mut Random, channel: &str, occurred: Day) -> i32 {
    match channel {
        "DX" => random.weighted(&[(58, 0), (24, 1), (11, 2), (7, 3)]),
        "OW" => match random.below(100) {
            0..45 => 0,
            45..75 => random.between(1, 3),
            _ => random.between(4, 10),
        },
        "HV" => match random.below(100) {
            0..45 => random.between(0, 5),
            45..85 => random.between(6, 30),
            _ => random.between(31, 60),
        },
        "MR" => {
            let date = date_of(occurred);
            let to_report_day = i32::from(date.days_in_month()) - i32::from(date.day()) + 5;
            to_report_day + random.weighted(&[(85, 0), (10, 1), (5, 3)])
        }
        _ => random.between(0, 2),
    }
}
