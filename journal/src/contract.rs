//! What every backend of the log promises. One contract suite runs over all of them
//! (`tests/journal_contract.rs`).

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use domain::recorded::Envelope;
use domain::{Position, Sequence, StreamId};

use crate::record::{self, RecordError};

/// The append-only log.
///
/// Events are gapless in their stream (sequences 0, 1, 2 …) and in the log (positions 1, 2, 3 …).
/// Reading never blocks writing, and a reader sees only what is durable.
pub trait Journal: Send + Sync {
    /// Appends a group. When this returns, every `Ok` is durable, and readers see it; every `Err`
    /// left no trace. Each [`StreamAppend`] is all or nothing. Results stand in the order of the
    /// group; a later append of the same stream sees the earlier ones of its group.
    ///
    /// [`AppendError::Conflict`] leaves the other appends of the group untouched.
    /// [`AppendError::Full`] strikes the whole group: the disk has no room for it, no byte of it is
    /// left, and the log stands where it stood. [`AppendError::Fatal`] strikes it too, but what
    /// reached the disk is unknown: the caller must acknowledge nothing and end the process. A
    /// failed sync is never tried again.
    fn append(&self, group: Vec<StreamAppend>) -> Vec<Result<Appended, AppendError>>;

    /// The newest position; 0 when the log is empty.
    fn head(&self) -> Position;

    /// The newest sequence of a stream and its position; none when the stream is empty.
    ///
    /// # Errors
    /// [`ReadError`] when the backend cannot be asked.
    fn stream_head(&self, stream: StreamId) -> Result<Option<(Sequence, Position)>, ReadError>;

    /// The records of a stream in order, from the one at `from` on; empty when there is none.
    ///
    /// # Errors
    /// [`ReadError`]; a damaged record is never served, nor is the stream without it. A chain that
    /// does not lead from one event of the stream to the one before it is damage too.
    fn read_stream(&self, stream: StreamId, from: Sequence) -> Result<Vec<Stored>, ReadError>;

    /// At least one and at most about `count` records in the order of the log, from the one at
    /// `from` on; empty at the head.
    ///
    /// # Errors
    /// [`ReadError`].
    fn read_all(&self, from: Position, count: usize) -> Result<Vec<Stored>, ReadError>;

    /// As [`Journal::read_all`], each record shown where it lies instead of copied: for who reads
    /// very many. After an error some may have been shown.
    ///
    /// # Errors
    /// [`ReadError`].
    fn show_all(
        &self,
        from: Position,
        count: usize,
        see: &mut dyn FnMut(Position, &[u8]),
    ) -> Result<(), ReadError> {
        let stored = self.read_all(from, count)?;
        stored.iter().for_each(|stored| see(stored.position, &stored.bytes));
        Ok(())
    }

    /// The record at a position; none beyond the head.
    ///
    /// # Errors
    /// [`ReadError`].
    fn read_at(&self, position: Position) -> Result<Option<Stored>, ReadError>;

    /// Waits until the head is beyond `position` or the time is over; gives the head.
    fn wait_beyond(&self, position: Position, at_most: Duration) -> Position;
}

/// What a stream must look like for an append to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The stream has no event.
    Empty,
    /// The newest event stands at this sequence.
    At(Sequence),
    /// Whatever there is. For streams without rules, such as rejections and reads.
    Any,
}

/// New events of one stream.
#[derive(Clone, Debug)]
pub struct StreamAppend {
    /// Which stream.
    pub stream: StreamId,
    /// What it must look like.
    pub expected: Expected,
    /// The events, at least one.
    pub records: Vec<Draft>,
}

/// A record before the log gave it its place.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The envelope. `position`, `sequence` and `previous` are filled in by the log; `stream` must
    /// be that of the append.
    pub envelope: Envelope,
    /// The sealed payload.
    pub sealed: Vec<u8>,
}

/// Where an append came to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Position of its first event; the others follow without a gap.
    pub first: Position,
    /// Sequence of its first event.
    pub first_sequence: Sequence,
}

/// Why an append was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The stream looks otherwise than expected.
    #[error("the stream has moved on: its newest event is {0:?}")]
    Conflict(Option<Sequence>),
    /// The records cannot be stored: one is too long, or the group has no room for them.
    #[error("the event is too long to be stored")]
    TooLong,
    /// The append has no record, or one that names another stream: a mistake of the caller.
    #[error("an append has records, and all of its own stream")]
    Malformed,
    /// The disk is full. What was written of the group is cut off again, durably.
    #[error("the disk has no room for the group")]
    Full,
    /// The log failed; the process must end.
    #[error("the log failed")]
    Fatal(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>),
}

/// Why stored records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Bytes are not what was written, or the file system refused.
    #[error("{path} is damaged or unreadable at byte {offset}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// The record is whole but of no known form.
    #[error("the record at position {position} cannot be read")]
    Record {
        /// Which record.
        position: u64,
        /// What is wrong.
        #[source]
        source: RecordError,
    },
    /// The backend is away.
    #[error("the log cannot be reached")]
    Away(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>),
}

/// A record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where it stands.
    pub position: Position,
    /// Its bytes: the leaf of the Merkle tree.
    pub bytes: Vec<u8>,
}

impl Stored {
    /// The envelope, and the sealed payload.
    ///
    /// # Errors
    /// [`ReadError::Record`].
    pub fn decode(&self) -> Result<(Envelope, &[u8]), ReadError> {
        record::decode(&self.bytes)
            .map_err(|source| ReadError::Record { position: self.position.0, source })
    }
}
