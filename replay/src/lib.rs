//! The one loop that reads the log back: follow, catch up, rebuild, check, history, as-of.
//!
//! Invariant: nothing here decides whether an event may be recorded, and nothing here appends.

mod across_follower;
pub mod ahead;
pub mod follow;
pub mod history;
pub mod household_history;
pub mod household_then;
pub mod known_then;
pub mod log_reader;
mod merged;
mod opening;
mod others;
pub mod reads;
pub mod rebuild;
pub mod tail;
mod tree_follower;
mod whole_lives;

pub use across_follower::AcrossFollower;
pub use follow::{Follower, catch_up};
pub use log_reader::{LogReader, ReplayError, Seals};
pub use tail::Tail;
pub use tree_follower::TreeFollower;

/// An error with everything that caused it, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
