//! The commit loop: one thread decides what has queued, others make it durable (`appending.rs`) and
//! answer every sender. While one group syncs, the next one gathers and is decided.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender};
use std::time::{Duration, Instant};

use domain::Order;
use journal::{Journal, KeySlots};
use replay::Tail;
use tokio::sync::oneshot;

use super::Prepared;
use super::appending::{APPENDING_THREADS, Appending};
use super::decide::Decider;
use super::erasure::Erasing;
use super::foreseen::Foreseen;
use super::group::Group;
use super::key_syncs::{Issued, KeySyncs, key_syncs};
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
/// Up to so many submissions new keys are synced beside the rest of their group: later on few come
/// after them, and a first load has new keys everywhere.
const SYNCED_BESIDE_MAX: usize = 64;
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
    pub(super) erases: bool,
}

impl Answer {
    pub(super) fn send(self) {
        // A sender that went away finds its receipt when it sends again.
        drop(self.to.send(Ok(self.receipts)));
    }

    pub(super) fn refuse(self) {
        drop(self.to.send(Err(StorageFull)));
    }
}

pub(super) type Answers = Vec<Answer>;

/// A group on its way to the log, the keys that must be durable before it, and whom to answer then.
pub(super) type Handed = (Group, Option<Issued>, Answers);

/// What the threads share.
pub(super) struct Commit {
    pub(super) journal: Arc<dyn Journal>,
    /// Takes each group for the follower.
    pub(super) tail: Arc<Tail>,
    pub(super) space: Arc<Space>,
    pub(super) retreats: Retreats,
    /// Takes what an erasure leaves to do.
    pub(super) erasing: Sender<Erasing>,
}

/// Starts the threads. They end when every sender of jobs is gone; what was queued is recorded.
/// `keys` seal what is decided; `behind` tells how many events the views are behind the log.
pub(super) fn start(
    decider: Decider,
    (jobs, next, pace): (Waiting, Next, Pace),
    (commit, keys): (Commit, Arc<KeySlots>),
    behind: impl Fn() -> u64 + Send + 'static,
) -> Vec<std::thread::JoinHandle<()>> {
    let space = Arc::clone(&commit.space);
    let (groups, decided) = std::sync::mpsc::sync_channel(GROUPS_WAITING_MAX);
    let (syncs, syncing, synced) = key_syncs(keys);
    let appending = Arc::new(Appending::of(decided, (next, pace), synced, commit));
    let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        thread.expect("the system gives a thread at start")
    };
    let append = || {
        let appending = Arc::clone(&appending);
        spawn("append", Box::new(move || appending.run()))
    };
    let mut threads: Vec<_> = std::iter::repeat_with(append).take(APPENDING_THREADS).collect();
    threads.push(spawn("keys", Box::new(move || syncing.run())));
    let decide = move || decide(decider, &jobs, (&groups, syncs), &space, behind);
    threads.push(spawn("decide", Box::new(decide)));
    threads
}

fn decide(
    mut decider: Decider,
    jobs: &Waiting,
    (groups, mut keys): (&SyncSender<Handed>, KeySyncs),
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
        let (mut answers, mut issued) = (Answers::new(), None);
        let mut submissions = 0;
        let mut goes_on = true;
        while goes_on {
            decider.foresee(taken.iter().filter_map(|job| job.work.single()));
            while goes_on && let Some(job) = taken.pop_front() {
                submissions += job.work.size();
                answers.extend(decide_one(job, &mut decider, space));
                goes_on = submissions < GROUP_SUBMISSIONS_MAX && !decider.group.has_no_room;
            }
            if submissions <= SYNCED_BESIDE_MAX {
                issued = begin_sync(&mut decider, &mut keys).or(issued);
            }
            goes_on = goes_on && jobs.further(submissions, &mut taken);
        }
        issued = begin_sync(&mut decider, &mut keys).or(issued);
        let group = decider.take_group();
        let is_given_back = group.has_no_room;
        if groups.send((group, issued, answers)).is_err() {
            return;
        }
        // What comes before it is recorded still; only then it is known where the log ends.
        while is_given_back && !decider.is_void() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Begins to make durable what keys the group at hand has since the last time; none when it has none.
fn begin_sync(decider: &mut Decider, keys: &mut KeySyncs) -> Option<Issued> {
    let has_issued = std::mem::take(&mut decider.group.issued_keys);
    (has_issued && !decider.group.has_no_room).then(|| keys.begin())
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

/// What reached the disk is unknown, and others were decided upon it: nothing may be acknowledged
/// any more, and a sync that failed is never tried again.
pub(super) fn die(error: &dyn std::error::Error) -> ! {
    tracing::error!(error = %replay::chain(error), "the log failed; the process ends");
    std::process::abort();
}
