//! Reads on record: an answer about a person leaves only after the read is durable.
//!
//! Reads have a journal of their own, so that looking never slows or swells the life log. They are
//! appended in groups, like events: while one group syncs, the next one gathers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::life_event::PersonRead;
use domain::recorded::{ContentTag, Envelope, EventKey};
use domain::{Clocks, Kind, Payload, PersonId, Place, Position, Sequence, StreamId, StreamKind};
use jiff::Timestamp;
use journal::{Draft, Expected, Journal, KeySlots, StreamAppend, compress};
use tokio::sync::oneshot;
use uuid::Uuid;

/// Reads appended at once at most.
const GROUP_READS_MAX: usize = 4_000;

/// While several readers ask at once, a group waits so long for more of them before it is written:
/// a sync costs more of the processor than the reads that share it. A lone reader never waits.
const GATHER: Duration = Duration::from_micros(200);

/// One read that is to be recorded.
pub struct Read {
    /// Whom the answer is about; none for a search that found nobody.
    pub person: Option<PersonId>,
    /// The reader: the token's subject.
    pub actor: String,
    /// Code of the reader's department.
    pub department: [u8; 3],
    /// The division of the reader's grant.
    pub place: Place,
    /// Why and what.
    pub read: PersonRead,
}

/// The read could not be recorded, so nothing may be answered.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the read could not be recorded")]
pub struct Unrecorded;

type Waiting = (Read, oneshot::Sender<()>);

/// The thread that records reads.
pub struct Reads {
    queue: Option<Sender<Waiting>>,
    thread: Option<JoinHandle<()>>,
}

impl Reads {
    /// Starts recording to `journal`, sealing with the persons' keys.
    pub fn start(journal: Arc<dyn Journal>, keys: Arc<KeySlots>) -> Self {
        let (queue, waiting) = channel();
        let run = move || record_all(&waiting, &*journal, &keys);
        let thread = std::thread::Builder::new().name("reads".to_owned()).spawn(run);
        Self { queue: Some(queue), thread: Some(thread.expect("the system gives a thread")) }
    }

    /// Hands a read in to be recorded; it is durable when the future has ended well.
    ///
    /// # Errors
    /// [`Unrecorded`]: answer nothing then.
    pub fn record(&self, read: Read) -> impl Future<Output = Result<(), Unrecorded>> + use<> {
        let (done, recorded) = oneshot::channel();
        // A queue that takes no more drops `done`, which the future tells.
        let _ = self.queue.as_ref().map(|queue| queue.send((read, done)));
        async { recorded.await.map_err(|_| Unrecorded) }
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
    let mut is_shared = false;
    while let Ok(first) = waiting.recv() {
        if is_shared {
            std::thread::sleep(GATHER);
        }
        let mut group = Vec::new();
        let mut done = Vec::new();
        let mut next_sequence = HashMap::new();
        let mut next = Some(first);
        while let Some((read, answer)) = next {
            match append_of(read, journal, keys, &mut next_sequence) {
                Ok(append) => {
                    group.push(append);
                    done.push(answer);
                }
                // The reader is refused: the dropped answer says so.
                Err(error) => tracing::error!(error = %replay::chain(&*error), "read unrecorded"),
            }
            next = if group.len() < GROUP_READS_MAX { waiting.try_recv().ok() } else { None };
        }
        is_shared = group.len() > 1;
        for (result, answer) in journal.append(group).into_iter().zip(done) {
            match result {
                Ok(_) => drop(answer.send(())),
                Err(error) => {
                    tracing::error!(error = %replay::chain(&error), "read unrecorded");
                }
            }
        }
    }
}

fn append_of(
    read: Read,
    journal: &dyn Journal,
    keys: &KeySlots,
    next_sequence: &mut HashMap<Uuid, Sequence>,
) -> Result<StreamAppend, Box<dyn std::error::Error>> {
    let known = match read.person {
        Some(person) => keys.find(person.as_uuid())?.map(|key| (person.as_uuid(), key)),
        None => None,
    };
    let (id, key) = match known {
        Some(known) => known,
        None => (Uuid::nil(), keys.find(Uuid::nil())?.ok_or("the registry's own key is gone")?),
    };
    let stream = StreamId { kind: StreamKind::Reads, id };
    let sequence = match next_sequence.get(&id) {
        Some(next) => *next,
        None => Sequence(journal.stream_head(stream)?.map_or(0, |(newest, _)| newest.0 + 1)),
    };
    next_sequence.insert(id, Sequence(sequence.0 + 1));
    let json = Payload::Read(Arc::new(read.read)).to_json();
    let sealed = key.seal(stream, sequence, &compress::pack(&json));
    let now = Timestamp::now();
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    let envelope = Envelope {
        position: Position(0),
        stream,
        sequence,
        previous: Position(0),
        event_type: Kind::PersonRead.event_type(false),
        key: EventKey(random),
        content: ContentTag([0; 8]),
        clocks: Clocks {
            occurred_on: domain::clocks::day_in_china(now),
            known_on: None,
            sent_at: None,
            received_at: now,
            recorded_at: now,
            verified_at: None,
        },
        place: read.place,
        department: read.department,
        channel: *b"OW",
        actor: read.actor,
        source: String::new(),
        correlation: EventKey(random),
        causation: Position(0),
        corrects: Position(0),
        sealed_for: None,
    };
    let expected =
        sequence.0.checked_sub(1).map_or(Expected::Empty, |at| Expected::At(Sequence(at)));
    Ok(StreamAppend { stream, expected, records: vec![Draft { envelope, sealed }] })
}
