//! Reads the log of a live node, or of one that stands still, without a lock and without changing
//! a byte.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::{Position, Sequence, StreamId};

use super::log::Log;
use super::open::{self, OpenError};
use super::scan::{Source, scan};
use super::torn::Tail;
use crate::contract::{AppendError, Appended, Journal, ReadError, Stored, StreamAppend};
use crate::storage::{Access, Files, Storage, StorageFile};

/// How often a waiting reader looks for new records.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often the end of the newest file is looked at before it is called damaged.
const LOOKS: u32 = 10;

/// A log that somebody else may be writing. It shows what was whole when it was opened or last
/// refreshed; the newest group among it may not have been synced yet by its writer.
pub struct ReadOnly<S: Storage = Files> {
    log: Log<S>,
    refreshing: Mutex<()>,
}

impl<S: Storage> ReadOnly<S> {
    /// As [`super::Segments::open_read_only`], on any storage.
    ///
    /// # Errors
    /// As there.
    pub fn open_on(storage: &S, folder: &Path) -> Result<Self, OpenError> {
        let log = open::open(storage, folder, false, &|_, _| {})?.0;
        let read_only = Self { log, refreshing: Mutex::new(()) };
        read_only.refresh()?;
        Ok(read_only)
    }

    /// Looks for records that were added; gives the head.
    ///
    /// # Errors
    /// [`OpenError`] when what was added is damaged; what was served before still is.
    pub fn refresh(&self) -> Result<Position, OpenError> {
        let _turn = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            self.read_on()?;
            let last = self.log.newest();
            let next = last.next();
            // The writer is done with a file before it makes the next one.
            let path = self.log.folder.join(open::file_name(next));
            if next == last.first {
                return Ok(self.shown(next));
            }
            let file = match self.log.storage.open(&path, Access::Read) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(self.shown(next)),
                Err(source) => return Err(OpenError::Io { path, source }),
            };
            self.log.add(super::file::SegmentFile::new(path, file, next, Default::default()));
        }
    }

    /// All before `next` is scanned and may be seen.
    fn shown(&self, next: Position) -> Position {
        self.log.publish(Position(next.0 - 1));
        self.log.head()
    }

    /// Scans what the newest file has gained. What may be in the middle of being written must stay
    /// wrong for a while.
    fn read_on(&self) -> Result<(), OpenError> {
        for look in 1.. {
            match self.look() {
                Ok(Some((Tail::Unfinished(_), _))) if look < LOOKS => {
                    std::thread::sleep(LOOK_EVERY);
                }
                Ok(Some((Tail::Damaged(fault) | Tail::Unfinished(fault), offset))) => {
                    let path = self.log.newest().path.clone();
                    return Err(OpenError::Damaged { path, offset, fault });
                }
                Ok(None | Some((Tail::Torn | Tail::Grown, _))) => break,
                // The writer took zeros away.
                Err(OpenError::Io { source, .. })
                    if source.kind() == ErrorKind::UnexpectedEof && look < LOOKS => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes in whole groups; gives what lies behind them, and where.
    fn look(&self) -> Result<Option<(Tail, u64)>, OpenError> {
        let segment = self.log.newest();
        let path = segment.path.clone();
        let size = segment.file.length().map_err(|source| OpenError::Io { path, source })?;
        let (path, file, first) = (&segment.path, &segment.file, segment.first);
        let mut extent = segment.with_extent(|known| super::file::Extent {
            marks: Vec::new(),
            records: known.records,
            bytes: known.bytes,
            last_frame: known.last_frame,
        });
        let mut standings = Vec::new();
        let tail = scan(&Source { path, file, first, size }, &mut extent, |standing, _| {
            standings.push(*standing);
        })?;
        segment.with_extent(|known| {
            known.marks.append(&mut extent.marks);
            known.records = extent.records;
            known.bytes = extent.bytes;
            known.last_frame = extent.last_frame;
        });
        for standing in standings {
            self.log.heads.raise(standing.stream, (standing.sequence, standing.position));
        }
        Ok(tail.map(|tail| (tail, u64::from(extent.bytes))))
    }
}

impl<S: Storage> Journal for ReadOnly<S> {
    /// Refuses everything: [`AppendError::Fatal`].
    fn append(&self, group: Vec<StreamAppend>) -> Vec<Result<Appended, AppendError>> {
        let why: Arc<dyn std::error::Error + Send + Sync> =
            Arc::new(std::io::Error::other("the log was opened read only"));
        group.iter().map(|_| Err(AppendError::Fatal(Arc::clone(&why)))).collect()
    }

    fn head(&self) -> Position {
        self.log.head()
    }

    fn stream_head(&self, stream: StreamId) -> Result<Option<(Sequence, Position)>, ReadError> {
        Ok(self.log.heads.get(stream))
    }

    fn read_stream(&self, stream: StreamId, from: Sequence) -> Result<Vec<Stored>, ReadError> {
        self.log.read_stream(stream, from)
    }

    fn read_all(&self, from: Position, count: usize) -> Result<Vec<Stored>, ReadError> {
        self.log.read_all(from, count)
    }

    fn show_all(
        &self,
        from: Position,
        count: usize,
        see: &mut dyn FnMut(Position, &[u8]),
    ) -> Result<(), ReadError> {
        self.log.show_all(from, count, see)
    }

    fn read_at(&self, position: Position) -> Result<Option<Stored>, ReadError> {
        self.log.read_at(position)
    }

    /// Refreshes every 20 ms; damage in what was added ends the wait.
    fn wait_beyond(&self, position: Position, at_most: Duration) -> Position {
        let until = Instant::now().checked_add(at_most);
        loop {
            let refreshed = self.refresh();
            let head = self.head();
            let left = until.map_or(LOOK_EVERY, |at| at.duration_since(Instant::now()));
            if head > position || left.is_zero() || refreshed.is_err() {
                return head;
            }
            std::thread::sleep(left.min(LOOK_EVERY));
        }
    }
}
