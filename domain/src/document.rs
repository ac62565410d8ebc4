//! Identity documents: the kinds a person may be known by, and their normal form.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::citizen_number::normalise;

/// The kinds of identity documents, as the outside contract names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// Resident identity card.
    CitizenId,
    /// Household register booklet.
    HouseholdRegister,
    /// Passport.
    Passport,
    /// Military officer card.
    MilitaryCard,
    /// Hong Kong and Macau travel permit.
    HkMacauPermit,
    /// Taiwan travel permit.
    TaiwanPermit,
    /// Medical certificate of birth.
    BirthCertificate,
    /// Hong Kong, Macau and Taiwan resident permit (81, 82, 83).
    HmtResidencePermit,
    /// Foreign permanent-resident identity card.
    ForeignPermanentResident,
    /// No document: an unregistered person.
    None,
}

impl DocumentKind {
    /// Every kind with its name in the contract.
    pub const ALL: [(DocumentKind, &'static str); 10] = [
        (DocumentKind::CitizenId, "citizen_id"),
        (DocumentKind::HouseholdRegister, "household_register"),
        (DocumentKind::Passport, "passport"),
        (DocumentKind::MilitaryCard, "military_card"),
        (DocumentKind::HkMacauPermit, "hk_macau_permit"),
        (DocumentKind::TaiwanPermit, "taiwan_permit"),
        (DocumentKind::BirthCertificate, "birth_certificate"),
        (DocumentKind::HmtResidencePermit, "hmt_residence_permit"),
        (DocumentKind::ForeignPermanentResident, "foreign_permanent_resident"),
        (DocumentKind::None, "none"),
    ];

    /// The name in the contract.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).expect("every kind is listed").1
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

/// A document by kind and normalised number. `Debug` never prints the number.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Document {
    kind: DocumentKind,
    number: String,
}

impl Document {
    /// Normalises the number as [`normalise`] does.
    pub fn new(kind: DocumentKind, number: &str) -> Self {
        Self { kind, number: normalise(number) }
    }

    /// A document whose number is in its normal form already.
    pub(crate) fn of_normal(kind: DocumentKind, number: String) -> Self {
        Self { kind, number }
    }

    /// What kind of document it is.
    pub fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// The normalised number.
    pub fn number(&self) -> &str {
        &self.number
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({}, …)", self.kind.name())
    }
}
