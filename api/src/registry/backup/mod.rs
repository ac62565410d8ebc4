//! Backup and restore: a registry's logs copied beside the running service, and made a registry
//! again.
//!
//! ```text
//! TARGET/                      KEYTARGET/
//!   manifest                     manifest     up to which positions there is a key for every event
//!   journal/  reads/             slots        one wrapped key a person
//!   trees/events  trees/reads    log.key      what the logs are signed with
//!   files/<SHA-256>
//! ```
//! The logs are copied file by file (`journal/copy.rs`); the tree over a copy is grown from the
//! copied records and must have the root that the service signed, so a log that is not what was
//! signed is not backed up over one that was. Small files lie under their hash. The manifest says
//! what of all that belongs to the backup and takes the place of the one before at the very end: a
//! backup that is cut short leaves the one before.
//!
//! Keys go to a place of their own, after the end of the logs was settled: keys are synced before
//! the events that need them. Who has the one place alone, or both without the master key, reads
//! nobody's record. The master key is never copied. Views are not backed up: they are made of the
//! log, and a restore makes them anew, which proves that every payload opens.

pub mod manifest;
mod restore;
mod take;
mod verify;

use std::io;
use std::path::{Path, PathBuf};

use journal::copy::CopyError;
use journal::tree::{NoteError, TreeError};
use journal::{KeyError, OpenError};
use replay::ReplayError;

pub use restore::{Point, Restore, Restored};
pub use take::{Backup, Taken};
pub use verify::{Verified, verify};

use super::HomeError;

/// The logs of a registry: folder of the log, name of its tree.
const LOGS: [(&str, &str); 2] = [("journal", "events"), ("reads", "reads")];
/// Files of the directory that go along, where they are there. No secret is among them: of tokens
/// there are hashes, and acts are sealed.
pub const FILES: [&str; 8] = [
    "registry.json",
    "access.json",
    "urban_rural.csv",
    "reading_limits.csv",
    "witnesses",
    "lines.json",
    "issuers.toml",
    "acts.ndjson",
];

/// What does not go along with them: secrets, what is copied in a way of its own, and what is made
/// of the log.
pub const APART: [&str; 8] = [
    "master.key",
    "log.key",
    "keys/slots",
    "journal/",
    "reads/",
    "trees/",
    "views/",
    "erasures.json",
];

/// Why a backup could not be taken, verified or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file system refused.
    #[error("cannot use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The registry's directory.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A log, or its copy.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A log does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A log cannot be read back.
    #[error(transparent)]
    Log(#[from] ReplayError),
    /// A tree could not be begun.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Key slots.
    #[error("the key slots in {path}")]
    Keys {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: KeyError,
    },
    /// A checkpoint that is none of this log.
    #[error("{path} is no checkpoint of this log")]
    Checkpoint {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: NoteError,
    },
    /// A manifest or a small file is not what was written.
    #[error("{path} is damaged: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A record is another than the one that was backed up.
    #[error("{path}: the record at position {position} is not the one that was backed up")]
    Altered {
        /// The file.
        path: PathBuf,
        /// The first such record.
        position: u64,
    },
    /// The log is another than the one of a checkpoint.
    #[error("{path}: the first {size} records are not those that {by} tells of")]
    Rewritten {
        /// The folder of the log.
        path: PathBuf,
        /// How many records.
        size: u64,
        /// What stands against them.
        by: String,
    },
    /// What is asked for cannot be done.
    #[error("{0}")]
    Unfit(String),
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::Io { path: path.to_owned(), source }
}

fn keys_at(path: &Path) -> impl Fn(KeyError) -> BackupError {
    move |source| BackupError::Keys { path: path.to_owned(), source }
}
