//! Going back when the disk has no room for what was decided.
//!
//! Groups are decided upon the ones before while these are on their way to the disk. When the log
//! gives one back, whatever was decided upon it is void too: a retreat is counted, groups that were
//! decided before it are answered and never appended, and the decider puts its memory back to what
//! the log has before it decides the next one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::{PersonId, Position};
use journal::Journal;

use super::decide::{Decider, Group};

/// How long an event that was decided may be on its way to the disk.
const ON_ITS_WAY: Duration = Duration::from_secs(5);
/// How often a wait looks whether what it waits for is void.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How often the log has given a group back. One for the threads of the commit loop.
#[derive(Clone, Debug, Default)]
pub(super) struct Retreats(Arc<AtomicU64>);

impl Retreats {
    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// One more: the log stands where it stands, and takes nothing that was decided before.
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// What was decided and may not be in the log yet, and the retreat after which it was.
#[derive(Default)]
pub(super) struct OnTheWay {
    retreats: Retreats,
    after: u64,
    /// Places of events with the persons in whose streams they are told, oldest first.
    persons: VecDeque<(Position, PersonId)>,
}

impl OnTheWay {
    /// Nothing, before any of `retreats`.
    pub(super) fn new(retreats: Retreats) -> Self {
        Self { after: retreats.count(), retreats, persons: VecDeque::new() }
    }

    /// The number of retreats after which is decided.
    pub(super) fn after(&self) -> u64 {
        self.after
    }

    /// Whether the log has gone back since.
    pub(super) fn is_void(&self) -> bool {
        self.after != self.retreats.count()
    }

    /// Notes an event that was decided.
    pub(super) fn add(&mut self, position: Position, person: PersonId) {
        self.persons.push_back((position, person));
    }

    /// Forgets what the log has.
    pub(super) fn pass(&mut self, head: Position) {
        while self.persons.front().is_some_and(|(position, _)| *position <= head) {
            self.persons.pop_front();
        }
    }

    /// Those of whom something was decided that is void, in a log that ends at `head`.
    pub(super) fn retreat(&mut self, head: Position) -> Vec<PersonId> {
        self.after = self.retreats.count();
        let void = self.persons.drain(..).filter(|(position, _)| *position > head);
        void.map(|(_, person)| person).collect()
    }

    /// Waits until the log has the event at `position`, unless it is void or takes too long.
    pub(super) fn wait(&self, journal: &dyn Journal, position: Position) {
        let Some(before) = position.0.checked_sub(1) else { return };
        let since = Instant::now();
        while journal.wait_beyond(Position(before), LOOK_EVERY) < position {
            if self.is_void() || since.elapsed() >= ON_ITS_WAY {
                return;
            }
        }
    }
}

impl Decider {
    /// Whether what was decided last is void, since the log gave a group back.
    pub fn is_void(&self) -> bool {
        self.memory.on_the_way.is_void()
    }

    /// Goes back to what the log has.
    pub fn retreat(&mut self) {
        let head = self.memory.log().journal().head();
        self.memory.retreat(head);
        self.unit_next.clear();
        (self.group, self.next) = (Group::default(), Position(head.0 + 1));
    }
}
