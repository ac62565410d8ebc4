//! Reads on record: an answer about a person leaves only after the read is durable.
//!
//! Reads have a journal of their own, so that looking never slows or swells the life log. They are
//! appended in groups, like events: while one group syncs, the next one gathers.
//!
//! A read stands in the stream of each person whom it told of, and a list in those of all of them,
//! under one correlation: so who looked at somebody is one walk along their own stream. What told
//! of nobody stands in the registry's own. Acts of oversight go the same way, to a stream of theirs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::life_event::{ItemsTold, Oversight, PersonRead};
use domain::recorded::{ContentTag, Envelope, EventKey, Recorded};
use domain::{Clocks, Kind, Payload, PersonId, Place, Position, Sequence, StreamId, StreamKind};
use jiff::Timestamp;
use journal::{AppendError, Draft, Expected, Journal, KeySlots, ReadError, StreamAppend, compress};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::oversight::OVERSIGHT;
use super::space::Space;

/// The registry's own key, and the stream of reads that told of nobody.
const OWN: Uuid = Uuid::nil();

/// Records appended at once, about.
const GROUP_READS_MAX: usize = 4_000;

/// While several readers ask at once, a group waits for more of them before it is written, in steps
/// of so long: until it is as large as the one before, or a step brought nobody. A sync costs more of
/// the processor than the reads that share it. A lone reader never waits.
const GATHER: Duration = Duration::from_micros(250);
/// As many steps at most.
const GATHER_STEPS_MAX: usize = 2;

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
    /// Why and what; the values told stand in `persons`, the glass in `glasses`.
    pub read: PersonRead,
    /// Of persons who are seen through broken glass: which.
    pub glasses: Vec<(PersonId, Position)>,
}

/// One act of oversight that is to be recorded.
pub struct Overseen {
    /// What.
    pub act: Oversight,
    /// By whom: the token's subject.
    pub actor: String,
    /// Code of their department.
    pub department: [u8; 3],
    /// The division of their grant.
    pub place: Place,
    /// Whom it tells of, so that it goes with their key.
    pub about: Option<PersonId>,
    /// The act that it follows; 0 for none.
    pub causation: Position,
}

enum Work {
    Read(Box<Read>),
    Overseen(Overseen),
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
/// Told when it is on record; of an act of oversight, where.
type Done = oneshot::Sender<Result<Option<Envelope>, Unrecorded>>;
type Waiting = (Work, Done);

/// The thread that records reads.
pub struct Reads {
    queue: Option<Sender<Waiting>>,
    /// How many were ever handed in.
    handed_in: Arc<AtomicU64>,
    space: Arc<Space>,
    thread: Option<JoinHandle<()>>,
}

impl Reads {
    /// Starts recording to `journal`, sealing with the persons' keys, as long as there is `space`.
    pub fn start(journal: Arc<dyn Journal>, keys: Arc<KeySlots>, space: Arc<Space>) -> Self {
        let (queue, waiting) = channel();
        let handed_in = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&handed_in);
        let run = move || record_all(&waiting, &seen, &*journal, &keys);
        let thread = std::thread::Builder::new().name("reads".to_owned()).spawn(run);
        let thread = Some(thread.expect("the system gives a thread"));
        Self { queue: Some(queue), handed_in, space, thread }
    }

    /// Hands a read in to be recorded; it is durable when the future has ended well.
    ///
    /// # Errors
    /// [`Unrecorded`]: answer nothing then.
    pub fn record(&self, read: Read) -> impl Future<Output = Result<(), Unrecorded>> + use<> {
        let recorded = self.send(Work::Read(Box::new(read)));
        async { recorded.await.unwrap_or(Err(Unrecorded::Failed)).map(drop) }
    }

    /// Hands an act of oversight in; it is durable when the future has ended well.
    ///
    /// # Errors
    /// [`Unrecorded`].
    pub fn oversee(
        &self,
        overseen: Overseen,
    ) -> impl Future<Output = Result<Recorded, Unrecorded>> + use<> {
        let payload = Some(Payload::Oversight(overseen.act.clone()));
        let recorded = self.send(Work::Overseen(overseen));
        async {
            let envelope = recorded.await.unwrap_or(Err(Unrecorded::Failed))?;
            let envelope = envelope.ok_or(Unrecorded::Failed)?;
            Ok(Recorded { envelope, payload, target: None })
        }
    }

