//! The registry assembled, usable without HTTP: submissions in, receipts and archives out.

pub mod acts;
mod audit;
mod audit_merged;
pub mod backup;
mod commit;
mod concerned;
mod decide;
mod envelope;
mod erasure;
mod guardians;
pub mod home;
pub mod intake;
mod joins;
mod known;
mod later_deaths;
pub mod lines;
pub mod log_key;
pub mod master_key;
mod naming;
mod orders;
pub mod oversight;
pub mod reads;
pub mod receipt;
mod rejections;
pub mod sender;
mod visits;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use domain::submission::{PersonRef, Source, Submission};
use domain::{Fault, Position};
use jiff::Timestamp;
use projections::deadlines::Deadlines;
use projections::{Views, ViewsError};
use replay::{AcrossFollower, Follower, LogReader, ReplayError, Tail, TreeFollower};
use serde_json::Value;
use tokio::sync::{Semaphore, oneshot, watch};

pub(crate) use erasure::erasures;
pub use home::{Home, HomeError};
pub use intake::Intake;
pub use log_key::Trees;
pub use orders::Ordered;
pub use oversight::{Alarm, Approval, ApprovalRequired, Glass, Oversight};
pub use reads::{Overseen, Read, Reads, Unrecorded};
pub use receipt::{Accepted, Flag, ObservationReceipt, Receipt};
pub use sender::{Collector, Sender};

use commit::{Job, Work};
use decide::Decider;
use known::Memory;

/// Submissions that may wait to be decided, over all senders.
const QUEUED_SUBMISSIONS_MAX: usize = 12_000;
/// How long an order waits for the views.
const VIEWS_BEFORE_ORDER: Duration = Duration::from_secs(20);
/// Persons in one generation of the decider's memory, at some 250 bytes each.
const REMEMBERED_PERSONS: usize = 1_500_000;

/// A CloudEvent whose envelope could be read, whichever mode it came in.
#[derive(Clone, Debug)]
pub struct CloudEvent {
    /// `id`, not empty.
    pub id: String,
    /// `source`, not empty.
    pub source: String,
    /// `type`, not empty.
    pub event_type: String,
    /// `time`.
    pub time: Option<Timestamp>,
    /// Extension `recordedtime`: the simulated clock of fictional registries.
    pub recorded_time: Option<Timestamp>,
    /// `data`.
    pub data: Value,
}

/// A submission on its way into the registry.
#[derive(Clone, Debug)]
pub enum Prepared {
    /// Readable: to be decided.
    Ready(Box<Submission>),
    /// Unreadable or unauthorised: to be kept in the list of rejections.
    Unfit(Box<Unfit>),
}

/// A submission that cannot be decided.
#[derive(Clone, Debug)]
pub struct Unfit {
    /// CloudEvents id, as far as it could be read.
    pub id: String,
    /// Where it came from; made up from the sender's grant when it could not be read.
    pub source: Source,
    /// CloudEvents type, as far as it could be read.
    pub event_type: String,
    /// Whom it is about, as far as it could be read.
    pub person: Option<PersonRef>,
    /// Every fault.
    pub faults: Vec<Fault>,
    /// What was sent.
    pub received: String,
    /// When.
    pub received_at: Timestamp,
    /// Who sent it.
    pub actor: String,
}

/// The queue is full: try again after some seconds.
#[derive(Clone, Copy, Debug)]
pub struct Overloaded {
    /// Seconds to wait.
    pub retry_after_seconds: u32,
}

