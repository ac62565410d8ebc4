//! The queue before the deciding thread. Of those who usually wait at once, three eighths make a group
//! that may go on, and five eighths one that does: so what one group leaves is a group, and one is
//! decided while the other is synced. With everybody in one group, all would wait for its sync, and
//! then it for all of them; with smaller ones, many would wait for three. Beside jobs the queue tells
//! whether the next thread is free: a group takes in what comes until somebody can take it on, so
//! that nobody waits in a group that is closed and stands still.
//!
//! Where a sync takes long, those who were just answered send again before the next one is half
//! over. A group that went on without them would leave them to a third one, and everybody would
//! wait for three; so it waits for them, the longer the longer a sync takes.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::commit::Job;
use super::foreseen::FORESEEN;

/// So long a group waits for more who usually send: half of what a group takes to become durable,
/// but neither less nor more than this. The less is for disks that sync faster than a processor
/// wakes; the more, so that one sync that stood still holds nobody up.
const GATHER_MIN: Duration = Duration::from_millis(1);
const GATHER_MAX: Duration = Duration::from_millis(20);
/// Of those who usually send, in eighths, how many a group waits for, and with how many it goes on as
/// soon as it can. Together they are all.
const LEAST_EIGHTHS: usize = 3;
const MOST_EIGHTHS: usize = 5;
/// So many submissions are enough to go on, however many are usual.
const GATHERED_ENOUGH: usize = 64;
/// Whoever decides is woken for so many: waking it for each would cost as much as deciding it.
const WOKEN_FOR: usize = 16;
/// A group of so many goes on as soon as the next thread is free, though more is queued: else one
/// stream's blocks would all be in one group, and each thread would wait for the others in turn.
const ENOUGH: usize = 512;
/// Something else wakes whoever sleeps so long.
const FOR_EVER: Duration = Duration::from_secs(3_600);

/// A new queue: the end where jobs are put, the end where they are taken, that of the next thread,
/// which says when it is free, and that of the one which makes groups durable.
pub(super) fn queue() -> (Jobs, Waiting, Next, Pace) {
    let queue = Arc::new(Queue::default());
    let shared = || Arc::clone(&queue);
    (Jobs(shared()), Waiting(shared()), Next(shared()), Pace(queue))
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
    /// How many were under way when the newest came.
    under_way: usize,
    /// What a group takes to become durable, smoothed.
    pace: Duration,
    /// Since when there is a group at hand and the next thread is free: from then on the group
    /// waits for those who usually send.
    gathers_since: Option<Instant>,
    /// Nobody puts jobs any more.
    is_closed: bool,
    /// Nobody takes jobs any more.
    is_left: bool,
    next_is_free: bool,
    /// The taker sleeps until the next thread is free too.
    awaits_next: bool,
}

impl State {
    /// How many submissions a group waits for.
    fn wanted(&self) -> usize {
        (self.usual * LEAST_EIGHTHS / 8).min(GATHERED_ENOUGH)
    }

    /// A group of so many goes on as soon as the next thread is free, though more is queued.
    fn enough(&self) -> usize {
        let is_crowd = self.wanted() >= GATHERED_ENOUGH;
        if is_crowd { ENOUGH } else { (self.usual * MOST_EIGHTHS / 8).max(1) }
    }

    /// What is left of the time in which a group waits for more. When it is over, those who are
    /// under way are all who are usual.
    fn patience(&mut self) -> Duration {
        let now = Instant::now();
        let since = *self.gathers_since.get_or_insert(now);
        let patience = (self.pace / 2).clamp(GATHER_MIN, GATHER_MAX);
        let left = (since + patience).saturating_duration_since(now);
        if left.is_zero() {
            self.usual = self.usual.min(self.under_way);
        }
        left
    }

