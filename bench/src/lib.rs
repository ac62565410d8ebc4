//! The load generator and the side-by-side runs: what the design promises in figures, measured from
//! the outside, through the binary, its HTTP and `/proc`, beside the disk's own limit and a peer.

use std::io;
use std::path::PathBuf;

pub mod at_rest;
pub mod bare_record;
pub mod disk;
pub mod events;
pub mod existing;
#[cfg(feature = "peer")]
pub mod in_process;
pub mod ingest;
pub mod load;
pub mod metrics;
pub mod paced;
#[cfg(feature = "peer")]
pub mod peer;
pub mod posts;
pub mod reads;
pub mod receipts;
pub mod run;
pub mod samples;
pub mod server;
pub mod slow_disk;
pub mod syncs;
pub mod table;
pub mod usage;
pub mod wire;

/// Why a measurement could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or a connection.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A command could not be started or ended badly: which one, and what it said.
    #[error("{program}: {why}", program = .0.display(), why = .1)]
    Command(PathBuf, String),
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}
