//! The views: each a fold over the log that can be thrown away and rebuilt.
//!
//! Invariant: nothing here sees the journal, and nothing here writes an event.

mod days;
pub mod deadlines;
pub mod timeliness;
