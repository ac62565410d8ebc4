//! What the rules of areas count. Views feed them; the arithmetic is in whole numbers.

use jiff::civil::Date;

/// The counts of one area: of a village, its year, a township's month, or any area's migrants, as
/// the rule says. A count that is not known is none, and its rule is not evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AreaCounts {
    /// Of a village.
    pub birth_dates: Option<BirthDates>,
    /// Of a village and a year.
    pub births_of_year: Option<BirthsOfYear>,
    /// Of a township and a month.
    pub births_of_month: Option<BirthsOfMonth>,
    /// Of an area, on a day.
    pub migrants: Option<Migrants>,
}

/// The birth dates of the people of a village.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BirthDates {
    /// People whose date of birth is known.
    pub known: u64,
    /// Of them, those of [`is_convenient`] dates.
    pub convenient: u64,
}

/// The births in a village in a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BirthsOfYear {
    /// All, whatever the sex.
    pub births: u64,
    /// Boys.
    pub boys: u64,
    /// Girls.
    pub girls: u64,
}

/// The births in a township in a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BirthsOfMonth {
    /// Births on record.
    pub registered: u64,
    /// Births that hospitals reported.
    pub reported_by_hospitals: u64,
}

/// The migrants of an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrants {
    /// People who live away from the township of their registration (流动人口).
    pub floating: u64,
    /// Residence permits in force.
    pub residence_permits: u64,
}

/// Whether a date of birth is one of those that are written when the true one is unknown: 1 January
/// and every 15th. By chance about 3.5 % of people are born on them.
pub fn is_convenient(birth: Date) -> bool {
    birth.day() == 15 || (birth.month() == 1 && birth.day() == 1)
}

/// R09: at most 8 % of the birth dates are convenient; none when none is known.
pub fn births_are_spread(dates: BirthDates) -> Option<bool> {
    (dates.known > 0).then_some(dates.convenient * 100 <= dates.known * 8)
}

/// R10: 95 to 115 boys to 100 girls, or too few births to tell; none when no sex is known. Boys and
/// no girl are uneven.
pub fn sexes_are_even(births: BirthsOfYear) -> Option<bool> {
    let BirthsOfYear { births, boys, girls } = births;
    if births < 100 {
        return Some(true);
    }
    (boys + girls > 0).then(|| (95 * girls..=115 * girls).contains(&(100 * boys)))
}

/// R11: registered and reported births differ by 5 % of the reported ones at most, or by 2.
pub fn births_are_those_of_hospitals(births: BirthsOfMonth) -> bool {
    let difference = births.registered.abs_diff(births.reported_by_hospitals);
    20 * difference <= births.reported_by_hospitals.max(40)
}

/// R12: migrants and residence permits differ by 20 % of the permits at most.
pub fn migrants_have_permits(migrants: Migrants) -> bool {
    let difference = migrants.floating.abs_diff(migrants.residence_permits);
    5 * difference <= migrants.residence_permits.max(1)
}
