//! A copy of a log beside the one who writes it: taken file by file, taken further later, walked.
//!
//! The log needs no lock to be copied, since no acknowledged byte of it ever changes. A copy ends
//! where the log is known to be durable: a group is synced before the next one is begun, so every
//! group counts that another follows; the last one counts when it was signed, or when nobody writes.
//! What was written and not synced may vanish and be followed by something else, and a copy that
//! holds it would be of a log that never was.
//!
//! A copy is described by a list of its files and of how much of each belongs to it. Bytes beyond
//! are worth nothing: so a copy that is being taken further is still the old one until the new list
//! takes the place of the old.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Position;
use sha2::{Digest, Sha256};

use crate::segments::{Group, GroupError, Groups, OpenError, file_name, files_of, lock_if_free};
use crate::tree::Hash;

/// Bytes that are written at once.
const BUFFER_BYTES: usize = 1 << 20;
/// How often the end of a file that is being written is looked at before it is called damaged.
const LOOKS: u32 = 10;
/// From one look to the next.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A file of a copy, as far as it belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Position of its first record.
    pub first: Position,
    /// How many records.
    pub records: u64,
    /// How many bytes.
    pub bytes: u64,
    /// SHA-256 of these bytes.
    pub sha256: Hash,
}

impl Segment {
    /// Its name in the folder of a log.
    pub fn file_name(&self) -> String {
        file_name(self.first)
    }
}

/// Why a log could not be copied, or why a copy is not what it was.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The file system refused.
    #[error("cannot use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder holds no log.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file is not what was written.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// A file of the log is not the one that was copied before.
    #[error("{path} is not a continuation of what was copied before: this is another log")]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// A file of the copy is not the one of the list.
    #[error("{path} does not have the length or the SHA-256 that was written down of it")]
    Altered {
        /// The file.
        path: PathBuf,
    },
}

/// The newest position of a copy.
pub fn position(segments: &[Segment]) -> Position {
    segments.last().map_or(Position(0), |last| Position(last.first.0 + last.records - 1))
}

/// Copies the log in `source` to the folder `target`, which holds `before` already; `signed` is
/// the size of a checkpoint that was read before. Gives the new list; `see` is shown every record
/// that is new, in order. All is durable on return.
///
/// # Errors
/// [`CopyError`]; the copy is then still `before`.
pub fn take(
    source: &Path,
    target: &Path,
    before: &[Segment],
    signed: u64,
    see: &mut dyn FnMut(&[u8]) -> Result<(), CopyError>,
) -> Result<Vec<Segment>, CopyError> {
    let files = files_of(source)?;
    if files.len() < before.len() {
        return Err(CopyError::Other { path: source.to_owned() });
    }
    let mut segments = Vec::with_capacity(files.len());
    for (index, (first, path)) in files.iter().enumerate() {
        let is_newest = index + 1 == files.len();
        let known = before.get(index);
        if known.is_some_and(|known| known.first != *first) {
            return Err(CopyError::Other { path: path.clone() });
        }
        let size = length(path)?;
        if let Some(known) = known {
            refuse_short(&target.join(known.file_name()), known.bytes)?;
        }
        if let Some(known) = known.filter(|known| known.bytes == size && !is_newest) {
            segments.push(known.clone());
            continue;
        }
        // Held while the end is copied: nobody begins to write meanwhile.
        let nobody = if is_newest { lock_if_free(source) } else { None };
        let end = End { is_newest, is_written: nobody.is_none(), signed, size };
        segments.push(copy_one(path, *first, target, known, end, see)?);
    }
    let io = |source| CopyError::Io { path: target.to_owned(), source };
    File::open(target).and_then(|folder| folder.sync_all()).map_err(io)?;
    Ok(segments)
}

/// What tells where a file's durable part ends.
#[derive(Clone, Copy)]
struct End {
    is_newest: bool,
    is_written: bool,
    signed: u64,
    size: u64,
}

fn copy_one(
    path: &Path,
    first: Position,
    target: &Path,
    known: Option<&Segment>,
    end: End,
    see: &mut dyn FnMut(&[u8]) -> Result<(), CopyError>,
) -> Result<Segment, CopyError> {
    let io = |source| CopyError::Io { path: path.to_owned(), source };
    let (mut records, from) = known.map_or((0, 0), |known| (known.records, known.bytes));
    if end.is_newest && !end.is_written {
        File::open(path).and_then(|file| file.sync_data()).map_err(io)?;
    }
    let mut hash = Sha256::new();
    hash_start(path, from, &mut hash)?;
    if known.is_some_and(|known| hash.clone().finalize()[..] != known.sha256) {
        return Err(CopyError::Other { path: path.to_owned() });
    }
    let copy = target.join(file_name(first));
    let mut out = Out::open(&copy, from)?;
    let mut groups = Groups::open(path, from, Position(first.0 + records), end.size)?;
    let mut bytes = from;
    loop {
        match advance(&mut groups, end.is_written) {
            Ok(true) => {}
            Ok(false) => break,
            Err(GroupError::Damaged { position, fault, .. })
                if end.is_newest && position > end.signed && groups.is_torn(fault)? =>
            {
                break;
            }
            Err(fault) => return Err(fault.into()),
        }
        let group = groups.group();
        let is_followed = !end.is_newest || groups.is_followed()?;
        if !is_followed && end.is_written && group.last().0 > end.signed {
            break;
        }
        out.write(group.bytes)?;
        hash.update(group.bytes);
        group.records().try_for_each(&mut *see)?;
        (bytes, records) = (group.end(), records + u64::from(group.count));
    }
    out.end(bytes)?;
    Ok(Segment { first, records, bytes, sha256: hash.finalize().into() })
}

