//! The loop that keeps the rules across records behind the view of people, off the path of whoever
//! folds; after an opening it first counts the rows for the other measures of quality.
//!
//! It waits for a pause of the log or until few rows changed, so that somebody who changed often is
//! judged once; but never longer than two minutes. Its thread gives way to those of events and reads:
//! what it does after a long ingest would take half of two processors from the posts that follow.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use projections::{Views, ViewsError};

/// How often the loop looks whether something waits.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Changed rows that are looked at without waiting for a pause: some milliseconds of work.
const FEW_ROWS: usize = 500;
/// After so long what waits is looked at, whatever goes on: measures of a quarter can be two
/// minutes behind an ingest, and who changes again and again in it is judged half as often.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// How far the thread gives way, as `nice` counts: it has what the others leave, and little more.
const GIVES_WAY: i32 = 19;

/// The running loop.
pub struct AcrossFollower {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    views: Arc<Views>,
    stopping: Mutex<bool>,
    told: Condvar,
    failed: AtomicBool,
}

impl AcrossFollower {
    /// Starts looking at what changes in `views`.
    pub fn start(views: Arc<Views>) -> Self {
        let shared = Arc::new(Shared {
            views,
            stopping: Mutex::new(false),
            told: Condvar::new(),
            failed: AtomicBool::new(false),
        });
        let runs = Arc::clone(&shared);
        let run = move || {
            // On Linux this is of the thread alone; where it may not be, nothing is lost but time.
            if cfg!(target_os = "linux") {
                let _ = rustix::process::nice(GIVES_WAY);
            }
            let ran = catch_unwind(AssertUnwindSafe(|| runs.run()));
            if let Err(error) = ran.unwrap_or(Err(ViewsError::Panicked)) {
                runs.failed.store(true, Ordering::Release);
                let error = crate::chain(&error);
                tracing::error!(error, "the rules across records are no longer judged");
            }
        };
        let thread = std::thread::Builder::new().name("across".to_owned());
        let thread = thread.spawn(run).expect("the system gives a thread at start");
        Self { shared, thread: Some(thread) }
    }

    /// Whether the loop ended because of a fault: the measures across records stay as they are.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }
}

impl Drop for AcrossFollower {
    fn drop(&mut self) {
        *self.shared.stopping() = true;
        self.shared.told.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the rules across records panicked");
        }
    }
}

impl Shared {
    fn run(&self) -> Result<(), ViewsError> {
        let people = &self.views.people;
        people.count_rest(|| !*self.stopping())?;
        let mut folded = people.folded();
        loop {
            let is_paused = people.folded() == folded;
            folded = people.folded();
            let unseen = people.unseen();
            let is_little = !unseen.everybody && unseen.rows <= FEW_ROWS;
            let is_due = unseen
                .since
                .is_some_and(|since| is_paused || is_little || since.elapsed() >= WAIT_MAX);
            if is_due {
                people.look_across(|| !*self.stopping())?;
            }
            let stopping = self.stopping();
            let waited = self.told.wait_timeout_while(stopping, LOOK_EVERY, |stopping| !*stopping);
            if *waited.unwrap_or_else(PoisonError::into_inner).0 {
                return Ok(());
            }
        }
    }

    fn stopping(&self) -> std::sync::MutexGuard<'_, bool> {
        self.stopping.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
