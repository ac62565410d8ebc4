//! The one loop that reads the log back.
//!
//! Invariant: nothing here decides or appends.
