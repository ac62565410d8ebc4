//! The persons whom the deciding thread keeps in memory: at hand those of the moment, packed very
//! many. Who is not among them is read back from their stream.

use std::sync::Arc;

use cqrs_es::Aggregate;
use domain::packing::{Packing, Unpacking};
use domain::recorded::Recorded;
use domain::{ById, Person, PersonEvent, PersonId, Position, Sequence, StreamId};
use journal::PersonKey;
use projections::PackedStanding;
use replay::{LogReader, ReplayError};

use super::at_hand::AtHand;
use super::long_lives::LongLives;
use super::recent_keys::Recent;
use super::retreat::{OnTheWay, Retreats};

/// Packed persons have room up to the next of so many sizes, or of four in each doubling: as much as
/// their memory takes anyway. Of some events more each finds place where they are.
const ROOM_BYTES: usize = 64;

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
    pub standing: Option<PackedStanding>,
    /// Whether what is packed of them, if anything, says something else.
    is_changed: bool,
    /// Where they were found packed.
    packed_at: Option<PackedAt>,
}

impl Known {
    /// A stream without events.
    pub(super) fn empty() -> Self {
        let (person, places) = (Person::default(), Vec::new());
        Self { person, places, key: None, standing: None, is_changed: true, packed_at: None }
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

    /// Takes what stands about the person, unless that is known or something newer was decided.
    pub(super) fn stands(&mut self, standing: PackedStanding) {
        let newest = self.newest();
        let is_known = self.standing.as_ref().is_some_and(|known| known.version() == newest);
        if standing.version() == newest && !is_known {
            self.standing = Some(standing);
        }
    }

    /// In few bytes, without the key, which has its own place in memory.
    fn pack(&self, to: &mut Packing<'_>) {
        self.person.pack(to);
        let mut before = 0;
        for Position(place) in &self.places {
            to.number(place - before);
            before = *place;
        }
    }

    /// Is not at hand any more: no key and no row stays longer than whose it is.
    pub(super) fn leave(&mut self) {
        (self.key, self.standing) = (None, None);
    }

    /// Becomes somebody who was packed, in the memory of whoever it was before.
    fn unpack(&mut self, (packed, at): (&[u8], Option<PackedAt>), key: Option<PersonKey>) {
        let mut from = Unpacking(packed);
        self.person.unpack(&mut from);
        let mut place = 0;
        self.places.clear();
        self.places.extend((0..self.person.events()).map(|_| {
            place += from.number();
            Position(place)
        }));
        (self.key, self.standing, self.is_changed) = (key.map(Arc::new), None, false);
        self.packed_at = at;
    }
}

/// The decider's memory: persons at hand and persons packed, each in two generations. What was not
/// asked for during a whole generation goes from those at hand to the packed ones, and from there
/// is forgotten. A packed generation is far longer than the events that are on their way to the disk.
pub struct Memory {
    log: LogReader,
    pub(super) on_the_way: OnTheWay,
    at_hand: AtHand,
    packed: Packed,
    /// Memory in which persons are packed.
    room: Vec<u8>,
    pub(super) long_lives: LongLives,
    recent: Recent,
}

/// Very many persons, packed; nothing where one was forgotten.
struct Packed {
    young: ById<PersonId, Box<[u8]>>,
    old: ById<PersonId, Box<[u8]>>,
    size: usize,
    /// How many generations are over.
    over: u32,
}

/// Where somebody is among the younger of those who are packed, as long as these are the younger ones:
/// memory that was looked at a moment ago, while looking for it by their id goes to two places far away.
#[derive(Clone, Copy)]
struct PackedAt {
    over: u32,
    place: u32,
}

impl Packed {
    fn of(size: usize) -> Self {
        Self { young: ById::default(), old: ById::default(), size, over: 0 }
    }

    fn find(&self, id: PersonId) -> Option<(&[u8], Option<PackedAt>)> {
        let at = self.young_at(id).filter(|at| !self.young.at(at.place).is_empty());
        let packed = at.map(|at| self.young.at(at.place)).or_else(|| self.old.get(&id))?;
        (!packed.is_empty()).then_some((packed, at))
    }

    fn young_at(&self, id: PersonId) -> Option<PackedAt> {
        self.young.find(&id).map(|place| PackedAt { over: self.over, place })
    }

    /// Whether one is packed that is not forgotten with the older ones; `at` is where they were found.
    fn is_young(&self, id: PersonId, at: Option<PackedAt>) -> bool {
        let at = at.filter(|at| at.over == self.over).or_else(|| self.young_at(id));
        at.is_some_and(|at| !self.young.at(at.place).is_empty())
    }

