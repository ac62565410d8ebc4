//! The loop that grows the Merkle tree behind a log, off the path of whoever appends: what is
//! durable is hashed and signed about once a second, while there is something new.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use journal::Journal;
use journal::tree::{Tree, TreeError};

use crate::others::give_way;

/// From one checkpoint to the next.
const SIGN_EVERY: Duration = Duration::from_secs(1);
/// How long the loop sleeps before it looks whether it shall stop.
const WAIT: Duration = Duration::from_millis(200);
/// How far the loop gives way, as `nice` counts: nobody waits for what it does.
const GIVES_WAY: i32 = 10;

/// The running loop.
pub struct TreeFollower {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    journal: Arc<dyn Journal>,
    tree: Arc<Tree>,
    stopping: Mutex<bool>,
    told: Condvar,
    failed: AtomicBool,
}

impl TreeFollower {
    /// Starts growing `tree` behind `journal`.
    pub fn start(journal: Arc<dyn Journal>, tree: Arc<Tree>) -> Self {
        let shared = Arc::new(Shared {
            journal,
            tree,
            stopping: Mutex::new(false),
            told: Condvar::new(),
            failed: AtomicBool::new(false),
        });
        let grown = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("tree".to_owned());
        let run = move || {
            give_way(GIVES_WAY);
            grown.run();
        };
        let thread = thread.spawn(run).expect("the system gives a thread at start");
        Self { shared, thread: Some(thread) }
    }

    /// Whether the loop ended because of a fault: nothing more is signed.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }
}

impl Drop for TreeFollower {
    /// Signs what the log has by then.
    fn drop(&mut self) {
        *self.shared.stopping.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.told.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the tree panicked");
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut is_over = false;
        while !is_over {
            is_over = *self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
            let size = domain::Position(self.tree.newest().checkpoint.size);
            let wait = if is_over { Duration::ZERO } else { WAIT };
            if self.journal.wait_beyond(size, wait) <= size {
                continue;
            }
            let grown = self.tree.grow(&*self.journal);
            if let Err(TreeError::Io { source, .. }) = &grown
                && journal::storage::is_full(source)
            {
                // What was signed stands, and every byte behind it is written again.
                tracing::warn!("there is no room for the tree; it is signed later");
            } else if let Err(error) = grown {
                self.failed.store(true, Ordering::Release);
                let error = crate::chain(&error);
                tracing::error!(error, "the tree stopped following the log; nothing is signed");
                return;
            }
            if !is_over {
                let stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
                drop(self.told.wait_timeout_while(stopping, SIGN_EVERY, |stopping| !*stopping));
            }
        }
    }
}
