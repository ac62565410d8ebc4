//! Who is the authority for what, when sources disagree (ours, after the notice of 2011): police
//! for number, name, sex, birth date, ethnic group and registration; civil affairs and courts for
//! marriage; health for births and deaths; education, labour and the disabled persons' federation
//! for theirs; the most recent visit for where and with whom somebody lives.
//!
//! A value of lower authority than the standing one is kept beside it and never overwrites it.
//! Nobody is of lower authority than themselves: a department may always change its own word.
//!
//! The archive and who decides ask the same table, so that an act is told to whom the archive shows.

use crate::catalogue::{Entry, Kind};
use crate::items::Item;
use crate::life_event::Role;
use crate::topics::Topic;

/// Who has the word on an item.
struct Authority {
    departments: &'static [&'static [u8; 3]],
    channels: &'static [&'static [u8; 2]],
    /// Also the departments with authority over an event that changes the item.
    by_event: bool,
}

const POLICE: Authority = of(&[b"POL"], false);
const VISITS: Authority = Authority { departments: &[], channels: &[b"HV", b"VF"], by_event: true };

const fn of(departments: &'static [&'static [u8; 3]], by_event: bool) -> Authority {
    Authority { departments, channels: &[], by_event }
}

/// Who has the word on an item; none where all are equal.
fn authority(item: Item) -> Option<Authority> {
    Some(match item {
        Item::CitizenId
        | Item::FullName
        | Item::Sex
        | Item::BirthDate
        | Item::EthnicGroup
        | Item::Hukou
        | Item::HukouAddress
        | Item::HukouNature => POLICE,
        Item::HukouStatus => of(&[b"POL"], true),
        Item::BirthPlace | Item::DeathDate => of(&[b"HLT"], true),
        Item::MaritalStatus | Item::MaritalChangeDate | Item::FirstMarriageDate => {
            of(&[b"CIV", b"JUD"], true)
        }
        Item::Education => of(&[b"EDU"], true),
        Item::Employer | Item::EmploymentStatus => of(&[b"HRS"], true),
        Item::Health => of(&[b"HLT", b"DPF"], true),
        Item::Residence
        | Item::ResidenceAddress
        | Item::DoorPlate
        | Item::MigrationDate
        | Item::RelationToHead => VISITS,
        Item::HouseholdId | Item::HouseholdKind | Item::Phone | Item::IdDocumentType => {
            return None;
        }
    })
}

/// Who has the word on a topic beside those with authority over the event that sets a field of it.
fn keepers(topic: Topic) -> &'static [&'static [u8; 3]] {
    match topic {
        Topic::Household => &[b"POL"],
        Topic::Education => &[b"EDU"],
        Topic::Military => &[b"MIL", b"VET"],
        Topic::Medical => &[b"HLT", b"MED"],
        Topic::Fertility => &[b"HLT"],
        Topic::Employment => &[b"HRS"],
        // Of aid in a disaster the department of emergencies has no code here.
        Topic::Relief => &[b"CIV", b"MED"],
        Topic::Welfare => &[b"DPF", b"CIV"],
    }
}

/// Who says something of items and ties: the teller of a fact or of a correction of it.
#[derive(Clone, Copy)]
pub struct Teller {
    /// What the catalogue says of the fact.
    pub entry: &'static Entry,
    /// Code of the department.
    pub department: [u8; 3],
    channel: [u8; 2],
    /// Whether it follows from what is on record, and is nobody's opinion.
    is_certain: bool,
}

impl Teller {
    /// The teller of a fact of a kind; `side` where somebody else's act is told.
    pub fn new(kind: Kind, side: bool, department: [u8; 3], channel: [u8; 2]) -> Self {
        let is_certain = side && kind.is_death();
        Self { entry: kind.entry(), department, channel, is_certain }
    }

    /// Whether it has authority over an item.
    pub fn has_authority(&self, item: Item) -> bool {
        let Some(authority) = authority(item) else { return false };
        let dies = item == Item::DeathDate && self.entry.kind.is_death();
        let changes = authority.by_event && (dies || self.entry.may_change(item));
        self.is_certain
            || authority.departments.contains(&&self.department)
            || authority.channels.contains(&&self.channel)
            || changes && self.entry.is_authority(self.department)
    }

    /// Whether it has authority over a field of a topic: who keeps the topic, and who decides the
    /// event whose row sets the field.
    pub fn has_authority_over(&self, topic: Topic, name: &str) -> bool {
        keepers(topic).contains(&&self.department)
            || self.entry.is_authority(self.department) && self.entry.sets_topic(topic, name)
    }

    /// Whether it has authority over ties in a role: as over the item that tells of them, and for
    /// those of parents, adopters and guardians who decides the act, registers births, or judges.
    pub fn has_word_on_tie(&self, role: Role) -> bool {
        let (keepers, acts): (&[&[u8; 3]], &[Kind]) = match role {
            Role::Spouse => return self.has_authority(Item::MaritalStatus),
            Role::Head | Role::Member => return self.has_authority(Item::RelationToHead),
            Role::Mother | Role::Father => (&[b"HLT", b"POL"], &[Kind::Birth]),
            Role::Adopter => (&[b"CIV", b"JUD"], &[Kind::Adopt, Kind::AdoptEnd]),
            Role::Child => {
                (&[b"HLT", b"POL", b"CIV", b"JUD"], &[Kind::Birth, Kind::Adopt, Kind::AdoptEnd])
            }
            Role::Guardian | Role::Ward => (&[b"CIV", b"JUD"], &[Kind::GuardianSet]),
            _ => return false,
        };
        self.is_certain
            || keepers.contains(&&self.department)
            || acts.contains(&self.entry.kind) && self.entry.is_authority(self.department)
    }

    /// Whether somebody looked in the field to settle a doubt.
    pub fn verifies(&self) -> bool {
        self.channel == *b"VF"
    }
}
