//! The persons whom the deciding thread keeps in memory: at hand those of the moment, packed very
//! many. Who is not among them is read back from their stream.

use std::sync::Arc;

use cqrs_es::Aggregate;
use domain::recorded::{EventKey, Recorded};
use domain::{ById, Kind, Person, PersonEvent, PersonId, Position, Sequence, StreamId, StreamKind};
use journal::PersonKey;
use projections::Standing;
use replay::{LogReader, ReplayError};
use rustc_hash::FxHashMap;

use super::long_lives::LongLives;
use super::retreat::{OnTheWay, Retreats};

/// Persons in one generation of those at hand: few enough for the processor's caches.
const AT_HAND: usize = 10_000;

/// A person as the decider knows them.
#[derive(Clone)]
pub struct Known {
    /// The aggregate.
    pub person: Person,
    /// Where each event of the stream stands.
    places: Vec<Position>,
    /// The key that seals the stream's payloads; none before the first event.
    pub key: Option<Arc<PersonKey>>,
    /// What stands about them, as the view of people will show it; only while they are at hand,
    /// and of use while its version is the newest event.
    pub standing: Option<Arc<Standing>>,
    /// Whether what is packed of them, if anything, says something else.
    is_changed: bool,
}

impl Known {
    /// A stream without events.
    fn empty() -> Self {
        let (person, places) = (Person::default(), Vec::new());
        Self { person, places, key: None, standing: None, is_changed: true }
    }

    /// Where each event of the stream stands.
    pub fn places(&self) -> &[Position] {
        &self.places
    }

    /// Where an event of the stream stands.
    pub fn place(&self, sequence: Sequence) -> Position {
        self.places[sequence.0 as usize]
    }

    /// The event at a position of the log, when it is one of this stream.
    pub fn at_position(&self, position: Position) -> Option<Sequence> {
        let at = self.places.binary_search(&position).ok()?;
        Some(Sequence(at as u32))
    }

    /// The newest event's position; 0 without events.
    pub fn newest(&self) -> Position {
        self.places.last().copied().unwrap_or_default()
    }

    /// Remembers where the event that the aggregate took last will stand.
    pub fn placed(&mut self, position: Position) {
        self.places.push(position);
        self.is_changed = true;
    }

    /// In few bytes, without the key, which has its own place in memory; `room` is memory to be used
    /// again.
    fn pack(&self, room: &mut Vec<u8>) -> Box<[u8]> {
        room.clear();
        let packed = postcard::to_extend(&(&self.places, &self.person), std::mem::take(room));
        *room = packed.expect("plain values");
        room.as_slice().into()
    }

    fn unpack(packed: &[u8], key: Option<PersonKey>) -> Self {
        let (places, person) = postcard::from_bytes(packed).expect("packed by this program");
        Self { person, places, key: key.map(Arc::new), standing: None, is_changed: false }
    }
}

/// The decider's memory: persons at hand and persons packed, each in two generations. What was not
/// asked for during a whole generation goes from those at hand to the packed ones, and from there
/// is forgotten. A packed generation is far longer than the events that are on their way to the disk.
pub struct Memory {
    log: LogReader,
    pub(super) on_the_way: OnTheWay,
    at_hand: Generations<Box<Known>>,
    packed: Packed,
    pub(super) long_lives: LongLives,
    recent: Recent,
}

/// Very many persons, packed; nothing where one was forgotten.
struct Packed {
    young: ById<PersonId, Box<[u8]>>,
    old: ById<PersonId, Box<[u8]>>,
    size: usize,
}

impl Packed {
    fn of(size: usize) -> Self {
        Self { young: ById::default(), old: ById::default(), size }
    }

    fn find(&self, id: PersonId) -> Option<&[u8]> {
        let packed = self.young.get(&id).filter(|packed| !packed.is_empty());
        let packed = packed.or_else(|| self.old.get(&id))?;
        (!packed.is_empty()).then_some(packed)
    }

    /// Whether one is packed that is not forgotten with the older ones.
    fn is_young(&self, id: PersonId) -> bool {
        self.young.get(&id).is_some_and(|packed| !packed.is_empty())
    }

    fn keep(&mut self, id: PersonId, packed: Box<[u8]>) {
        if self.young.len() >= self.size {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, packed);
    }

    fn forget(&mut self, id: PersonId) {
        let both = [self.young.get_mut(&id), self.old.get_mut(&id)];
        both.into_iter().flatten().for_each(|packed| *packed = Box::default());
    }
}

struct Generations<T> {
    young: FxHashMap<PersonId, T>,
    old: FxHashMap<PersonId, T>,
    size: usize,
}

impl<T> Generations<T> {
    fn of(size: usize) -> Self {
        Self { young: FxHashMap::default(), old: FxHashMap::default(), size }
    }

