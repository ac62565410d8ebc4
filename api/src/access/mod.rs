//! Who may do what: roles, grants, and the one table that says it.

mod attempts;
pub mod authority;
mod gate;
mod hiding;
mod limits;
pub mod masks;
pub mod oidc;
pub mod sight;
pub mod table;
mod tokens;

use domain::{PersonId, Place};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::registry::Sender;

pub use attempts::Rates;
pub use authority::{Look, Object, Opening, Refusal, authorize};
pub use gate::{Gate, Refused};
pub use hiding::{Askers, Hiding, HidingError, LEGAL_BASES, LegalBasis};
pub use limits::{
    APPROVED_MAX, LimitsError, READING_LIMITS, ReadingLimit, ReadingLimits, WINDOW_DAYS,
};
pub use sight::{Part, Show, Sight};
pub use tokens::{NewGrant, StoreError, TokenError, TokenStore};

/// What a token's holder is. Names of tokens of the first version stay; each has a second name, the
/// one that the separation of duties knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A system that reports life events.
    Upstream,
    /// Somebody who enters what a village tells.
    VillageClerk,
    /// Somebody who checks facts on the ground, for a township.
    #[serde(alias = "township_verifier")]
    Verifier,
    /// Somebody who works on the records of a county.
    CountyOperator,
    /// Somebody of a department.
    DepartmentLiaison,
    /// Somebody who asks how good the register is; sees sums only.
    #[serde(alias = "statistician")]
    Analyst,
    /// Somebody who follows who did what.
    Auditor,
    /// Somebody who decides who may see what, and sees no data.
    SecurityOfficer,
    /// A person who looks at their own record.
    Citizen,
    /// Somebody who runs the service, and sees no data.
    #[serde(alias = "system_operator")]
    Admin,
}

/// What can be asked of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Hand events in.
    Collect,
    /// List what a source sent in vain.
    ReadRejections,
    /// From a document to a person id.
    Lookup,
    /// Search by name and the like.
    Search,
    /// Read an archive.
    ReadPerson,
    /// Read a person's events.
    ReadHistory,
    /// List the people of a place.
    ListPlace,
    /// Read measures and reports.
    ReadMetrics,
    /// Read the log and its proofs.
    ReadLog,
    /// Read who looked at whom, and what is left of the events of who is erased.
    ReadAudit,
    /// Read who looked at a person; citizens, at themselves.
    ReadAccesses,
    /// Read who was told a value of a person.
    ReadDisclosures,
    /// Destroy the key of a person.
    Erase,
    /// Close a record so that only few see it.
    Seal,
    /// Read what is sealed.
    ReadSealed,
    /// Let it be told to few where a person is.
    Protect,
    /// Be told where a protected person is.
    SeeProtected,
    /// Take sight of a person for some minutes, and be looked into afterwards.
    BreakGlass,
    /// Look into broken glass.
    ReviewGlass,
    /// Allow somebody to be told of more persons.
    ApproveReading,
    /// Run the service.
    Operate,
}

use Action::{
    ApproveReading, BreakGlass, Collect, Erase, ListPlace, Lookup, Operate, Protect, ReadAccesses,
    ReadAudit, ReadDisclosures, ReadHistory, ReadLog, ReadMetrics, ReadPerson, ReadRejections,
    ReadSealed, ReviewGlass, Seal, Search, SeeProtected,
};

/// Every role and all that it may do. What is not listed is not allowed. Where a person or a place
/// is concerned the grant narrows it further; which parts of a record it sees says `table.csv`.
pub const ROLES: &[(Role, &[Action])] = &[
    (Role::Upstream, &[Collect, ReadRejections, Lookup, ReadPerson, ReadHistory]),
    (Role::VillageClerk, &[Collect, ReadRejections, Lookup, Search, ReadPerson, ListPlace]),
    (
        Role::Verifier,
        &[Collect, ReadRejections, Lookup, Search, ReadPerson, ReadHistory, ListPlace, BreakGlass],
    ),
    (
        Role::CountyOperator,
        &[
            Collect,
            ReadRejections,
            Lookup,
            Search,
            ReadPerson,
            ReadHistory,
            ListPlace,
            ReadMetrics,
            SeeProtected,
            BreakGlass,
        ],
    ),
    (
        Role::DepartmentLiaison,
        &[Collect, ReadRejections, Lookup, ReadPerson, ReadHistory, BreakGlass],
    ),
    (Role::Analyst, &[ReadMetrics]),
    (
        Role::Auditor,
        &[
            ReadRejections,
            Lookup,
            Search,
            ReadPerson,
            ReadHistory,
            ListPlace,
            ReadMetrics,
            ReadLog,
            ReadAudit,
            ReadAccesses,
            ReadDisclosures,
            ReadSealed,
            ReviewGlass,
        ],
    ),
    (Role::SecurityOfficer, &[ReadAudit, ReadLog, ApproveReading]),
    (Role::Citizen, &[ReadPerson, ReadHistory, ReadAccesses, ReadDisclosures, SeeProtected]),
    (Role::Admin, &[Operate, ReadMetrics, ReadRejections, Erase, Seal, Protect]),
];

