//! The commit loop: one thread decides what has queued, one makes new keys durable, one the events,
//! and then every sender is answered. While one group syncs, the next one gathers and is decided.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use domain::StreamId;
use domain::recorded::Recorded;
use journal::{AppendError, Draft, Expected, Journal, KeyError, KeySlots, StreamAppend, compress};
use replay::Tail;
use tokio::sync::oneshot;

use super::Prepared;
use super::decide::{Decided, Decider, Group};
use super::receipt::Receipt;

/// Submissions decided into one group at most.
const GROUP_SUBMISSIONS_MAX: usize = 2_000;
/// Events that the views may be behind before a group waits for them, and how long it waits at
/// most: readers shall see what is recorded within a second, but views that are being rebuilt
/// must not keep events out.
const BEHIND_EVENTS_MAX: u64 = 12_000;
const WAIT_FOR_VIEWS: Duration = Duration::from_millis(250);
/// While several senders wait at once, a group waits so long for more of them before it is decided:
/// handing a group on and syncing it costs more than the submissions that share it. A lone sender
/// never waits.
const GATHER: Duration = Duration::from_micros(200);
/// Groups that may wait between two threads: none, or few submissions would share a sync and each
/// would wait for more of them.
const GROUPS_WAITING_MAX: usize = 0;

/// Submissions that are decided together, and where to answer.
pub struct Job {
    /// What was sent.
    pub submissions: Vec<Prepared>,
    /// Whether all or none is to be recorded.
    pub atomic: bool,
    /// Where the receipts go, in order.
    pub answer: oneshot::Sender<Vec<Receipt>>,
}

type Answers = Vec<(oneshot::Sender<Vec<Receipt>>, Vec<Receipt>)>;

/// Starts the threads. They end when every sender of jobs is gone; what was queued is recorded.
/// Each group is added to `tail` for the follower; `behind` tells how many events the views are behind the log.
pub fn start(
    decider: Decider,
    jobs: Receiver<Job>,
    journal: Arc<dyn Journal>,
    keys: Arc<KeySlots>,
    tail: Arc<Tail>,
    behind: impl Fn() -> u64 + Send + 'static,
) -> Vec<std::thread::JoinHandle<()>> {
    let (groups, decided) = std::sync::mpsc::sync_channel(GROUPS_WAITING_MAX);
    let (locked, durable_keys) = std::sync::mpsc::sync_channel(GROUPS_WAITING_MAX);
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        thread.expect("the system gives a thread at start")
    };
    vec![
        spawn("decide", Box::new(move || decide(decider, &jobs, &groups, behind))),
        spawn("keys", Box::new(move || sync_keys(&decided, &keys, &locked))),
        spawn("append", Box::new(move || append(&durable_keys, &*journal, &tail))),
    ]
}

fn decide(
    mut decider: Decider,
    jobs: &Receiver<Job>,
    groups: &SyncSender<(Group, Answers)>,
    behind: impl Fn() -> u64,
) {
    let mut are_many = false;
    while let Ok(job) = jobs.recv() {
        let since = Instant::now();
        if are_many {
            std::thread::sleep(GATHER);
        }
        while behind() > BEHIND_EVENTS_MAX && since.elapsed() < WAIT_FOR_VIEWS {
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut answers = Answers::new();
        let mut submissions = 0;
        let mut next = Some(job);
        while let Some(job) = next {
            submissions += job.submissions.len();
            let receipts = decider.decide(&job.submissions, job.atomic);
            answers.push((job.answer, receipts));
            next = if submissions < GROUP_SUBMISSIONS_MAX { jobs.try_recv().ok() } else { None };
        }
        are_many = answers.len() > 1;
        if groups.send((decider.take_group(), answers)).is_err() {
            return;
        }
    }
}

/// A key must be on the disk before anything that it sealed. On a thread of its own, the keys of a
/// group sync while the events of the one before do.
fn sync_keys(
    decided: &Receiver<(Group, Answers)>,
    keys: &KeySlots,
    locked: &SyncSender<(Group, Answers)>,
) {
    while let Ok((group, answers)) = decided.recv() {
        if group.issued_keys
            && let Err(error) = keys.sync()
        {
            die(&error);
        }
        if locked.send((group, answers)).is_err() {
            return;
        }
    }
}

fn append(decided: &Receiver<(Group, Answers)>, journal: &dyn Journal, tail: &Tail) {
    while let Ok((mut group, answers)) = decided.recv() {
        if !group.events.is_empty() {
            let places: Vec<_> = group.events.iter().map(|event| event.envelope.position).collect();
            tail.add(group.events.iter_mut().map(|event| {
                let (envelope, payload) = (event.envelope.clone(), Some(event.payload.clone()));
                (Recorded { envelope, payload, target: None }, event.step.take())
            }));
            let group = group.events.into_iter().map(sealed).collect();
            for (result, place) in journal.append(group).into_iter().zip(places) {
                match result {
                    Ok(appended) if appended.first == place => {}
                    Ok(_) => die(&AppendError::Conflict(None)),
                    Err(error) => die(&error),
                }
            }
        }
        for (answer, receipts) in answers {
            // A sender that went away finds its receipt when it sends again.
            drop(answer.send(receipts));
        }
    }
}

/// What reached the disk is unknown, and others were decided upon it: nothing may be acknowledged
/// any more, and a sync that failed is never tried again.
pub(super) fn die(error: &dyn std::error::Error) -> ! {
    tracing::error!(error = %replay::chain(error), "the log failed; the process ends");
    std::process::abort();
}

/// What came of a key, unless the disk failed: then the process ends.
pub(super) fn unless_the_disk_failed<T>(found: Result<T, KeyError>) -> Result<T, KeyError> {
    if let Err(error @ KeyError::Io(_)) = &found {
        die(error);
    }
    found
}

fn sealed(event: Decided) -> StreamAppend {
    let Decided { envelope, payload, key, .. } = event;
    let stream: StreamId = envelope.stream;
    let packed = compress::pack(&payload.to_json());
    let sealed = key.seal(stream, envelope.sequence, &packed);
    let expected = match envelope.sequence.0.checked_sub(1) {
        Some(newest) => Expected::At(domain::Sequence(newest)),
        None => Expected::Empty,
    };
    StreamAppend { stream, expected, records: vec![Draft { envelope, sealed }] }
}
