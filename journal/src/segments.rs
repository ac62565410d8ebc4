//! The embedded backend: the log as plain files, `<first position>.log`, in one folder.
//!
//! A group is one frame, written with one write and one `fdatasync`; sealed files are never written
//! again. Each record holds the position of its predecessor in the same stream, so the only index
//! is the head of every stream, in memory.

mod ahead;
mod file;
mod groups;
mod heads;
mod log;
mod marks;
mod open;
mod read_only;
mod scan;
mod torn;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::{Position, Sequence, StreamId};

pub use self::groups::{Group, GroupError, Groups};
pub use self::open::{OpenError, file_name, file_of};
pub(crate) use self::open::{files_of, lock_if_free};
pub use self::read_only::ReadOnly;

use self::ahead::Ahead;
use self::file::SegmentFile;
use self::log::Log;
use crate::admission::{Admission, Head};
use crate::contract::{AppendError, Appended, Journal, ReadError, Stored, StreamAppend};
use crate::frame::{BODY_HEADER_BYTES, Frame};
use crate::record;
use crate::storage::{self, Files, Storage, StorageFile};

/// Offsets in a file have 32 bits.
const ROLL_BYTES_MAX: u64 = u32::MAX as u64;
/// A write buffer that had grown beyond this is given back after the group.
const BUFFER_BYTES_KEPT: usize = 16 << 20;

/// How the log is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A file that would become longer than this is sealed and the next one begun; only a group
    /// that is longer alone makes a longer file. Just below 4 GiB at most: more counts as that.
    pub roll_bytes: u64,
    /// While groups are small, at most so many zeros are kept written ahead of the end, so that a
    /// sync has a group to write and nothing else; 0 for none.
    pub ahead_bytes: u64,
}

impl Default for Options {
    /// Files of 256 MiB, and up to 8 MiB ahead.
    fn default() -> Self {
        Self { roll_bytes: 256 << 20, ahead_bytes: 8 << 20 }
    }
}

/// The open log: the only writer of its folder.
pub struct Segments<S: Storage = Files> {
    log: Arc<Log<S>>,
    adopted: Position,
    writer: Mutex<Writer<S>>,
    _lock: S::File,
}

impl Segments {
    /// Makes an empty log in `folder`, and the folder when it is missing.
    ///
    /// # Errors
    /// [`OpenError::Exists`] when the folder holds a log: creating never opens; else
    /// [`OpenError::Io`] or [`OpenError::Locked`].
    pub fn create(folder: &Path, options: Options) -> Result<Self, OpenError> {
        Self::create_on(&Files, folder, options)
    }

    /// Opens the log in `folder`, checks every byte of it, but of sealed files that were checked
    /// before and not written since ([`Segments::adopted`]), and cuts a group that was torn in
    /// mid-write. Opening never creates.
    ///
    /// # Errors
    /// [`OpenError`]; damage that is not the torn end stops the start.
    pub fn open(folder: &Path, options: Options) -> Result<Self, OpenError> {
        Self::open_on(&Files, folder, options)
    }

    /// Opens the log for reading only: no lock is taken and no byte is changed, so a live node's
    /// log can be read. A torn or unfinished group at the end is not served.
    ///
    /// # Errors
    /// [`OpenError`], as [`Segments::open`].
    pub fn open_read_only(folder: &Path) -> Result<ReadOnly, OpenError> {
        ReadOnly::open_on(&Files, folder)
    }

    /// Keeps writers away from the log in `folder`, without opening it, until the file is dropped.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when somebody writes it, else [`OpenError::Io`].
    pub fn lock(folder: &Path) -> Result<std::fs::File, OpenError> {
        open::lock(&Files, folder)
    }
}

