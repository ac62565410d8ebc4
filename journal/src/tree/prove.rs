//! What a start left unread is held against the signed tree while the service runs.

use std::fs;
use std::io;
use std::path::Path;

use domain::Position;

use super::check::{RECORDS_OF_A_THREAD, check_while};
use super::grown::{CHECKPOINT, Tree, TreeError};
use crate::contract::Journal;

/// Says that records or tiles were found that are not those that were signed: the next opening
/// reads them all before it serves one.
const FAILED: &str = "failed";

/// Whether the next opening is to read everything.
pub(super) fn has_failed(folder: &Path) -> bool {
    folder.join(FAILED).exists()
}

/// Everything was read, and is as it was signed or is mended.
pub(super) fn forget_failure(folder: &Path) -> io::Result<()> {
    if has_failed(folder) { fs::remove_file(folder.join(FAILED)) } else { Ok(()) }
}

impl Tree {
    /// How many records are to be held against what was signed of them; 0 when all were.
    pub fn unproved(&self) -> u64 {
        self.unproved.as_ref().map_or(0, |signed| signed.size)
    }

    /// Holds against what was signed at the opening what was not read then, on this thread alone,
    /// as long as `goes_on`, which is told how far it is.
    ///
    /// # Errors
    /// [`TreeError::Alarm`], also for tiles that are not those that were signed: nothing more may
    /// be signed, served or recorded. The next opening reads everything first.
    pub fn prove(
        &self,
        journal: &dyn Journal,
        goes_on: impl FnMut(Position) -> bool,
    ) -> Result<(), TreeError> {
        let Some(signed) = &self.unproved else { return Ok(()) };
        let proved = check_while(journal, &self.levels, signed, RECORDS_OF_A_THREAD, goes_on);
        proved.map(drop).map_err(|source| {
            if let Err(error) = fs::write(self.folder.join(FAILED), "") {
                tracing::error!(%error, "the next start will not know what was found");
            }
            TreeError::Alarm { path: self.folder.join(CHECKPOINT), source }
        })
    }
}
