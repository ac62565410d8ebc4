//! What related persons are to the subject of an event, and in whose streams else it is told.

use serde::{Deserialize, Serialize};

use crate::catalogue::Kind;

/// What a related person is to the subject of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Mother.
    Mother,
    /// Father.
    Father,
    /// Husband or wife, married now or by this act, or divorced by it.
    Spouse,
    /// Head of the household.
    Head,
    /// Guardian.
    Guardian,
    /// Adopter.
    Adopter,
    /// Child.
    Child,
    /// The person to whom a document belongs.
    Owner,
    /// Somebody under guardianship.
    Ward,
    /// Another member of the household.
    Member,
    /// A guardian until this act, who is one no more: another one was set, or one of the two died.
    FormerGuardian,
    /// Somebody under the guardianship of this person until this act.
    FormerWard,
    /// The record that is absorbed into this one, or split out of it.
    Absorbed,
    /// The record that absorbs this one, or that this one is split out of.
    Survivor,
    /// Who led the household until this act, of which the subject or a member is no part any more.
    FormerHead,
    /// Somebody whom this person led until this act.
    FormerMember,
}

impl Role {
    /// The roles that a submission may name, with their field names.
    pub const NAMED: [(Role, &'static str); 7] = [
        (Role::Mother, "mother"),
        (Role::Father, "father"),
        (Role::Spouse, "spouse"),
        (Role::Head, "head"),
        (Role::Guardian, "guardian"),
        (Role::Adopter, "adopter"),
        (Role::Child, "child"),
    ];

    /// All of them, each at the place of its number.
    pub const ALL: [Role; 16] = [
        Role::Mother,
        Role::Father,
        Role::Spouse,
        Role::Head,
        Role::Guardian,
        Role::Adopter,
        Role::Child,
        Role::Owner,
        Role::Ward,
        Role::Member,
        Role::FormerGuardian,
        Role::FormerWard,
        Role::Absorbed,
        Role::Survivor,
        Role::FormerHead,
        Role::FormerMember,
    ];

    /// Its number among all; it stands in no stored form.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    /// The role of a number.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Its name in the contract.
    pub fn name(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Ward => "ward",
            Role::Member => "members",
            Role::FormerGuardian => "former_guardian",
            Role::FormerWard => "former_ward",
            Role::Absorbed => "absorbed",
            Role::Survivor => "survivor",
            Role::FormerHead => "former_head",
            Role::FormerMember => "former_member",
            _ => Self::NAMED.iter().find(|row| row.0 == self).map_or("", |row| row.1),
        }
    }

    /// Whether a submission may name several persons in this role.
    pub fn may_be_several(self) -> bool {
        matches!(self, Role::Adopter | Role::Guardian)
    }

    /// Whether an act of a kind is told in the stream of the person in this role too.
    pub fn is_told(self, kind: Kind) -> bool {
        match self {
            Role::Spouse => {
                kind.is_marriage()
                    || kind.is_divorce()
                    || matches!(
                        kind,
                        Kind::MarryVoid | Kind::Death | Kind::DeathDeclared | Kind::Reappear
                    )
            }
            Role::Mother | Role::Father => kind == Kind::Birth,
            Role::Adopter => matches!(kind, Kind::Adopt | Kind::AdoptEnd),
            // Who was held for dead is guardian and ward again.
            Role::Guardian => {
                matches!(kind, Kind::GuardianSet | Kind::Reappear) || kind.tells_what_stands()
            }
            Role::Ward => kind == Kind::Reappear,
            Role::FormerGuardian => {
                matches!(kind, Kind::GuardianSet | Kind::Death | Kind::DeathDeclared)
            }
            Role::FormerWard => matches!(kind, Kind::Death | Kind::DeathDeclared),
            Role::Member => kind.entry().has_members,
            Role::Absorbed => kind.joins_or_parts(),
            // By these somebody gets another head, or is registered elsewhere.
            Role::FormerHead => matches!(
                kind,
                Kind::HhSplit | Kind::HhMerge | Kind::HeadChange | Kind::HukouIn | Kind::Emigrate
            ),
            Role::Head | Role::Child | Role::Owner => false,
            Role::Survivor | Role::FormerMember => false,
        }
    }

    /// Whether it tells of a tie that is over by the act.
    pub fn is_over(self) -> bool {
        use Role::{FormerGuardian, FormerHead, FormerMember, FormerWard};
        matches!(self, FormerGuardian | FormerWard | FormerHead | FormerMember)
    }

    /// Whether an act of a kind is ever told in the stream of somebody who is not its subject.
    pub fn any_is_told(kind: Kind) -> bool {
        let unnamed = [Role::Member, Role::Absorbed, Role::FormerHead];
        unnamed.iter().any(|role| role.is_told(kind))
            || Self::NAMED.iter().any(|(role, _)| role.is_told(kind))
    }

    /// What the subject is to the related person, where the catalogue tells it in their stream.
    pub fn seen_from_there(self) -> Role {
        match self {
            Role::Mother | Role::Father | Role::Adopter => Role::Child,
            Role::Guardian => Role::Ward,
            Role::Ward => Role::Guardian,
            Role::FormerGuardian => Role::FormerWard,
            Role::FormerWard => Role::FormerGuardian,
            Role::FormerHead => Role::FormerMember,
            Role::Absorbed => Role::Survivor,
            other => other,
        }
    }
}
