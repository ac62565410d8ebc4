//! On what legal basis a read may be kept from the person for a while, by whom, and how long: so long
//! alone, longer only when a second person said so.

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
    /// So many days ahead at most lies the day on which the person is told, when nobody else
    /// approved of it: the time in which it shows whether there is anything to it.
    pub days_alone: i32,
    /// So many with the approval of another person.
    pub days_max: i32,
}

/// Every basis.
pub const LEGAL_BASES: &[LegalBasis] = &[
    // 刑事侦查
    LegalBasis {
        code: "criminal_investigation",
        departments: &[*b"POL"],
        days_alone: 90,
        days_max: 730,
    },
    // 人民法院决定
    LegalBasis { code: "court_decision", departments: &[*b"JUD"], days_alone: 90, days_max: 365 },
    // 出入境边防检查
    LegalBasis { code: "border_control", departments: &[*b"IMM"], days_alone: 90, days_max: 365 },
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
    /// So long nobody hides a read alone.
    #[error("so long a read is hidden with the approval of another person than who asks for it")]
    Alone,
    /// The basis is not for the reader.
    #[error("the legal basis is not one of the reader's department and role")]
    NotAllowed,
}

/// Who asks for a read to be hidden, and who approved of it.
#[derive(Clone, Copy, Debug)]
pub struct Askers<'a> {
    /// Whose token it is.
    pub grant: &'a Grant,
    /// For whom it is used, where that is another one.
    pub on_behalf_of: Option<&'a str>,
    /// Who approved.
    pub approved_by: Option<&'a str>,
}

impl Askers<'_> {
    /// Whether the approver is named, and is nobody of those who ask. A system asks for somebody:
    /// who that is must be known too.
    fn are_two(&self) -> bool {
        let is_known = self.grant.role != Role::Upstream || self.on_behalf_of.is_some();
        let asks = |id: &str| id == self.grant.subject || Some(id) == self.on_behalf_of;
        is_known && self.approved_by.is_some_and(|approver| !asks(approver))
    }
}

impl Hiding {
    /// Checks who wants to hide a read, until when and why.
    ///
    /// # Errors
    /// [`HidingError`].
    pub fn new(
        askers: Askers<'_>,
        until: Date,
        basis: &str,
        now: Timestamp,
    ) -> Result<Self, HidingError> {
        let grant = askers.grant;
        let basis = LEGAL_BASES.iter().find(|known| known.code == basis);
        let basis = basis.ok_or(HidingError::UnknownBasis)?;
        // Who may act for any department acts for none in particular.
        let is_theirs = grant.department.is_some_and(|code| basis.departments.contains(&code));
        if !is_theirs || !HIDING_ROLES.contains(&grant.role) {
            return Err(HidingError::NotAllowed);
        }
        let today = domain::clocks::day_in_china(now);
        let last = |days: i32| today.saturating_add(Span::new().days(days));
        if until <= today || until > last(basis.days_max) {
            return Err(HidingError::Day);
        }
        let needs_two = until > last(basis.days_alone) || askers.approved_by.is_some();
        if needs_two && !askers.are_two() {
            return Err(HidingError::Alone);
        }
        Ok(Self { until, basis })
    }
}
