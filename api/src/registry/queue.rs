//! The queue before the deciding thread. A group begins when about half of those who usually wait
//! at once have sent: then one half is decided while the other half's is synced, and no group is
//! so small that handing it on costs more than deciding it. Beside jobs the queue tells whether the
//! next thread is free: a group takes in what comes until somebody can take it on, so that nobody
//! waits in a group that is closed and stands still.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::commit::Job;

/// So long a group waits at most for more who usually send. After a crowd has gone, some twenty to
/// forty groups wait so long in vain, until what is usual has faded.
const GATHER: Duration = Duration::from_millis(1);
/// So many submissions are enough to begin, however many are usual.
const GATHERED_ENOUGH: usize = 64;

/// A new queue: the end where jobs are put, the end where they are taken, and that of the next
/// thread, which says when it is free.
pub(super) fn queue() -> (Jobs, Waiting, Next) {
    let queue = Arc::new(Queue::default());
    (Jobs(Arc::clone(&queue)), Waiting(Arc::clone(&queue)), Next(queue))
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// In all jobs that are queued.
    submissions: usize,
    /// The taker sleeps until so many are queued.
    wanted: usize,
    /// The most that were under way at once, fading with each group.
    usual: usize,
    /// Nobody puts jobs any more.
    is_closed: bool,
    /// Nobody takes jobs any more.
    is_left: bool,
    next_is_free: bool,
}

impl State {
    fn take(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.submissions -= job.work.size();
        Some(job)
    }
}

impl Queue {
    /// No code panics while it holds the lock, so a poisoned one is as good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until so many submissions are queued, or something else changes.
    fn sleep<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        wanted: usize,
    ) -> MutexGuard<'a, State> {
        state.wanted = wanted;
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_one();
    }
}

/// Where jobs are put. Dropping it closes the queue; what is in it is still decided.
pub(super) struct Jobs(Arc<Queue>);

impl Jobs {
    /// Puts a job behind the others, while `under_way` submissions, its own among them, have no
    /// answer yet; gives false when nobody takes jobs any more.
    pub fn put(&self, job: Job, under_way: usize) -> bool {
        let mut state = self.0.state();
        if state.is_left {
            return false;
        }
        state.submissions += job.work.size();
        state.usual = state.usual.max(under_way);
        state.jobs.push_back(job);
        let is_awaited = state.submissions >= state.wanted;
        drop(state);
        if is_awaited {
            self.0.changed.notify_one();
        }
        true
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.0.change(|state| state.is_closed = true);
    }
}

/// Where jobs are taken. Dropping it drops what is queued, and so tells its senders.
pub(super) struct Waiting(Arc<Queue>);

impl Waiting {
    /// The first job of a group; none when the queue is closed and empty.
    pub fn first(&self) -> Option<Job> {
        let mut state = self.0.state();
        while state.jobs.is_empty() && !state.is_closed {
            state = self.0.sleep(state, 1);
        }
        let wanted = (state.usual / 2).min(GATHERED_ENOUGH);
        state.usual -= state.usual.div_ceil(8);
        state.wanted = wanted;
        let until = Instant::now() + GATHER;
        while state.submissions < wanted && !state.is_closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.0.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.take()
    }

    /// A further job of a group; none once the next thread is free and the group is large
    /// enough, or nothing is queued.
    pub fn further(&self, is_enough: bool) -> Option<Job> {
        let mut state = self.0.state();
        loop {
            if is_enough && state.next_is_free {
                return None;
            }
            if let Some(job) = state.take() {
                return Some(job);
            }
            if state.next_is_free || state.is_closed {
                return None;
            }
            state = self.0.sleep(state, 1);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let jobs = {
            let mut state = self.0.state();
            state.is_left = true;
            std::mem::take(&mut state.jobs)
        };
        drop(jobs);
    }
}

/// The thread after the deciding one. Once it has gone it counts as free: who hands a group to it
/// then learns that it has gone.
pub(super) struct Next(Arc<Queue>);

impl Next {
    /// Says whether a group would be taken at once.
    pub fn is_free(&self, is_free: bool) {
        self.0.change(|state| state.next_is_free = is_free);
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        self.is_free(true);
    }
}
