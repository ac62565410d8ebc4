//! What is decided together and appended together.

use std::sync::Arc;

use domain::Payload;
use domain::recorded::Envelope;
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

/// The events of one group, and whether keys were issued for them.
#[derive(Default)]
pub struct Group {
    /// In the order of their positions.
    pub events: Vec<Decided>,
    /// Whether the key slots must be synced before the log.
    pub issued_keys: bool,
    /// The number of retreats after which it was decided.
    pub after: u64,
    /// Whether the disk had no room for a key: nothing of the group may be recorded.
    pub has_no_room: bool,
}

impl Group {
    /// The key of an id, made when it has none. A failing disk ends the process.
    pub(super) fn issue(
        &mut self,
        keys: &KeySlots,
        id: Uuid,
    ) -> Result<Arc<PersonKey>, ReplayError> {
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
