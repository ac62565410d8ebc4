//! Reads on record: an answer about a person leaves only after the read is durable.
//!
//! Reads have a journal of their own, so that looking never slows or swells the life log. They are
//! appended in groups, like events: while one group syncs, the next one gathers.
//!
//! A read stands in the stream of each person whom it told of, and a list in those of all of them,
//! under one correlation: so who looked at somebody is one walk along their own stream. What told
//! of nobody stands in the registry's own.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::life_event::{ItemsTold, PersonRead};
use domain::recorded::{ContentTag, Envelope, EventKey};
use domain::{Clocks, Kind, PersonId, Place, Position, Sequence, StreamId, StreamKind};
use jiff::Timestamp;
use journal::{AppendError, Draft, Expected, Journal, KeySlots, ReadError, StreamAppend, compress};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::space::Space;

/// The registry's own key, and the stream of reads that told of nobody.
const OWN: Uuid = Uuid::nil();

/// Records appended at once, about.
const GROUP_READS_MAX: usize = 4_000;

/// While several readers ask at once, a group waits so long for more of them before it is written:
/// a sync costs more of the processor than the reads that share it. A lone reader never waits.
const GATHER: Duration = Duration::from_micros(200);

/// One read that is to be recorded.
pub struct Read {
    /// Whom the answer is about, each with the values that it tells of them; none for a question
    /// that found nobody. Nobody stands there twice.
    pub persons: Vec<(PersonId, ItemsTold)>,
    /// The reader: the token's subject.
    pub actor: String,
    /// Code of the reader's department.
    pub department: [u8; 3],
    /// The division of the reader's grant.
    pub place: Place,
    /// Why and what; the values told stand in `persons`.
    pub read: PersonRead,
}

/// Why a read could not be recorded, so that nothing may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecorded {
    /// The disk has no room for it.
    #[error("there is no room to record the read")]
    StorageFull,
    /// It has no form, or a log or a key cannot be read.
    #[error("the read could not be recorded")]
    Failed,
}

type Error = Box<dyn std::error::Error>;
type Waiting = (Read, oneshot::Sender<Result<(), Unrecorded>>);

/// The thread that records reads.
pub struct Reads {
    queue: Option<Sender<Waiting>>,
    space: Arc<Space>,
    thread: Option<JoinHandle<()>>,
}

impl Reads {
    /// Starts recording to `journal`, sealing with the persons' keys, as long as there is `space`.
    pub fn start(journal: Arc<dyn Journal>, keys: Arc<KeySlots>, space: Arc<Space>) -> Self {
        let (queue, waiting) = channel();
        let run = move || record_all(&waiting, &*journal, &keys);
        let thread = std::thread::Builder::new().name("reads".to_owned()).spawn(run);
        let thread = Some(thread.expect("the system gives a thread"));
        Self { queue: Some(queue), space, thread }
    }

    /// Hands a read in to be recorded; it is durable when the future has ended well.
    ///
    /// # Errors
    /// [`Unrecorded`]: answer nothing then.
    pub fn record(&self, read: Read) -> impl Future<Output = Result<(), Unrecorded>> + use<> {
        let (done, recorded) = oneshot::channel();
        // A queue that takes no more drops `done`, and the future tells it.
        match &self.queue {
            Some(_) if !self.space.takes_reads() => {
                let _ = done.send(Err(Unrecorded::StorageFull));
            }
            Some(queue) => drop(queue.send((read, done))),
            None => {}
        }
        async { recorded.await.unwrap_or(Err(Unrecorded::Failed)) }
    }
}

impl Drop for Reads {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that records reads panicked");
        }
    }
}

fn record_all(waiting: &Receiver<Waiting>, journal: &dyn Journal, keys: &KeySlots) {
    let mut recorder = Recorder::new(journal, keys);
    let mut is_shared = false;
    while let Ok(first) = waiting.recv() {
        if is_shared {
            std::thread::sleep(GATHER);
        }
        let mut group = Vec::new();
        let mut done = Vec::new();
        let mut next = Some(first);
        while let Some((read, answer)) = next {
            match recorder.appends_of(read) {
                Ok(appends) => {
                    done.push((appends.len(), answer));
                    group.extend(appends);
                }
                // The reader is refused: the dropped answer says so.
                Err(error) => tracing::error!(error = %replay::chain(&*error), "read unrecorded"),
            }
            next = if group.len() < GROUP_READS_MAX { waiting.try_recv().ok() } else { None };
        }
        recorder.next_sequence.clear();
        is_shared = group.len() > 1;
        let mut results = journal.append(group).into_iter();
        for (count, answer) in done {
            let mut recorded = Ok(());
            for result in results.by_ref().take(count) {
                match result {
                    Ok(_) => {}
                    Err(error @ AppendError::Fatal(_)) => super::commit::die(&error),
                    Err(AppendError::Full) => recorded = Err(Unrecorded::StorageFull),
                    Err(error) => {
                        tracing::error!(error = %replay::chain(&error), "read unrecorded");
                        recorded = Err(Unrecorded::Failed);
                    }
                }
            }
            // The reader may be gone.
            let _ = answer.send(recorded);
        }
    }
}

/// Makes records of reads.
struct Recorder<'a> {
    journal: &'a dyn Journal,
    keys: &'a KeySlots,
    /// The next sequence of each stream that the group under way appends to.
    next_sequence: HashMap<Uuid, Sequence>,
    /// Of the newest read: it never goes back, whatever the clock does.
    recorded_at: Timestamp,
    /// Random keys of events, drawn many at once: each draw is a call of the system.
    drawn: Vec<[u8; 16]>,
}

impl<'a> Recorder<'a> {
    fn new(journal: &'a dyn Journal, keys: &'a KeySlots) -> Self {
        let newest = journal.read_at(journal.head()).ok().flatten();
        let newest = newest.and_then(|stored| Some(stored.decode().ok()?.0.clocks.recorded_at));
        let recorded_at = newest.unwrap_or(Timestamp::UNIX_EPOCH);
        Self { journal, keys, next_sequence: HashMap::new(), recorded_at, drawn: Vec::new() }
    }

    fn appends_of(&mut self, read: Read) -> Result<Vec<StreamAppend>, Error> {
        let Read { persons, actor, department, place, mut read } = read;
        let correlation = EventKey(self.draw()?);
        let mut envelope = self.envelope(actor, department, place, correlation);
        if persons.is_empty() {
            return Ok(vec![self.append(OWN, envelope, &read)?]);
        }
        let mut appends = Vec::with_capacity(persons.len());
        for (person, told) in persons {
            read.told = told;
            appends.push(self.append(person.as_uuid(), envelope.clone(), &read)?);
            envelope.key = EventKey(self.draw()?);
        }
        Ok(appends)
    }

    fn append(
        &mut self,
        id: Uuid,
        envelope: Envelope,
        read: &PersonRead,
    ) -> Result<StreamAppend, Error> {
        let stream = StreamId { kind: StreamKind::Reads, id };
        // Whose key is destroyed is still read about; the registry's own keeps that.
        let (key, sealed_for) = match self.keys.find(id)? {
            Some(key) => (key, None),
            None => {
                let own = self.keys.find(OWN)?.ok_or("the registry's own key is gone")?;
                (own, Some(StreamId { kind: StreamKind::Reads, id: OWN }))
            }
        };
        let sequence = self.place(stream)?;
        let sealed = key.seal(stream, sequence, &compress::pack(&read.to_json()));
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
        let now = Timestamp::now();
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
