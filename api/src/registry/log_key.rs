//! The keys that the two logs are signed with, those of their witnesses, and the trees under them.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::Position;
use journal::Journal;
use journal::tree::{NoteError, Signer, Tree, Verifier};

use super::HomeError;
use super::progress::{Progress, Stage};

/// The two logs, as their names end and their trees' folders are called.
const LOGS: [&str; 2] = ["events", "reads"];

/// The trees of the two logs.
pub struct Trees {
    /// Over the life log.
    pub events: Arc<Tree>,
    /// Over the log of reads.
    pub reads: Arc<Tree>,
}

/// Makes new keys, 0600, and the trees of two logs without records. `origin` is a name without
/// blanks and `+`; the logs are called `<origin>/events` and `<origin>/reads`.
///
/// # Errors
/// [`HomeError`].
pub fn make(folder: &Path, origin: Option<&str>) -> Result<(), HomeError> {
    let random = |bytes: &mut [u8]| {
        let io = |error| HomeError::Io { path: path(folder), source: io::Error::other(error) };
        getrandom::fill(bytes).map_err(io)
    };
    let mut name = [0; 8];
    random(&mut name)?;
    let made_up = format!("renkou-{:016x}", u64::from_be_bytes(name));
    let signers = draw(folder, origin.unwrap_or(&made_up))?;
    for (log, signer) in LOGS.iter().zip([&signers.0, &signers.1]) {
        Tree::create(&folder.join("trees").join(log), signer)?;
    }
    // Written last, whole or not at all: where the keys are there is a checkpoint.
    write(folder, &signers)
}

/// New keys at random for the two logs of a name.
pub(super) fn draw(folder: &Path, origin: &str) -> Result<(Signer, Signer), HomeError> {
    let signer = |log: &str| {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| HomeError::Io {
            path: path(folder),
            source: io::Error::other(error),
        })?;
        let signer = Signer::new(&format!("{origin}/{log}"), &seed);
        signer.map_err(|source| HomeError::LogKey { path: path(folder), source })
    };
    Ok((signer(LOGS[0])?, signer(LOGS[1])?))
}

/// Writes the keys to their file, 0600.
pub(super) fn write(folder: &Path, signers: &(Signer, Signer)) -> Result<(), HomeError> {
    let text = format!("{}\n{}\n", signers.0.secret_text(), signers.1.secret_text());
    let unfinished = folder.join("log.key.new");
    let io = |source| HomeError::Io { path: path(folder), source };
    let write = || {
        let mut options = fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path(folder))?;
        fs::File::open(folder)?.sync_all()
    };
    write().map_err(io)
}

/// The keys of the log of events and of the log of reads.
///
/// # Errors
/// [`HomeError`].
pub fn read(folder: &Path) -> Result<(Signer, Signer), HomeError> {
    let path = path(folder);
    let text = fs::read_to_string(&path);
    let text = text.map_err(|source| HomeError::Io { path: path.clone(), source })?;
    let mut lines = text.lines();
    let mut next = || {
        let signer = Signer::read(lines.next().unwrap_or_default());
        signer.map_err(|source| HomeError::LogKey { path: path.clone(), source })
    };
    Ok((next()?, next()?))
}

/// The folder of a log's tree: `events` or `reads`.
pub fn tree_folder(folder: &Path, log: &str) -> PathBuf {
    folder.join("trees").join(log)
}

impl Trees {
    /// Opens both trees and holds the logs, beyond what was `adopted` of them, against what was
    /// signed. A registry from before there were trees is given them.
    ///
    /// # Errors
    /// [`HomeError`]: a log that is not what was signed, among others.
    pub fn open(
        folder: &Path,
        events: &dyn Journal,
        reads: &dyn Journal,
        adopted: [Position; 2],
        progress: &Progress,
    ) -> Result<Self, HomeError> {
        if !path(folder).exists() {
            refuse_to_forget(folder)?;
            make(folder, None)?;
        }
        let (of_events, of_reads) = read(folder)?;
        let witnesses = witnesses(folder)?;
        let open = |log, signer, journal, adopted| {
            let (folder, witnesses) = (tree_folder(folder, log), witnesses.clone());
            let tell = &mut |done, of| progress.tell(Stage::Trees, done, of);
            Tree::open_behind(&folder, signer, witnesses, journal, adopted, tell)
        };
        Ok(Self {
            events: Arc::new(open(LOGS[0], of_events, events, adopted[0])?),
            reads: Arc::new(open(LOGS[1], of_reads, reads, adopted[1])?),
        })
    }

    /// The tlog-proof of a recorded event in the newest tree; none when it is not integrated yet.
    pub fn proof(&self, position: Position) -> Option<String> {
        self.events.proof(position, None).unwrap_or_else(|error| {
            tracing::error!(error = %replay::chain(&error), "a receipt goes without its proof");
            None
        })
    }
}

/// Without keys there may be checkpoints of nothing, from a making that was cut short; where
/// something was signed, the keys are lost and no others may take their place.
fn refuse_to_forget(folder: &Path) -> Result<(), HomeError> {
    for log in LOGS {
        let checkpoint = tree_folder(folder, log).join("checkpoint");
        let note = fs::read_to_string(&checkpoint).unwrap_or_default();
        if note.lines().nth(1).is_some_and(|size| size != "0") {
            let source = io::Error::new(
                io::ErrorKind::NotFound,
                "the log was signed, and the key that signed it is gone",
            );
            return Err(HomeError::Io { path: path(folder), source });
        }
    }
    Ok(())
}

fn witnesses(folder: &Path) -> Result<Vec<Verifier>, HomeError> {
    let path = folder.join("witnesses");
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|source| HomeError::Io { path: path.clone(), source })?,
    };
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let read = |line| match Verifier::read(line) {
        Ok(key) if key.is_witness() => Ok(key),
        read => read.and(Err(NoteError::Key)),
    };
    let keys = lines.map(read);
    keys.collect::<Result<_, _>>().map_err(|source| HomeError::LogKey { path, source })
}

pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("log.key")
}
