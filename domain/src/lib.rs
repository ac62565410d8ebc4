//! The ground of the house: the words that every other crate shares.
//!
//! Invariant: nothing here reads a file, a clock or a socket, and nothing here knows how events
//! are stored. "Today" and secrets are always handed in, so a decision can be repeated exactly.

pub mod citizen_number;
pub mod clocks;
pub mod codes;
pub mod divisions;
pub mod document;
pub mod ids;
pub mod items;
pub mod recorded;

pub use citizen_number::{CitizenNumber, CitizenNumberError};
pub use clocks::Clocks;
pub use divisions::{Divisions, Place, PlaceError};
pub use document::{Document, DocumentKind};
pub use ids::{IdentityKey, PersonId, Position, Sequence, StreamId, StreamKind};
pub use items::BaseItem;
