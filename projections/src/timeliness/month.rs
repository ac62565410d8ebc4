//! A month of the calendar: the cohort in which an event is counted.

use std::fmt;

use jiff::civil::{Date, date};

/// A month, written `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month(i32);

/// Months before the year 0 are counted from here, so that a key is never negative.
const BEFORE_YEAR_0: i32 = 12 * 9999;

impl Month {
    /// The month in which a day lies.
    pub fn of(day: Date) -> Self {
        Self(i32::from(day.year()) * 12 + i32::from(day.month()) - 1)
    }

    /// Reads `2026-11`; none when it is no month.
    pub fn parse(text: &str) -> Option<Self> {
        let is_shaped = text.len() == 7
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let month: i8 = text.get(5..).filter(|_| is_shaped)?.parse().ok()?;
        Date::new(text[..4].parse().ok()?, month, 1).ok().map(Self::of)
    }

    /// Its first day.
    pub fn first_day(self) -> Date {
        date(self.0.div_euclid(12) as i16, self.0.rem_euclid(12) as i8 + 1, 1)
    }

    /// Its last day.
    pub fn last_day(self) -> Date {
        self.first_day().last_of_month()
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The month so many before it.
    #[must_use]
    pub fn before(self, months: u16) -> Self {
        Self(self.0 - i32::from(months))
    }

    /// A number below 2^18 that orders months.
    pub fn key(self) -> u32 {
        (self.0 + BEFORE_YEAR_0) as u32
    }

    /// The month of a key.
    pub fn from_key(key: u32) -> Option<Self> {
        let number = i32::try_from(key).ok()? - BEFORE_YEAR_0;
        Date::new(i16::try_from(number.div_euclid(12)).ok()?, 1, 1).ok()?;
        Some(Self(number))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}
