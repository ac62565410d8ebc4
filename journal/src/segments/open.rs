//! From a folder to a log: which files there are, whether every byte of them is right, and what
//! of the end was never acknowledged.

use std::fs::TryLockError;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use domain::Position;

use super::file::{Extent, SegmentFile};
use super::heads::{Heads, Loaded};
use super::log::Log;
use super::marks;
use super::scan::{Source, scan};
use super::torn::Tail;
use crate::frame::FrameError;
use crate::storage::{self, Access, Files, Storage, StorageFile};

/// Bytes of a file between two tellings of how far its check is.
const TOLD_BYTES: u64 = 4 << 20;

/// Why a folder could not be opened as a log.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system refused.
    #[error("cannot open {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process writes this log.
    #[error("{path} is locked: another process writes this log")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// Creating never opens.
    #[error("{path} holds a log already")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// Opening never creates.
    #[error("{path} holds no log")]
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// Bytes that were acknowledged are no longer what was written.
    #[error("{path} is damaged at byte {offset}: {fault}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged frame begins.
        offset: u64,
        /// What is wrong with it.
        fault: FrameError,
    },
    /// A whole frame, or a file, that does not continue the one before it.
    #[error("{path} at byte {offset} holds position {found}, expected {expected}")]
    Gap {
        /// The file.
        path: PathBuf,
        /// Where the frame begins.
        offset: u64,
        /// The position it states.
        found: u64,
        /// The position that was due.
        expected: u64,
    },
    /// A whole frame with a record that this program does not know, or that is not in its place.
    #[error("{path} at byte {offset} holds no known record of position {position}")]
    Record {
        /// The file.
        path: PathBuf,
        /// Where the frame begins.
        offset: u64,
        /// The record's position.
        position: u64,
    },
    /// The heads know of later records: acknowledged ones are lost. Who accepts the loss removes
    /// the file `heads`.
    #[error("the log in {path} ends at position {ends}, but position {known} was acknowledged")]
    Short {
        /// The folder.
        path: PathBuf,
        /// The last position found.
        ends: u64,
        /// The newest position known.
        known: u64,
    },
}

/// The name of the file whose first record stands at `first`.
pub fn file_name(first: Position) -> String {
    format!("{:020}.log", first.0)
}

/// The log's files in order, with the position of the first record of each.
pub(super) fn list<S: Storage>(
    storage: &S,
    folder: &Path,
) -> Result<Vec<(Position, PathBuf)>, OpenError> {
    let io = |source| OpenError::Io { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for path in storage.list(folder).map_err(io)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let digits = name.strip_suffix(".log").filter(|digits| digits.len() == 20);
        if let Some(first) = digits.and_then(|digits| digits.parse().ok()) {
            files.push((Position(first), path));
        }
    }
    files.sort();
    Ok(files)
}

/// The file of the log in `folder` that holds a position, or would: for messages.
pub fn file_of(folder: &Path, position: Position) -> Option<PathBuf> {
    let files = list(&Files, folder).ok()?;
    files.into_iter().rev().find(|(first, _)| *first <= position).map(|(_, path)| path)
}

/// The log's files in order; there is at least one.
pub(crate) fn files_of(folder: &Path) -> Result<Vec<(Position, PathBuf)>, OpenError> {
    let files = list(&Files, folder)?;
    if files.is_empty() {
        return Err(OpenError::Missing { path: folder.to_owned() });
    }
    Ok(files)
}

/// The lock, when nobody has it: nothing is made or waited for.
pub(crate) fn lock_if_free(folder: &Path) -> Option<std::fs::File> {
    let file = std::fs::File::open(folder.join("lock")).ok()?;
    file.try_lock().is_ok().then_some(file)
}