/// Roles that are told who a reader is by the token's subject; others are told the department and
/// the role.
pub const TOLD_WHO_READ: &[Role] = &[Role::Auditor];

impl Role {
    /// The name in tokens and in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Role::Upstream => "upstream",
            Role::VillageClerk => "village_clerk",
            Role::Verifier => "verifier",
            Role::CountyOperator => "county_operator",
            Role::DepartmentLiaison => "department_liaison",
            Role::Analyst => "analyst",
            Role::Auditor => "auditor",
            Role::SecurityOfficer => "security_officer",
            Role::Citizen => "citizen",
            Role::Admin => "admin",
        }
    }
}

impl Action {
    /// The name in the table of access.
    pub fn name(self) -> &'static str {
        match self {
            Action::Collect => "collect",
            Action::ReadRejections => "read_rejections",
            Action::Lookup => "lookup",
            Action::Search => "search",
            Action::ReadPerson => "read_person",
            Action::ReadHistory => "read_history",
            Action::ListPlace => "list_place",
            Action::ReadMetrics => "read_metrics",
            Action::ReadLog => "read_log",
            Action::ReadAudit => "read_audit",
            Action::ReadAccesses => "read_accesses",
            Action::ReadDisclosures => "read_disclosures",
            Action::Erase => "erase",
            Action::Seal => "seal",
            Action::ReadSealed => "read_sealed",
            Action::Protect => "protect",
            Action::SeeProtected => "see_protected",
            Action::BreakGlass => "break_glass",
            Action::ReviewGlass => "review_glass",
            Action::ApproveReading => "approve_reading",
            Action::Operate => "operate",
        }
    }
}

/// Whether a role may do something.
pub fn may(role: Role, action: Action) -> bool {
    ROLES.iter().any(|(listed, actions)| *listed == role && actions.contains(&action))
}

/// Codes of the purposes for which a person may be read about.
pub const PURPOSES: &[&str] =
    &["registration", "verification", "service", "audit", "statistics", "own_record"];

/// What a token grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Public half of the token.
    pub id: String,
    /// Who holds it; never a citizen's name.
    pub subject: String,
    /// What the holder is.
    pub role: Role,
    /// The department that the holder belongs to; none = any.
    pub department: Option<[u8; 3]>,
    /// The subtree of divisions that the holder sees; none = the whole registry.
    pub place: Option<Place>,
    /// Codes of the purposes for which persons may be read about, from [`PURPOSES`].
    pub purposes: Vec<String>,
    /// When it ends; none = when revoked.
    pub expires_at: Option<Timestamp>,
    /// A citizen's own record, the only one that they may read.
    pub person: Option<PersonId>,
    /// Whether it was taken back.
    pub revoked: bool,
}

impl Grant {
    /// The holder as a sender of events received at an instant.
    pub fn sender(&self, received_at: Timestamp) -> Sender {
        let (department, place) = (self.department, self.place);
        Sender { subject: self.subject.clone(), department, place, received_at }
    }

    /// Whether a place lies in the subtree that the holder sees.
    pub fn covers(&self, place: Place) -> bool {
        self.place.is_none_or(|own| place.lies_in(own))
    }

    /// Whether the holder may read this person's record as far as it is not narrowed by place:
    /// citizens their own, others any.
    pub fn may_read(&self, person: PersonId) -> bool {
        match self.role {
            Role::Citizen => self.person == Some(person),
            _ => self.person.is_none_or(|own| own == person),
        }
    }
}