impl<S: Storage> Segments<S> {
    /// As [`Segments::create`], on any storage.
    ///
    /// # Errors
    /// As there.
    pub fn create_on(storage: &S, folder: &Path, options: Options) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: folder.to_owned(), source };
        storage.make_folder(folder).map_err(io)?;
        let lock = open::lock(storage, folder)?;
        if !open::list(storage, folder)?.is_empty() {
            return Err(OpenError::Exists { path: folder.to_owned() });
        }
        // Heads of an earlier log would speak of records that this one never had.
        match storage.remove(&folder.join("heads")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let first = open::create(storage, folder, Position(1))?;
        storage.sync_folder(storage::above(folder)).map_err(io)?;
        let log = Log::new(storage.clone(), folder.to_owned(), vec![first], heads::Heads::new());
        Ok(Self::over(log, Position(0), lock, options))
    }

    /// As [`Segments::open`], on any storage.
    ///
    /// # Errors
    /// As there.
    pub fn open_on(storage: &S, folder: &Path, options: Options) -> Result<Self, OpenError> {
        Self::open_telling(storage, folder, options, &|_, _| {})
    }

    /// As [`Segments::open_on`]; `progress` is told bytes that were checked, of how many.
    ///
    /// # Errors
    /// As there.
    pub fn open_telling(
        storage: &S,
        folder: &Path,
        options: Options,
        progress: open::Progress<'_>,
    ) -> Result<Self, OpenError> {
        if open::list(storage, folder)?.is_empty() {
            return Err(OpenError::Missing { path: folder.to_owned() });
        }
        let lock = open::lock(storage, folder)?;
        let (log, adopted) = open::open(storage, folder, true, progress)?;
        Ok(Self::over(log, adopted, lock, options))
    }

    /// The position up to which the opening took records as they were found before, without reading
    /// them, since the system says that nobody wrote to their files. Each is checked when it is
    /// read; somebody should read them all.
    pub fn adopted(&self) -> Position {
        self.adopted
    }

    /// How many streams the log has.
    pub fn streams(&self) -> usize {
        self.log.heads.len()
    }

    fn over(log: Log<S>, adopted: Position, lock: S::File, options: Options) -> Self {
        let segment = log.newest();
        let writer = Writer {
            ahead: Ahead::new(log.storage.clone(), options.ahead_bytes),
            roll_bytes: options.roll_bytes.min(ROLL_BYTES_MAX),
            bytes: segment.with_extent(|extent| u64::from(extent.bytes)),
            segment,
            frame: Frame::default(),
            admission: Admission::new(Position(log.head().0 + 1)),
            failed: None,
            saving: None,
        };
        Self { log: Arc::new(log), adopted, writer: Mutex::new(writer), _lock: lock }
    }

    /// A thread that panicked in mid-append left a group of which nobody knows how far it came.
    fn writer(&self) -> MutexGuard<'_, Writer<S>> {
        self.writer.lock().unwrap_or_else(|poisoned| {
            let mut writer = poisoned.into_inner();
            let why = || Arc::new(std::io::Error::other("an append panicked")) as Failure;
            writer.failed.get_or_insert_with(why);
            writer
        })
    }
}

/// Saves the heads, so that the next start need not gather them, and leaves no zeros behind the end.
impl<S: Storage> Drop for Segments<S> {
    fn drop(&mut self) {
        let mut writer = self.writer();
        if let Some(saving) = writer.saving.take() {
            let _ = saving.join();
        }
        if writer.failed.is_none() {
            let Writer { ahead, segment, bytes, .. } = &mut *writer;
            if let Err(error) = ahead.cut(&segment.file, *bytes) {
                tracing::warn!(%error, "zeros are left at the end of the log");
            }
            self.log.save();
        }
    }
}

type Failure = Arc<dyn std::error::Error + Send + Sync>;

/// What became of a frame.
enum Persisted {
    /// All of it is durable.
    Whole,
    /// The disk is full, and nothing of it is left.
    NoRoom,
}

/// What only the appending thread touches.
struct Writer<S: Storage> {
    roll_bytes: u64,
    segment: Arc<SegmentFile<S::File>>,
    /// Where the segment's last group ends.
    bytes: u64,
    ahead: Ahead<S>,
    frame: Frame,
    admission: Admission,
    failed: Option<Failure>,
    saving: Option<JoinHandle<()>>,
}

impl<S: Storage> Writer<S> {
    fn append(
        &mut self,
        log: &Arc<Log<S>>,
        mut group: Vec<StreamAppend>,
    ) -> Vec<Result<Appended, AppendError>> {
        let fatal = |failed: &Failure| AppendError::Fatal(Arc::clone(failed));
        if let Some(failed) = &self.failed {
            return group.iter().map(|_| Err(fatal(failed))).collect();
        }
        // Nobody else raises heads, so they stand until the group is published.
        let streams: Vec<_> = group.iter().map(|append| append.stream).collect();
        let known = log.heads.get_each(&streams);
        let appends = group.iter_mut().zip(known);
        let results: Vec<_> = appends.map(|(append, head)| self.admit(append, head)).collect();
        if self.frame.count() == 0 {
            return results;
        }
        match self.persist(log) {
            Ok(Persisted::Whole) => {
                self.publish(log);
                results
            }
            Ok(Persisted::NoRoom) => {
                self.admission.forget(Position(log.head().0 + 1));
                self.frame.clear(BUFFER_BYTES_KEPT);
                group.iter().map(|_| Err(AppendError::Full)).collect()
            }
            Err(error) => {
                let failed: Failure = Arc::new(error);
                let all = group.iter().map(|_| Err(fatal(&failed))).collect();
                self.failed = Some(failed);
                all
            }
        }
    }

