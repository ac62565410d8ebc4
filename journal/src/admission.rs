//! Gives the appends of one group their places: the same rules for every backend that keeps its
//! own heads.

use domain::{Position, Sequence, StreamId};
use rustc_hash::FxHashMap;

use crate::contract::{AppendError, Appended, Expected, StreamAppend};

/// The newest event of a stream.
pub(crate) type Head = (Sequence, Position);

/// The heads that a group has moved so far, and the position that comes next.
#[derive(Debug)]
pub(crate) struct Admission {
    next: Position,
    moved: FxHashMap<StreamId, Head>,
}

impl Admission {
    /// A log whose next record stands at `next`.
    pub(crate) fn new(next: Position) -> Self {
        Self { next, moved: FxHashMap::default() }
    }

    /// The position of the next record.
    pub(crate) fn next(&self) -> Position {
        self.next
    }

    /// Checks what the append expects and fills in where its records will stand. Nothing counts
    /// before [`Admission::accept`]. `head` knows the stream's head before this group.
    pub(crate) fn place(
        &self,
        append: &mut StreamAppend,
        head: impl FnOnce(StreamId) -> Option<Head>,
    ) -> Result<Appended, AppendError> {
        let stream = append.stream;
        let fits = append.records.iter().all(|draft| draft.envelope.stream == stream);
        if append.records.is_empty() || !fits {
            return Err(AppendError::Malformed);
        }
        let head = self.moved.get(&stream).copied().or_else(|| head(stream));
        let newest = head.map(|(sequence, _)| sequence);
        let is_expected = match append.expected {
            Expected::Any => true,
            Expected::Empty => newest.is_none(),
            Expected::At(sequence) => newest == Some(sequence),
        };
        if !is_expected {
            return Err(AppendError::Conflict(newest));
        }
        let first_sequence = newest.map_or(0, |newest| u64::from(newest.0) + 1);
        let mut previous = head.map_or(Position(0), |(_, position)| position);
        for (index, draft) in (0_u64..).zip(&mut append.records) {
            let sequence = u32::try_from(first_sequence + index);
            draft.envelope.sequence = Sequence(sequence.map_err(|_| AppendError::TooLong)?);
            draft.envelope.position = Position(self.next.0 + index);
            draft.envelope.previous = previous;
            previous = draft.envelope.position;
        }
        Ok(Appended { first: self.next, first_sequence: Sequence(first_sequence as u32) })
    }

    /// The placed records are part of the group.
    pub(crate) fn accept(&mut self, append: &StreamAppend) {
        let Some(last) = append.records.last() else { return };
        self.next = Position(last.envelope.position.0 + 1);
        self.moved.insert(append.stream, (last.envelope.sequence, last.envelope.position));
    }

    /// Nothing of the group is in the log: its records' places are those of the next one.
    pub(crate) fn forget(&mut self, next: Position) {
        self.next = next;
        self.moved.clear();
    }

    /// The heads that the group has moved, once it is durable; the next group begins.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (StreamId, Head)> {
        self.moved.drain()
    }
}