    fn keep(&mut self, id: PersonId, at: Option<PackedAt>, packed: &[u8]) {
        if self.young.len() >= self.size {
            self.old = std::mem::take(&mut self.young);
            self.over += 1;
        }
        let at = at.filter(|at| at.over == self.over).or_else(|| self.young_at(id));
        let there = at.map(|at| self.young.at_mut(at.place));
        if let Some(there) = there.filter(|there| there.len() >= packed.len()) {
            // What is left over behind it is never read.
            there[..packed.len()].copy_from_slice(packed);
            return;
        }
        let step = (packed.len().next_power_of_two() / 8).max(ROOM_BYTES);
        let mut made = Vec::with_capacity(packed.len().next_multiple_of(step));
        made.extend_from_slice(packed);
        made.resize(made.capacity(), 0);
        let made = made.into_boxed_slice();
        match at {
            Some(at) => *self.young.at_mut(at.place) = made,
            None => drop(self.young.insert(id, made)),
        }
    }

    fn forget(&mut self, id: PersonId) {
        let both = [self.young.get_mut(&id), self.old.get_mut(&id)];
        both.into_iter().flatten().for_each(|packed| *packed = Box::default());
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
        let (at_hand, packed) = (AtHand::default(), Packed::of(generation));
        let (on_the_way, long_lives) = (OnTheWay::new(retreats), LongLives::default());
        Ok(Self { log, on_the_way, at_hand, packed, room: Vec::new(), long_lives, recent })
    }

    /// The person of a stream, read back when not remembered.
    ///
    /// # Errors
    /// [`ReplayError`] when the stream cannot be read.
    pub fn known(&mut self, id: PersonId) -> Result<&mut Known, ReplayError> {
        let place = match self.at_hand.find(id) {
            Some(place) => place,
            None => self.recall(id)?,
        };
        Ok(self.at_hand.at(place))
    }

    /// Brings what is packed of some persons, who are asked for next, out of memory together; leaves
    /// those among them who are not at hand.
    ///
    /// # Errors
    /// [`ReplayError`] when the keys cannot be read.
    pub fn foresee(&mut self, persons: &mut Vec<PersonId>) -> Result<(), ReplayError> {
        persons.retain(|id| !self.at_hand.has(*id));
        let mut bytes = 0;
        for packed in [&self.packed.young, &self.packed.old] {
            packed.show_each(persons, |packed| {
                bytes += packed.iter().step_by(64).fold(0, |sum, byte| sum ^ *byte as usize)
            });
        }
        std::hint::black_box(bytes);
        let ids: Vec<_> = persons.iter().map(|person| person.as_uuid()).collect();
        Ok(self.log.keys().find_each(&ids, &mut Vec::new())?)
    }

    /// Where the events stand of a person who was asked for just now.
    pub fn places(&self, id: PersonId) -> &[Position] {
        self.at_hand.get(id).map_or(&[], Known::places)
    }

    /// Makes somebody be at hand who is packed, or read back. What is packed stays there until it is
    /// packed anew.
    fn recall(&mut self, id: PersonId) -> Result<usize, ReplayError> {
        let Some((packed, at)) = self.packed.find(id) else {
            let known = self.load(id)?;
            return Ok(self.put(id, known));
        };
        let key = self.log.keys().find(id.as_uuid())?;
        let place = self.at_hand.add(id);
        self.at_hand.at(place).unpack((packed, at), key);
        self.make_room();
        Ok(place)
    }

    fn put(&mut self, id: PersonId, known: Known) -> usize {
        let place = self.at_hand.find(id).unwrap_or_else(|| self.at_hand.add(id));
        *self.at_hand.at(place) = known;
        self.make_room();
        place
    }

    /// Packs those who are at hand no longer.
    fn make_room(&mut self) {
        let Self { at_hand, packed, room, .. } = self;
        at_hand.make_room(|id, known| {
            // Many were only looked at. The older of two generations would forget them.
            if known.is_changed || !packed.is_young(id, known.packed_at) {
                room.clear();
                known.pack(&mut Packing(room));
                packed.keep(id, known.packed_at, room);
            }
        });
    }

    /// Puts a person back as they were.
    pub fn restore(&mut self, id: PersonId, known: Known) {
        self.long_lives.forget(id);
        // They may have been packed as they were meanwhile.
        self.put(id, Known { is_changed: true, ..known });
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
            self.at_hand.forget(id);
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