    fn send(&self, work: Work) -> oneshot::Receiver<Result<Option<Envelope>, Unrecorded>> {
        let (done, recorded) = oneshot::channel();
        // A queue that takes no more drops `done`, and whoever waits is told.
        match &self.queue {
            Some(_) if !self.space.takes_reads() => {
                let _ = done.send(Err(Unrecorded::StorageFull));
            }
            Some(queue) => {
                drop(queue.send((work, done)));
                self.handed_in.fetch_add(1, Ordering::Relaxed);
            }
            None => {}
        }
        recorded
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

/// Waits for more of those who ask at the same time, until there are `enough` that were handed in.
fn gather(handed_in: &AtomicU64, enough: u64) {
    let mut before = handed_in.load(Ordering::Relaxed);
    for _ in 0..GATHER_STEPS_MAX {
        if before >= enough {
            break;
        }
        std::thread::sleep(GATHER);
        let now = handed_in.load(Ordering::Relaxed);
        if now == before {
            break;
        }
        before = now;
    }
}

fn record_all(
    waiting: &Receiver<Waiting>,
    handed_in: &AtomicU64,
    journal: &dyn Journal,
    keys: &KeySlots,
) {
    let mut recorder = Recorder::new(journal, keys);
    let (mut taken, mut in_last_group) = (0_u64, 0);
    while let Ok(first) = waiting.recv() {
        if in_last_group > 1 {
            gather(handed_in, taken + in_last_group);
        }
        let mut group = Vec::new();
        let mut done = Vec::new();
        let mut next = Some(first);
        let taken_before = taken;
        while let Some((work, answer)) = next {
            taken += 1;
            let (appends, is_act) = match work {
                Work::Read(read) => (recorder.appends_of(*read), false),
                Work::Overseen(act) => (recorder.append_act(act), true),
            };
            match appends {
                Ok(appends) => {
                    let act = appends.first().filter(|_| is_act);
                    let envelope = act.map(|act| act.records[0].envelope.clone());
                    done.push((appends.len(), answer, envelope));
                    group.extend(appends);
                }
                // The reader is refused: the dropped answer says so.
                Err(error) => tracing::error!(error = %replay::chain(&*error), "read unrecorded"),
            }
            next = if group.len() < GROUP_READS_MAX { waiting.try_recv().ok() } else { None };
        }
        recorder.next_sequence.clear();
        in_last_group = taken - taken_before;
        let mut results = journal.append(group).into_iter();
        for (count, answer, mut envelope) in done {
            let mut recorded = Ok(());
            for result in results.by_ref().take(count) {
                match result {
                    Ok(appended) => {
                        if let Some(envelope) = &mut envelope {
                            envelope.position = appended.first;
                        }
                    }
                    Err(error @ AppendError::Fatal(_)) => super::commit::die(&error),
                    Err(AppendError::Full) => recorded = Err(Unrecorded::StorageFull),
                    Err(error) => {
                        tracing::error!(error = %replay::chain(&error), "read unrecorded");
                        recorded = Err(Unrecorded::Failed);
                    }
                }
            }
            // The reader may be gone.
            let _ = answer.send(recorded.map(|()| envelope));
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
        let Read { persons, actor, department, place, mut read, glasses } = read;
        let correlation = EventKey(self.draw()?);
        let mut envelope = self.envelope(actor, department, place, correlation);
        if persons.is_empty() {
            let json = read.to_json();
            return Ok(vec![self.append(OWN, OWN, envelope, &json)?]);
        }
        let mut appends = Vec::with_capacity(persons.len());
        for (person, told) in persons {
            read.told = told;
            let glass = glasses.iter().find(|(seen, _)| *seen == person);
            read.break_glass = glass.map(|(_, glass)| *glass);
            let (id, json) = (person.as_uuid(), read.to_json());
            appends.push(self.append(id, id, envelope.clone(), &json)?);
            envelope.key = EventKey(self.draw()?);
        }
        Ok(appends)
    }

    fn append_act(&mut self, overseen: Overseen) -> Result<Vec<StreamAppend>, Error> {
        let Overseen { act, actor, department, place, about, causation } = overseen;
        let correlation = EventKey(self.draw()?);
        let event_type = act.kind().event_type(false);
        let envelope = self.envelope(actor, department, place, correlation);
        let envelope = Envelope { event_type, causation, ..envelope };
        let owner = about.map_or(OWN, PersonId::as_uuid);
        Ok(vec![self.append(OVERSIGHT, owner, envelope, &act.to_json())?])
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
