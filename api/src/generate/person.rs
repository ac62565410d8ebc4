//! A fictional person and household: what is true of them today, and until when they must be left
//! alone because a report about them is still on its way.

use super::county::Home;
use super::names::Name;

/// Days since 1970-01-01, on the calendar of China.
pub(super) type Day = i32;

/// Stands where there is no such person.
pub(super) const NOBODY: u32 = u32::MAX;

/// What is true of a person.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) birth: Day,
    /// First six digits of the citizen number.
    pub(super) region: u32,
    /// Order code of the citizen number, odd for men.
    pub(super) order: u16,
    /// How often the citizen number was changed.
    pub(super) number: u8,
    pub(super) male: bool,
    pub(super) name: Name,
    pub(super) ethnic: u8,
    pub(super) household: u32,
    pub(super) relation: u8,
    pub(super) spouse: u32,
    pub(super) former_spouse: u32,
    pub(super) mother: u32,
    pub(super) father: u32,
    pub(super) marital: u8,
    pub(super) marital_since: Option<Day>,
    pub(super) first_marriage: Option<Day>,
    pub(super) home: Home,
    pub(super) hukou: Home,
    pub(super) migrated: Option<Day>,
    pub(super) hukou_nature: u8,
    /// How far this life goes at school, 0 to 6.
    pub(super) schooling: u8,
    /// Employment status of working age.
    pub(super) work: u8,
    pub(super) health: u8,
    /// Which of the employers of their surroundings.
    pub(super) job: u8,
    /// What was granted or happened once; bits of [`mark`].
    pub(super) marks: u16,
    pub(super) guardian: u32,
    /// Serial number of the birth certificate; 0 for everybody who came with a citizen number.
    pub(super) certificate: u32,
    /// The register knows them from this day on.
    pub(super) known_from: Day,
    /// The register knows their citizen number from this day on.
    pub(super) numbered_from: Day,
    /// Nothing happens to them before this day.
    pub(super) free_from: Day,
    /// No marriage and no divorce before this day.
    pub(super) marital_free_from: Day,
    /// The last day on which something happened to them.
    pub(super) last_day: Day,
    /// Mothers: the last birth.
    pub(super) last_birth: Day,
    pub(super) is_dead: bool,
    /// Whether an event about them was recorded.
    pub(super) is_recorded: bool,
}

/// What is granted once, or stands until it ends.
pub(super) mod mark {
    pub(in super::super) const CARD: u16 = 1;
    pub(in super::super) const PERMIT: u16 = 1 << 1;
    pub(in super::super) const PENSION: u16 = 1 << 2;
    pub(in super::super) const OLD_AGE: u16 = 1 << 3;
    pub(in super::super) const INSURED: u16 = 1 << 4;
    pub(in super::super) const RELIEF: u16 = 1 << 5;
    pub(in super::super) const DISABLED: u16 = 1 << 6;
    pub(in super::super) const DRAFT: u16 = 1 << 7;
    pub(in super::super) const SERVED: u16 = 1 << 8;
    pub(in super::super) const ADOPTED: u16 = 1 << 9;
    pub(in super::super) const PREGNANT: u16 = 1 << 10;
    pub(in super::super) const CHANGED: u16 = 1 << 11;
    pub(in super::super) const MISSED: u16 = 1 << 12;
    pub(in super::super) const REWARDED: u16 = 1 << 13;
    pub(in super::super) const DOUBLE: u16 = 1 << 14;
}

/// The parts of a citizen number.
#[derive(Clone, Copy)]
pub(super) struct Number {
    pub(super) region: u32,
    pub(super) birth: Day,
    pub(super) order: u16,
}

/// People who are registered together.
pub(super) struct Household {
    pub(super) home: Home,
    pub(super) head: u32,
    pub(super) members: Vec<u32>,
    /// Number within its village.
    pub(super) serial: u16,
}

impl Person {
    /// Completed years of age on a day, near enough for plausible values.
    pub(super) fn age(&self, day: Day) -> i32 {
        ((day - self.birth) * 4).div_euclid(1461)
    }

    /// Whether something was granted or happened.
    pub(super) fn has(&self, mark: u16) -> bool {
        self.marks & mark != 0
    }

    /// Whether they are married.
    pub(super) fn is_married(&self) -> bool {
        (21..=23).contains(&self.marital)
    }

    /// Code of their education on a day; none under six.
    pub(super) fn education(&self, day: Day) -> Option<u8> {
        let age = self.age(day);
        Some(match (age, self.schooling) {
            (..6, _) => return None,
            (6..12, 1..) => 80,
            (12..15, 2..) => 70,
            (15..18, 3..) => 60,
            (18..21, 4) => 30,
            (18..22, 5..) => 20,
            (22..25, 6) => 21,
            (_, 0) => 90,
            (_, 1) => 81,
            (_, 2) => 71,
            (_, 3) => 61,
            (_, 4) => 31,
            (_, 5) => 21,
            _ => 14,
        })
    }

    /// Code of their employment status on a day; none under six.
    pub(super) fn employment(&self, day: Day) -> Option<u8> {
        let last_year_at_school = match self.schooling {
            0..=2 => 15,
            3 => 18,
            4 => 21,
            5 => 22,
            _ => 25,
        };
        Some(match self.age(day) {
            ..6 => return None,
            age if age < last_year_at_school => 31,
            60.. if self.work != 27 => 80,
            _ => self.work,
        })
    }

    /// Which employer or school of their village's surroundings they belong to; 0 for none.
    pub(super) fn employer(&self, day: Day) -> u8 {
        match self.employment(day) {
            Some(31) => match self.age(day) {
                ..12 => 1,
                12..15 => 2,
                15..18 => 3,
                _ => 4,
            },
            Some(11) => 5,
            Some(13 | 17 | 21 | 24) => 6 + self.job % 8,
            _ => 0,
        }
    }
}
