//! Takes a backup beside a running service, or of a registry that nobody serves.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use journal::copy::{self, CopyError};
use journal::tree::{Hash, Levels, Verifier, leaf, root};
use sha2::{Digest, Sha256};

use super::manifest::{
    FORMAT, KeysManifest, LogPart, MANIFEST, Manifest, SmallFile, hex, make_folder, read, replace,
    write,
};
use super::{BackupError, FILES, LOGS, io_at, keys_at};
use crate::registry::home::Home;
use crate::registry::log_key;

/// Leaves that are added to the tree at once.
const GROWTH_RECORDS: usize = 65_536;

/// What to back up, and whereto.
pub struct Backup<'a> {
    /// The registry's directory.
    pub home: &'a Home,
    /// Where the backup goes, or is.
    pub target: &'a Path,
    /// Where its keys go; none leaves them out.
    pub keys_target: Option<&'a Path>,
}

/// A backup that was taken.
#[derive(Debug)]
pub struct Taken {
    /// Newest position of the events.
    pub events: u64,
    /// Newest position of the reads.
    pub reads: u64,
    /// Bytes of both logs in the backup.
    pub bytes: u64,
    /// Bytes of both logs that are new in it.
    pub new_bytes: u64,
    /// Keys that there are and that are new, when they were backed up.
    pub keys: Option<journal::keys::CopiedKeys>,
}

impl Backup<'_> {
    /// Takes it, or takes the one that is there further.
    ///
    /// # Errors
    /// [`BackupError`]; the backup before still stands.
    pub fn take(&self) -> Result<Taken, BackupError> {
        self.refuse_places()?;
        let _turn = lock(self.target)?;
        let path = self.target.join(MANIFEST);
        let before: Option<Manifest> = read(&path)?;
        let (of_events, of_reads) = log_key::read(self.home.folder())?;
        let known = |log: fn(&Manifest) -> &LogPart| before.as_ref().map(log);
        let events = self.log(LOGS[0], of_events.verifier(), known(|all| &all.events))?;
        let reads = self.log(LOGS[1], of_reads.verifier(), known(|all| &all.reads))?;
        let files = self.small_files()?;
        // After the ends of both logs were settled: a key for everything that is in them.
        let keys = match self.keys_target {
            Some(target) => Some(self.keys(target, &events, &reads)?),
            None => None,
        };
        let bytes = events.bytes() + reads.bytes();
        let was = before.as_ref().map_or(0, |all| all.events.bytes() + all.reads.bytes());
        let manifest =
            Manifest { format: FORMAT, taken_at: Timestamp::now(), events, reads, files };
        write(&path, &manifest)?;
        self.forget_unused(&manifest)?;
        let (events, reads) = (manifest.events.position, manifest.reads.position);
        Ok(Taken { events, reads, bytes, new_bytes: bytes - was, keys })
    }

    /// Who has a backup shall not have the keys to it as well, nor lose it with the registry.
    fn refuse_places(&self) -> Result<(), BackupError> {
        make_folder(self.target)?;
        let real = |path: &Path| fs::canonicalize(path).map_err(io_at(path));
        let (data, target) = (real(self.home.folder())?, real(self.target)?);
        let overlap = |one: &Path, other: &Path| one.starts_with(other) || other.starts_with(one);
        let unfit = |text: &str| Err(BackupError::Unfit(text.to_owned()));
        if overlap(&data, &target) {
            return unfit("a backup lies outside the registry's directory");
        }
        let Some(keys) = self.keys_target else { return Ok(()) };
        make_folder(keys)?;
        let keys = real(keys)?;
        if overlap(&keys, &target) {
            return unfit("the keys go to a place of their own, apart from the backup of the logs");
        }
        if overlap(&keys, &data) {
            return unfit("a backup of the keys lies outside the registry's directory");
        }
        Ok(())
    }

    /// Copies a log and grows the tree over the copy, which must be what the service signed.
    fn log(
        &self,
        (folder, tree): (&'static str, &str),
        verifier: &Verifier,
        before: Option<&LogPart>,
    ) -> Result<LogPart, BackupError> {
        let target = self.target.join(folder);
        let source = self.home.folder().join(folder);
        let trees = log_key::tree_folder(self.target, tree);
        if before.is_some_and(|before| before.verifier != verifier.text()) {
            let text = format!(
                "{} holds the backup of another registry, or of one before it was restored: \
                 take this one elsewhere",
                self.target.display()
            );
            return Err(BackupError::Unfit(text));
        }
        // Before the log is read: all that it tells of is then there.
        let signed_in = log_key::tree_folder(self.home.folder(), tree);
        let path = signed_in.join("checkpoint");
        let note = fs::read_to_string(&path).map_err(io_at(&path))?;
        let cosigned = fs::read_to_string(signed_in.join("cosigned")).ok();
        let signed = verifier.open(&note);
        let signed = signed.map_err(|source| BackupError::Checkpoint { path, source })?;
        make_folder(&target)?;
        make_folder(&trees)?;
        let known = before.map(|before| self.known(before)).transpose()?.unwrap_or_default();
        let mut growth = Growth::open(&trees, copy::position(&known).0)?;
        let segments =
            copy::take(&source, &target, &known, signed.size, &mut |record| growth.push(record))?;
        growth.flush()?;
        let size = copy::position(&segments).0;
        let root_at = |size| root(&growth.levels, size).map_err(io_at(&trees));
        if size < signed.size || root_at(signed.size)? != signed.root {
            let by = format!("the checkpoint in {}", signed_in.display());
            return Err(BackupError::Rewritten { path: source, size: signed.size, by });
        }
        Ok(LogPart::new(verifier, root_at(size)?, note, cosigned, &segments))
    }

    fn known(&self, before: &LogPart) -> Result<Vec<copy::Segment>, BackupError> {
        let path = self.target.join(MANIFEST);
        let why = "it contradicts itself".to_owned();
        before.segments().ok_or(BackupError::Damaged { path, why })
    }

    fn small_files(&self) -> Result<Vec<SmallFile>, BackupError> {
        let folder = self.target.join("files");
        make_folder(&folder)?;
        let mut files = Vec::new();
        for name in FILES {
            let path = self.home.folder().join(name);
            if !path.exists() {
                continue;
            }
            let bytes = fs::read(&path).map_err(io_at(&path))?;
            let sha256 = hex(&Sha256::digest(&bytes).into());
            replace(&folder.join(&sha256), &bytes)?;
            files.push(SmallFile { name: name.to_owned(), bytes: bytes.len() as u64, sha256 });
        }
        Ok(files)
    }

    fn keys(
        &self,
        target: &Path,
        events: &LogPart,
        reads: &LogPart,
    ) -> Result<journal::keys::CopiedKeys, BackupError> {
        let _turn = lock(target)?;
        let path = target.join(MANIFEST);
        let before: Option<KeysManifest> = read(&path)?;
        if before.is_some_and(|before| before.verifier != events.verifier) {
            let text = format!("{} holds the keys of another registry", target.display());
            return Err(BackupError::Unfit(text));
        }
        let slots = target.join("slots");
        let copied = journal::keys::copy(&self.home.slots(), &slots).map_err(keys_at(&slots))?;
        let log_key = log_key::path(self.home.folder());
        let secret = fs::read(&log_key).map_err(io_at(&log_key))?;
        replace(&target.join("log.key"), &secret)?;
        let manifest = KeysManifest {
            format: FORMAT,
            taken_at: Timestamp::now(),
            verifier: events.verifier.clone(),
            events: events.position,
            reads: reads.position,
            slots: copied.slots,
        };
        write(&path, &manifest)?;
        Ok(copied)
    }

    /// Small files of backups before go.
    fn forget_unused(&self, manifest: &Manifest) -> Result<(), BackupError> {
        let folder = self.target.join("files");
        for entry in fs::read_dir(&folder).map_err(io_at(&folder))? {
            let entry = entry.map_err(io_at(&folder))?;
            if !manifest.files.iter().any(|file| *file.sha256 == *entry.file_name()) {
                fs::remove_file(entry.path()).map_err(io_at(&entry.path()))?;
            }
        }
        Ok(())
    }
}

