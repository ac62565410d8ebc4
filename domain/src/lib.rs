//! The ground of the house: the words that every other crate shares.
//!
//! Invariant: nothing here reads a file, a clock or a socket, and nothing here knows how events
//! are stored. "Today" and secrets are always handed in, so a decision can be repeated exactly.

pub mod by_id;
pub mod catalogue;
pub mod citizen_number;
pub mod clocks;
pub mod codes;
pub mod days;
pub mod divisions;
pub mod document;
pub mod fault;
pub mod forms;
pub mod household;
pub mod ids;
pub mod items;
pub mod life_event;
pub mod order;
pub mod packing;
pub mod pairs;
pub mod person;
pub mod precedence;
pub mod recorded;
pub mod role;
pub mod rules;
pub mod submission;
pub mod topics;

pub use by_id::{ById, List};
pub use catalogue::Kind;
pub use citizen_number::{CitizenNumber, CitizenNumberError};
pub use clocks::Clocks;
pub use divisions::{DivisionKind, Divisions, Place, PlaceError, Standing, UrbanRural};
pub use document::{Document, DocumentKind};
pub use fault::Fault;
pub use forms::Form;
pub use household::{Basis, HouseholdId};
pub use ids::{IdentityKey, PersonId, Position, Sequence, StreamId, StreamKind};
pub use items::Item;
pub use life_event::{Items, LifeEvent, Payload, Related};
pub use order::{Order, OrderError};
pub use pairs::Pairs;
pub use person::{Doubt, Joined, Person, PersonEvent, Record, Refusal, Refused};
pub use recorded::{Envelope, Recorded};
pub use role::Role;
pub use topics::Topic;
