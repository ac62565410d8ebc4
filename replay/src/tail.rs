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
pub struct Tail(Mutex<Newest>);

/// Events, and beside each the step over it where its row was at hand when it was decided. Apart, as
/// they are folded: they are moved as they are.
#[derive(Default)]
struct Newest {
    events: VecDeque<Recorded>,
    steps: VecDeque<Option<Step>>,
}

impl Tail {
    /// Adds events that continue those before, and the steps over them. They may be on their way to
    /// the disk still: [`Tail::take`] is told how far the log is.
    pub fn add(
        &self,
        events: impl IntoIterator<Item = Recorded>,
        steps: impl IntoIterator<Item = Option<Step>>,
    ) {
        let mut tail = self.newest();
        tail.events.extend(events);
        tail.steps.extend(steps);
        let too_many = tail.events.len().saturating_sub(EVENTS_MAX);
        tail.drop_first(too_many);
    }

    /// Takes at most `count` events from the one at `from` up to the one at `head`, with the steps
    /// over them; none when the tail does not hold the first of them.
    pub fn take(
        &self,
        from: Position,
        head: Position,
        count: usize,
    ) -> Option<(Vec<Recorded>, Vec<Option<Step>>)> {
        let mut tail = self.newest();
        let passed = tail.up_to(Position(from.0.saturating_sub(1)));
        tail.drop_first(passed);
        tail.events.front().filter(|event| event.envelope.position == from && from <= head)?;
        let due = tail.up_to(head).min(count);
        Some((tail.events.drain(..due).collect(), tail.steps.drain(..due).collect()))
    }

    /// Drops what stands behind `head`: it did not come into the log, and other events will stand
    /// in its places.
    pub fn cut_behind(&self, head: Position) {
        let mut tail = self.newest();
        let durable = tail.up_to(head);
        tail.events.truncate(durable);
        tail.steps.truncate(durable);
    }

    fn newest(&self) -> MutexGuard<'_, Newest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Newest {
    /// How many stand up to a position.
    fn up_to(&self, position: Position) -> usize {
        self.events.partition_point(|event| event.envelope.position <= position)
    }

    fn drop_first(&mut self, count: usize) {
        self.events.drain(..count);
        self.steps.drain(..count);
    }
}
