//! A log in memory, for tests. It can be told to fail, as a disk would: before or after the group
//! is kept.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::{Position, Sequence, StreamId};
use rustc_hash::FxHashMap;

use crate::admission::{Admission, Head};
use crate::contract::{AppendError, Appended, Journal, ReadError, Stored, StreamAppend};
use crate::frame::BODY_BYTES_MAX;
use crate::record;

/// How the next append fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing of the group is kept.
    BeforePersisting,
    /// The group is kept, and found after [`Memory::reopen`]; nobody was told.
    AfterPersisting,
}

/// The log of a process that keeps nothing.
#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    /// All that is kept.
    records: Vec<Stored>,
    /// How many of them readers see.
    visible: usize,
    /// Positions of a stream's visible records, by sequence.
    streams: FxHashMap<StreamId, Vec<Position>>,
    fault: Option<Fault>,
    failed: bool,
}

impl State {
    fn head(&self) -> Position {
        Position(self.visible as u64)
    }

    fn stream_head(&self, stream: StreamId) -> Option<Head> {
        let positions = self.streams.get(&stream)?;
        let newest = positions.last()?;
        Some((Sequence(positions.len() as u32 - 1), *newest))
    }

    /// Shows all that is kept.
    fn show(&mut self) {
        for stored in &self.records[self.visible..] {
            let standing = record::standing(&stored.bytes).expect("it was encoded here");
            self.streams.entry(standing.stream).or_default().push(stored.position);
        }
        self.visible = self.records.len();
    }
}

impl Memory {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the next append fail; it and every later one are then fatal until
    /// [`Memory::reopen`].
    pub fn fail_next(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// What a new process would find: all that was kept, and no fault.
    pub fn reopen(&self) {
        let mut state = self.state();
        (state.fault, state.failed) = (None, false);
        state.show();
        self.moved.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn admit(
    admission: &mut Admission,
    state: &State,
    append: &mut StreamAppend,
) -> Result<(Appended, Vec<Stored>), AppendError> {
    let appended = admission.place(append, |stream| state.stream_head(stream))?;
    let mut records = Vec::with_capacity(append.records.len());
    for draft in &append.records {
        let bytes = record::encode(&draft.envelope, &draft.sealed);
        let bytes = bytes.ok().filter(|bytes| bytes.len() <= BODY_BYTES_MAX);
        let bytes = bytes.ok_or(AppendError::TooLong)?;
        records.push(Stored { position: draft.envelope.position, bytes });
    }
    admission.accept(append);
    Ok((appended, records))
}

impl Journal for Memory {
    fn append(&self, mut group: Vec<StreamAppend>) -> Vec<Result<Appended, AppendError>> {
        let mut state = self.state();
        let fault = state.fault.take();
        if state.failed || fault == Some(Fault::BeforePersisting) {
            state.failed = true;
            return fatal(group.len());
        }
        let mut admission = Admission::new(Position(state.records.len() as u64 + 1));
        let mut results = Vec::with_capacity(group.len());
        let mut kept = Vec::new();
        for append in &mut group {
            results.push(admit(&mut admission, &state, append).map(|(appended, records)| {
                kept.extend(records);
                appended
            }));
        }
        state.records.extend(kept);
        if fault == Some(Fault::AfterPersisting) {
            state.failed = true;
            return fatal(group.len());
        }
        state.show();
        self.moved.notify_all();
        results
    }

    fn head(&self) -> Position {
        self.state().head()
    }

    fn stream_head(&self, stream: StreamId) -> Result<Option<(Sequence, Position)>, ReadError> {
        Ok(self.state().stream_head(stream))
    }

    fn read_stream(&self, stream: StreamId, from: Sequence) -> Result<Vec<Stored>, ReadError> {
        let state = self.state();
        let positions = state.streams.get(&stream).map_or(&[][..], Vec::as_slice);
        let positions = positions.get(from.0 as usize..).unwrap_or_default();
        Ok(positions.iter().map(|at| state.records[at.0 as usize - 1].clone()).collect())
    }

    fn read_all(&self, from: Position, count: usize) -> Result<Vec<Stored>, ReadError> {
        let state = self.state();
        let from = (from.0.max(1) - 1).min(state.visible as u64) as usize;
        let end = state.visible.min(from.saturating_add(count.max(1)));
        Ok(state.records[from..end].to_vec())
    }

    fn read_at(&self, position: Position) -> Result<Option<Stored>, ReadError> {
        let index = position.0.checked_sub(1).map(|index| index as usize);
        let state = self.state();
        Ok(index.filter(|index| *index < state.visible).map(|index| state.records[index].clone()))
    }

    fn wait_beyond(&self, position: Position, at_most: Duration) -> Position {
        let until = Instant::now().checked_add(at_most);
        let mut state = self.state();
        loop {
            let left = until.map_or(Duration::MAX, |at| at.duration_since(Instant::now()));
            if state.head() > position || left.is_zero() {
                return state.head();
            }
            let woken = self.moved.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn fatal(count: usize) -> Vec<Result<Appended, AppendError>> {
    let why: Arc<dyn std::error::Error + Send + Sync> =
        Arc::new(std::io::Error::other("the log was told to fail"));
    (0..count).map(|_| Err(AppendError::Fatal(Arc::clone(&why)))).collect()
}