    /// Takes the next job, and those behind it as long as all are no more than `most` submissions,
    /// and no more than are foreseen together; gives false when there is none.
    fn take(&mut self, most: usize, taken: &mut VecDeque<Job>) -> bool {
        let mut left = most.min(FORESEEN);
        while let Some(size) = self.jobs.front().map(|job| job.work.size())
            && (taken.is_empty() || size <= left)
        {
            left = left.saturating_sub(size);
            self.submissions -= size;
            taken.extend(self.jobs.pop_front());
        }
        !taken.is_empty()
    }
}

impl Queue {
    /// No code panics while it holds the lock, so a poisoned one is as good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until so many submissions are queued, the time is over, or something else changes.
    fn sleep<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        wanted: usize,
        at_most: Duration,
    ) -> MutexGuard<'a, State> {
        state.wanted = wanted;
        let woken = self.changed.wait_timeout(state, at_most);
        let mut state = woken.unwrap_or_else(PoisonError::into_inner).0;
        // Nobody sleeps: waking is a call of the system, even in vain.
        state.wanted = usize::MAX;
        state
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
        state.under_way = under_way;
        state.usual = state.usual.max(under_way);
        state.jobs.push_back(job);
        let is_awaited = state.submissions >= state.wanted;
        if is_awaited {
            state.wanted = usize::MAX;
        }
        drop(state);
        if is_awaited {
            self.0.changed.notify_one();
        }
        true
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
        self.0.changed.notify_one();
    }
}

/// Where jobs are taken. Dropping it drops what is queued, and so tells its senders.
pub(super) struct Waiting(Arc<Queue>);

impl Waiting {
    /// Takes the first jobs of a group, where none are left of those taken; gives false when the
    /// queue is closed and empty.
    pub fn first(&self, taken: &mut VecDeque<Job>) -> bool {
        if !taken.is_empty() {
            return true;
        }
        let mut state = self.0.state();
        while state.jobs.is_empty() && !state.is_closed {
            state = self.0.sleep(state, 1, FOR_EVER);
        }
        state.usual -= state.usual.div_ceil(8);
        state.gathers_since = None;
        loop {
            let wanted = state.wanted().min(WOKEN_FOR);
            let is_begun = state.submissions >= wanted || state.is_closed;
            let left = if is_begun { Duration::ZERO } else { state.patience() };
            if left.is_zero() {
                let enough = state.enough();
                return state.take(enough, taken);
            }
            state = self.0.sleep(state, wanted, left);
        }
    }

    /// Takes further jobs of a group that has so many submissions; gives false once it is to go on.
    pub fn further(&self, submissions: usize, taken: &mut VecDeque<Job>) -> bool {
        let mut state = self.0.state();
        loop {
            let missing = state.enough().saturating_sub(submissions);
            if missing == 0 && state.next_is_free {
                return false;
            }
            let most = if missing == 0 { FORESEEN } else { missing };
            if state.take(most, taken) {
                return true;
            }
            if state.is_closed {
                return false;
            }
            if !state.next_is_free {
                state.awaits_next = true;
                state = self.0.sleep(state, WOKEN_FOR, FOR_EVER);
                state.awaits_next = false;
                continue;
            }
            let missing = state.wanted().saturating_sub(submissions);
            let left = if missing > 0 { state.patience() } else { Duration::ZERO };
            if left.is_zero() {
                return false;
            }
            state = self.0.sleep(state, missing.min(WOKEN_FOR), left);
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
        let mut state = self.0.state();
        state.next_is_free = is_free;
        state.gathers_since = is_free.then(Instant::now);
        let is_awaited = is_free && state.awaits_next;
        drop(state);
        // Waking in vain would put somebody in front of those who are about to be answered.
        if is_awaited {
            self.0.changed.notify_one();
        }
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        self.is_free(true);
    }
}

/// The thread that makes groups durable.
pub(super) struct Pace(Arc<Queue>);

impl Pace {
    /// Says how long a group took to become durable.
    pub fn took(&self, time: Duration) {
        let mut state = self.0.state();
        state.pace = (state.pace * 7 + time) / 8;
    }
}
