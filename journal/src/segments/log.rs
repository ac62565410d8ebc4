//! What readers share with the one writer: the files, the heads, and how far both are durable.
//!
//! Locks here are held for the time of a look-up, never for that of a read or a write of a file.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use domain::{Position, Sequence, StreamId};

use super::file::SegmentFile;
use super::heads::Heads;
use super::marks;
use crate::contract::{ReadError, Stored};
use crate::record;
use crate::storage::Storage;

/// The readable side of a log.
pub(super) struct Log<S: Storage> {
    pub(super) storage: S,
    pub(super) folder: PathBuf,
    pub(super) heads: Heads,
    segments: RwLock<Vec<Arc<SegmentFile<S::File>>>>,
    head: AtomicU64,
    moving: Mutex<()>,
    moved: Condvar,
}

impl<S: Storage> Log<S> {
    /// The log of files that continue one another; there is at least one.
    pub(super) fn new(
        storage: S,
        folder: PathBuf,
        segments: Vec<SegmentFile<S::File>>,
        heads: Heads,
    ) -> Self {
        let next = segments.last().map_or(Position(1), SegmentFile::next);
        let segments = RwLock::new(segments.into_iter().map(Arc::new).collect());
        let head = AtomicU64::new(next.0 - 1);
        Self {
            storage,
            folder,
            heads,
            segments,
            head,
            moving: Mutex::new(()),
            moved: Condvar::new(),
        }
    }

    pub(super) fn head(&self) -> Position {
        Position(self.head.load(Ordering::Acquire))
    }

    /// The file that grows.
    pub(super) fn newest(&self) -> Arc<SegmentFile<S::File>> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(segments.last().expect("a log has a file"))
    }

    /// Saves what costs time to find at the next start: the heads, and what sealed files hold. What
    /// could not be written costs that time, nothing else.
    pub(super) fn save(&self) {
        let sealed = {
            let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
            segments[..segments.len() - 1].to_vec()
        };
        for file in sealed.iter().filter(|file| !file.is_kept.load(Ordering::Relaxed)) {
            match marks::keep(&self.storage, &self.folder, file) {
                Ok(kept) => file.is_kept.store(kept, Ordering::Relaxed),
                Err(error) => {
                    tracing::warn!(path = %file.path.display(), %error, "its marks are not kept");
                }
            }
        }
        if let Err(error) = self.heads.save(&self.storage, &self.folder, self.head()) {
            tracing::warn!(folder = %self.folder.display(), %error, "the heads could not be saved");
        }
    }

    /// A new file, that from now on is the one that grows.
    pub(super) fn add(&self, segment: SegmentFile<S::File>) -> Arc<SegmentFile<S::File>> {
        let segment = Arc::new(segment);
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        segments.push(Arc::clone(&segment));
        segment
    }

    /// Wakes who waits: files and heads show all up to `head`.
    pub(super) fn publish(&self, head: Position) {
        self.head.store(head.0, Ordering::Release);
        drop(self.moving.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_all();
    }

    pub(super) fn wait_beyond(&self, position: Position, at_most: Duration) -> Position {
        let until = Instant::now().checked_add(at_most);
        let mut moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let head = self.head();
            let left = until.map_or(Duration::MAX, |at| at.duration_since(Instant::now()));
            if head > position || left.is_zero() {
                return head;
            }
            let woken = self.moved.wait_timeout(moving, left);
            moving = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn segment(&self, position: Position) -> Option<Arc<SegmentFile<S::File>>> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let behind = segments.partition_point(|segment| segment.first <= position);
        segments.get(behind.checked_sub(1)?).map(Arc::clone)
    }

    pub(super) fn read_at(&self, position: Position) -> Result<Option<Stored>, ReadError> {
        let Some(segment) = self.segment(position) else { return Ok(None) };
        let mut bytes = Vec::new();
        let found = segment.record(position, &mut bytes)?;
        Ok(found.map(|(range, _)| Stored { position, bytes: bytes[range].to_vec() }))
    }

    pub(super) fn read_all(&self, from: Position, count: usize) -> Result<Vec<Stored>, ReadError> {
        let mut found = Vec::new();
        self.show_all(from, count, &mut |position, bytes| {
            found.push(Stored { position, bytes: bytes.to_vec() });
        })?;
        Ok(found)
    }

    pub(super) fn show_all(
        &self,
        from: Position,
        count: usize,
        see: &mut dyn FnMut(Position, &[u8]),
    ) -> Result<(), ReadError> {
        let (mut shown, mut from, count) = (0, from.max(Position(1)), count.max(1));
        let head = self.head();
        while shown < count && from <= head {
            let Some(segment) = self.segment(from) else { break };
            let most = (head.0 - from.0 + 1).min((count - shown) as u64);
            let more = segment.run(from, most as usize, see)?;
            if more == 0 {
                break;
            }
            shown += more;
            from = Position(from.0 + more as u64);
        }
        Ok(())
    }

    /// Walks the chain back from the head, and checks each link.
    pub(super) fn read_stream(
        &self,
        stream: StreamId,
        from: Sequence,
    ) -> Result<Vec<Stored>, ReadError> {
        let Some((newest, mut position)) = self.heads.get(stream) else { return Ok(Vec::new()) };
        let Some(steps) = newest.0.checked_sub(from.0) else { return Ok(Vec::new()) };
        let mut found = Vec::with_capacity(steps as usize + 1);
        let mut bytes = Vec::new();
        for sequence in (from.0..=newest.0).rev() {
            let broken = |segment: &SegmentFile<S::File>, offset| ReadError::Damaged {
                path: segment.path.clone(),
                offset,
                source: std::io::Error::other("the chain of the stream is broken"),
            };
            let Some(segment) = self.segment(position) else {
                return Err(broken(&self.newest(), 0));
            };
            let Some((range, offset)) = segment.record(position, &mut bytes)? else {
                return Err(broken(&segment, 0));
            };
            let record = &bytes[range];
            let standing = record::standing(record)
                .map_err(|source| ReadError::Record { position: position.0, source })?;
            let is_first = standing.sequence.0 == 0;
            let is_linked = standing.previous < position && (standing.previous.0 == 0) == is_first;
            if (standing.stream, standing.sequence.0) != (stream, sequence) || !is_linked {
                return Err(broken(&segment, offset));
            }
            found.push(Stored { position, bytes: record.to_vec() });
            position = standing.previous;
        }
        found.reverse();
        Ok(found)
    }
}