    /// Keeps one; gives those who were not asked for during a whole generation, when it ends.
    fn keep(&mut self, id: PersonId, kept: T) -> FxHashMap<PersonId, T> {
        let mut past = FxHashMap::default();
        if self.young.len() >= self.size {
            past = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        }
        self.young.insert(id, kept);
        past
    }
}

impl Memory {
    /// Remembers up to twice `generation` persons, packed.
    ///
    /// # Errors
    /// [`ReplayError::Newer`] when a newer program wrote to the log lately: nothing may be decided
    /// upon what cannot be read.
    pub(super) fn new(
        log: LogReader,
        generation: usize,
        retreats: Retreats,
    ) -> Result<Self, ReplayError> {
        let recent = match Recent::of_log(&log) {
            Err(error @ ReplayError::Newer { .. }) => return Err(error),
            Err(error) => {
                tracing::error!(error = %replay::chain(&error), "the newest events cannot be read");
                Recent::default()
            }
            Ok(recent) => recent,
        };
        let (at_hand, packed) = (Generations::of(AT_HAND), Packed::of(generation));
        let on_the_way = OnTheWay::new(retreats);
        let long_lives = LongLives::default();
        Ok(Self { log, on_the_way, at_hand, packed, long_lives, recent })
    }

    /// The person of a stream, read back when not remembered.
    ///
    /// # Errors
    /// [`ReplayError`] when the stream cannot be read.
    pub fn known(&mut self, id: PersonId) -> Result<&mut Known, ReplayError> {
        if !self.at_hand.young.contains_key(&id) {
            let known = match self.at_hand.old.remove(&id) {
                Some(known) => known,
                None => Box::new(self.recall(id)?),
            };
            self.put(id, known);
        }
        Ok(self.at_hand.young.get_mut(&id).expect("put there just now"))
    }

    /// Where the events stand of a person who was asked for just now.
    pub fn places(&self, id: PersonId) -> &[Position] {
        let at_hand = self.at_hand.young.get(&id).or_else(|| self.at_hand.old.get(&id));
        at_hand.map_or(&[], |known| known.places())
    }

    /// The person packed, or read back. What is packed stays there until it is packed anew.
    fn recall(&self, id: PersonId) -> Result<Known, ReplayError> {
        let Some(packed) = self.packed.find(id) else { return self.load(id) };
        Ok(Known::unpack(packed, self.log.keys().find(id.as_uuid())?))
    }

    fn put(&mut self, id: PersonId, known: Box<Known>) {
        let mut room = Vec::new();
        for (id, known) in self.at_hand.keep(id, known) {
            // Many were only looked at. The older of two generations would forget them.
            if known.is_changed || !self.packed.is_young(id) {
                self.packed.keep(id, known.pack(&mut room));
            }
        }
    }

    /// Puts a person back as they were.
    pub fn restore(&mut self, id: PersonId, known: Known) {
        self.long_lives.forget(id);
        // They may have been packed as they were meanwhile.
        self.put(id, Box::new(Known { is_changed: true, ..known }));
    }

    /// Forgets what is packed of a person who is at hand, and their life.
    pub fn forget_packed(&mut self, id: PersonId) {
        self.long_lives.forget(id);
        self.packed.forget(id);
    }

    /// Forgets those of whom something was decided that a log that ends at `head` gave back: they
    /// are read anew. A key of [`Recent`] that is void leads to a stream without it.
    pub(super) fn retreat(&mut self, head: Position) {
        for id in self.on_the_way.retreat(head) {
            self.at_hand.young.remove(&id);
            self.at_hand.old.remove(&id);
            self.forget_packed(id);
        }
    }

    /// In whose stream a submission was lately recorded: finds a key that is used again for
    /// somebody else, which the stream of that other person cannot tell.
    pub fn recent(&mut self) -> &mut Recent {
        &mut self.recent
    }

    /// How the log is read.
    pub fn log(&self) -> &LogReader {
        &self.log
    }

    fn load(&self, id: PersonId) -> Result<Known, ReplayError> {
        let mut known = Known::empty();
        let stream = StreamId::from(id);
        if self.log.journal().stream_head(stream)?.is_none() {
            return Ok(known);
        }
        for event in self.log.stream(stream)? {
            known.placed(event.envelope.position);
            known.person.apply(person_event(&event));
        }
        known.key = self.log.keys().find(id.as_uuid())?.map(Arc::new);
        Ok(known)
    }
}

/// The event as the aggregate takes it; an erased one leaves its place and says nothing.
fn person_event(event: &Recorded) -> PersonEvent {
    let life = event.payload.as_ref().and_then(|payload| payload.life()).cloned();
    PersonEvent {
        number: event.envelope.event_type.number,
        key: event.envelope.key,
        occurred_on: event.envelope.clocks.occurred_on,
        department: event.envelope.department,
        channel: event.envelope.channel,
        life: life.unwrap_or_default(),
    }
}

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

    /// Remembers a use.
    pub fn remember(&mut self, key: EventKey, person: PersonId) {
        if self.young.len() >= RECENT_KEYS {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, person);
    }
}