/// Takes the lock that only one process has. It is given back when the file is dropped.
pub(super) fn lock<S: Storage>(storage: &S, folder: &Path) -> Result<S::File, OpenError> {
    let path = folder.join("lock");
    let io = |source| OpenError::Io { path: path.clone(), source };
    let file = storage.open(&path, Access::Ensure).map_err(io)?;
    match crate::lock::take(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

/// Makes the file for the records from `first` on; it and its name are durable on return.
pub(super) fn create<S: Storage>(
    storage: &S,
    folder: &Path,
    first: Position,
) -> Result<SegmentFile<S::File>, OpenError> {
    let path = folder.join(file_name(first));
    let file = storage.open(&path, Access::Create);
    let file = file.map_err(|source| OpenError::Io { path: path.clone(), source })?;
    begin(storage, folder, path, file, first)
}

fn begin<S: Storage>(
    storage: &S,
    folder: &Path,
    path: PathBuf,
    file: S::File,
    first: Position,
) -> Result<SegmentFile<S::File>, OpenError> {
    let io = |source| OpenError::Io { path: path.clone(), source };
    file.sync_all().map_err(io)?;
    storage.sync_folder(folder).map_err(io)?;
    Ok(SegmentFile::new(path, file, first, Extent::default()))
}

/// As [`create`]; none when the disk has no room for a file, and none is left.
pub(super) fn create_if_room<S: Storage>(
    storage: &S,
    folder: &Path,
    first: Position,
) -> Result<Option<SegmentFile<S::File>>, OpenError> {
    let path = folder.join(file_name(first));
    match storage.open(&path, Access::Create) {
        Ok(file) => begin(storage, folder, path, file, first).map(Some),
        Err(error) if storage::is_full(&error) => {
            let removed = match storage.remove(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            };
            // Durable: the file before it grows on, and only the last one may have a torn end.
            let gone = removed.and_then(|()| storage.sync_folder(folder));
            gone.map(|()| None).map_err(|source| OpenError::Io { path, source })
        }
        Err(source) => Err(OpenError::Io { path, source }),
    }
}

/// Is told bytes that were checked, of how many.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// What a file was found to hold.
struct Scanned<F> {
    file: SegmentFile<F>,
    tail: Option<Tail>,
}

/// What the files are opened with.
struct Scan<'a, S> {
    storage: &'a S,
    folder: &'a Path,
    is_writer: bool,
    heads: &'a Heads,
    /// Every record up to here is in the heads.
    known: Position,
    /// First position of the last file.
    last: Position,
    checked: &'a AtomicU64,
    of: u64,
    progress: Progress<'a>,
}

/// Opens and checks every file, several at once, and gathers the heads. With `is_writer` the tail
/// that was torn in mid-write is cut, and what was kept is synced before it is served, since the
/// process before may have died between writing and syncing; without it the tail is left alone
/// and not served. A writer takes sealed files as they were kept, if they are still the same; gives
/// the position up to which it did.
pub(super) fn open<S: Storage>(
    storage: &S,
    folder: &Path,
    is_writer: bool,
    progress: Progress<'_>,
) -> Result<(Log<S>, Position), OpenError> {
    let loaded = Heads::load(storage, folder);
    let nothing = Loaded { heads: Heads::new(), position: Position(0), newest: Position(0) };
    let Loaded { heads, position: known, newest } = loaded.unwrap_or(nothing);
    let files = list(storage, folder)?;
    if files.is_empty() {
        return Err(OpenError::Missing { path: folder.to_owned() });
    }
    let of = files.iter().map(|(_, path)| length_of(storage, path)).sum::<Result<u64, _>>()?;
    let last = files.last().map_or(Position(0), |(first, _)| *first);
    let (heads_now, checked) = (&heads, &AtomicU64::new(0));
    let scan =
        Scan { storage, folder, is_writer, heads: heads_now, known, last, checked, of, progress };
    let scanned = scan_all(&scan, &files)?;
    let mut adopted = Position(0);
    let mut next = Position(1);
    let last = scanned.len() - 1;
    let mut segments = Vec::with_capacity(scanned.len());
    for (index, Scanned { file, tail }) in scanned.into_iter().enumerate() {
        if file.first != next {
            let (path, found, expected) = (file.path, file.first.0, next.0);
            return Err(OpenError::Gap { path, offset: 0, found, expected });
        }
        if file.is_kept.load(Ordering::Relaxed) && adopted.0 + 1 == next.0 {
            adopted = Position(file.next().0 - 1);
        }
        next = file.next();
        let io = |source| OpenError::Io { path: file.path.clone(), source };
        let offset = file.with_extent(|extent| u64::from(extent.bytes));
        match tail {
            Some(Tail::Torn) if index == last && is_writer => {
                tracing::warn!(path = %file.path.display(), offset, "a torn tail is cut");
            }
            None | Some(Tail::Grown) => {}
            // A reader looks again: somebody may be writing there.
            Some(_) if index == last && !is_writer => {}
            Some(Tail::Torn) => {
                let (path, fault) = (file.path, FrameError::Torn);
                return Err(OpenError::Damaged { path, offset, fault });
            }
            Some(Tail::Damaged(fault) | Tail::Unfinished(fault)) => {
                return Err(OpenError::Damaged { path: file.path, offset, fault });
            }
        }
        if index == last && is_writer {
            if file.file.length().map_err(io)? > offset {
                file.file.set_length(offset).map_err(io)?;
            }
            make_durable(&file).map_err(io)?;
        }
        segments.push(file);
    }
    let ends = next.0 - 1;
    if newest.0 > ends {
        let path = folder.to_owned();
        return Err(OpenError::Short { path, ends, known: newest.0 });
    }
    if is_writer {
        let io = |source| OpenError::Io { path: folder.to_owned(), source };
        storage.sync_folder(folder).map_err(io)?;
    }
    Ok((Log::new(storage.clone(), folder.to_owned(), segments, heads), adopted))
}

fn length_of<S: Storage>(storage: &S, path: &Path) -> Result<u64, OpenError> {
    let length = storage.open(path, Access::Read).and_then(|file| file.length());
    length.map_err(|source| OpenError::Io { path: path.to_owned(), source })
}

/// Syncs a file of which the process before may have left the last frame unsynced. The frame is
/// written again as it is: a system whose sync failed shows bytes that it will not write by itself.
fn make_durable<F: StorageFile>(file: &SegmentFile<F>) -> io::Result<()> {
    let (begin, end) = file.with_extent(|extent| (extent.last_frame, extent.bytes));
    let mut frame = vec![0; (end - begin) as usize];
    file.file.read_exact_at(&mut frame, u64::from(begin))?;
    file.file.write_all_at(&frame, u64::from(begin))?;
    file.file.sync_all()
}

/// Scans the files on as many threads as there are processors. Gives them in order, or the fault
/// of the earliest file.
fn scan_all<S: Storage>(
    scan: &Scan<'_, S>,
    files: &[(Position, PathBuf)],
) -> Result<Vec<Scanned<S::File>>, OpenError> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let processors = if S::SHARED { processors } else { 1 };
    let turn = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some((first, path)) = files.get(turn.fetch_add(1, Ordering::Relaxed)) {
            found.push((*first, scan.one(*first, path)));
        }
        found
    };
    let mut found = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..processors.min(files.len())).map(|_| scope.spawn(work)).collect();
        let mut found = work();
        for worker in workers {
            found.extend(worker.join().expect("a scan does not panic"));
        }
        found
    });
    found.sort_by_key(|(first, _)| *first);
    found.into_iter().map(|(_, scanned)| scanned).collect()
}

