//! The newest events, handed from the thread that appends them to the one that folds them, so that
//! nothing is opened and read back that is still in memory. Whoever comes too late for the tail
//! reads the log; what both give is the same.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::Position;
use domain::recorded::Recorded;
use projections::Step;

/// Events kept for a follower that is behind.
const EVENTS_MAX: usize = 16_000;

/// The newest events, in order and without a gap.
#[derive(Default)]
pub struct Tail {
    events: Mutex<VecDeque<Newest>>,
}

/// An event, and the step over it where its row was at hand when it was decided.
pub type Newest = (Recorded, Option<Step>);

impl Tail {
    /// Adds events that continue those before. They may be on their way to the disk still:
    /// [`Tail::take`] is told how far the log is.
    pub fn add(&self, events: impl IntoIterator<Item = Newest>) {
        let mut tail = self.events();
        tail.extend(events);
        let too_many = tail.len().saturating_sub(EVENTS_MAX);
        tail.drain(..too_many);
    }

    /// Takes at most `count` events from the one at `from` up to the one at `head`; none when the
    /// tail does not hold the first of them.
    pub fn take(&self, from: Position, head: Position, count: usize) -> Option<Vec<Newest>> {
        let mut tail = self.events();
        let passed = tail.partition_point(|(event, _)| event.envelope.position < from);
        tail.drain(..passed);
        tail.front().filter(|(event, _)| event.envelope.position == from && from <= head)?;
        let durable = tail.partition_point(|(event, _)| event.envelope.position <= head);
        Some(tail.drain(..durable.min(count)).collect())
    }

    /// Drops what stands behind `head`: it did not come into the log, and other events will stand
    /// in its places.
    pub fn cut_behind(&self, head: Position) {
        let mut tail = self.events();
        let durable = tail.partition_point(|(event, _)| event.envelope.position <= head);
        tail.truncate(durable);
    }

    fn events(&self) -> MutexGuard<'_, VecDeque<Newest>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