/// The tree over a copy, grown from the records that are copied.
struct Growth {
    folder: PathBuf,
    levels: Levels,
    size: u64,
    leaves: Vec<Hash>,
}

impl Growth {
    fn open(folder: &Path, size: u64) -> Result<Self, BackupError> {
        let levels = Levels::open(folder, true).map_err(io_at(folder))?;
        levels.cut(size).map_err(io_at(folder))?;
        if levels.leaves().map_err(io_at(folder))? < size {
            let why = "it has fewer hashes than there are records".to_owned();
            let path = levels.path(0);
            return Err(BackupError::Damaged { path, why });
        }
        Ok(Self { folder: folder.to_owned(), levels, size, leaves: Vec::new() })
    }

    fn push(&mut self, record: &[u8]) -> Result<(), CopyError> {
        self.leaves.push(leaf(record));
        if self.leaves.len() == GROWTH_RECORDS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), CopyError> {
        let extended = self.levels.extend(self.size, &self.leaves);
        extended.map_err(|source| CopyError::Io { path: self.folder.clone(), source })?;
        self.size += self.leaves.len() as u64;
        self.leaves.clear();
        Ok(())
    }
}

/// One backup at a time goes to a place.
fn lock(folder: &Path) -> Result<File, BackupError> {
    let path = folder.join("lock");
    let mut options = OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).open(&path).map_err(io_at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(BackupError::Unfit(format!("another backup to {} is going on", folder.display())))
        }
        Err(TryLockError::Error(source)) => Err(BackupError::Io { path, source }),
    }
}
