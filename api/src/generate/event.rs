//! A report on its way to the registry, typed and small: it becomes text only when it is delivered.

use domain::{Item, Kind, Role};

use super::county::Home;
use super::names::Name;
use super::person::Day;

/// What an item is said to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// A code of one digit.
    Digit(u8),
    /// A code of two digits.
    Code(u8),
    /// A division code of six digits.
    Region(u32),
    /// A date.
    Day(Day),
    /// The code of a village.
    Village(u16),
    /// An address in full.
    Address(Home),
    /// A door plate.
    Plate(Home),
    /// A name.
    Name(Name),
    /// What a newborn is called before a name was chosen.
    ProvisionalName(Name),
    /// The citizen number of a person: the first one is 0, those after a change 1 and on.
    Number(u32, u8),
    /// The number of a household.
    Household(u32),
    /// An employer or school near a village.
    Employer(u16, u8),
    /// A word of the contract, or any text of the generator's own.
    Word(&'static str),
    /// Words of the contract, in JSON.
    Words(&'static [&'static str]),
    /// A number of a permit, certificate or decision: letters, then at least so many digits.
    Serial(&'static str, u32),
    /// The number of a disability certificate: citizen number, kind, level.
    Disability(u32, u8, u8),
    /// A county code.
    CountyOf(u16),
    /// A whole number, in JSON.
    Count(u32),
    /// A person, in JSON.
    Whom(Named),
    /// Yes or no, in JSON.
    Yes(bool),
}

/// Fields of an event's data beside its items, by the names of the catalogue.
pub(super) type Fields = Vec<(&'static str, Value)>;

/// Items with what is said of them.
pub(super) type Stated = Vec<(Item, Value)>;

/// A person, and by which of their documents they are named.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Named {
    pub(super) person: u32,
    /// By the birth certificate; by the citizen number otherwise.
    pub(super) by_certificate: bool,
    /// Which of their citizen numbers.
    pub(super) number: u8,
}

/// What the registry must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Recorded,
    Duplicate,
    Conflict,
    Rejected,
}

/// How wide an upstream system's division is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    County,
    Township,
    Village,
}

/// An upstream system: department, the division that it serves, its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Upstream {
    pub(super) department: &'static str,
    pub(super) level: Level,
    pub(super) system: &'static str,
    pub(super) channel: &'static str,
}

/// What a recorded event counts as in the measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Counted {
    pub(super) kind: Kind,
    pub(super) place: u16,
    pub(super) department: &'static str,
    pub(super) channel: &'static str,
    pub(super) occurred: Day,
    pub(super) recorded: Day,
}

/// A correction or annulment of an earlier report.
#[derive(Clone, Debug)]
pub(super) struct Amends {
    /// Id of the earlier report.
    pub(super) target: u32,
    /// How the earlier report was counted.
    pub(super) counted: Counted,
    /// The day on which it truly happened, when that was wrong.
    pub(super) true_day: Option<Day>,
    /// In whose records the earlier report is told.
    pub(super) told_to: Vec<u32>,
    pub(super) reason: &'static str,
}

/// One report.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) kind: Kind,
    pub(super) fate: Fate,
    pub(super) id: u32,
    pub(super) upstream: Upstream,
    /// None for household visits only.
    pub(super) subject: Option<Named>,
    pub(super) place: u16,
    pub(super) occurred: Day,
    pub(super) known: Day,
    /// Seconds since 1970-01-01T00:00:00+08:00.
    pub(super) sent: i64,
    /// Seconds since 1970-01-01T00:00:00+08:00.
    pub(super) recorded: i64,
    pub(super) items: Stated,
    pub(super) fields: Fields,
    pub(super) related: Vec<(Role, Named)>,
    /// Whom it concerns though it does not name them: the husband or wife of somebody taken for
    /// dead, the guardian until now.
    pub(super) unnamed: Option<u32>,
    /// Serial number of the certificate; 0 for none.
    pub(super) certificate: u32,
    /// Which service was asked for; 0 for none.
    pub(super) service: u8,
    pub(super) amends: Option<Box<Amends>>,
    /// The persons seen on a visit, or the members of a household and what becomes of them.
    pub(super) observations: Vec<(Named, Stated)>,
    /// Whether it is delivered after a later event of the same person on purpose.
    pub(super) is_out_of_order: bool,
}

impl Event {
    /// The same, with a field.
    pub(super) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The same, with somebody in a role.
    pub(super) fn naming(mut self, role: Role, person: Named) -> Self {
        self.related.push((role, person));
        self
    }

    /// The day on which it is recorded.
    pub(super) fn recorded_on(&self) -> Day {
        self.recorded.div_euclid(86_400) as Day
    }

    /// In whose records it is told.
    pub(super) fn told_to(&self) -> Vec<u32> {
        let related = self.related.iter().filter(|(role, _)| role.is_told(self.kind));
        let related = related.map(|(_, named)| named.person);
        let members = self.observations.iter().map(|(named, _)| named.person);
        let subject = self.subject.map(|named| named.person);
        subject.into_iter().chain(related).chain(members).chain(self.unnamed).collect()
    }

    /// How it counts when it is recorded.
    pub(super) fn counted(&self) -> Counted {
        Counted {
            kind: self.kind,
            place: self.place,
            department: self.upstream.department,
            channel: self.upstream.channel,
            occurred: self.occurred,
            recorded: self.recorded_on(),
        }
    }
}
