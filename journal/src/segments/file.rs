//! One file of the log as readers see it: what is durable in it, and where its records begin.
//!
//! A mark stands at the first record of every frame and at every eighth within one, so a record is
//! found with one read of at most eight records.

use std::cell::Cell;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{OnceLock, PoisonError, RwLock};

use domain::Position;

use crate::contract::ReadError;
use crate::frame::{self, BODY_HEADER_BYTES, FrameError, HEADER_BYTES, Header};
use crate::record;
use crate::storage::{Stamp, StorageFile};

/// Records of a frame from one mark to the next.
pub(super) const MARK_EVERY: u32 = 8;
/// How far from where it is expected a mark is looked for first.
const NEAR_MARKS: usize = 8;
/// A sequential read takes at most about so many bytes at once.
const RUN_BYTES: u32 = 1 << 20;

thread_local! {
    /// The bytes of one sequential read: fresh memory for each would cost as much as the reading.
    static RUN: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Where the body of a record begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Which record of the file, from 0.
    pub(super) index: u32,
    /// Byte in the file; a segment is shorter than 4 GiB.
    pub(super) offset: u32,
}

/// The part of a file that is whole and may be served.
#[derive(Debug, Default)]
pub(super) struct Extent {
    /// Ordered; never empty when there are records.
    pub(super) marks: Vec<Mark>,
    /// How many records.
    pub(super) records: u32,
    /// How many bytes.
    pub(super) bytes: u32,
    /// Where the last frame begins.
    pub(super) last_frame: u32,
}

impl Extent {
    /// Adds a frame of which every byte is known to be right.
    pub(super) fn add(&mut self, bodies: impl Iterator<Item = u32>, length: u32) {
        for (in_frame, body_bytes) in (0..).zip(bodies.scan(HEADER_BYTES as u32, |at, bytes| {
            let here = *at;
            *at += bytes;
            Some(here)
        })) {
            if in_frame % MARK_EVERY == 0 {
                self.marks.push(Mark { index: self.records, offset: self.bytes + body_bytes });
            }
            self.records += 1;
        }
        self.last_frame = self.bytes;
        self.bytes += length;
    }

    /// How many marks stand at a record or before it. They lie about evenly, so it is looked for around
    /// the place where it would stand then: halving the list would go to memory far away each time.
    fn marks_up_to(&self, index: u32) -> usize {
        let marks = &self.marks[..];
        let is_before = |mark: &Mark| mark.index <= index;
        let even = u64::from(index) * marks.len() as u64 / u64::from(self.records.max(1));
        let guess = (even as usize).min(marks.len());
        let (mut low, mut high, mut step) = (guess, guess, NEAR_MARKS);
        while high < marks.len() && is_before(&marks[high]) {
            (low, high, step) = (high + 1, (high + step).min(marks.len()), step * 2);
        }
        while low > 0 && !is_before(&marks[low - 1]) {
            (high, low, step) = (low - 1, low.saturating_sub(step), step * 2);
        }
        low + marks[low..high].partition_point(is_before)
    }
}

/// A file of the log.
#[derive(Debug)]
pub(super) struct SegmentFile<F> {
    pub(super) path: PathBuf,
    pub(super) file: F,
    pub(super) first: Position,
    extent: RwLock<Extent>,
    /// What the system told of it when it was sealed, or before it was read as a sealed one.
    sealed: OnceLock<Stamp>,
    /// Whether what it holds is kept beside it; of a sealed file.
    pub(super) is_kept: AtomicBool,
}

impl<F: StorageFile> SegmentFile<F> {
    pub(super) fn new(path: PathBuf, file: F, first: Position, extent: Extent) -> Self {
        let (extent, sealed, is_kept) = (RwLock::new(extent), OnceLock::new(), false.into());
        Self { path, file, first, extent, sealed, is_kept }
    }

    /// Nothing is written to it any more; what it holds now is what was checked.
    pub(super) fn seal(&self, stamp: io::Result<Option<Stamp>>) {
        if let Ok(Some(stamp)) = stamp {
            // Once sealed it stays as it is.
            let _ = self.sealed.set(stamp);
        }
    }

    /// What the system told of it then.
    pub(super) fn sealed(&self) -> Option<Stamp> {
        self.sealed.get().copied()
    }

