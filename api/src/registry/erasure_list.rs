//! Where erasures stand in the log: kept in a file, so that a start need not look through files of
//! the log that it does not read either.
//!
//! The file only saves work and is believed only of what the log itself was taken on trust for. It
//! holds positions and nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::{Kind, Position};
use journal::contract::ReadError;
use journal::{Journal, record};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Records looked at together.
const RUN_RECORDS: usize = 10_000;
const FILE: &str = "erasures.json";

/// The erasures of the log up to a position.
pub(super) struct ErasureList {
    path: PathBuf,
    list: List,
}

#[derive(Default, Serialize, Deserialize)]
struct List {
    up_to: u64,
    positions: Vec<u64>,
    sha256: String,
}

impl List {
    fn digest(&self) -> String {
        let numbers = std::iter::once(&self.up_to).chain(&self.positions);
        let bytes: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
        Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl ErasureList {
    /// The list of a directory, as far as `adopted`; empty where none was kept.
    pub(super) fn open(folder: &Path, adopted: Position) -> Self {
        let path = folder.join(FILE);
        let kept = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<List>(&text).ok());
        let mut list = kept.filter(|list| list.digest() == list.sha256).unwrap_or_default();
        list.up_to = list.up_to.min(adopted.0);
        let up_to = list.up_to;
        list.positions.retain(|position| *position <= up_to);
        Self { path, list }
    }

    /// Looks through what follows in the log. `progress` is told records, of how many.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(super) fn read_on(
        &mut self,
        journal: &dyn Journal,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), ReadError> {
        let head = journal.head();
        let found = erasures(journal, Position(self.list.up_to + 1), progress)?;
        self.list.positions.extend(found.into_iter().map(|position| position.0));
        self.list.up_to = head.0;
        Ok(())
    }

    /// Where erasures stand.
    pub(super) fn positions(&self) -> impl Iterator<Item = Position> {
        self.list.positions.iter().map(|position| Position(*position))
    }

    /// One more.
    pub(super) fn add(&mut self, position: Position) {
        self.list.positions.push(position.0);
    }

    /// Keeps the list of a log that ends at `head`. What cannot be kept costs time at the next
    /// start.
    pub(super) fn save(&mut self, head: Position) {
        self.list.up_to = head.0;
        self.list.sha256 = self.list.digest();
        if let Err(error) = self.write() {
            tracing::warn!(path = %self.path.display(), %error, "the erasures are not listed");
        }
    }

    fn write(&self) -> io::Result<()> {
        let unfinished = self.path.with_extension("new");
        fs::write(&unfinished, serde_json::to_vec(&self.list)?)?;
        fs::File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, &self.path)
    }
}

/// Where erasures stand in the log, from a position on. `progress` is told records, of how many.
///
/// # Errors
/// [`ReadError`].
pub(crate) fn erasures(
    journal: &dyn Journal,
    from: Position,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Position>, ReadError> {
    let mut erasures = Vec::new();
    let (mut next, head) = (from, journal.head());
    while next <= head {
        let (mut last, mut failed) = (next, None);
        journal.show_all(next, RUN_RECORDS, &mut |position, bytes| {
            last = position;
            match record::event_type(bytes).map(|of| Kind::from_number(of.number)) {
                Ok(Some((Kind::Erased, _))) => erasures.push(position),
                Ok(_) => {}
                Err(source) => {
                    let position = position.0;
                    failed = failed.take().or(Some(ReadError::Record { position, source }));
                }
            }
        })?;
        failed.map_or(Ok(()), Err)?;
        next = Position(last.0 + 1);
        progress(last.0, head.0);
    }
    Ok(erasures)
}
