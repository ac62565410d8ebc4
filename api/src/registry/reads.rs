//! Reads on record: an answer about a person leaves only after the read is durable.
//!
//! Reads have a journal of their own, so that looking never slows or swells the life log. They are
//! appended in groups, like events: while one group syncs, the next one gathers.
//!
//! A read stands in the stream of each person whom it told of, and a list in those of all of them,
//! under one correlation: so who looked at somebody is one walk along their own stream. What told
//! of nobody stands in the registry's own. Acts of oversight go the same way, to a stream of theirs.

mod recorder;
mod rhythm;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use domain::life_event::{ItemsTold, Oversight, PersonRead};
use domain::recorded::{Envelope, Recorded};
use domain::{Payload, PersonId, Place, Position};
use journal::{AppendError, Journal, KeySlots, StreamAppend};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::space::Space;
use recorder::Recorder;
use rhythm::{Asked, Rhythm};

/// The registry's own key, and the stream of reads that told of nobody.
const OWN: Uuid = Uuid::nil();

/// Records appended at once, about.
const GROUP_READS_MAX: usize = 4_000;

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
    Read(Told),
    Overseen(Overseen),
}

/// A read as it is handed in: whoever asks has made of it what is sealed, since one thread seals
/// for all of them.
struct Told {
    /// In whose streams, and with whose keys, it stands as which JSON.
    records: Vec<(Uuid, Vec<u8>)>,
    actor: String,
    department: [u8; 3],
    place: Place,
}

impl Told {
    fn of(read: Read) -> Self {
        let Read { persons, actor, department, place, mut read, glasses } = read;
        let mut records = Vec::with_capacity(persons.len().max(1));
        if persons.is_empty() {
            records.push((OWN, read.to_json()));
        }
        for (person, told) in persons {
            read.told = told;
            let glass = glasses.iter().find(|(seen, _)| *seen == person);
            read.break_glass = glass.map(|(_, glass)| *glass);
            records.push((person.as_uuid(), read.to_json()));
        }
        Self { records, actor, department, place }
    }
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

/// Told when it is on record; of an act of oversight, where.
type Done = oneshot::Sender<Result<Option<Envelope>, Unrecorded>>;
type Waiting = (Work, Done);

/// The thread that records reads.
pub struct Reads {
    queue: Option<Sender<Waiting>>,
    asked: Arc<Asked>,
    space: Arc<Space>,
    thread: Option<JoinHandle<()>>,
}

impl Reads {
    /// Starts recording to `journal`, sealing with the persons' keys, as long as there is `space`.
    pub fn start(journal: Arc<dyn Journal>, keys: Arc<KeySlots>, space: Arc<Space>) -> Self {
        let (queue, waiting) = channel();
        let asked = Arc::new(Asked::default());
        let rhythm = Rhythm::new(Arc::clone(&asked));
        let run = move || record_all(&waiting, rhythm, &*journal, &keys);
        let thread = std::thread::Builder::new().name("reads".to_owned()).spawn(run);
        let thread = thread.expect("the system gives a thread");
        asked.is_gathered_by(thread.thread().clone());
        Self { queue: Some(queue), asked, space, thread: Some(thread) }
    }

    /// Hands a read in to be recorded; it is durable when the future has ended well.
    ///
    /// # Errors
    /// [`Unrecorded`]: answer nothing then.
    pub fn record(&self, read: Read) -> impl Future<Output = Result<(), Unrecorded>> + use<> {
        let recorded = self.send(Work::Read(Told::of(read)));
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
                self.asked.one_more();
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

fn record_all(
    waiting: &Receiver<Waiting>,
    mut rhythm: Rhythm,
    journal: &dyn Journal,
    keys: &KeySlots,
) {
    let mut recorder = Recorder::new(journal, keys);
    while let Ok(first) = waiting.recv() {
        let mut group = Group::default();
        group.take(first, &mut recorder);
        // Records are made while others are waited for.
        rhythm.gather(|| {
            while group.appends.len() < GROUP_READS_MAX
                && let Ok(next) = waiting.try_recv()
            {
                group.take(next, &mut recorder);
            }
            group.taken
        });
        recorder.next_sequence.clear();
        group.append(journal);
    }
}

/// Reads that are appended together.
#[derive(Default)]
struct Group {
    appends: Vec<StreamAppend>,
    /// For each who asked how many appends are theirs, who is told, and of an act its envelope.
    done: Vec<(usize, Done, Option<Envelope>)>,
    /// How many asked, those among them who are refused.
    taken: usize,
}

impl Group {
    fn take(&mut self, (work, answer): Waiting, recorder: &mut Recorder) {
        self.taken += 1;
        let before = self.appends.len();
        let taken = match work {
            Work::Read(told) => recorder.tell(told, &mut self.appends).map(|count| (count, None)),
            Work::Overseen(act) => recorder.append_act(act).map(|append| {
                let envelope = append.records[0].envelope.clone();
                self.appends.push(append);
                (1, Some(envelope))
            }),
        };
        match taken {
            Ok((count, envelope)) => self.done.push((count, answer, envelope)),
            // The reader is refused: the dropped answer says so.
            Err(error) => {
                self.appends.truncate(before);
                tracing::error!(error = %replay::chain(&*error), "read unrecorded");
            }
        }
    }

    /// Appends it, and tells everybody what came of it.
    fn append(self, journal: &dyn Journal) {
        let mut results = journal.append(self.appends).into_iter();
        for (count, answer, mut envelope) in self.done {
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
