//! The registry of identifiers: every id has its own type, and none can be mistaken for another.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use crate::document::Document;

/// Place of an event in the whole log, from 1; 0 stands before the first event.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Position(pub u64);

/// Place of an event in its stream, from 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Sequence(pub u32);

/// A person. It may appear in URLs and logs: no document number can be read back out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PersonId(Uuid);

/// The secret under which document numbers become person ids.
#[derive(Clone)]
pub struct IdentityKey {
    /// The MAC with its key taken in, which is half the work of a short hash.
    keyed: Hmac<Sha256>,
}

impl IdentityKey {
    /// Takes 32 secret random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { keyed: keyed(&bytes) }
    }

    /// As [`keyed_hash`] under this key, for all that is hashed in the same registry.
    pub fn hash<const N: usize>(&self, parts: &[&[u8]]) -> [u8; N] {
        digest(self.keyed.clone(), parts)
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityKey(…)")
    }
}

impl PersonId {
    /// The person stream of a document: the first 16 bytes of
    /// HMAC-SHA256(key, kind | normalised number), shaped as a version-8 UUID (RFC 9562).
    ///
    /// Computed, not looked up, so the uniqueness of a number is the log's own concurrency check.
    pub fn of_document(key: &IdentityKey, document: &Document) -> Self {
        let kind = document.kind().name().as_bytes();
        let first = key.hash(&[kind, b"|", document.number().as_bytes()]);
        Self::from_custom_bytes(first)
    }

    /// The id of sixteen hashed bytes, shaped as a version-8 UUID.
    pub fn from_custom_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The person of a bare UUID, as it stands in a URL or a stored record.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The bare UUID.
    pub fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The first `N` bytes of HMAC-SHA256 over the parts, one after the other; `N` is at most 32.
pub fn keyed_hash<const N: usize>(key: &[u8; 32], parts: &[&[u8]]) -> [u8; N] {
    digest(keyed(key), parts)
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes any key length")
}

fn digest<const N: usize>(mut mac: Hmac<Sha256>, parts: &[&[u8]]) -> [u8; N] {
    parts.iter().for_each(|part| mac.update(part));
    let digest = mac.finalize().into_bytes();
    digest[..N].try_into().expect("SHA-256 gives 32 bytes")
}

/// What a stream tells the history of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamKind {
    /// One person's life.
    Person,
    /// One discrepancy, from doubt to settlement.
    Case,
    /// One comparison with a department's list.
    Comparison,
    /// One reporting office or source system.
    Unit,
    /// The reads of one person; kept in a journal of their own.
    Reads,
}

impl StreamKind {
    /// The kind of a stored number.
    pub fn from_number(number: u8) -> Option<Self> {
        [
            StreamKind::Person,
            StreamKind::Case,
            StreamKind::Comparison,
            StreamKind::Unit,
            StreamKind::Reads,
        ]
        .into_iter()
        .find(|kind| kind.number() == number)
    }

    /// The number that stands for the kind in stored bytes; frozen.
    pub fn number(self) -> u8 {
        match self {
            StreamKind::Person => 1,
            StreamKind::Case => 2,
            StreamKind::Comparison => 3,
            StreamKind::Unit => 4,
            StreamKind::Reads => 5,
        }
    }
}

/// A stream of the log, written `person-<uuid>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// What it tells of.
    pub kind: StreamKind,
    /// Which one.
    pub id: Uuid,
}

impl From<PersonId> for StreamId {
    fn from(person: PersonId) -> Self {
        Self { kind: StreamKind::Person, id: person.0 }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            StreamKind::Person => "person",
            StreamKind::Case => "case",
            StreamKind::Comparison => "comparison",
            StreamKind::Unit => "unit",
            StreamKind::Reads => "reads",
        };
        write!(f, "{kind}-{}", self.id)
    }
}
