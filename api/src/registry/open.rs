//! From a directory to a running registry: what is checked before anything is served, and which
//! threads are started.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use jiff::Timestamp;
use projections::{Views, ViewsError};
use replay::{AcrossFollower, Follower, LogReader, ReplayError, Tail, TreeFollower};
use tokio::sync::{Semaphore, watch};

use super::commit::{self, Commit};
use super::decide::Decider;
use super::erasure_list::ErasureList;
use super::home::{Home, HomeError, Logs};
use super::known::Memory;
use super::oversight::Oversight;
use super::progress::{Progress, Stage};
use super::proving::Proving;
use super::reads::Reads;
use super::retreat::Retreats;
use super::space::{self, Space};
use super::{Intake, QUEUED_SUBMISSIONS_MAX, Registry, Trees, erasure, queue};

/// Persons in one generation of the decider's memory, at some 200 bytes each.
const REMEMBERED_PERSONS: usize = 1_500_000;

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

impl Registry {
    /// Opens the registry in a directory and starts its threads. The views catch up on their own.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn open(folder: &Path) -> Result<Self, StartError> {
        Self::open_telling(folder, space::RESERVE_BYTES, &Progress::default())
    }

    /// As [`Registry::open`], with so many bytes of the disk kept free of events; how far the
    /// opening is, is told.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn open_telling(
        folder: &Path,
        reserve_bytes: u64,
        progress: &Progress,
    ) -> Result<Self, StartError> {
        let home = Home::open(folder)?;
        let space = Arc::new(Space::of(folder, reserve_bytes));
        let logs = home.logs_telling(progress)?;
        // Before anything else reads or writes: a log that is not what was signed is not served.
        let (events, adopted) = (logs.log.journal(), logs.adopted);
        let trees = Trees::open(folder, &**events, &*logs.reads, adopted, progress)?;
        let erasures = finish_erasures(folder, &logs, progress)?;
        progress.tell(Stage::Views, 0, 0);
        let proving = Proving::start(vec![
            (Arc::clone(events), Arc::clone(&trees.events)),
            (Arc::clone(&logs.reads), Arc::clone(&trees.reads)),
        ]);
        let tree_followers = vec![
            TreeFollower::start(Arc::clone(logs.log.journal()), Arc::clone(&trees.events)),
            TreeFollower::start(Arc::clone(&logs.reads), Arc::clone(&trees.reads)),
        ];
        let retreats = Retreats::default();
        let memory = Memory::new(logs.log.clone(), REMEMBERED_PERSONS, retreats.clone())?;
        let seals: Arc<dyn projections::RowSeals> = logs.seals;
        let views = Arc::new(Views::open(&home.views(), &seals, &logs.deadlines)?);
        let (tell, folded) = watch::channel(views.folded());
        let tail = Arc::new(Tail::default());
        let follow = (logs.log.clone(), Arc::clone(&tail), Arc::clone(&views));
        let on_folded = move |position| {
            tell.send_replace(position);
        };
        let room = Arc::clone(&space);
        let has_room = move || room.takes_reads();
        let follower = Follower::start(follow.0, follow.1, follow.2, on_folded, has_room);
        let across = AcrossFollower::start(Arc::clone(&views));
        let identity = logs.identity.clone();
        let decider = Decider::new(identity, &logs.log, Arc::clone(&views), memory);
        let (jobs, waiting, next, pace) = queue::queue();
        let (journal, keys) = (Arc::clone(logs.log.journal()), Arc::clone(logs.log.keys()));
        let behind = {
            let (journal, folded) = (Arc::clone(&journal), folded.clone());
            move || journal.head().0.saturating_sub(folded.borrow().0)
        };
        let reads_log = LogReader::new(Arc::clone(&logs.reads), Arc::clone(&keys));
        let oversight = Oversight::open(&reads_log, logs.reading_limits, Timestamp::now())?;
        let (erasing, to_erase) = mpsc::channel();
        let commit = Commit { journal, tail, space: Arc::clone(&space), retreats, erasing };
        let commit = (commit, Arc::clone(&keys));
        let mut threads = commit::start(decider, (waiting, next, pace), commit, behind);
        let (has_failed, views_at) = (follower.failure(), folded.clone());
        let has_passed = move |position| *views_at.borrow() >= position || has_failed();
        let of_erasures = logs.log.clone();
        let erase = move || erasure::run(&to_erase, &of_erasures, erasures, has_passed);
        let erase = std::thread::Builder::new().name("erase".to_owned()).spawn(erase);
        threads.push(erase.expect("the system gives a thread at start"));
        Ok(Self {
            intake: Intake::new(logs.identity, home.is_fictional()),
            views,
            reads_log,
            oversight,
            reads: Reads::start(logs.reads, keys, Arc::clone(&space)),
            deadlines: logs.deadlines,
            space,
            folder: folder.to_owned(),
            log: logs.log,
            jobs: Some(jobs),
            room: Semaphore::new(QUEUED_SUBMISSIONS_MAX),
            folded,
            follower: Some(follower),
            across,
            trees,
            proving,
            tree_followers,
            threads,
        })
    }
}

/// Destroys what keys of erased persons live still; gives where erasures stand.
fn finish_erasures(
    folder: &Path,
    logs: &Logs,
    progress: &Progress,
) -> Result<ErasureList, StartError> {
    let mut list = ErasureList::open(folder, logs.adopted[0]);
    let tell = &mut |done, of| progress.tell(Stage::Erasures, done, of);
    erasure::finish(&logs.log, &mut list, tell)?;
    list.save(logs.log.journal().head());
    Ok(list)
}
