//! The append-only log.
//!
//! Invariant: nothing here knows what an event means; a record's body is bytes. Nothing here
//! rewrites a byte that was acknowledged.

pub mod contract;
pub mod frame;
pub mod keys;
pub mod record;
pub mod seal;
pub mod segment;

pub use contract::{AppendError, Appended, Draft, Expected, Journal, Stored, StreamAppend};
pub use frame::{Body, FrameError};
pub use keys::{KeyError, KeySlots};
pub use seal::{PersonKey, SealBroken};
pub use segment::{OpenError, ReadError, Segment, WriteError};
