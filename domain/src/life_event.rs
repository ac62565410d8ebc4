//! What a recorded event says: the sealed payload, beside the envelope that stands in the clear.
//!
//! Events are the only frozen format: the JSON of these types is kept for ever, every version that
//! was ever written is read by [`Payload::read`], and fields of a later version survive in
//! `later`.

mod oversight;
mod person_read;
mod read;
mod written;

use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalogue::{Kind, upcast};
use crate::document::Document;
use crate::fault::Fault;
use crate::ids::{PersonId, Sequence};
use crate::items::Item;
use crate::recorded::EventType;

pub use crate::role::Role;
pub use oversight::{AlarmRaised, GlassBroken, GlassReviewed, Oversight, ReadingApproved};
pub use person_read::{Hidden, ItemsTold, PersonRead};

/// Items and their values, ordered by item, each item once.
///
/// The texts lie in one string, one after the other in the order of the items: an event has many
/// short ones, and is copied often.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Items {
    texts: String,
    /// Each item, and where its text ends.
    ends: Vec<(Item, u32)>,
}

impl Items {
    /// None yet, with room for so many.
    pub fn with_capacity(items: usize) -> Self {
        Self { texts: String::with_capacity(items * 12), ends: Vec::with_capacity(items) }
    }

    /// Sets an item, replacing an earlier value.
    pub fn set(&mut self, item: Item, value: impl AsRef<str>) {
        let value = value.as_ref();
        if self.ends.last().is_none_or(|(last, _)| *last < item) {
            self.texts.push_str(value);
            self.ends.push((item, self.texts.len() as u32));
            return;
        }
        let at = self.ends.partition_point(|(known, _)| *known < item);
        let start = self.start(at);
        let mut end = start;
        if self.ends.get(at).is_some_and(|(known, _)| *known == item) {
            end = self.ends[at].1 as usize;
        } else {
            self.ends.insert(at, (item, start as u32));
        }
        self.texts.replace_range(start..end, value);
        for (_, known) in &mut self.ends[at..] {
            *known = *known - (end - start) as u32 + value.len() as u32;
        }
    }

    /// The value of an item.
    pub fn get(&self, item: Item) -> Option<&str> {
        let at = self.ends.binary_search_by_key(&item, |(known, _)| *known).ok()?;
        Some(&self.texts[self.start(at)..self.ends[at].1 as usize])
    }

    /// Every item with its value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Item, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |(item, end)| {
            let text = &self.texts[start..*end as usize];
            start = *end as usize;
            (*item, text)
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn start(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |before| self.ends[before].1 as usize)
    }
}

/// Shows which items there are, never a value.
impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(item, _)| item.name())).finish()
    }
}

impl Serialize for Items {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// A related person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    /// What they are to the person of the stream.
    pub role: Role,
    /// Who.
    pub person: PersonId,
}

/// What happened, as told in one person's stream. The day, the place and the teller are in the
/// envelope.
#[derive(Clone, Default, PartialEq, Serialize)]
pub struct LifeEvent {
    /// The CloudEvents id under which the source sent it; only where the subject's own is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The document by which the submission named the person of this stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<Document>,
    /// Items that the event states.
    #[serde(skip_serializing_if = "Items::is_empty")]
    pub items: Items,
    /// Persons of the same act.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// Number of the certificate that proves the act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_no: Option<String>,
    /// Correction or annulment: the event of this stream that it acts on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Sequence>,
    /// Correction: the day on which the target truly happened, when that was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub true_day: Option<Date>,
    /// Correction or annulment: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Correction or annulment: who approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Names of the rules by which it was doubted when it was recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<String>,
    /// All else that was sent, kept as it was. Apart from our own fields, since a sender may use
    /// any name.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
    /// Fields of a later version of this program.
    #[serde(flatten)]
    pub later: Map<String, Value>,
}

