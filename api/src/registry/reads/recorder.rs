//! Makes the records of reads: whose stream each stands in, where in it, and sealed for whom.

use std::collections::HashMap;

use domain::recorded::{ContentTag, Envelope, EventKey};
use domain::{Clocks, Kind, PersonId, Place, Position, Sequence, StreamId, StreamKind};
use jiff::Timestamp;
use journal::{Draft, Expected, Journal, KeySlots, ReadError, StreamAppend, compress};
use uuid::Uuid;

use super::super::oversight::OVERSIGHT;
use super::{OWN, Overseen, Told};

type Error = Box<dyn std::error::Error>;

/// Makes records of reads.
pub(super) struct Recorder<'a> {
    journal: &'a dyn Journal,
    keys: &'a KeySlots,
    /// The next sequence of each stream that the group under way appends to.
    pub(super) next_sequence: HashMap<Uuid, Sequence>,
    /// Of the newest read: it never goes back, whatever the clock does.
    recorded_at: Timestamp,
    /// Random keys of events, drawn many at once: each draw is a call of the system.
    drawn: Vec<[u8; 16]>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(journal: &'a dyn Journal, keys: &'a KeySlots) -> Self {
        let newest = journal.read_at(journal.head()).ok().flatten();
        let newest = newest.and_then(|stored| Some(stored.decode().ok()?.0.clocks.recorded_at));
        let recorded_at = newest.unwrap_or(Timestamp::UNIX_EPOCH);
        Self { journal, keys, next_sequence: HashMap::new(), recorded_at, drawn: Vec::new() }
    }

    /// Makes the records of a read behind those of the group; how many.
    pub(super) fn tell(
        &mut self,
        told: Told,
        group: &mut Vec<StreamAppend>,
    ) -> Result<usize, Error> {
        let Told { records, actor, department, place } = told;
        let correlation = EventKey(self.draw()?);
        let mut envelope = self.envelope(actor, department, place, correlation);
        let count = records.len();
        for (id, json) in records {
            group.push(self.append(id, id, envelope.clone(), &json)?);
            envelope.key = EventKey(self.draw()?);
        }
        Ok(count)
    }

    pub(super) fn append_act(&mut self, overseen: Overseen) -> Result<StreamAppend, Error> {
        let Overseen { act, actor, department, place, about, causation } = overseen;
        let correlation = EventKey(self.draw()?);
        let event_type = act.kind().event_type(false);
        let envelope = self.envelope(actor, department, place, correlation);
        let envelope = Envelope { event_type, causation, ..envelope };
        let owner = about.map_or(OWN, PersonId::as_uuid);
        self.append(OVERSIGHT, owner, envelope, &act.to_json())
    }

    /// The record of a payload in the stream of `id`, sealed with the key of `owner`.
    fn append(
        &mut self,
        id: Uuid,
        owner: Uuid,
        envelope: Envelope,
        json: &[u8],
    ) -> Result<StreamAppend, Error> {
        let stream = StreamId { kind: StreamKind::Reads, id };
        // Whose key is destroyed is still read about; the registry's own keeps that.
        let of = |id| StreamId { kind: StreamKind::Reads, id };
        let (key, sealed_for) = match self.keys.find(owner)? {
            Some(key) => (key, (owner != id).then(|| of(owner))),
            None => {
                let own = self.keys.find(OWN)?.ok_or("the registry's own key is gone")?;
                (own, Some(of(OWN)))
            }
        };
        let sequence = self.place(stream)?;
        let sealed = key.seal(stream, sequence, &compress::pack(json));
        let expected =
            sequence.0.checked_sub(1).map_or(Expected::Empty, |at| Expected::At(Sequence(at)));
        let envelope = Envelope { stream, sequence, sealed_for, ..envelope };
        Ok(StreamAppend { stream, expected, records: vec![Draft { envelope, sealed }] })
    }

    /// Of the first record of a read; the stream and the place in it are not filled in.
    fn envelope(
        &mut self,
        actor: String,
        department: [u8; 3],
        place: Place,
        correlation: EventKey,
    ) -> Envelope {
        // As it is read back.
        let now = Timestamp::now();
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        self.recorded_at = self.recorded_at.max(now);
        Envelope {
            position: Position(0),
            stream: StreamId { kind: StreamKind::Reads, id: OWN },
            sequence: Sequence(0),
            previous: Position(0),
            event_type: Kind::PersonRead.event_type(false),
            key: correlation,
            content: ContentTag([0; 8]),
            clocks: Clocks {
                occurred_on: domain::clocks::day_in_china(now),
                known_on: None,
                sent_at: None,
                received_at: now,
                recorded_at: self.recorded_at,
                verified_at: None,
            },
            place,
            department,
            channel: *b"OW",
            actor,
            source: String::new(),
            correlation,
            causation: Position(0),
            corrects: Position(0),
            sealed_for: None,
        }
    }

    /// The place of one more read in a stream.
    fn place(&mut self, stream: StreamId) -> Result<Sequence, ReadError> {
        let next = match self.next_sequence.get(&stream.id) {
            Some(next) => *next,
            None => {
                Sequence(self.journal.stream_head(stream)?.map_or(0, |(newest, _)| newest.0 + 1))
            }
        };
        self.next_sequence.insert(stream.id, Sequence(next.0 + 1));
        Ok(next)
    }

    fn draw(&mut self) -> Result<[u8; 16], getrandom::Error> {
        if let Some(drawn) = self.drawn.pop() {
            return Ok(drawn);
        }
        let mut random = [0; 4096];
        getrandom::fill(&mut random)?;
        let (keys, _) = random.as_chunks();
        self.drawn.extend_from_slice(keys);
        Ok(self.drawn.pop().expect("many were drawn"))
    }
}
