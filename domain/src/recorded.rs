//! The envelope of a recorded event: all that metrics and followers need, and nothing that names
//! anyone. What the event says of a person stands in the sealed payload beside it.
//!
//! For corrections and annulments `occurred_on` is the true day of the event that they act on, and
//! `known_on` the day on which the error was established.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clocks::Clocks;
use crate::divisions::Place;
use crate::ids::{Position, Sequence, StreamId};
use crate::life_event::Payload;

/// Which event it is: the catalogue's number and the version of its payload. Both are frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventType {
    /// Number in the catalogue.
    pub number: u16,
    /// Version of the payload's form.
    pub version: u16,
}

/// The submission that caused the event: a keyed hash of CloudEvents source and id.
///
/// Keyed, because an id that an upstream system made up may hold a document number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventKey(pub [u8; 16]);

/// The first half of an [`EventKey`]: enough to find a submission among the events of one stream,
/// in half the memory. One of other content that it should ever be taken for has another
/// [`ContentTag`], so it is answered as a conflict and never as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HalfKey(pub(crate) [u8; 8]);

impl From<EventKey> for HalfKey {
    fn from(EventKey(bytes): EventKey) -> Self {
        Self(*bytes.first_chunk().expect("sixteen bytes"))
    }
}

/// A keyed hash of what was submitted: the same key with another tag is a conflict.
///
/// Keyed, because a bare hash of a name and a birth date can be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContentTag(pub [u8; 8]);

impl ContentTag {
    /// Of what was sent in vain: it broke rules.
    pub const REFUSED: Self = Self([0; 8]);
    /// Of what was sent in vain: its key was used for other content before. In the clear, so that
    /// it is still counted as that when the payload is erased.
    pub const CONFLICT: Self = Self(*b"conflict");
}

/// The part of a record that stands in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Place in the log.
    pub position: Position,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Place in the stream.
    pub sequence: Sequence,
    /// The event before it in the same stream; position 0 when it is the first.
    pub previous: Position,
    /// What happened.
    pub event_type: EventType,
    /// The submission that caused it.
    pub key: EventKey,
    /// What that submission said.
    pub content: ContentTag,
    /// The six clocks.
    pub clocks: Clocks,
    /// Where it happened or was reported.
    pub place: Place,
    /// Code of the reporting department, three letters, from [`crate::codes::DEPARTMENT`].
    pub department: [u8; 3],
    /// Code of the channel, two letters, from [`crate::codes::CHANNEL`].
    pub channel: [u8; 2],
    /// All events of one act share it; the key of the submission that began the act.
    pub correlation: EventKey,
    /// The event that this one follows from; position 0 when it came from outside.
    pub causation: Position,
    /// The event that this one corrects or annuls; position 0 when none.
    pub corrects: Position,
    /// Whose key seals the payload, when it is not the stream's own.
    pub sealed_for: Option<StreamId>,
    /// Who sent it: the token's subject or the operator; never a citizen's name. 0-255 bytes.
    pub actor: String,
    /// CloudEvents source, `/<department>/<division>/<system>`. 0-255 bytes.
    pub source: String,
}

/// An event as the views are handed it.
#[derive(Clone)]
pub struct Recorded {
    /// What stands in the clear.
    pub envelope: Envelope,
    /// What was sealed; none when the person's key was destroyed by lawful erasure.
    pub payload: Option<Payload>,
    /// Corrections and annulments: the envelope of the event that they act on.
    pub target: Option<Arc<Envelope>>,
}