/// Why a registry could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The directory, its keys or its logs.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The log was written by a newer version of this program.
    #[error(transparent)]
    Log(#[from] ReplayError),
    /// The views.
    #[error("the views do not open")]
    Views(#[from] ViewsError),
}

/// A running registry: the only writer of its directory.
pub struct Registry {
    /// Reads what is sent.
    pub intake: Intake,
    /// The views.
    pub views: Arc<Views>,
    /// Reads on record.
    pub reads: Reads,
    /// Who was told of how many, and through broken glass.
    pub oversight: Oversight,
    /// By when what is asked for is due.
    pub deadlines: Arc<Deadlines>,
    folder: PathBuf,
    log: LogReader,
    reads_log: LogReader,
    jobs: Option<mpsc::Sender<Job>>,
    room: Semaphore,
    folded: watch::Receiver<Position>,
    follower: Option<Follower>,
    across: AcrossFollower,
    trees: Trees,
    tree_followers: Vec<TreeFollower>,
    threads: Vec<JoinHandle<()>>,
}

impl Registry {
    /// Opens the registry in a directory and starts its threads. The views catch up on their own.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn open(folder: &Path) -> Result<Self, StartError> {
        let home = Home::open(folder)?;
        let logs = home.logs()?;
        // Before anything else reads or writes: a log that is not what was signed is not served.
        let trees = Trees::open(folder, &**logs.log.journal(), &*logs.reads)?;
        erasure::finish(&logs.log)?;
        let tree_followers = vec![
            TreeFollower::start(Arc::clone(logs.log.journal()), Arc::clone(&trees.events)),
            TreeFollower::start(Arc::clone(&logs.reads), Arc::clone(&trees.reads)),
        ];
        let memory = Memory::new(logs.log.clone(), REMEMBERED_PERSONS)?;
        let seals: Arc<dyn projections::RowSeals> = logs.seals;
        let views = Arc::new(Views::open(&home.views(), &seals, &logs.deadlines)?);
        let (tell, folded) = watch::channel(views.folded());
        let tail = Arc::new(Tail::default());
        let follow = (logs.log.clone(), Arc::clone(&tail), Arc::clone(&views));
        let follower = Follower::start(follow.0, follow.1, follow.2, move |position| {
            tell.send_replace(position);
        });
        let across = AcrossFollower::start(Arc::clone(&views));
        let identity = logs.identity.clone();
        let decider = Decider::new(identity, &logs.log, Arc::clone(&views), memory);
        let (jobs, queue) = mpsc::channel();
        let (journal, keys) = (Arc::clone(logs.log.journal()), Arc::clone(logs.log.keys()));
        let behind = {
            let (journal, folded) = (Arc::clone(&journal), folded.clone());
            move || journal.head().0.saturating_sub(folded.borrow().0)
        };
        let reads_log = LogReader::new(Arc::clone(&logs.reads), Arc::clone(&keys));
        let oversight = Oversight::open(&reads_log, logs.reading_limits, Timestamp::now())?;
        let (erasing, erasures) = mpsc::channel();
        let mut threads =
            commit::start(decider, queue, journal, Arc::clone(&keys), tail, erasing, behind);
        let has_failed = follower.failure();
        let (of_erasures, views_at) = (logs.log.clone(), folded.clone());
        let erase = move || {
            let has_passed = |position| *views_at.borrow() >= position || has_failed();
            erasure::run(&erasures, &of_erasures, has_passed);
        };
        let erase = std::thread::Builder::new().name("erase".to_owned()).spawn(erase);
        threads.push(erase.expect("the system gives a thread at start"));
        Ok(Self {
            intake: Intake::new(logs.identity, home.is_fictional()),
            views,
            reads_log,
            oversight,
            reads: Reads::start(logs.reads, keys),
            deadlines: logs.deadlines,
            folder: folder.to_owned(),
            log: logs.log,
            jobs: Some(jobs),
            room: Semaphore::new(QUEUED_SUBMISSIONS_MAX),
            folded,
            follower: Some(follower),
            across,
            trees,
            tree_followers,
            threads,
        })
    }

    /// The position up to which every view is folded.
    pub fn folded(&self) -> Position {
        *self.folded.borrow()
    }

    /// Waits until every view is folded up to `position`; gives false when the time was over.
    pub async fn wait_until_folded(&self, position: Position, at_most: Duration) -> bool {
        let mut folded = self.folded.clone();
        let reached = folded.wait_for(|folded| *folded >= position);
        matches!(tokio::time::timeout(at_most, reached).await, Ok(Ok(_)))
    }

    /// Whether the views follow the log.
    pub fn is_following(&self) -> bool {
        self.follower.as_ref().is_some_and(|follower| !follower.has_failed())
    }

    /// Decides an order about a record. An erasure is answered when the key is destroyed.
    ///
    /// # Errors
    /// [`Overloaded`] when there is no place; nothing was taken.
    pub async fn order(&self, ordered: Ordered) -> Result<Receipt, Overloaded> {
        let overloaded = Overloaded { retry_after_seconds: 1 };
        // What goes with an erased person is found by the views.
        let head = self.log.journal().head();
        if !self.wait_until_folded(head, VIEWS_BEFORE_ORDER).await {
            return Err(Overloaded { retry_after_seconds: 30 });
        }
        let _room = self.room.try_acquire().map_err(|_| overloaded)?;
        let (answer, receipts) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(overloaded)?;
        let job = Job { work: Work::Order(Box::new(ordered)), answer };
        jobs.send(job).map_err(|_| overloaded)?;
        receipts.await.ok().and_then(|mut receipts| receipts.pop()).ok_or(overloaded)
    }

    /// Whether the rules across records are judged as rows change.
    pub fn is_judging(&self) -> bool {
        !self.across.has_failed()
    }

    /// The Merkle trees of the logs.
    pub fn trees(&self) -> &Trees {
        &self.trees
    }

    /// Whether the trees follow the logs.
    pub fn is_signing(&self) -> bool {
        !self.tree_followers.iter().any(TreeFollower::has_failed)
    }

    /// How the log is read.
    pub fn log(&self) -> &LogReader {
        &self.log
    }

    /// How the log of reads is read.
    pub fn reads_log(&self) -> &LogReader {
        &self.reads_log
    }
}

