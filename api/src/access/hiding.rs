//! On what legal basis a read may be kept from the person for a while, by whom, and how long.

use jiff::civil::Date;
use jiff::{Span, Timestamp};

use super::{Grant, Role};

/// A basis on which a person is not told of a read until a day.
///
/// State organs tell a person of what they do with their data, except where a law asks for secrecy
/// or telling would hinder their duty: Personal Information Protection Law, articles 18 and 35. The
/// limits in days are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegalBasis {
    /// As it is sent and recorded; frozen.
    pub code: &'static str,
    /// Departments whose readers may state it.
    pub departments: &'static [[u8; 3]],
    /// So many days ahead at most lies the day on which the person is told.
    pub days_max: i32,
}

/// Every basis.
pub const LEGAL_BASES: &[LegalBasis] = &[
    // 刑事侦查
    LegalBasis { code: "criminal_investigation", departments: &[*b"POL"], days_max: 730 },
    // 人民法院决定
    LegalBasis { code: "court_decision", departments: &[*b"JUD"], days_max: 365 },
    // 出入境边防检查
    LegalBasis { code: "border_control", departments: &[*b"IMM"], days_max: 365 },
];

/// Roles whose readers may state a basis: those that act for a department, never who audits them.
const HIDING_ROLES: &[Role] = &[Role::Upstream, Role::Verifier];

/// A read that is kept from the person for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hiding {
    /// The first day on which the person is told.
    pub until: Date,
    /// Why.
    pub basis: &'static LegalBasis,
}

/// Why a read is not hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HidingError {
    /// The code is of no basis.
    #[error("no such legal basis")]
    UnknownBasis,
    /// The day is not ahead, or too far.
    #[error("the day must lie ahead, and within the limit of the basis")]
    Day,
    /// The basis is not for the reader.
    #[error("the legal basis is not one of the reader's department and role")]
    NotAllowed,
}

impl Hiding {
    /// Checks who wants to hide a read, until when and why.
    ///
    /// # Errors
    /// [`HidingError`].
    pub fn new(
        grant: &Grant,
        until: Date,
        basis: &str,
        now: Timestamp,
    ) -> Result<Self, HidingError> {
        let basis = LEGAL_BASES.iter().find(|known| known.code == basis);
        let basis = basis.ok_or(HidingError::UnknownBasis)?;
        // Who may act for any department acts for none in particular.
        let is_theirs = grant.department.is_some_and(|code| basis.departments.contains(&code));
        if !is_theirs || !HIDING_ROLES.contains(&grant.role) {
            return Err(HidingError::NotAllowed);
        }
        let today = domain::clocks::day_in_china(now);
        let last = today.saturating_add(Span::new().days(basis.days_max));
        if until <= today || until > last {
            return Err(HidingError::Day);
        }
        Ok(Self { until, basis })
    }
}
