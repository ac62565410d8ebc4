//! Keys of lately recorded submissions, each with the person in whose stream it was: a key that is used
//! again for somebody else is found here, which the stream of that other person cannot tell.

use domain::recorded::EventKey;
use domain::{Kind, PersonId, Position, StreamKind};
use replay::{LogReader, ReplayError};
use rustc_hash::FxHashMap;

/// Keys of lately recorded submissions, bounded.
#[derive(Default)]
pub struct Recent {
    young: FxHashMap<EventKey, PersonId>,
    old: FxHashMap<EventKey, PersonId>,
}

/// Keys in one generation: as many as a map has room for that is not yet doubled.
const RECENT_KEYS: usize = 229_376;
/// Newest events of the log whose keys are remembered from the start.
const RECENT_AT_START: u64 = 200_000;

impl Recent {
    /// The keys of the newest events of the log.
    ///
    /// # Errors
    /// [`ReplayError`] when the log cannot be read.
    pub fn of_log(log: &LogReader) -> Result<Self, ReplayError> {
        let mut recent = Self::default();
        let head = log.journal().head();
        let mut next = Position(head.0.saturating_sub(RECENT_AT_START) + 1);
        while next <= head {
            let events = log.envelopes(next, 10_000)?;
            for event in &events {
                let envelope = &event.envelope;
                let kind = Kind::from_number(envelope.event_type.number);
                let told = matches!(kind, Some((kind, false)) if kind != Kind::DocumentClaimed);
                if told && envelope.stream.kind == StreamKind::Person {
                    recent.remember(envelope.key, PersonId::from_uuid(envelope.stream.id));
                }
            }
            next = Position(next.0 + events.len() as u64);
        }
        Ok(recent)
    }

    /// The person in whose stream the key was lately used.
    pub fn find(&self, key: EventKey) -> Option<PersonId> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    /// Brings the places of keys, which are asked for next, out of memory together.
    pub fn foresee(&self, keys: impl Iterator<Item = EventKey>) {
        std::hint::black_box(keys.filter(|key| self.find(*key).is_some()).count());
    }

    /// Remembers a use.
    pub fn remember(&mut self, key: EventKey, person: PersonId) {
        if self.young.len() >= RECENT_KEYS {
            // The next ones take the room of those that are forgotten: it is large, and is made by halves.
            std::mem::swap(&mut self.old, &mut self.young);
            self.young.clear();
        }
        self.young.insert(key, person);
    }
}
