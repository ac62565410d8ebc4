//! The queue before the deciding thread. Beside jobs it tells whether the next thread is free: a
//! group takes in what comes until somebody can take it on, so that nobody waits in a group that
//! is closed and stands still.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::commit::Job;

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
    /// Nobody puts jobs any more.
    is_closed: bool,
    /// Nobody takes jobs any more.
    is_left: bool,
    next_is_free: bool,
}

impl Queue {
    /// No code panics while it holds the lock, so a poisoned one is as good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_one();
    }
}

/// Where jobs are put. Dropping it closes the queue; what is in it is still decided.
pub(super) struct Jobs(Arc<Queue>);

impl Jobs {
    /// Puts a job behind the others; gives false when nobody takes jobs any more.
    pub fn put(&self, job: Job) -> bool {
        let mut state = self.0.state();
        if state.is_left {
            return false;
        }
        state.jobs.push_back(job);
        drop(state);
        self.0.changed.notify_one();
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
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.is_closed {
                return None;
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A further job of a group; none once the next thread is free and the group is large
    /// enough, or nothing is queued.
    pub fn further(&self, is_enough: bool) -> Option<Job> {
        let mut state = self.0.state();
        loop {
            if is_enough && state.next_is_free {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.next_is_free || state.is_closed {
                return None;
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
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
