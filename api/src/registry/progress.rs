//! How far a registry is with its opening: told to who asks while nothing is answered yet.

use std::sync::Mutex;
use std::sync::PoisonError;

/// What an opening does, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Reads the files of the logs and checks every byte; counted in bytes.
    #[default]
    Logs,
    /// Holds the logs against what was signed of them; counted in records.
    Trees,
    /// Looks whether the keys of erased persons are gone; counted in records.
    Erasures,
    /// Opens the views.
    Views,
}

impl Stage {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Trees => "trees",
            Self::Erasures => "erasures",
            Self::Views => "views",
        }
    }
}

/// How far an opening is. Threads share it.
#[derive(Debug, Default)]
pub struct Progress(Mutex<(Stage, u64, u64)>);

impl Progress {
    /// So much is done of so much of a stage.
    pub fn tell(&self, stage: Stage, done: u64, of: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (stage, done, of);
    }

    /// The stage, what is done of it, and of how much.
    pub fn told(&self) -> (Stage, u64, u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
