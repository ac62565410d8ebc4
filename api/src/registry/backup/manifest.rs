//! What belongs to a backup, in a file that is read whole or not at all: its first line is the
//! SHA-256 of the rest, which is JSON.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use domain::Position;
use jiff::Timestamp;
use journal::copy::Segment;
use journal::tree::{Checkpoint, Hash, Verifier};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BackupError, io_at};

/// The form of backups that this program reads and writes.
pub const FORMAT: u32 = 1;
/// Name of the file.
pub const MANIFEST: &str = "manifest";

/// A backup of the logs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Its form.
    pub format: u32,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// The log of events.
    pub events: LogPart,
    /// The log of reads.
    pub reads: LogPart,
    /// Small files of the directory.
    pub files: Vec<SmallFile>,
}

/// A log of a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogPart {
    /// The public key that it is signed with.
    pub verifier: String,
    /// Its newest position.
    pub position: u64,
    /// The root of the tree over all its records, in hexadecimal.
    pub root: String,
    /// The newest checkpoint that was signed when the copy began.
    pub checkpoint: String,
    /// The newest one that a witness had cosigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosigned: Option<String>,
    /// Its files.
    pub segments: Vec<SegmentPart>,
}

/// A file of a log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SegmentPart {
    file: String,
    first: u64,
    records: u64,
    bytes: u64,
    sha256: String,
}

/// A small file: it lies in `files/` under its hash.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SmallFile {
    /// Its name in the directory.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// A backup of the keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeysManifest {
    /// Its form.
    pub format: u32,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// The public key of the log of events whose keys these are.
    pub verifier: String,
    /// There is a key for every event up to this position.
    pub events: u64,
    /// And for every read up to this one.
    pub reads: u64,
    /// How many slots there are.
    pub slots: u32,
}

impl LogPart {
    /// Describes a copy.
    pub fn new(
        verifier: &Verifier,
        root: Hash,
        checkpoint: String,
        cosigned: Option<String>,
        segments: &[Segment],
    ) -> Self {
        let segment = |segment: &Segment| SegmentPart {
            file: segment.file_name(),
            first: segment.first.0,
            records: segment.records,
            bytes: segment.bytes,
            sha256: hex(&segment.sha256),
        };
        Self {
            verifier: verifier.text(),
            position: journal::copy::position(segments).0,
            root: hex(&root),
            checkpoint,
            cosigned,
            segments: segments.iter().map(segment).collect(),
        }
    }

    /// The files as the journal knows them; none when the manifest contradicts itself.
    pub fn segments(&self) -> Option<Vec<Segment>> {
        let segment = |part: &SegmentPart| {
            let (first, records, bytes) = (Position(part.first), part.records, part.bytes);
            let segment = Segment { first, records, bytes, sha256: hash(&part.sha256)? };
            (segment.file_name() == part.file).then_some(segment)
        };
        let segments: Vec<_> = self.segments.iter().map(segment).collect::<Option<_>>()?;
        (journal::copy::position(&segments).0 == self.position).then_some(segments)
    }

    /// The root; none when it is none.
    pub fn root(&self) -> Option<Hash> {
        hash(&self.root)
    }

    /// How many bytes the copy has.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// The key, and what was signed with it.
    ///
    /// # Errors
    /// [`BackupError::Checkpoint`].
    pub fn signed(&self, at: &Path) -> Result<(Verifier, Checkpoint), BackupError> {
        let wrong = |source| BackupError::Checkpoint { path: at.to_owned(), source };
        let verifier = Verifier::read(&self.verifier).map_err(wrong)?;
        let checkpoint = verifier.open(&self.checkpoint).map_err(wrong)?;
        Ok((verifier, checkpoint))
    }
}

/// Reads what [`write`] wrote; none when there is nothing.
///
/// # Errors
/// [`BackupError::Damaged`] or [`BackupError::Io`].
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, BackupError> {
    let damaged = |why: &str| BackupError::Damaged { path: path.to_owned(), why: why.to_owned() };
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(io_at(path))?,
    };
    let text = std::str::from_utf8(&text).map_err(|_| damaged("it is no text"))?;
    let (first, rest) = text.split_once('\n').ok_or_else(|| damaged("it ends too early"))?;
    if first != format!("sha256 {}", hex(&Sha256::digest(rest).into())) {
        return Err(damaged("its first line is not the SHA-256 of the rest"));
    }
    let form: Form =
        serde_json::from_str(rest).map_err(|_| damaged("it is not of a known form"))?;
    if form.format != FORMAT {
        return Err(damaged("a newer program wrote it"));
    }
    serde_json::from_str(rest).map(Some).map_err(|_| damaged("it is not of a known form"))
}

#[derive(Deserialize)]
struct Form {
    format: u32,
}

/// Writes a manifest in the place of the one before; durable on return, and never half.
///
/// # Errors
/// [`BackupError::Io`].
pub fn write<T: Serialize>(path: &Path, manifest: &T) -> Result<(), BackupError> {
    let json = serde_json::to_string_pretty(manifest).expect("plain values");
    let text = format!("sha256 {}\n{json}", hex(&Sha256::digest(&json).into()));
    replace(path, text.as_bytes())
}

/// Writes a file in the place of the one before, readable by its owner alone; durable on return,
/// and never half.
///
/// # Errors
/// [`BackupError::Io`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let write = || {
        let unfinished = path.with_extension("new");
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(io_at(path))
}

/// Makes a folder, open to its owner alone, and those above it; durable on return.
///
/// # Errors
/// [`BackupError::Io`].
pub fn make_folder(path: &Path) -> Result<(), BackupError> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    make_folder(above)?;
    let made = fs::DirBuilder::new().mode(0o700).create(path);
    made.and_then(|()| File::open(above)?.sync_all()).map_err(io_at(path))
}

/// A hash in hexadecimal.
pub fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(text: &str) -> Option<Hash> {
    let byte = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
    bytes.filter(|_| text.len() == 64)?.try_into().ok()
}