impl<S: Storage> Scan<'_, S> {
    fn one(&self, first: Position, path: &Path) -> Result<Scanned<S::File>, OpenError> {
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let access = if self.is_writer { Access::Write } else { Access::Read };
        let file = self.storage.open(path, access).map_err(io)?;
        let size = file.length().map_err(io)?;
        if self.is_writer
            && first != self.last
            && let Some(extent) = marks::find(self.storage, self.folder, first, &file)
            && first.0 + u64::from(extent.records) <= self.known.0 + 1
        {
            self.pass(size);
            let file = SegmentFile::new(path.to_owned(), file, first, extent);
            file.is_kept.store(true, Ordering::Relaxed);
            return Ok(Scanned { file, tail: None });
        }
        let stamp = file.stamp();
        let (mut extent, mut passed) = (Extent::default(), 0);
        let tail =
            scan(&Source { path, file: &file, first, size }, &mut extent, |standing, at| {
                if standing.position > self.known {
                    self.heads.raise(standing.stream, (standing.sequence, standing.position));
                }
                if at - passed >= TOLD_BYTES {
                    self.pass(at - passed);
                    passed = at;
                }
            })?;
        self.pass(size - passed);
        extent.marks.shrink_to_fit();
        let file = SegmentFile::new(path.to_owned(), file, first, extent);
        if first != self.last {
            file.seal(stamp);
        }
        Ok(Scanned { file, tail })
    }

    fn pass(&self, bytes: u64) {
        let checked = self.checked.fetch_add(bytes, Ordering::Relaxed) + bytes;
        (self.progress)(checked, self.of);
    }
}
