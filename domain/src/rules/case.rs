//! One evaluation: the person, those around them, the day, and the words of the rules' expressions.

use jiff::civil::{Date, date};

use super::household::Household;
use super::subject::{PersonIndex, Subject};
use crate::citizen_number::CitizenNumber;
use crate::days::day_number;
use crate::divisions::Divisions;
use crate::items::Item;

/// What all evaluations of one pass share.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The persons looked at and everybody whom their records link to.
    pub people: &'a [Subject<'a>],
    /// What only the whole register knows.
    pub counts: &'a dyn Counts,
    /// The division codes.
    pub divisions: &'a Divisions,
    /// The day for which the rules are evaluated.
    pub today: Date,
}

/// What only the whole register knows. `None` says that it is not known now; the rules that need
/// it are then not evaluated.
pub trait Counts {
    /// How many records that are not cancelled have this number, raised to 18 characters. The
    /// person's own record is one of them.
    fn records_with_number(&self, number: &str) -> Option<u32>;
    /// How many others of the same county have this name, birth date and sex, and another number.
    fn others_alike(&self, person: &Subject<'_>) -> Option<u32>;
    /// How many records have this telephone number.
    fn records_with_phone(&self, phone: &str) -> Option<u32>;
}

/// For callers that know none of the counts.
pub struct NoCounts;

/// One person, ready to be evaluated. What several rules ask for is worked out once.
pub struct Case<'a> {
    /// The person.
    pub p: &'a Subject<'a>,
    /// What the evaluations share.
    pub context: Context<'a>,
    /// The household, where one is known.
    pub household: Option<&'a Household>,
    /// The citizen number, if it is a valid one; its region may be unknown.
    pub number: Option<CitizenNumber>,
    /// The day by which ages and spans of time are told: today, and of the dead the day of death.
    /// None of the dead whose day of death is not known.
    pub lived_until: Option<Date>,
    /// Completed years on that day.
    pub age: Option<i16>,
    /// The place among the people.
    pub me: PersonIndex,
}

impl<'a> Case<'a> {
    /// Looks at one of the people.
    pub fn new(context: Context<'a>, me: PersonIndex, household: Option<&'a Household>) -> Self {
        let p = &context.people[me.0 as usize];
        let number = p
            .text(Item::CitizenId)
            .and_then(|text| CitizenNumber::parse_any_region(text, context.today).ok());
        let lived_until = match p.is_alive {
            true => Some(context.today),
            // A death that has not come is doubted by itself; until then they are not older.
            false => p.day(Item::DeathDate).map(|death| death.min(context.today)),
        };
        let age = p.day(Item::BirthDate).zip(lived_until).map(|(birth, day)| years(birth, day));
        Self { p, context, household, number, lived_until, age, me }
    }

    /// The day of the evaluation.
    pub fn today(&self) -> Date {
        self.context.today
    }

    /// The person at a place.
    pub fn person(&self, index: PersonIndex) -> &'a Subject<'a> {
        &self.context.people[index.0 as usize]
    }

    /// The head of the household; none when there is no head, or no household.
    pub fn head(&self) -> Option<&'a Subject<'a>> {
        self.household?.head.map(|head| self.person(head))
    }

    /// Whether the person stands in one of these relations to a head.
    pub fn is_to_head(&self, relations: &[&str]) -> Option<bool> {
        if !self.p.has(Item::RelationToHead, relations) {
            return Some(false);
        }
        self.household.map(|household| household.head.is_some())
    }

    /// Completed years from the head's birth to the person's; negative when the head is younger.
    pub fn years_after_head(&self) -> Option<i16> {
        Some(years(self.head()?.day(Item::BirthDate)?, self.p.day(Item::BirthDate)?))
    }

    /// Completed years from the person's birth to the head's.
    pub fn years_before_head(&self) -> Option<i16> {
        Some(years(self.p.day(Item::BirthDate)?, self.head()?.day(Item::BirthDate)?))
    }

    /// Completed years that a parent was old when the person was born.
    pub fn age_of_parent(&self, parent: &Subject<'_>) -> Option<i16> {
        Some(years(parent.day(Item::BirthDate)?, self.p.day(Item::BirthDate)?))
    }

    /// Whether residence and registration lie in different townships (人户分离); none when one of
    /// them is missing. Codes that stop above the township differ from those that do not.
    pub fn is_separated(&self) -> Option<bool> {
        let township = |item| self.p.is_filled(item).then(|| self.p.text(item).map(first_nine))?;
        Some(township(Item::Residence)? != township(Item::Hukou)?)
    }

    /// Completed years at the last change of the marital status, less the legal age of marriage.
    pub fn years_over_legal_age(&self) -> Option<i16> {
        let (p, changed) = (self.p, self.p.day(Item::MaritalChangeDate)?);
        let age = years(p.day(Item::BirthDate)?, changed);
        Some(age - legal_age_of_marriage(p.text(Item::Sex)?, changed)?)
    }
}

impl Counts for NoCounts {
    fn records_with_number(&self, _: &str) -> Option<u32> {
        None
    }

    fn others_alike(&self, _: &Subject<'_>) -> Option<u32> {
        None
    }

    fn records_with_phone(&self, _: &str) -> Option<u32> {
        None
    }
}

/// Completed years between two days; who was born on 29 February completes a year on 1 March where
/// there is no 29th. Negative when the days are the other way round.
pub fn years(from: Date, to: Date) -> i16 {
    let before_the_day = (to.month(), to.day()) < (from.month(), from.day());
    to.year() - from.year() - i16::from(before_the_day)
}

/// Days from one day to another.
pub fn days(from: Date, to: Date) -> i64 {
    i64::from(day_number(to)) - i64::from(day_number(from))
}

/// The legal age of marriage in years: 22 for men and 20 for women since the law of 1980 (Civil
/// Code art. 1047), 20 and 18 by the law of 1950, 15 before. None for another sex.
pub fn legal_age_of_marriage(sex: &str, on: Date) -> Option<i16> {
    let is_man = match sex {
        "1" => true,
        "2" => false,
        _ => return None,
    };
    Some(match (on, is_man) {
        (on, true) if on >= date(1981, 1, 1) => 22,
        (on, false) if on >= date(1981, 1, 1) => 20,
        (on, true) if on >= date(1950, 5, 1) => 20,
        (on, false) if on >= date(1950, 5, 1) => 18,
        _ => 15,
    })
}

/// The township of a division code: nine digits, or fewer where it has fewer.
pub fn first_nine(code: &str) -> &str {
    code.get(..9).unwrap_or(code)
}

/// Whether all are so: one that is not decides, then one that is missing.
pub fn all(conditions: &[Option<bool>]) -> Option<bool> {
    if conditions.contains(&Some(false)) {
        Some(false)
    } else if conditions.contains(&None) {
        None
    } else {
        Some(true)
    }
}
