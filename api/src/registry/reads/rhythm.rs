//! When groups of reads begin: so seldom that a sync, which costs more of the processor than the reads
//! that share it, is worth its price, and not before those who came together are all there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// While several readers ask at once, a group is written no sooner than so long after the one before
/// was. Who waited for a slow sync does not wait once more. A lone reader never waits.
const GROUP_EVERY: Duration = Duration::from_micros(600);
/// Meanwhile it is looked so often who else asks; a group begins at once when a step brought nobody.
const STEP: Duration = Duration::from_micros(400);
/// Readers may come in bursts. After its first one a group waits so long for as many as there were
/// in the one before: else it would begin with the first few, and the others wait for the next.
const BURST: Duration = Duration::from_micros(400);

/// How many have asked, counted where they ask.
#[derive(Default)]
pub(super) struct Asked {
    all: AtomicU64,
    /// Who gathers sleeps until so many have asked; 0 while nobody sleeps.
    wanted: AtomicU64,
    gatherer: OnceLock<Thread>,
}

impl Asked {
    /// Says whom to wake.
    pub fn is_gathered_by(&self, thread: Thread) {
        // It is told once.
        let _ = self.gatherer.set(thread);
    }

    /// To be called behind the handing in: who is woken finds it.
    pub fn one_more(&self) {
        let all = self.all.fetch_add(1, Ordering::SeqCst) + 1;
        let wanted = self.wanted.load(Ordering::SeqCst);
        if wanted > 0 && all >= wanted && self.wanted.swap(0, Ordering::SeqCst) > 0 {
            self.gatherer.get().map(Thread::unpark);
        }
    }

    /// Sleeps until so many have asked, or the time is over.
    fn wait_for(&self, wanted: u64, at_most: Duration) {
        self.wanted.store(wanted, Ordering::SeqCst);
        if self.all.load(Ordering::SeqCst) < wanted {
            std::thread::park_timeout(at_most);
        }
        self.wanted.store(0, Ordering::SeqCst);
    }
}

/// The turns of groups.
pub(super) struct Rhythm {
    asked: Arc<Asked>,
    /// When the last group began.
    began: Instant,
    /// How many asked in it.
    usual: usize,
    /// How many asked in all groups.
    taken: u64,
}

impl Rhythm {
    pub fn new(asked: Arc<Asked>) -> Self {
        Self { asked, began: Instant::now(), usual: 0, taken: 0 }
    }

    /// Lets `take` take all who ask into a group that has its first one, until it is time to write
    /// it; `take` gives how many are in it.
    pub fn gather(&mut self, mut take: impl FnMut() -> usize) {
        let (first, mut before) = (Instant::now(), 0);
        let count = loop {
            let count = take();
            if self.usual <= 1 {
                break count;
            }
            let now = Instant::now();
            let early = (self.began + GROUP_EVERY).saturating_duration_since(now);
            let burst = (first + BURST).saturating_duration_since(now);
            if !early.is_zero() && count > before {
                std::thread::sleep(early.min(STEP));
            } else if early.is_zero() && !burst.is_zero() && count < self.usual {
                self.asked.wait_for(self.taken + self.usual as u64, burst);
            } else {
                break count;
            }
            before = count;
        };
        (self.began, self.usual) = (Instant::now(), count);
        self.taken += count as u64;
    }
}
