//! The one loop that hands recorded events to the views. Live following, catching up after a
//! start and rebuilding are this loop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use domain::Position;
use projections::{Views, ViewsError};

use crate::ahead::read_ahead;
use crate::log_reader::{LogReader, ReplayError};
use crate::others::give_way;
use crate::tail::Tail;

/// Events folded at once.
const BATCH_EVENTS: usize = 4_000;
/// Changed rows that make a flush due.
const FLUSH_ROWS: usize = 20_000;
/// Changed rows beyond which folding waits for the flush.
const PENDING_ROWS_MAX: usize = 40_000;
/// While events come without a pause they are folded so often: whoever folds is woken for many, and
/// not at the moment when those who posted them are.
const FOLD_EVERY: Duration = Duration::from_millis(2);
/// A flush is due after so long, however little has changed.
const FLUSH_EVERY: Duration = Duration::from_secs(4);
/// How long the loop sleeps before it looks whether it shall stop.
const WAIT: Duration = Duration::from_millis(200);
/// How far flushing gives way, as `nice` counts: readers find in memory what waits for it.
const FLUSH_GIVES_WAY: i32 = 10;

/// Changed rows that are gathered before they are written when the views catch up: more than while
/// following, since each person's row is then written fewer times. Beyond twice as many, folding
/// waits. A row that waits takes some 700 bytes.
const CATCH_UP_ROWS: usize = 400_000;
/// Threads that read and open events when the views catch up; folding them takes longer.
const READING_THREADS: usize = 1;

/// Folds everything up to the head of the log and flushes it. Gives the head. One thread reads and
/// opens events ahead, which is about half of the work, and one writes rows.
///
/// # Errors
/// [`ReplayError`]; the views are then as far as they came.
pub fn catch_up(
    log: &LogReader,
    views: &Views,
    mut progress: impl FnMut(Position),
) -> Result<Position, ReplayError> {
    let head = log.journal().head();
    let due_events = Position(views.folded().0 + 1)..=head;
    std::thread::scope(|scope| {
        let (due, flushes) = sync_channel(1);
        let flusher = scope.spawn(move || {
            for () in flushes {
                views.flush_some()?;
            }
            Ok::<_, ViewsError>(())
        });
        let folded = read_ahead(log, due_events, READING_THREADS, |events| {
            views.fold(events, log)?;
            progress(views.folded());
            let is_gone = match views.pending() {
                beyond if beyond >= 2 * CATCH_UP_ROWS => due.send(()).is_err(),
                CATCH_UP_ROWS.. => matches!(due.try_send(()), Err(TrySendError::Disconnected(()))),
                _ => false,
            };
            // Rows that nobody writes must not gather; why it failed is told below.
            if is_gone { Err(ReplayError::Views(ViewsError::Panicked)) } else { Ok(()) }
        });
        drop(due);
        let flushed = flusher.join().unwrap_or(Err(ViewsError::Panicked));
        flushed.map_err(ReplayError::from).and(folded)
    })?;
    views.flush()?;
    Ok(head)
}

/// The running loop: one thread folds, one flushes.
pub struct Follower {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    log: LogReader,
    tail: Arc<Tail>,
    views: Arc<Views>,
    stopping: AtomicBool,
    failed: AtomicBool,
    /// Guards nothing but the waiting of both threads for each other.
    turn: Mutex<()>,
    turned: Condvar,
    on_folded: Box<dyn Fn(Position) + Send + Sync>,
    has_room: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Follower {
    /// Starts following; `on_folded` is told each position up to which every view is folded. While
    /// the disk has no room nothing is flushed, and rows wait in memory: a store of views that is
    /// refused in mid-write would have to be made anew.
    pub fn start(
        log: LogReader,
        tail: Arc<Tail>,
        views: Arc<Views>,
        on_folded: impl Fn(Position) + Send + Sync + 'static,
        has_room: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            log,
            tail,
            views,
            stopping: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            turn: Mutex::new(()),
            turned: Condvar::new(),
            on_folded: Box::new(on_folded),
            has_room: Box::new(has_room),
        });
        let spawn = |name: &str, run: fn(&Shared)| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || {
                    if catch_unwind(AssertUnwindSafe(|| run(&shared))).is_err() {
                        shared.fail(&ReplayError::Views(ViewsError::Panicked));
                    }
                })
                .expect("the system gives a thread at start")
        };
        let threads = vec![spawn("fold", Shared::fold), spawn("flush", Shared::flush)];
        Self { shared, threads }
    }

    /// Whether the loop ended because of a fault: the views no longer follow.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// Tells, as long as somebody asks, whether the loop ended because of a fault.
    pub fn failure(&self) -> impl Fn() -> bool + Send + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.failed.load(Ordering::Acquire)
    }

    /// Stops both threads; what was folded is flushed, if there is room.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.turned.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the follower panicked");
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.halt();
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.stopping.load(Ordering::Acquire) || self.failed.load(Ordering::Acquire)
    }

    fn fold(&self) {
        let mut next = Instant::now();
        while !self.is_over() {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            let done = self.views.folded();
            if self.log.journal().wait_beyond(done, WAIT) <= done {
                continue;
            }
            next = Instant::now() + FOLD_EVERY;
            if let Err(error) = self.fold_next() {
                self.fail(&error);
                return;
            }
            (self.on_folded)(self.views.folded());
            if self.views.pending() >= FLUSH_ROWS {
                self.turned.notify_all();
            }
            while self.views.pending() >= PENDING_ROWS_MAX && !self.is_over() {
                self.wait();
            }
        }
        self.turned.notify_all();
    }

    fn fold_next(&self) -> Result<(), ReplayError> {
        let next = Position(self.views.folded().0 + 1);
        let (events, steps) = self.log.newest(&self.tail, next, BATCH_EVENTS)?;
        Ok(self.views.fold_decided(&events, &steps, &self.log)?)
    }

    fn flush(&self) {
        give_way(FLUSH_GIVES_WAY);
        let mut flushed_at = Instant::now();
        let mut flushed = self.views.folded();
        loop {
            let over = self.is_over();
            let due = flushed_at.elapsed() >= FLUSH_EVERY && self.views.folded() > flushed;
            let due = over || due || self.views.pending() >= FLUSH_ROWS;
            if due && (self.has_room)() {
                (flushed, flushed_at) = (self.views.folded(), Instant::now());
                let written = if over { self.views.flush() } else { self.views.flush_some() };
                if let Err(error) = written {
                    self.fail(&error.into());
                }
                self.turned.notify_all();
            }
            if over {
                return;
            }
            self.wait();
        }
    }

    fn wait(&self) {
        let guard = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.turned.wait_timeout(guard, WAIT));
    }

    fn fail(&self, error: &ReplayError) {
        if !self.failed.swap(true, Ordering::AcqRel) {
            tracing::error!(error = %crate::chain(error), "the views stopped following the log");
        }
        self.turned.notify_all();
    }
}