impl Collector for Registry {
    fn prepare(&self, event: CloudEvent, received: String, sender: &Sender) -> Prepared {
        self.intake.prepare(event, received, sender)
    }

    fn unreadable(
        &self,
        id: &str,
        event_type: &str,
        source: Option<&str>,
        faults: Vec<Fault>,
        received: String,
        sender: &Sender,
    ) -> Prepared {
        self.intake.unreadable(id, event_type, source, faults, received, sender)
    }

    /// The registry's own directory: the system's one for temporary files may be memory.
    fn spool_folder(&self) -> PathBuf {
        self.folder.clone()
    }

    /// Decides submissions in order and gives their receipts in the same order, once everything
    /// that they call recorded is durable. In an atomic batch one refusal leaves nothing recorded.
    async fn submit(&self, batch: Vec<Prepared>, atomic: bool) -> Result<Vec<Receipt>, Overloaded> {
        let overloaded = Overloaded { retry_after_seconds: 1 };
        let wanted = batch.len().clamp(1, QUEUED_SUBMISSIONS_MAX) as u32;
        let _room = self.room.try_acquire_many(wanted).map_err(|_| overloaded)?;
        let (answer, receipts) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(overloaded)?;
        let job = Job { work: Work::Submissions(batch, atomic), answer };
        jobs.send(job).map_err(|_| overloaded)?;
        let mut receipts = receipts.await.map_err(|_| overloaded)?;
        // Not to those of many: a file that is sent again would be answered with its own length.
        if let [Receipt::Duplicate(accepted)] = receipts.as_mut_slice() {
            accepted.proof = self.trees.proof(accepted.position);
        }
        Ok(receipts)
    }
}

impl Drop for Registry {
    /// Records what was queued, folds and flushes it.
    fn drop(&mut self) {
        drop(self.jobs.take());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the commit loop panicked");
            }
        }
        if let Some(follower) = self.follower.take() {
            follower.stop();
        }
    }
}
