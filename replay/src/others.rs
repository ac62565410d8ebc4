//! How busy the other threads of the process are, for one that has time to wait: it works while they
//! leave processors idle, and so takes nothing from those who wait for an answer.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// They are calm while they keep fewer than one in so many processors busy: who answers some thousand
/// readers a second keeps more.
const CALM_SHARE: u32 = 10;
/// Less time tells nothing.
const MEASURED_MIN: Duration = Duration::from_millis(10);

/// What the process had used when it was looked at last, but for this thread.
pub(crate) struct Others {
    processors: u32,
    since: Instant,
    used: Duration,
    were_calm: bool,
}

impl Others {
    /// Of the thread that calls; the first answer tells of the time from now on.
    pub fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let (since, used) = (Instant::now(), used());
        Self { processors: processors as u32, since, used, were_calm: true }
    }

    /// Whether they left most processors idle since the last answer.
    pub fn are_calm(&mut self) -> bool {
        let measured = self.since.elapsed();
        if measured >= MEASURED_MIN {
            let used = used();
            let busy = used.saturating_sub(self.used);
            self.were_calm = busy * CALM_SHARE < measured * self.processors;
            (self.since, self.used) = (Instant::now(), used);
        }
        self.were_calm
    }
}

/// Lets the calling thread give way to others, as `nice` counts, from now on: while there is more to do
/// than processors, it has a smaller share. On Linux this is of the thread alone; elsewhere, and
/// where it may not be, nothing is lost but time.
pub(crate) fn give_way(by: i32) {
    if cfg!(target_os = "linux") {
        let _ = rustix::process::nice(by);
    }
}

/// Time of processors that all other threads have used.
fn used() -> Duration {
    let clock = |id| {
        let time = clock_gettime(id);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    clock(ClockId::ProcessCPUTime).saturating_sub(clock(ClockId::ThreadCPUTime))
}
