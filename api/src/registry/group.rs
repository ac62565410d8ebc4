//! Events that were decided and may not be in the log yet: those of the group at hand, and of the
//! groups on their way to the disk. Who decides looks them up here, and so never waits for a sync.

use std::collections::VecDeque;
use std::sync::Arc;

use domain::recorded::{Envelope, Recorded};
use domain::{Payload, Position};
use journal::{KeyError, KeySlots, PersonKey};
use projections::Step;
use replay::ReplayError;
use uuid::Uuid;

use super::commit::die;

/// An event that was decided, on its way to be sealed and appended.
pub struct Decided {
    /// The envelope, with the place that the event will have.
    pub envelope: Envelope,
    /// What it says.
    pub payload: Payload,
    /// The key that seals it.
    pub key: Arc<PersonKey>,
    /// What stood and stands about the person, where that was at hand.
    pub step: Option<Step>,
}

impl Decided {
    /// As it will be read back.
    pub fn recorded(&self) -> Recorded {
        let (envelope, payload) = (self.envelope.clone(), Some(self.payload.clone()));
        Recorded { envelope, payload, target: None }
    }
}

/// The group at hand: what is decided together and appended together.
#[derive(Default)]
pub(super) struct Deciding {
    /// In the order of their positions.
    pub events: Vec<Decided>,
    /// Whether it has keys that nobody was told to sync.
    pub issued_keys: bool,
    /// Whether the disk had no room for a key: nothing of the group may be recorded.
    pub has_no_room: bool,
}

impl Deciding {
    /// Takes what is decided; the next group is about as large.
    pub fn take(&mut self) -> Self {
        let events = Vec::with_capacity(self.events.len());
        std::mem::replace(self, Self { events, ..Self::default() })
    }

    /// The key of an id, made when it has none. A failing disk ends the process.
    pub fn issue(&mut self, keys: &KeySlots, id: Uuid) -> Result<Arc<PersonKey>, ReplayError> {
        self.issued_keys = true;
        match keys.issue(id) {
            Err(error @ KeyError::Io(_)) => die(&error),
            Err(error) => {
                self.has_no_room |= matches!(error, KeyError::Full);
                Err(error.into())
            }
            Ok(key) => Ok(Arc::new(key)),
        }
    }
}

/// A group that was handed on.
pub struct Group {
    /// In the order of their positions.
    pub events: Arc<Vec<Decided>>,
    /// The steps over the events, for the view.
    pub steps: Vec<Option<Step>>,
    /// The number of retreats after which it was decided.
    pub after: u64,
    /// Whether the disk had no room for a key: nothing of the group may be recorded.
    pub has_no_room: bool,
}

/// The groups that were handed on and may not be in the log yet, in order.
#[derive(Default)]
pub(super) struct HandedOn(VecDeque<Arc<Vec<Decided>>>);

impl HandedOn {
    /// Hands a group on that was decided after so many retreats; those that the log holds, up to
    /// its head, are kept no longer.
    pub fn hand_on(&mut self, deciding: Deciding, after: u64, head: Position) -> Group {
        let Deciding { mut events, has_no_room, .. } = deciding;
        let steps = events.iter_mut().map(|event| event.step.take()).collect();
        let events = Arc::new(events);
        let is_durable = |group: &Arc<Vec<Decided>>| {
            group.last().is_none_or(|newest| newest.envelope.position <= head)
        };
        while self.0.front().is_some_and(is_durable) {
            self.0.pop_front();
        }
        self.0.push_back(Arc::clone(&events));
        Group { events, steps, after, has_no_room }
    }
}

/// What was decided and may not be in the log yet.
#[derive(Clone, Copy)]
pub(super) struct Ahead<'a> {
    /// The groups that were handed on.
    pub handed_on: &'a HandedOn,
    /// The group at hand.
    pub at_hand: &'a [Decided],
}

impl<'a> Ahead<'a> {
    /// The event at a position; none when the log has it, or nobody decided it.
    pub fn at(self, position: Position) -> Option<&'a Decided> {
        let groups = self.handed_on.0.iter().map(|group| group.as_slice());
        groups.chain(std::iter::once(self.at_hand)).find_map(|group| {
            // Positions of a group are without a gap.
            let first = group.first()?.envelope.position;
            group.get(usize::try_from(position.0.checked_sub(first.0)?).ok()?)
        })
    }
}
