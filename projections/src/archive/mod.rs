//! The archive of one person: what stands now, each value with the event that it comes from.
//!
//! [`Archive::apply`] is the only place where an event changes a value. The live row and every
//! as-of answer are made by it, so they cannot differ.

mod effects;
mod life;

use domain::{Document, Item, PersonId, Position};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use life::{Fact, facts, standing};
pub(crate) use life::{fact, is_change};

/// Everything that stands about one person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Archive {
    /// The events that values and links refer to, by their place in this list.
    pub origins: Vec<Origin>,
    /// Items by number, ordered, each once.
    pub items: Vec<(u8, Value)>,
    /// Documents by which the person is or was known, ordered by the time they were learnt.
    pub documents: Vec<Document>,
    /// Family and household links, in the order in which they began.
    pub links: Vec<Link>,
    /// What the services know, by topic: the object that was sent last, as JSON text.
    pub topics: Vec<(String, Value)>,
    /// Whether a death stands.
    pub is_dead: bool,
    /// Whether a birth or registration stands, and not just a mention by somebody else.
    pub is_registered: bool,
}

/// The event that a value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Its position.
    pub position: Position,
    /// The day it happened, as corrected.
    #[serde(with = "days")]
    pub occurred_on: Date,
    /// When it was recorded, in microseconds since 1970.
    pub recorded_micros: i64,
    /// Code of the department.
    pub department: [u8; 3],
    /// Code of the channel.
    pub channel: [u8; 2],
    /// CloudEvents source.
    pub source: String,
}

/// A value and its origin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// The value's text.
    pub text: String,
    /// Its origin's place in [`Archive::origins`].
    pub origin: u16,
}

/// What another person is to this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// What they are.
    pub role: domain::Role,
    /// Who.
    pub person: PersonId,
    /// The event that began it.
    pub origin: u16,
    /// The event that ended it.
    pub ended: Option<u16>,
}

impl Origin {
    /// When the event was recorded.
    pub fn recorded_at(&self) -> Timestamp {
        Timestamp::from_microsecond(self.recorded_micros).expect("it was an instant when stored")
    }
}

impl Archive {
    /// The value of an item.
    pub fn get(&self, item: Item) -> Option<&str> {
        let at = self.items.binary_search_by_key(&item.number(), |(number, _)| *number).ok()?;
        Some(&self.items[at].1.text)
    }

    /// The origin of a value or link.
    pub fn origin(&self, index: u16) -> &Origin {
        &self.origins[usize::from(index)]
    }

    /// Every item with its value and origin, in order of the items' numbers.
    pub fn values(&self) -> impl Iterator<Item = (Item, &str, &Origin)> {
        self.items.iter().filter_map(|(number, value)| {
            Some((Item::from_number(*number)?, value.text.as_str(), self.origin(value.origin)))
        })
    }

    fn set(&mut self, item: Item, text: &str, origin: u16) {
        let value = Value { text: text.to_owned(), origin };
        match self.items.binary_search_by_key(&item.number(), |(number, _)| *number) {
            Ok(at) => self.items[at].1 = value,
            Err(at) => self.items.insert(at, (item.number(), value)),
        }
    }

    fn clear(&mut self, item: Item) {
        self.items.retain(|(number, _)| *number != item.number());
    }

    fn learn(&mut self, document: &Document) {
        if !self.documents.contains(document) {
            self.documents.push(document.clone());
        }
    }

    /// Adds an origin, or gives the one that is there, and forgets those that nothing refers to
    /// once there are many.
    fn origin_of(&mut self, origin: Origin) -> u16 {
        if let Some(at) = self.origins.iter().rposition(|known| *known == origin) {
            return at as u16;
        }
        self.origins.push(origin);
        (self.origins.len() - 1) as u16
    }

    /// Drops origins that no value and no link refers to, keeping the order of the others, so that
    /// a row stays as small as what it says.
    fn forget_unused_origins(&mut self) {
        let mut used = vec![false; self.origins.len()];
        self.each_origin(|origin| used[usize::from(*origin)] = true);
        if used.iter().all(|used| *used) {
            return;
        }
        let mut next = 0;
        let places: Vec<u16> = used
            .iter()
            .map(|used| {
                next += u16::from(*used);
                next.wrapping_sub(1)
            })
            .collect();
        self.each_origin(|origin| *origin = places[usize::from(*origin)]);
        let mut used = used.into_iter();
        self.origins.retain(|_| used.next().unwrap_or(true));
    }

    fn each_origin(&mut self, mut visit: impl FnMut(&mut u16)) {
        self.items.iter_mut().for_each(|(_, value)| visit(&mut value.origin));
        self.topics.iter_mut().for_each(|(_, value)| visit(&mut value.origin));
        for link in &mut self.links {
            visit(&mut link.origin);
            if let Some(ended) = &mut link.ended {
                visit(ended);
            }
        }
    }
}

/// Days as a number since 1970-01-01, since dates are many and rows should be small.
mod days {
    use jiff::civil::{Date, date};
    use serde::{Deserialize, Deserializer, Serializer};

    const EPOCH: Date = date(1970, 1, 1);

    pub fn serialize<S: Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32((*day - EPOCH).get_days())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        let days = i32::deserialize(deserializer)?;
        let span = jiff::Span::new().try_days(days).map_err(serde::de::Error::custom)?;
        EPOCH.checked_add(span).map_err(serde::de::Error::custom)
    }
}