    /// Gives the append its places and writes its records into the frame. `head` is that of its
    /// stream before the group.
    fn admit(
        &mut self,
        append: &mut StreamAppend,
        head: Option<Head>,
    ) -> Result<Appended, AppendError> {
        let appended = self.admission.place(append, |_| head)?;
        let before = self.frame.filled();
        for draft in &append.records {
            let (envelope, sealed) = (&draft.envelope, &draft.sealed);
            let pushed = self.frame.push(|out| record::encode_into(out, envelope, sealed).is_ok());
            if pushed.is_err() {
                self.frame.go_back(before);
                return Err(AppendError::TooLong);
            }
        }
        self.admission.accept(append);
        Ok(appended)
    }

    /// Writes the frame and syncs it, in a new file when the last one is full.
    fn persist(&mut self, log: &Arc<Log<S>>) -> Result<Persisted, OpenError> {
        let first = Position(log.head().0 + 1);
        let full = self.bytes + self.frame.length() as u64 > self.roll_bytes;
        if self.bytes > 0 && full {
            let Some(file) = open::create_if_room(&log.storage, &log.folder, first)? else {
                return Ok(Persisted::NoRoom);
            };
            let cut = self.ahead.cut(&self.segment.file, self.bytes);
            let path = &self.segment.path;
            cut.map_err(|source| OpenError::Io { path: path.clone(), source })?;
            self.segment.seal(self.segment.file.stamp());
            self.segment = log.add(file);
            self.bytes = 0;
            self.save_heads_beside(log);
        }
        self.ahead.make_way(self.bytes + self.frame.length() as u64);
        let file = &self.segment.file;
        let written = match file.write_all_at(self.frame.finish(first), self.bytes) {
            Ok(()) => file.sync_data().map(|()| Persisted::Whole),
            // Durable before the next group: what a power loss tears of that one must not show
            // sectors of this one.
            Err(error) if storage::is_full(&error) => {
                let cut = self.ahead.cut(file, self.bytes);
                cut.and_then(|()| file.set_length(self.bytes))
                    .and_then(|()| file.sync_data())
                    .map(|()| Persisted::NoRoom)
            }
            Err(error) => Err(error),
        };
        written.map_err(|source| OpenError::Io { path: self.segment.path.clone(), source })
    }

    /// Makes what is durable visible: files first, then heads, then the position.
    fn publish(&mut self, log: &Log<S>) {
        let length = self.frame.length() as u32;
        let bodies = self.frame.bodies().map(|bytes| (BODY_HEADER_BYTES + bytes) as u32);
        self.segment.with_extent(|extent| extent.add(bodies, length));
        self.bytes += u64::from(length);
        let moved: Vec<_> = self.admission.take().collect();
        log.heads.raise_each(&moved);
        log.publish(Position(self.admission.next().0 - 1));
        self.ahead.go_on(&self.segment.path, u64::from(length), self.bytes, self.roll_bytes);
        self.frame.clear(BUFFER_BYTES_KEPT);
    }

    /// Saves the heads on a thread of their own: appending goes on meanwhile.
    fn save_heads_beside(&mut self, log: &Arc<Log<S>>) {
        if self.saving.as_ref().is_some_and(|saving| !saving.is_finished()) {
            return;
        }
        if !S::SHARED {
            return log.save();
        }
        let log = Arc::clone(log);
        let name = "heads".to_owned();
        self.saving = std::thread::Builder::new().name(name).spawn(move || log.save()).ok();
    }
}

impl<S: Storage> Journal for Segments<S> {
    fn append(&self, group: Vec<StreamAppend>) -> Vec<Result<Appended, AppendError>> {
        self.writer().append(&self.log, group)
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

    fn wait_beyond(&self, position: Position, at_most: Duration) -> Position {
        self.log.wait_beyond(position, at_most)
    }
}
