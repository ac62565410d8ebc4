//! The registry assembled, usable without HTTP: submissions in, receipts and archives out.

pub mod acts;
mod appending;
mod at_hand;
mod audit;
mod audit_merged;
pub mod backup;
mod commit;
mod concerned;
mod decide;
mod envelope;
mod erasure;
mod erasure_list;
mod foreseen;
mod group;
mod guardians;
pub mod home;
pub mod intake;
mod joins;
mod key_syncs;
mod known;
mod later_deaths;
pub mod lines;
pub mod log_key;
mod long_lives;
pub mod master_key;
mod naming;
mod open;
mod orders;
pub mod oversight;
pub mod progress;
mod proving;
mod queue;
pub mod reads;
pub mod receipt;
mod recent_keys;

mod rejections;
mod retreat;
pub mod sender;
pub mod space;
mod visits;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use domain::submission::{PersonRef, Received, Source, Submission};
use domain::{Fault, Position};
use jiff::Timestamp;
use projections::Views;
use projections::deadlines::Deadlines;
use replay::{AcrossFollower, Follower, LogReader, TreeFollower};
use serde_json::Value;
use tokio::sync::{Semaphore, oneshot, watch};

pub(crate) use erasure_list::erasures;
pub use home::{Home, HomeError};
pub use intake::Intake;
pub use log_key::Trees;
pub use open::StartError;
pub use orders::Ordered;
pub use oversight::{Alarm, Approval, ApprovalRequired, Glass, Oversight};
pub use reads::{Overseen, Read, Reads, Unrecorded};
pub use receipt::{Accepted, Flag, ObservationReceipt, Receipt};
pub use sender::{Collector, Sender};
pub use space::Space;

use commit::{Job, Work};
use foreseen::Foreseen;
use proving::Proving;
use queue::Jobs;

/// Submissions that may wait to be decided, over all senders.
const QUEUED_SUBMISSIONS_MAX: usize = 12_000;
/// How long an order waits for the views.
const VIEWS_BEFORE_ORDER: Duration = Duration::from_secs(20);

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
    pub received: Received,
    /// When.
    pub received_at: Timestamp,
    /// Who sent it.
    pub actor: String,
}

/// Nothing was taken: try again after some seconds.
#[derive(Clone, Copy, Debug)]
pub struct Overloaded {
    /// Seconds to wait.
    pub retry_after_seconds: u32,
    /// What there is not enough of.
    pub lacks: Lacks,
}

/// What a registry that takes nothing has not enough of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacks {
    /// Time: the queue is full.
    Time,
    /// Room on the disk.
    Room,
}

impl Overloaded {
    /// The queue is full.
    pub fn busy(retry_after_seconds: u32) -> Self {
        Self { retry_after_seconds, lacks: Lacks::Time }
    }

    /// The disk is full.
    pub fn storage_full() -> Self {
        Self { retry_after_seconds: 10, lacks: Lacks::Room }
    }
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
    /// The room on the disk.
    pub space: Arc<Space>,
    folder: PathBuf,
    log: LogReader,
    reads_log: LogReader,
    jobs: Option<Jobs>,
    room: Semaphore,
    folded: watch::Receiver<Position>,
    follower: Option<Follower>,
    across: AcrossFollower,
    trees: Trees,
    proving: Proving,
    tree_followers: Vec<TreeFollower>,
    threads: Vec<JoinHandle<()>>,
}

impl Registry {
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
        if !self.space.takes_events() {
            return Err(Overloaded::storage_full());
        }
        let overloaded = Overloaded::busy(1);
        // What goes with an erased person is found by the views.
        let head = self.log.journal().head();
        if !self.wait_until_folded(head, VIEWS_BEFORE_ORDER).await {
            return Err(Overloaded::busy(30));
        }
        let _room = self.room.try_acquire().map_err(|_| overloaded)?;
        let (answer, receipts) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(overloaded)?;
        let foreseen = Foreseen::default();
        let job = Job { work: Work::Order(Box::new(ordered)), foreseen, answer };
        if !jobs.put(job, self.under_way()) {
            return Err(overloaded);
        }
        let receipts = receipts.await.map_err(|_| overloaded)?;
        receipts.map_err(|_| Overloaded::storage_full())?.pop().ok_or(overloaded)
    }

    /// Submissions that were taken and have no answer yet.
    fn under_way(&self) -> usize {
        QUEUED_SUBMISSIONS_MAX - self.room.available_permits()
    }

    /// Whether the rules across records are judged as rows change.
    pub fn is_judging(&self) -> bool {
        !self.across.has_failed()
    }

    /// The Merkle trees of the logs.
    pub fn trees(&self) -> &Trees {
        &self.trees
    }

    /// Records that the start did not read and that were since held against what was signed, and of
    /// how many.
    pub fn proved(&self) -> (u64, u64) {
        self.proving.progress()
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
    fn prepare(&self, event: CloudEvent, received: Received, sender: &Sender) -> Prepared {
        self.intake.prepare(event, received, sender)
    }

    fn unreadable(
        &self,
        id: &str,
        event_type: &str,
        source: Option<&str>,
        faults: Vec<Fault>,
        received: Received,
        sender: &Sender,
    ) -> Prepared {
        self.intake.unreadable(id, event_type, source, faults, received, sender)
    }

    /// The registry's own directory: the system's one for temporary files may be memory.
    fn spool_folder(&self) -> PathBuf {
        self.folder.clone()
    }

    fn is_pressed(&self) -> bool {
        self.under_way() > QUEUED_SUBMISSIONS_MAX / 2
    }

    /// Decides submissions in order and gives their receipts in the same order, once everything
    /// that they call recorded is durable. In an atomic batch one refusal leaves nothing recorded.
    async fn submit(&self, batch: Vec<Prepared>, atomic: bool) -> Result<Vec<Receipt>, Overloaded> {
        if !self.space.takes_events() {
            return Err(Overloaded::storage_full());
        }
        let overloaded = Overloaded::busy(1);
        let wanted = batch.len().clamp(1, QUEUED_SUBMISSIONS_MAX) as u32;
        let _room = self.room.try_acquire_many(wanted).map_err(|_| overloaded)?;
        let (answer, receipts) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(overloaded)?;
        let foreseen = Foreseen::of(&batch, &self.views.people);
        let job = Job { work: Work::Submissions(batch, atomic), foreseen, answer };
        if !jobs.put(job, self.under_way()) {
            return Err(overloaded);
        }
        let receipts = receipts.await.map_err(|_| overloaded)?;
        let mut receipts = receipts.map_err(|_| Overloaded::storage_full())?;
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
