//! The append-only log.
//!
//! Invariant: nothing here knows what an event means; a record's body is bytes. Nothing here
//! rewrites a byte that was acknowledged.

mod admission;
pub mod compress;
pub mod contract;
pub mod copy;
pub mod frame;
pub mod keys;
mod lock;
pub mod memory;
pub mod record;
pub mod seal;
pub mod segments;
pub mod storage;
pub mod tree;

pub use contract::{
    AppendError, Appended, Draft, Expected, Journal, ReadError, Stored, StreamAppend,
};
pub use frame::FrameError;
pub use keys::{KeyError, KeySlots};
pub use memory::Memory;
pub use seal::{PersonKey, SealBroken};
pub use segments::{OpenError, Options, ReadOnly, Segments};
pub use storage::{Files, Storage};
