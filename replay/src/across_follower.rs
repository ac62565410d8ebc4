//! The loop that keeps the rules across records behind the view of people, off the path of whoever
//! folds; after an opening it first counts the rows for the other measures of quality.
//!
//! It waits for a pause of the log or until few rows changed, so that somebody who changed often is
//! judged once. Many rows wait until the process is calm besides: what is done after a long ingest
//! would take a whole processor from those who post and read then. Nothing waits longer than five
//! minutes; from then on this thread works half of the time, whatever goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use projections::people::Unseen;
use projections::{Views, ViewsError};

use crate::others::{Others, give_way};

/// How often the loop looks whether something waits.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Changed rows that are looked at without waiting for a pause: some milliseconds of work.
const FEW_ROWS: usize = 500;
/// After so long what waits is looked at, whatever goes on: measures of a quarter can be five
/// minutes behind an ingest, and who changes again and again in it is judged the less often.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Of everybody so many pieces are looked at before anybody is asked: a small register has no more.
const LOOKS_AT_ONCE: u32 = 5;

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
            give_way(GIVES_WAY);
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
        let mut others = Others::new();
        loop {
            let is_paused = people.folded() == folded;
            folded = people.folded();
            let Unseen { rows, everybody, since } = people.unseen();
            if let Some(since) = since {
                let overdue = since + WAIT_MAX;
                let is_little = !everybody && rows <= FEW_ROWS;
                let has_time = is_paused && (everybody || others.are_calm());
                if is_little || has_time || Instant::now() >= overdue {
                    // Whether everybody is many is not known beforehand.
                    let mut at_once = if is_little { u32::MAX } else { LOOKS_AT_ONCE };
                    let mut resumed = Instant::now();
                    people.look_across(|| {
                        at_once = at_once.saturating_sub(1);
                        match at_once {
                            0 => self.make_way(&mut others, overdue, &mut resumed),
                            _ => !*self.stopping(),
                        }
                    })?;
                }
            }
            if self.sleep(LOOK_EVERY) {
                return Ok(());
            }
        }
    }

    /// Waits while the process is busy; beyond `overdue` for as long as was worked since `resumed`,
    /// and not while somebody waits for the look. Gives false when the work is to end.
    fn make_way(&self, others: &mut Others, overdue: Instant, resumed: &mut Instant) -> bool {
        let worked = resumed.elapsed();
        while !self.views.people.is_look_awaited() && !others.are_calm() {
            let is_overdue = Instant::now() >= overdue;
            if self.sleep(if is_overdue { worked.min(LOOK_EVERY) } else { LOOK_EVERY }) {
                return false;
            }
            if is_overdue {
                break;
            }
        }
        *resumed = Instant::now();
        !*self.stopping()
    }

    /// Sleeps so long; gives true when the loop is to end.
    fn sleep(&self, time: Duration) -> bool {
        let stopping = self.stopping();
        let waited = self.told.wait_timeout_while(stopping, time, |stopping| !*stopping);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn stopping(&self) -> std::sync::MutexGuard<'_, bool> {
        self.stopping.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
