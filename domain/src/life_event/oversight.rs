//! What is kept of the oversight over readers, beside the reads themselves: that glass was broken,
//! that somebody else looked into it, that somebody read of many persons, and that somebody else
//! allowed it. When, and by whom, stands in the envelope.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalogue::Kind;
use crate::ids::{PersonId, Position};

/// One act of oversight, by its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Oversight {
    /// Somebody gave themselves sight of one person for a while.
    GlassBroken(Arc<GlassBroken>),
    /// Somebody else judged whether that was right.
    GlassReviewed(Arc<GlassReviewed>),
    /// Somebody was told of many persons.
    AlarmRaised(Arc<AlarmRaised>),
    /// Somebody else allowed them to be told of more.
    ReadingApproved(Arc<ReadingApproved>),
}

/// Sight of one person for a while. The envelope's actor is who has it; its position is its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GlassBroken {
    /// Of whom.
    pub person: PersonId,
    /// What the holder is: a role of the table of access.
    pub role: String,
    /// Until when.
    pub until: Timestamp,
    /// The task of the holder's own office that needs it.
    pub ticket: String,
    /// Why, in words.
    pub reason: String,
    /// Fields of a later version of this program.
    #[serde(flatten)]
    pub later: Map<String, Value>,
}

/// What a second person found. The envelope's actor is who looked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GlassReviewed {
    /// Position of the breaking.
    pub glass: Position,
    /// Whether there was need for it.
    pub justified: bool,
    /// In words.
    pub note: String,
    /// Fields of a later version of this program.
    #[serde(flatten)]
    pub later: Map<String, Value>,
}

/// Somebody was told of many persons within the time that is looked at. The envelope's actor is who.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmRaised {
    /// What they are: a role of the table of access.
    pub role: String,
    /// So many persons it was.
    pub persons: u32,
    /// So many raise this alarm.
    pub threshold: u32,
    /// Fields of a later version of this program.
    #[serde(flatten)]
    pub later: Map<String, Value>,
}

/// A second person's word that somebody may be told of more persons. The envelope's actor gave it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadingApproved {
    /// Who may: the subject of a token.
    pub holder: String,
    /// Of so many persons at most.
    pub up_to: u32,
    /// Until when.
    pub until: Timestamp,
    /// Why, in words.
    pub reason: String,
    /// Fields of a later version of this program.
    #[serde(flatten)]
    pub later: Map<String, Value>,
}

impl Oversight {
    /// The kind of event that records it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::GlassBroken(_) => Kind::GlassBroken,
            Self::GlassReviewed(_) => Kind::GlassReviewed,
            Self::AlarmRaised(_) => Kind::AlarmRaised,
            Self::ReadingApproved(_) => Kind::ReadingApproved,
        }
    }

    /// The JSON to store.
    pub fn to_json(&self) -> Vec<u8> {
        match self {
            Self::GlassBroken(told) => serde_json::to_vec(told),
            Self::GlassReviewed(told) => serde_json::to_vec(told),
            Self::AlarmRaised(told) => serde_json::to_vec(told),
            Self::ReadingApproved(told) => serde_json::to_vec(told),
        }
        .expect("these types have string keys only")
    }

    /// Fields of a later version of this program.
    pub fn later(&self) -> &Map<String, Value> {
        match self {
            Self::GlassBroken(told) => &told.later,
            Self::GlassReviewed(told) => &told.later,
            Self::AlarmRaised(told) => &told.later,
            Self::ReadingApproved(told) => &told.later,
        }
    }
}
