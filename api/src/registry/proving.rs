//! Reads beside the service what its start did not, and ends the process when anything of it is not
//! what was signed: a log that is not what it was is named and served no longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use journal::Journal;
use journal::tree::Tree;

use super::commit::die;

/// The thread that reads.
pub struct Proving {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    is_stopping: AtomicBool,
    /// Records that were read of both logs, and of how many.
    read: AtomicU64,
    of: u64,
}

impl Proving {
    /// Starts with the logs and their trees; ends by itself when everything is as it was signed.
    pub(super) fn start(logs: Vec<(Arc<dyn Journal>, Arc<Tree>)>) -> Self {
        let of = logs.iter().map(|(_, tree)| tree.unproved()).sum();
        let shared = Arc::new(Shared { of, ..Shared::default() });
        let own = Arc::clone(&shared);
        let prove = move || {
            let mut before = 0;
            for (journal, tree) in &logs {
                let proved = tree.prove(&**journal, |position| {
                    own.read.store(before + position.0, Ordering::Relaxed);
                    !own.is_stopping.load(Ordering::Relaxed)
                });
                if let Err(error) = proved {
                    die(&error);
                }
                before += tree.unproved();
            }
        };
        let thread = std::thread::Builder::new().name("prove".to_owned()).spawn(prove);
        Self { shared, thread: Some(thread.expect("the system gives a thread at start")) }
    }

    /// Records that were held against what was signed since the start, and of how many.
    pub fn progress(&self) -> (u64, u64) {
        (self.shared.read.load(Ordering::Relaxed), self.shared.of)
    }
}

impl Drop for Proving {
    /// What was not read is read after the next start.
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that proves the logs panicked");
        }
    }
}
