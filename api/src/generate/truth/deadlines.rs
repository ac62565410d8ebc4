//! By when an event must be on record: the generator's own reading of the laws, so that the
//! registry's measures can be checked against it.

use domain::Kind;
use jiff::civil::{Date, date};

use super::super::clock::day_number;
use super::super::person::Day;

type Limit = (Kind, Option<bool>, i32, Option<Date>, Option<Date>);

/// Days until an event is late: kind, whether in towns (none for both), days, since when, until
/// when. Limits in working days stand as calendar days: what the generator delivers is either well
/// within, or a month late, whatever holidays lie between.
const LIMITS: &[Limit] = &[
    (Kind::Birth, None, 30, None, None),
    (Kind::BirthThenDeath, None, 30, None, None),
    (Kind::Death, None, 30, None, None),
    (Kind::MarryFirst, None, 0, None, None),
    (Kind::MarryAgain, None, 0, None, None),
    (Kind::MarryRestore, None, 0, None, None),
    (Kind::DivorceReg, None, 0, Some(date(2003, 10, 1)), Some(date(2020, 12, 31))),
    (Kind::DivorceReg, None, 60, Some(date(2021, 1, 1)), None),
    (Kind::HukouOut, None, 0, None, None),
    (Kind::HukouIn, Some(true), 3, None, None),
    (Kind::HukouIn, Some(false), 10, None, None),
    (Kind::ResidenceChange, None, 30, None, None),
    (Kind::TempStayReg, None, 3, None, None),
    (Kind::TempStayExtend, None, 90, None, None),
    (Kind::ResPermitIssue, None, 15, Some(date(2016, 1, 1)), None),
    (Kind::ResPermitEndorse, None, 365, Some(date(2016, 1, 1)), None),
    (Kind::Leave, None, 30, None, None),
    (Kind::Return, None, 30, None, None),
    (Kind::IdIssue, None, 90, Some(date(2004, 1, 1)), None),
    (Kind::Adopt, None, 30, Some(date(2021, 1, 1)), None),
    (Kind::AdoptEnd, None, 30, Some(date(2021, 1, 1)), None),
    (Kind::VaccineCert, None, 30, Some(date(2019, 12, 1)), None),
    (Kind::SchoolEnrol, None, 30, Some(date(2013, 9, 1)), None),
    // Ten working days.
    (Kind::SchoolTransfer, None, 12, Some(date(2013, 9, 1)), None),
    (Kind::MilRegister, None, 365, None, None),
    (Kind::Enlist, None, 0, None, None),
    (Kind::Discharge, None, 40, None, None),
    (Kind::EmployStart, None, 30, Some(date(2008, 1, 1)), None),
    (Kind::EmployEnd, None, 15, Some(date(2008, 1, 1)), None),
    (Kind::SocinsEnrol, None, 30, Some(date(2011, 7, 1)), None),
    (Kind::DibaoChange, None, 30, Some(date(2014, 5, 1)), None),
    // Fifteen working days.
    (Kind::NeedRaised, None, 20, None, None),
    (Kind::CorrectionRequest, None, 20, None, None),
    (Kind::Discrepancy, None, 30, None, None),
];

/// The same limits, their days as numbers.
pub(super) struct Limits(Vec<(Kind, Option<bool>, i32, Day, Day)>);

impl Limits {
    pub(super) fn new() -> Self {
        let from = |day: Option<Date>| day.map_or(Day::MIN, day_number);
        let until = |day: Option<Date>| day.map_or(Day::MAX, day_number);
        let rows = LIMITS.iter();
        Self(rows.map(|row| (row.0, row.1, row.2, from(row.3), until(row.4))).collect())
    }

    /// Days from the event until it is late, where there is a limit.
    pub(super) fn days_allowed(&self, kind: Kind, is_urban: bool, day: Day) -> Option<i32> {
        let row = self.0.iter().find(|row| {
            row.0 == kind
                && row.1.is_none_or(|urban| urban == is_urban)
                && (row.3..=row.4).contains(&day)
        });
        row.map(|row| row.2)
    }
}