/// As [`Groups::advance`]; where somebody writes, what is wrong must be so again: they may have gone
/// on between two reads, and a group looks damaged until all of it is there.
fn advance(groups: &mut Groups, is_written: bool) -> Result<bool, GroupError> {
    let mut advanced = groups.advance();
    for look in 1..LOOKS {
        match &advanced {
            Err(GroupError::Damaged { fault, .. }) if is_written => {
                if groups.is_unfinished(*fault)? {
                    std::thread::sleep(LOOK_EVERY);
                } else if look > 1 {
                    break;
                }
            }
            _ => break,
        }
        advanced = groups.advance();
    }
    advanced
}

/// Hashes the first bytes of a file.
fn hash_start(path: &Path, bytes: u64, hash: &mut Sha256) -> Result<(), CopyError> {
    let hashed = File::open(path).and_then(|file| {
        let (mut file, mut left) = (file.take(bytes), bytes);
        let mut buffer = vec![0; BUFFER_BYTES.min(bytes as usize)];
        while left > 0 {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            hash.update(&buffer[..read]);
            left -= read as u64;
        }
        Ok(())
    });
    match hashed {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(CopyError::Other { path: path.to_owned() })
        }
        hashed => hashed.map_err(|source| CopyError::Io { path: path.to_owned(), source }),
    }
}

/// Shows every group of a copy in order, each with the file that it lies in, and checks that the
/// copy is what the list says to the last byte.
///
/// # Errors
/// [`CopyError`], with the first file that is not right, and the byte and the position where it is
/// not; or what `see` says.
pub fn walk<E: From<CopyError>>(
    folder: &Path,
    segments: &[Segment],
    mut see: impl FnMut(&Segment, &Group<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut next = Position(1);
    for segment in segments {
        let path = folder.join(segment.file_name());
        let altered = || CopyError::Altered { path: path.clone() };
        if segment.first != next || length(&path)? < segment.bytes {
            return Err(altered().into());
        }
        let mut groups =
            Groups::open(&path, 0, segment.first, segment.bytes).map_err(CopyError::from)?;
        let mut hash = Sha256::new();
        while groups.advance().map_err(CopyError::from)? {
            let group = groups.group();
            hash.update(group.bytes);
            next = Position(group.last().0 + 1);
            see(segment, &group)?;
        }
        let records = next.0 - segment.first.0;
        if records != segment.records || hash.finalize()[..] != segment.sha256 {
            return Err(altered().into());
        }
    }
    Ok(())
}

/// A file that is written on from some byte.
pub struct Out {
    path: PathBuf,
    file: io::BufWriter<File>,
}

impl Out {
    /// Opens the file, or makes it; what it holds before `from` stays.
    ///
    /// # Errors
    /// [`CopyError::Io`].
    pub fn open(path: &Path, from: u64) -> Result<Self, CopyError> {
        let io = |source| CopyError::Io { path: path.to_owned(), source };
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(false).open(path).map_err(io)?;
        file.seek(SeekFrom::Start(from)).map_err(io)?;
        Ok(Self { path: path.to_owned(), file: io::BufWriter::with_capacity(BUFFER_BYTES, file) })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// [`CopyError::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), CopyError> {
        self.file.write_all(bytes).map_err(|source| self.io(source))
    }

    /// Ends the file at a byte and makes it durable.
    ///
    /// # Errors
    /// [`CopyError::Io`].
    pub fn end(mut self, at: u64) -> Result<(), CopyError> {
        let end = self.file.flush().and_then(|()| {
            let file = self.file.get_ref();
            file.set_len(at)?;
            file.sync_all()
        });
        end.map_err(|source| self.io(source))
    }

    fn io(&self, source: io::Error) -> CopyError {
        CopyError::Io { path: self.path.clone(), source }
    }
}

/// What is missing in a copy would be a hole in what is added behind it.
fn refuse_short(path: &Path, bytes: u64) -> Result<(), CopyError> {
    if length(path)? >= bytes { Ok(()) } else { Err(CopyError::Altered { path: path.to_owned() }) }
}

fn length(path: &Path) -> Result<u64, CopyError> {
    let length = fs::metadata(path).map(|file| file.len());
    length.map_err(|source| CopyError::Io { path: path.to_owned(), source })
}