/// Shows what kind of things are stated, never a value.
impl fmt::Debug for LifeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LifeEvent")
            .field("items", &self.items)
            .field("related", &self.related)
            .field("target", &self.target)
            .field("details", &self.details.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A submission that was refused, as kept in the stream of its source.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Rejection {
    /// CloudEvents id, as sent; empty when it could not be read.
    pub id: String,
    /// CloudEvents type, as sent.
    pub event_type: String,
    /// Whether the same source and id had been recorded with other content.
    #[serde(default)]
    pub conflict: bool,
    /// Every broken rule.
    pub faults: Vec<Fault>,
    /// Whom it was about, where that could be told.
    #[serde(default)]
    pub person: Option<PersonId>,
    /// What was sent, as text; cut where it is too long to store.
    pub received: String,
    /// Fields of a later version of this program.
    #[serde(flatten)]
    pub later: Map<String, Value>,
}

/// The payload of a record, by its type.
#[derive(Clone, PartialEq)]
pub enum Payload {
    /// An event of a person's life.
    Life(Arc<LifeEvent>),
    /// A refused submission.
    Rejection(Arc<Rejection>),
    /// A read.
    Read(Arc<PersonRead>),
    /// An act of oversight over readers.
    Oversight(Oversight),
}

/// A payload that this program cannot read.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// The type or its version is newer than this program.
    #[error(
        "event type {} in version {} is not known: a newer version of this program wrote it",
        .0.number,
        .0.version
    )]
    Unknown(EventType),
    /// The JSON is not of the form that its type and version say.
    #[error("the payload does not have the form of its type")]
    Malformed(#[source] serde_json::Error),
}

impl Payload {
    /// Reads stored JSON of any version that was ever written, as its newest version.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn read(event_type: EventType, json: &[u8]) -> Result<Self, PayloadError> {
        let (kind, _) =
            Kind::from_event_type(event_type).ok_or(PayloadError::Unknown(event_type))?;
        let read = match kind {
            Kind::SubmissionRejected => from_json(json).map(Payload::Rejection),
            Kind::PersonRead => from_json(json).map(Payload::Read),
            Kind::GlassBroken => oversight(json, Oversight::GlassBroken),
            Kind::GlassReviewed => oversight(json, Oversight::GlassReviewed),
            Kind::AlarmRaised => oversight(json, Oversight::AlarmRaised),
            Kind::ReadingApproved => oversight(json, Oversight::ReadingApproved),
            _ => from_json(json).map(|mut life: Arc<LifeEvent>| {
                if event_type.version < kind.entry().version {
                    let life = Arc::make_mut(&mut life);
                    upcast::upcast(kind, event_type.version, &mut life.details);
                }
                Payload::Life(life)
            }),
        };
        read.map_err(PayloadError::Malformed)
    }

    /// The JSON to store.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::new();
        self.json_into(&mut json);
        json
    }

    /// As [`Payload::to_json`], into `json`, whose room is used again.
    pub fn json_into(&self, json: &mut Vec<u8>) {
        json.clear();
        match self {
            Payload::Life(event) => return written::write(event, json),
            Payload::Rejection(rejection) => serde_json::to_writer(json, rejection),
            Payload::Read(read) => return json.extend(read.to_json()),
            Payload::Oversight(act) => return json.extend(act.to_json()),
        }
        .expect("a rejection has string keys only");
    }

    /// The event of a life, when it is one.
    pub fn life(&self) -> Option<&Arc<LifeEvent>> {
        match self {
            Payload::Life(event) => Some(event),
            _ => None,
        }
    }
}

fn oversight<'de, T: Deserialize<'de>>(
    json: &'de [u8],
    act: fn(Arc<T>) -> Oversight,
) -> serde_json::Result<Payload> {
    from_json(json).map(act).map(Payload::Oversight)
}

/// Text is checked once as a whole, which costs less than string by string.
fn from_json<'de, T: Deserialize<'de>>(json: &'de [u8]) -> serde_json::Result<Arc<T>> {
    let read = match simdutf8::basic::from_utf8(json) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(json),
    };
    read.map(Arc::new)
}
