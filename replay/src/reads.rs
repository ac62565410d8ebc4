//! The log of reads, read back: who looked at a person, walked along the person's own stream from
//! the newest read on, and what was read in a time, found by the times of recording.
//!
//! There is no view of reads: each stands in the stream of whom it told of, and the log keeps of
//! every record the one before it in its stream.

use domain::recorded::{Envelope, Recorded};
use domain::{PersonId, Position, StreamId, StreamKind};
use jiff::Timestamp;

use crate::log_reader::{LogReader, ReplayError};

/// Envelopes looked at together.
const BATCH_READS: usize = 4_000;

/// The reads about a person and the records that are one with theirs, newest first.
pub struct Backwards<'a> {
    log: &'a LogReader,
    /// Each stream, and its newest read that was not given yet.
    due: Vec<(StreamId, Position)>,
    before: Option<Position>,
}

impl<'a> Backwards<'a> {
    /// All that stand before a position; all when there is none.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn of(
        log: &'a LogReader,
        persons: &[PersonId],
        before: Option<Position>,
    ) -> Result<Self, ReplayError> {
        let mut due = Vec::with_capacity(persons.len());
        for person in persons {
            let stream = StreamId { kind: StreamKind::Reads, id: person.as_uuid() };
            due.extend(log.journal().stream_head(stream)?.map(|(_, position)| (stream, position)));
        }
        Ok(Self { log, due, before })
    }

    /// The next older read; none when there are no more.
    ///
    /// # Errors
    /// [`ReplayError`], also for a chain that leads to a read of somebody else.
    pub fn next_older(&mut self) -> Result<Option<Recorded>, ReplayError> {
        loop {
            let newest = self.due.iter().enumerate().max_by_key(|(_, (_, position))| *position);
            let Some((at, &(stream, position))) = newest else { return Ok(None) };
            let stored = self.log.journal().read_at(position)?.ok_or_else(|| broken(position))?;
            let (envelope, _) = stored.decode()?;
            let previous = envelope.previous;
            if envelope.stream != stream || previous >= position {
                return Err(broken(position));
            }
            if previous == Position(0) {
                self.due.swap_remove(at);
            } else {
                self.due[at] = (stream, previous);
            }
            // What was on earlier pages needs no opening.
            if self.before.is_none_or(|before| position < before) {
                return self.log.event(position);
            }
        }
    }
}

fn broken(position: Position) -> ReplayError {
    let source = "the chain of the stream is broken".into();
    ReplayError::Payload { position: position.0, source }
}

/// The first read that was recorded at or after an instant; behind the head when there is none.
/// Times of recording never go back in the log.
///
/// # Errors
/// [`ReplayError`].
pub fn first_since(log: &LogReader, instant: Timestamp) -> Result<Position, ReplayError> {
    let (mut low, mut high) = (1, log.journal().head().0 + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let stored = log.journal().read_at(Position(middle))?;
        let recorded_at = match stored {
            Some(stored) => stored.decode()?.0.clocks.recorded_at,
            None => return Ok(Position(middle)),
        };
        if recorded_at < instant {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(Position(low))
}

/// What a search through the log of reads found.
pub struct Found {
    /// The reads, in order.
    pub reads: Vec<Recorded>,
    /// Where to go on; none when everything was looked at.
    pub next: Option<Position>,
}

/// Reads from a position up to before another, of those whose envelope is wanted: at most `limit`,
/// and only so many envelopes are looked at as `look_max` says.
///
/// # Errors
/// [`ReplayError`].
pub fn search(
    log: &LogReader,
    from: Position,
    end: Position,
    limit: usize,
    look_max: u64,
    is_wanted: impl Fn(&Envelope) -> bool,
) -> Result<Found, ReplayError> {
    let last = end.0.min(log.journal().head().0 + 1);
    let stop = last.min(from.0.saturating_add(look_max));
    let mut reads = Vec::new();
    let mut at = from.0.max(1);
    while at < stop {
        let count = BATCH_READS.min((stop - at) as usize);
        let envelopes = log.envelopes(Position(at), count)?;
        if envelopes.is_empty() {
            break;
        }
        for found in envelopes {
            let envelope = found.envelope;
            if envelope.position.0 >= stop {
                break;
            }
            at = envelope.position.0 + 1;
            if is_wanted(&envelope) {
                reads.extend(log.event(envelope.position)?);
            }
            if reads.len() == limit {
                return Ok(Found { reads, next: (at < last).then_some(Position(at)) });
            }
        }
    }
    Ok(Found { reads, next: (at < last).then_some(Position(at)) })
}
