//! The registry in this process, without HTTP: as many tasks as the peer has, each handing in single
//! events and waiting for the receipt before the next, as the peer is pressed. What the peer does not
//! do is still done: JSON read and checked, rules judged, payloads sealed, every view following.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::http::cloudevents::read_structured;
use api::registry::{Collector, Receipt, Registry, Sender};
use jiff::Timestamp;

use crate::Error;
use crate::samples::{Percentiles, Samples};
use crate::table::{Goal, Row, figure};
use crate::usage::Usage;

/// Let every task have sent before the clock starts.
const WARM: Duration = Duration::from_secs(1);
/// After it opened, a registry counts and proves for a while.
const REST_MAX: Duration = Duration::from_secs(300);

/// What the tasks came to.
pub struct Pressed {
    /// Receipts a second.
    pub per_second: f64,
    latency: Percentiles,
    /// What else was answered.
    others: usize,
    tasks: usize,
    cpu_us_each: f64,
    came_to_rest: bool,
}

/// Opens the registry in `data` and lets a task for each lane hand in its events, in order, for
/// `seconds_max` at most; then closes it.
///
/// # Errors
/// When it does not open, or gave no receipt.
pub fn measure(data: &Path, lanes: Vec<Vec<Vec<u8>>>, seconds_max: f64) -> Result<Pressed, Error> {
    let registry = Registry::open(data).map_err(|error| Error::Other(unopened(&error)))?;
    let registry = Arc::new(registry);
    let came_to_rest = rest();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let tasks = lanes.len();
    let begin = Instant::now() + WARM;
    let end = begin + Duration::from_secs_f64(seconds_max);
    let workers: Vec<_> = lanes
        .into_iter()
        .map(|lane| runtime.spawn(hand_in(Arc::clone(&registry), lane, (begin, end))))
        .collect();
    std::thread::sleep(begin.saturating_duration_since(Instant::now()));
    let before = Usage::own().cpu_seconds;
    let (mut samples, mut others, mut last) = (Samples::default(), 0, begin);
    for worker in workers {
        let worked = runtime.block_on(worker).map_err(|error| Error::Other(error.to_string()))?;
        samples.merge(worked.samples);
        others += worked.others;
        last = last.max(worked.until);
    }
    let cpu_us = 1e6 * (Usage::own().cpu_seconds - before);
    drop(runtime);
    drop(registry);
    if samples.is_empty() {
        return Err(Error::Other("in process: no receipt was given".into()));
    }
    Ok(Pressed {
        per_second: samples.len() as f64 / last.duration_since(begin).as_secs_f64(),
        cpu_us_each: cpu_us / samples.len() as f64,
        latency: samples.percentiles(),
        others,
        tasks,
        came_to_rest,
    })
}

struct Worked {
    samples: Samples,
    others: usize,
    /// When the last event was answered.
    until: Instant,
}

/// Hands in one event after the other from now on; what is answered after `begin` counts.
async fn hand_in(
    registry: Arc<Registry>,
    lane: Vec<Vec<u8>>,
    (begin, end): (Instant, Instant),
) -> Worked {
    let mut worked = Worked { samples: Samples::default(), others: 0, until: begin };
    for event in lane {
        let from = Instant::now();
        if from >= end {
            break;
        }
        let sender = Sender {
            subject: "bench".to_owned(),
            department: None,
            place: None,
            received_at: Timestamp::now(),
        };
        let read = read_structured(&event);
        let receipts = match read.event {
            Ok(event) => {
                let prepared = registry.prepare(event, read.received, &sender);
                registry.submit(vec![prepared], false).await.unwrap_or_default()
            }
            Err(_) => Vec::new(),
        };
        let until = Instant::now();
        if until < begin {
            continue;
        }
        match receipts[..] {
            [Receipt::Recorded(_)] => worked.samples.add(until.duration_since(from)),
            _ => worked.others += 1,
        }
        worked.until = until;
    }
    worked
}

/// Waits until this process has nothing left to do by itself; gives whether it came to that.
fn rest() -> bool {
    let began = Instant::now();
    while began.elapsed() < REST_MAX {
        let before = Usage::own().cpu_seconds;
        std::thread::sleep(Duration::from_secs(2));
        if Usage::own().cpu_seconds - before < 0.05 {
            return true;
        }
    }
    false
}

fn unopened(error: &api::registry::StartError) -> String {
    format!("in process: the registry does not open: {error}")
}

impl Pressed {
    /// The rows of the report.
    pub fn rows(&self) -> Vec<Row> {
        let name = format!("in process, no HTTP, {} tasks", self.tasks);
        let mut note = format!("{} µs of CPU each", figure(self.cpu_us_each));
        if self.others > 0 {
            note.push_str(&format!("; besides {} that were not recorded", self.others));
        }
        if !self.came_to_rest {
            note.push_str("; it did not come to rest before");
        }
        let Percentiles { p50_ms, p99_ms, .. } = self.latency;
        vec![
            Row::new(format!("{name}: receipts"), self.per_second, "receipts/s", Goal::None)
                .note(note),
            Row::new(format!("{name}: p50"), p50_ms, "ms", Goal::None),
            Row::new(format!("{name}: p99"), p99_ms, "ms", Goal::None),
        ]
    }
}
