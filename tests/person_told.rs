//! A small language for the events of one person, as the aggregate takes them.

use std::sync::Arc;

use domain::recorded::EventKey;
use domain::{Item, Kind, LifeEvent, PersonEvent, PersonId, Record, Related, Role, Sequence};
use jiff::civil::Date;
use uuid::Uuid;

/// The person of the stream.
pub const OWN: PersonId = id(1);
/// Somebody else.
pub const ANN: PersonId = id(2);
/// A third one.
pub const BEN: PersonId = id(3);

/// What is told of one event, and what is known beside it.
#[derive(Clone, Debug)]
pub struct Told {
    kind: Kind,
    side: bool,
    occurred_on: Date,
    life: LifeEvent,
    department: [u8; 3],
    spouse_died_on: Option<Date>,
    known_on: Option<Date>,
}

const fn id(number: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(number))
}

/// A day of the contract.
pub fn day(text: &str) -> Date {
    text.parse().expect("a date")
}

/// An event that the person is the subject of, told by who has authority over it.
pub fn told(kind: Kind, on: &str) -> Told {
    Told {
        kind,
        side: false,
        occurred_on: day(on),
        life: LifeEvent::default(),
        department: kind.entry().authority.first().copied().unwrap_or(*b"POL"),
        spouse_died_on: None,
        known_on: None,
    }
}

/// An event that is told because of somebody else's act.
pub fn aside(kind: Kind, on: &str) -> Told {
    Told { side: true, ..told(kind, on) }
}

impl Told {
    /// States an item.
    pub fn item(mut self, item: Item, value: &str) -> Self {
        self.life.items.set(item, value);
        self
    }

    /// Names a related person.
    pub fn with(mut self, role: Role, person: PersonId) -> Self {
        self.life.related.push(Related { role, person });
        self
    }

    /// Acts on the event at a place of the stream.
    pub fn of(mut self, target: u32) -> Self {
        self.life.target = Some(Sequence(target));
        self
    }

    /// Approved by somebody.
    pub fn approved(mut self, by: &str) -> Self {
        self.life.approved_by = Some(by.to_owned());
        self
    }

    /// Told by a department.
    pub fn by(mut self, department: &[u8; 3]) -> Self {
        self.department = *department;
        self
    }

    /// Known on a day.
    pub fn known(mut self, on: &str) -> Self {
        self.known_on = Some(day(on));
        self
    }

    /// The spouse on record died on a day.
    pub fn spouse_died(mut self, on: &str) -> Self {
        self.spouse_died_on = Some(day(on));
        self
    }

    /// The day on which it was known.
    pub fn known_on(&self) -> Option<Date> {
        self.known_on
    }

    /// As the stream holds it.
    pub fn event(&self) -> PersonEvent {
        PersonEvent {
            number: self.kind.event_type(self.side).number,
            key: EventKey([0; 16]),
            occurred_on: self.occurred_on,
            department: self.department,
            channel: *b"OW",
            life: Arc::new(self.life.clone()),
        }
    }

    /// As a clerk asks to record it.
    pub fn record(&self) -> Record {
        Record {
            event: self.event(),
            actor: "clerk".to_owned(),
            spouse_died_on: self.spouse_died_on,
            own_id: OWN,
        }
    }
}
