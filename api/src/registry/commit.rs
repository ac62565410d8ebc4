//! The commit loop: one thread decides what has queued, one makes new keys durable, one the events,
//! and then every sender is answered. While one group syncs, the next one gathers and is decided.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender};
use std::time::{Duration, Instant};

use domain::{Order, StreamId};
use journal::{AppendError, Draft, Expected, Journal, KeySlots, StreamAppend, compress};
use replay::Tail;
use tokio::sync::oneshot;

use super::Prepared;
use super::decide::Decider;
use super::erasure::Erasing;
use super::foreseen::Foreseen;
use super::group::{Decided, Group};
use super::orders::Ordered;
use super::queue::{Next, Pace, Waiting};
use super::receipt::Receipt;
use super::retreat::Retreats;
use super::space::Space;

/// Submissions decided into one group at most.
const GROUP_SUBMISSIONS_MAX: usize = 2_000;
/// Events that the views may be behind before a group waits for them, and how long it waits at
/// most: readers shall see what is recorded within a second, but views that are being rebuilt
/// must not keep events out.
const BEHIND_EVENTS_MAX: u64 = 12_000;
const WAIT_FOR_VIEWS: Duration = Duration::from_millis(250);
/// Groups that may wait between two threads: none, or few submissions would share a sync and each
/// would wait for more of them. What comes while the next thread is busy joins the group at hand.
const GROUPS_WAITING_MAX: usize = 0;

/// What is decided together, and where to answer.
pub struct Job {
    /// What was sent.
    pub work: Work,
    /// What was read of whom it names.
    pub foreseen: Foreseen,
    /// Where the receipts go, in order.
    pub answer: oneshot::Sender<Result<Vec<Receipt>, StorageFull>>,
}

/// The disk has no room for what was sent, and nothing of it was recorded.
#[derive(Clone, Copy, Debug)]
pub struct StorageFull;

/// What is to be decided.
pub enum Work {
    /// Submissions, and whether all or none is to be recorded.
    Submissions(Vec<Prepared>, bool),
    /// An order about a record.
    Order(Box<Ordered>),
}

impl Work {
    /// How many submissions it is.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Submissions(batch, _) => batch.len().max(1),
            Self::Order(_) => 1,
        }
    }

    /// The submission, where it is one alone.
    fn single(&self) -> Option<&Prepared> {
        match self {
            Self::Submissions(batch, false) if batch.len() == 1 => batch.first(),
            _ => None,
        }
    }

    /// Whether the answer waits until keys are destroyed.
    fn erases(&self) -> bool {
        matches!(self, Self::Order(ordered) if ordered.order == Order::Erase)
    }

    fn decide(&mut self, decider: &mut Decider) -> Vec<Receipt> {
        match self {
            Self::Submissions(batch, atomic) => decider.decide(batch, *atomic),
            Self::Order(ordered) => vec![decider.order(ordered)],
        }
    }
}

/// Receipts and where they go, once they are true.
pub(super) struct Answer {
    to: oneshot::Sender<Result<Vec<Receipt>, StorageFull>>,
    receipts: Vec<Receipt>,
    erases: bool,
}

impl Answer {
    pub(super) fn send(self) {
        // A sender that went away finds its receipt when it sends again.
        drop(self.to.send(Ok(self.receipts)));
    }

    fn refuse(self) {
        drop(self.to.send(Err(StorageFull)));
    }
}

type Answers = Vec<Answer>;

/// What the threads share.
pub(super) struct Commit {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) keys: Arc<KeySlots>,
    /// Takes each group for the follower.
    pub(super) tail: Arc<Tail>,
    pub(super) space: Arc<Space>,
    pub(super) retreats: Retreats,
    /// Takes what an erasure leaves to do.
    pub(super) erasing: Sender<Erasing>,
}

/// Starts the threads. They end when every sender of jobs is gone; what was queued is recorded.
/// `behind` tells how many events the views are behind the log.
pub(super) fn start(
    decider: Decider,
    (jobs, next, pace): (Waiting, Next, Pace),
    commit: Commit,
    behind: impl Fn() -> u64 + Send + 'static,
) -> Vec<std::thread::JoinHandle<()>> {
    let (space, retreats) = (Arc::clone(&commit.space), commit.retreats.clone());
    let (keys, of_keys) = (Arc::clone(&commit.keys), commit.retreats.clone());
    let (groups, decided) = std::sync::mpsc::sync_channel(GROUPS_WAITING_MAX);
    let (locked, durable_keys) = std::sync::mpsc::sync_channel(GROUPS_WAITING_MAX);
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        thread.expect("the system gives a thread at start")
    };
    vec![
        spawn("decide", Box::new(move || decide(decider, &jobs, &groups, &space, behind))),
        spawn("keys", Box::new(move || sync_keys(&decided, &keys, &of_keys, &locked, &next))),
        spawn("append", Box::new(move || append(&durable_keys, &commit, &retreats, &pace))),
    ]
}