    /// Makes more of the file visible, or looks at what is.
    pub(super) fn with_extent<T>(&self, change: impl FnOnce(&mut Extent) -> T) -> T {
        change(&mut self.extent.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The position after its last record.
    pub(super) fn next(&self) -> Position {
        let extent = self.extent.read().unwrap_or_else(PoisonError::into_inner);
        Position(self.first.0 + u64::from(extent.records))
    }

    /// The record at `position`, read into `scratch`: where it lies there, and in the file. None
    /// when the file does not reach so far.
    pub(super) fn record(
        &self,
        position: Position,
        scratch: &mut Vec<u8>,
    ) -> Result<Option<(Range<usize>, u64)>, ReadError> {
        let marks = self.marks(position, 1);
        let [mark, end] = marks[..] else { return Ok(None) };
        self.fill(mark, end, scratch)?;
        let mut at = 0;
        for _ in u64::from(mark.index)..position.0 - self.first.0 {
            let Ok(length) = frame::body_length(&scratch[at..]) else { break };
            at = (at + BODY_HEADER_BYTES + length).min(scratch.len());
        }
        match self.checked(mark, at, scratch, position) {
            Ok(record) => {
                let start = at + BODY_HEADER_BYTES;
                Ok(Some((start..start + record.len(), u64::from(mark.offset) + at as u64)))
            }
            Err(_) => Err(self.first_damage(mark, scratch)),
        }
    }

    /// A wrong length leads astray who walks over it: the first body that is not right.
    fn first_damage(&self, begin: Mark, bytes: &[u8]) -> ReadError {
        let mut at = 0;
        let mut position = Position(self.first.0 + u64::from(begin.index));
        loop {
            match self.checked(begin, at, bytes, position) {
                Ok(record) => at += BODY_HEADER_BYTES + record.len(),
                Err(error) => return error,
            }
            position = Position(position.0 + 1);
        }
    }

    /// Shows records in order, from the one at `from` on: at least one and at most `count`, as many
    /// as one read brings; none when the file does not reach so far. Gives how many.
    pub(super) fn run(
        &self,
        from: Position,
        count: usize,
        see: &mut dyn FnMut(Position, &[u8]),
    ) -> Result<usize, ReadError> {
        let marks = self.marks(from, count.max(1));
        // Taken out, since `see` may read the log too.
        let mut bytes = RUN.take();
        let shown = self.show(&marks, from, count.max(1), &mut bytes, see);
        RUN.set(bytes);
        shown
    }

    fn show(
        &self,
        marks: &[Mark],
        from: Position,
        count: usize,
        bytes: &mut Vec<u8>,
        see: &mut dyn FnMut(Position, &[u8]),
    ) -> Result<usize, ReadError> {
        let (Some(&begin), Some(&end)) = (marks.first(), marks.last()) else { return Ok(0) };
        self.fill(begin, end, bytes)?;
        let mut shown = 0;
        for pair in marks.windows(2) {
            let (mut at, stop) = ((pair[0].offset - begin.offset) as usize, pair[1]);
            for index in pair[0].index..stop.index {
                let position = Position(self.first.0 + u64::from(index));
                let record = self.checked(begin, at, bytes, position)?;
                if position >= from && shown < count {
                    see(position, record);
                    shown += 1;
                }
                at += BODY_HEADER_BYTES + record.len();
            }
            let end = (stop.offset - begin.offset) as usize;
            if at != end && at + HEADER_BYTES == end {
                let header = Header::read(&bytes[at..end]);
                let first = Position(self.first.0 + u64::from(stop.index));
                if header.map_err(|fault| self.damaged(begin, at, fault))?.first == first {
                    continue;
                }
            }
            if at != end {
                return Err(self.damaged(begin, at, FrameError::Length));
            }
        }
        Ok(shown)
    }

    /// The marks of about `count` records from the one at `from` on, and the mark behind them.
    fn marks(&self, from: Position, count: usize) -> Vec<Mark> {
        let extent = self.extent.read().unwrap_or_else(PoisonError::into_inner);
        let index = from.0.checked_sub(self.first.0).and_then(|index| u32::try_from(index).ok());
        let Some(index) = index.filter(|index| *index < extent.records) else {
            return Vec::new();
        };
        let begin = extent.marks_up_to(index).saturating_sub(1);
        let last = index.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        let most = extent.marks[begin].offset.saturating_add(RUN_BYTES);
        let rest = &extent.marks[begin + 1..];
        let more = rest.partition_point(|mark| mark.index < last && mark.offset < most);
        let mut marks = extent.marks[begin..=begin + more].to_vec();
        let end = Mark { index: extent.records, offset: extent.bytes };
        marks.push(rest.get(more).copied().unwrap_or(end));
        marks
    }

    fn fill(&self, begin: Mark, end: Mark, bytes: &mut Vec<u8>) -> Result<(), ReadError> {
        bytes.resize((end.offset - begin.offset) as usize, 0);
        let offset = u64::from(begin.offset);
        self.file.read_exact_at(bytes, offset).map_err(|source| ReadError::Damaged {
            path: self.path.clone(),
            offset,
            source,
        })
    }

    /// The record whose body lies at `at`, when its checksum fits and it says that it stands at
    /// `position`.
    fn checked<'a>(
        &self,
        begin: Mark,
        at: usize,
        bytes: &'a [u8],
        position: Position,
    ) -> Result<&'a [u8], ReadError> {
        let record = frame::body(bytes.get(at..).unwrap_or_default())
            .map_err(|fault| self.damaged(begin, at, fault))?;
        match record::standing(record) {
            Ok(standing) if standing.position == position => Ok(record),
            Ok(_) => Err(self.damaged(begin, at, FrameError::Length)),
            Err(source) => Err(ReadError::Record { position: position.0, source }),
        }
    }

    fn damaged(&self, begin: Mark, at: usize, fault: FrameError) -> ReadError {
        let offset = u64::from(begin.offset) + at as u64;
        ReadError::Damaged { path: self.path.clone(), offset, source: io::Error::other(fault) }
    }
}
