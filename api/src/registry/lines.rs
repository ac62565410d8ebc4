//! The lines of the logs before this one. A log that goes on from a backup is another log than the
//! one that was backed up: that one may have signed records which the backup never had, and two
//! logs under one key that part somewhere are a forgery. So it gets keys and names of its own, and
//! `lines.json` tells how far it is the log of before: whoever kept a checkpoint of that one can
//! still hold it against this one, up to there.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use journal::tree::{Checkpoint, NoteError, Verifier};
use serde::{Deserialize, Serialize};

use super::HomeError;

/// Name of the file in the directory.
pub const FILE: &str = "lines.json";

/// A log before this one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EarlierLine {
    /// Folder of the log: `journal` or `reads`.
    pub log: String,
    /// The public key that it was signed with.
    pub verifier: String,
    /// How many of its records are this log's first ones.
    pub records: u64,
    /// Its newest checkpoint that the backup had.
    pub checkpoint: String,
    /// When this log went on from it.
    pub restored_at: Timestamp,
}

/// Those of a directory, the oldest first; none when it was never restored.
///
/// # Errors
/// [`HomeError::Io`].
pub fn read(folder: &Path) -> Result<Vec<EarlierLine>, HomeError> {
    let path = folder.join(FILE);
    let io = |source| HomeError::Io { path: path.clone(), source };
    match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        text => serde_json::from_slice(&text.map_err(io)?).map_err(|error| io(error.into())),
    }
}

impl EarlierLine {
    /// The checkpoint of a note that this line signed; none when it is another's.
    ///
    /// # Errors
    /// [`NoteError`] for a key that is none.
    pub fn open(&self, note: &str) -> Result<Option<Checkpoint>, NoteError> {
        Ok(Verifier::read(&self.verifier)?.open(note).ok())
    }
}