fn decide(
    mut decider: Decider,
    jobs: &Waiting,
    groups: &SyncSender<(Group, Answers)>,
    space: &Space,
    behind: impl Fn() -> u64,
) {
    let mut taken = VecDeque::new();
    while jobs.first(&mut taken) {
        let since = Instant::now();
        while behind() > BEHIND_EVENTS_MAX && since.elapsed() < WAIT_FOR_VIEWS {
            std::thread::sleep(Duration::from_millis(1));
        }
        if decider.is_void() {
            decider.retreat();
        }
        let mut answers = Answers::new();
        let mut submissions = 0;
        let mut goes_on = true;
        while goes_on {
            decider.foresee(taken.iter().filter_map(|job| job.work.single()));
            while goes_on && let Some(job) = taken.pop_front() {
                submissions += job.work.size();
                answers.extend(decide_one(job, &mut decider, space));
                goes_on = submissions < GROUP_SUBMISSIONS_MAX && !decider.group.has_no_room;
            }
            goes_on = goes_on && jobs.further(submissions, &mut taken);
        }
        let group = decider.take_group();
        let is_given_back = group.has_no_room;
        if groups.send((group, answers)).is_err() {
            return;
        }
        // What comes before it is recorded still; only then it is known where the log ends.
        while is_given_back && !decider.is_void() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn decide_one(mut job: Job, decider: &mut Decider, space: &Space) -> Option<Answer> {
    if !space.takes_events() {
        // Queued while there was room.
        drop(job.answer.send(Err(StorageFull)));
        return None;
    }
    decider.take_over(job.foreseen);
    let receipts = job.work.decide(decider);
    Some(Answer { to: job.answer, receipts, erases: job.work.erases() })
}

/// A key must be on the disk before anything that it sealed. On a thread of its own, the keys of a
/// group sync while the events of the one before do.
fn sync_keys(
    decided: &Receiver<(Group, Answers)>,
    keys: &KeySlots,
    retreats: &Retreats,
    locked: &SyncSender<(Group, Answers)>,
    next: &Next,
) {
    loop {
        next.is_free(true);
        let Ok((group, answers)) = decided.recv() else { return };
        next.is_free(false);
        let is_void = group.has_no_room || group.after != retreats.count();
        if group.issued_keys
            && !is_void
            && let Err(error) = keys.sync()
        {
            die(&error);
        }
        if locked.send((group, answers)).is_err() {
            return;
        }
    }
}

fn append(decided: &Receiver<(Group, Answers)>, commit: &Commit, retreats: &Retreats, pace: &Pace) {
    while let Ok((group, answers)) = decided.recv() {
        let began = Instant::now();
        let mut erasing = Erasing::of(&group.events);
        if group.after != retreats.count() || !is_appended(group, commit) {
            answers.into_iter().for_each(Answer::refuse);
            continue;
        }
        pace.took(began.elapsed());
        let (waiting, answers): (Vec<_>, _) = answers.into_iter().partition(|one| one.erases);
        answers.into_iter().for_each(Answer::send);
        if !waiting.is_empty() {
            // Should its thread be gone, the next start destroys the keys.
            erasing.answers = waiting;
            drop(commit.erasing.send(erasing));
        }
    }
}

/// Appends a group. False when the disk has no room for it: the log is as it was, and nothing that
/// was decided upon the group may be appended.
fn is_appended(group: Group, commit: &Commit) -> bool {
    let Commit { journal, tail, space, retreats, .. } = commit;
    let mut has_room = !group.has_no_room;
    if has_room && !group.events.is_empty() {
        tail.add(group.events.iter().map(Decided::recorded), group.steps);
        let (mut json, mut packed) = (Vec::new(), Vec::new());
        let sealed = |event: &Decided| {
            event.payload.json_into(&mut json);
            compress::pack_into(&json, &mut packed);
            append_of(event, &packed)
        };
        let appends = group.events.iter().map(sealed).collect();
        for (result, event) in journal.append(appends).into_iter().zip(&*group.events) {
            match result {
                Ok(appended) if appended.first == event.envelope.position => {}
                Ok(_) => die(&AppendError::Conflict(None)),
                Err(AppendError::Full) => has_room = false,
                Err(error) => die(&error),
            }
        }
    }
    if !has_room {
        tail.cut_behind(journal.head());
        space.has_refused();
        retreats.add();
    }
    has_room
}

/// What reached the disk is unknown, and others were decided upon it: nothing may be acknowledged
/// any more, and a sync that failed is never tried again.
pub(super) fn die(error: &dyn std::error::Error) -> ! {
    tracing::error!(error = %replay::chain(error), "the log failed; the process ends");
    std::process::abort();
}

/// What is appended of an event: its packed payload sealed.
fn append_of(event: &Decided, packed: &[u8]) -> StreamAppend {
    let envelope = event.envelope.clone();
    let stream: StreamId = envelope.stream;
    let sealed = event.key.seal(stream, envelope.sequence, packed);
    let expected = match envelope.sequence.0.checked_sub(1) {
        Some(newest) => Expected::At(domain::Sequence(newest)),
        None => Expected::Empty,
    };
    StreamAppend { stream, expected, records: vec![Draft { envelope, sealed }] }
}
