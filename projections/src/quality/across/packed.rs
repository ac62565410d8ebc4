//! Forms of few bytes for what is kept of everybody. Each leaves a value free that stands for none,
//! so that an `Option` of it takes no more.

use std::num::{NonZeroU8, NonZeroU32, NonZeroU64};

use domain::Position;
use domain::days::day_number;
use jiff::civil::{Date, date};

use super::known::Index;

/// Years are counted from before the first one of the calendar.
const YEARS_BEFORE: i16 = 10_000;
/// Days are counted from before the first one of the calendar.
const DAYS_BEFORE: i64 = 1 << 23;
const POSITION_BITS: u32 = 40;

/// A day, by year, month and day of the month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day(NonZeroU32);

impl Day {
    pub(super) fn of(day: Date) -> Self {
        let year = u32::from((day.year() + YEARS_BEFORE).unsigned_abs());
        let packed = year << 9 | (day.month() as u32) << 5 | day.day() as u32;
        Self(NonZeroU32::new(packed).expect("no day of a month is 0"))
    }

    pub(super) fn date(self) -> Date {
        let packed = self.0.get();
        let year = (packed >> 9) as i16 - YEARS_BEFORE;
        date(year, (packed >> 5 & 0xf) as i8, (packed & 0x1f) as i8)
    }
}

/// When something was said, by day and position: the newest word counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said(NonZeroU64);

impl Said {
    pub(super) fn of(day: Date, position: Position) -> Self {
        let day = (i64::from(day_number(day)) + DAYS_BEFORE).unsigned_abs();
        let position = position.0.min((1 << POSITION_BITS) - 1);
        Self(NonZeroU64::new(day << POSITION_BITS | position).expect("no day is the one before"))
    }
}

/// A short code. A longer text equals none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Code<const BYTES: usize> {
    text: [u8; BYTES],
    /// One more than it has.
    bytes: NonZeroU8,
}

impl<const BYTES: usize> Code<BYTES> {
    pub(super) fn of(text: &str) -> Self {
        let (mut code, mut bytes) = ([b'?'; BYTES], BYTES);
        if let Some(room) = code.get_mut(..text.len()) {
            room.copy_from_slice(text.as_bytes());
            bytes = text.len();
        }
        Self { text: code, bytes: NonZeroU8::MIN.saturating_add(bytes as u8) }
    }

    /// The code; nothing where it is none.
    pub(super) fn text(&self) -> &str {
        let bytes = usize::from(self.bytes.get()) - 1;
        std::str::from_utf8(&self.text[..bytes]).unwrap_or("?")
    }
}

/// Somebody or nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link(Index);

impl Link {
    pub(super) fn to(person: Option<Index>) -> Self {
        Self(person.unwrap_or(Index::MAX))
    }

    pub(super) fn get(self) -> Option<Index> {
        (self.0 != Index::MAX).then_some(self.0)
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::to(None)
    }
}
