//! The registry in this process, without HTTP: as many tasks as the peer has, each handing in single
//! events and waiting for the receipt before the next, as the peer is pressed. What the peer does not
//! do is still done: JSON read and checked, rules judged, payloads sealed, every view following.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::http::cloudevents::read_structured;
use api::registry::{Collector, Home, Prepared, Receipt, Registry, Sender};
use jiff::Timestamp;
use tokio::runtime::Runtime;

use crate::Error;
use crate::events::{self, Events};
use crate::run::Setting;
use crate::samples::{Percentiles, Samples};
use crate::table::{Goal, Row, figure};
use crate::usage::Usage;

/// People of the registry: their last events, a fifth of some 0.56 M, are handed in one by one.
const PEOPLE: usize = 100_000;
/// The events before are handed in so many at once.
const BATCH: usize = 512;
/// Let every task have sent before the clock starts.
const WARM: Duration = Duration::from_secs(1);

/// What the tasks came to.
pub struct Pressed {
    /// Receipts a second.
    pub per_second: f64,
    latency: Percentiles,
    /// What else was answered.
    others: usize,
    tasks: usize,
    /// Events in the registry beforehand.
    before: usize,
    cpu_us_each: f64,
}

/// Fills a registry of its own, then lets `tasks` tasks hand in single events.
///
/// # Errors
/// When it does not open, or gave no receipt.
pub fn measure(setting: &Setting, tasks: usize) -> Result<Pressed, Error> {
    let path = setting.directory.join("in_process.ndjson");
    events::generate(setting, &path, PEOPLE)?;
    let events = Events::split(&path, 1, tasks)?;
    fs::remove_file(&path)?;
    let folder = setting.directory.join("in_process");
    Home::init(&folder, true).map_err(|error| fault(&error))?;
    let registry = Arc::new(Registry::open(&folder).map_err(|error| fault(&error))?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for stream in &events.streams {
        runtime.block_on(fill(&registry, stream))?;
        fs::remove_file(stream)?;
    }
    let pressed = press(&runtime, &registry, events.lanes, setting.seconds_each)?;
    drop(runtime);
    drop(registry);
    fs::remove_dir_all(&folder)?;
    Ok(Pressed { before: events.streamed, ..pressed })
}

/// Hands in every event of a file, many at once.
async fn fill(registry: &Registry, path: &Path) -> Result<(), Error> {
    let mut lines = BufReader::new(File::open(path)?).split(b'\n').peekable();
    while lines.peek().is_some() {
        let batch = lines.by_ref().take(BATCH).map(|line| Ok(prepared(registry, &line?)));
        let batch = batch.collect::<Result<Vec<_>, Error>>()?;
        let taken = registry.submit(batch.into_iter().flatten().collect(), false).await;
        taken.map_err(|_| Error::Other("in process: the registry took nothing".into()))?;
    }
    Ok(())
}

fn press(
    runtime: &Runtime,
    registry: &Arc<Registry>,
    lanes: Vec<Vec<Vec<u8>>>,
    seconds_max: f64,
) -> Result<Pressed, Error> {
    let tasks = lanes.len();
    let begin = Instant::now() + WARM;
    let end = begin + Duration::from_secs_f64(seconds_max);
    let hand_in = |lane| runtime.spawn(hand_in(Arc::clone(registry), lane, (begin, end)));
    let workers: Vec<_> = lanes.into_iter().map(hand_in).collect();
    std::thread::sleep(begin.saturating_duration_since(Instant::now()));
    let before = Usage::own().cpu_seconds;
    let (mut samples, mut others, mut last) = (Samples::default(), 0, begin);
    for worker in workers {
        let worked = runtime.block_on(worker).map_err(|error| fault(&error))?;
        samples.merge(worked.samples);
        others += worked.others;
        last = last.max(worked.until);
    }
    if samples.is_empty() {
        return Err(Error::Other("in process: no receipt was given".into()));
    }
    Ok(Pressed {
        per_second: samples.len() as f64 / last.duration_since(begin).as_secs_f64(),
        cpu_us_each: 1e6 * (Usage::own().cpu_seconds - before) / samples.len() as f64,
        latency: samples.percentiles(),
        others,
        tasks,
        before: 0,
    })
}

fn prepared(registry: &Registry, event: &[u8]) -> Option<Prepared> {
    let sender = Sender {
        subject: "bench".to_owned(),
        department: None,
        place: None,
        received_at: Timestamp::now(),
    };
    let read = read_structured(event);
    Some(registry.prepare(read.event.ok()?, read.received, &sender))
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
        let receipts = match prepared(&registry, &event) {
            Some(prepared) => registry.submit(vec![prepared], false).await.unwrap_or_default(),
            None => Vec::new(),
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

fn fault(error: &dyn std::error::Error) -> Error {
    Error::Other(format!("in process: {error}"))
}

impl Pressed {
    /// The rows of the report.
    pub fn rows(&self) -> Vec<Row> {
        let name = format!("in process, no HTTP, {} tasks", self.tasks);
        let cpu = figure(self.cpu_us_each);
        let mut note = format!("{cpu} µs of CPU each; {} events beforehand", self.before);
        if self.others > 0 {
            note.push_str(&format!("; besides {} that were not recorded", self.others));
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
