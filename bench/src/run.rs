//! A whole run: a small registry, then the full one, each from empty; then the table.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Error;
use crate::at_rest;
use crate::disk;
use crate::events::{self, Events};
use crate::ingest::{self, Ingested};
use crate::metrics::{self, Grouping};
use crate::posts::{self, Posted};
use crate::reads::Reads;
use crate::server::{Registry, Server, Tokens};
use crate::slow_disk;
use crate::syncs::Syncs;
use crate::table::{Goal, Row, figure};
use crate::usage::Usage;

/// Connections that post single events.
pub const POST_CONNECTIONS: usize = 64;
/// The small run has so many times fewer people.
const SMALLER: usize = 10;
/// Bytes of a GiB.
pub const GIB: f64 = (1_u64 << 30) as f64;

/// What to run.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The binary `renkou`.
    pub binary: PathBuf,
    /// An existing directory, on the disk to be measured.
    pub directory: PathBuf,
    /// People of the full run.
    pub people: usize,
    /// Years of events.
    pub years: usize,
    /// What the fiction is drawn from.
    pub seed: u64,
    /// Which events, by the name that `renkou generate --mix` knows.
    pub mix: String,
    /// NDJSON connections.
    pub streams: usize,
    /// What is added to each sync of the disk that is made slow.
    pub delay_ms: u32,
    /// How long each load of posts and reads may take.
    pub seconds_each: f64,
    /// Beyond this moment no further part is begun.
    pub end: Instant,
}

/// What the other rows, and the peer, are compared with.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Rates {
    /// Receipts a second of the NDJSON ingest.
    pub ingest_per_second: f64,
    /// Receipts a second of single POSTs.
    pub posts_per_second: f64,
    /// Receipts a second of single events handed in without HTTP; none when that was left out.
    pub in_process_per_second: Option<f64>,
}

/// What a run gave.
pub struct Report {
    /// The table.
    pub rows: Vec<Row>,
    /// What the peer is compared with.
    pub rates: Rates,
    /// Every grouping of the timeliness query.
    pub groupings: Vec<Grouping>,
}

/// A registry with events in it, its server running.
struct Filled {
    registry: Registry,
    server: Server,
    syncs: Syncs,
    tokens: Tokens,
    events: Events,
    ingested: Ingested,
    followed: Option<Duration>,
    used: Usage,
    own_cpu_seconds: f64,
}

/// Runs everything.
///
/// # Errors
/// At the first part that cannot be measured at all.
pub fn run(setting: &Setting) -> Result<Report, Error> {
    let small = fill(setting, "small", setting.people / SMALLER)?;
    let (small_rate, small_streamed) = (small.rate(), small.events.streamed);
    let slow_rows = slow_rows(setting, small)?;
    let full = fill(setting, "full", setting.people)?;
    let mut rows = full.rows();
    rows.push(growth(&full, small_rate, small_streamed));

    let (post_rows, posted) = post_rows(setting, &full)?;
    rows.extend(post_rows);
    rows.extend(slow_rows);
    let mut rates = Rates {
        ingest_per_second: full.rate(),
        posts_per_second: posted.outcome.per_second(),
        in_process_per_second: None,
    };

    let address = full.server.address;
    let reads = Reads {
        address,
        token: &full.tokens.reader,
        persons: &full.ingested.receipts.persons,
        days: (&full.events.days.0, &full.events.days.1),
        seconds_max: setting.seconds_each,
    };
    if reads.persons.is_empty() {
        return Err(Error::Other("no receipt named a person: nobody can be read".into()));
    }
    let mut groupings = Vec::new();
    if Instant::now() < setting.end {
        rows.extend(read_rows(&full.server, &reads)?);
        groupings = metrics::measure(address, &full.tokens.analyst)?;
        rows.extend(metrics::rows(&groupings));
    } else {
        rows.push(Row::missing("reads and timeliness", "ms", Goal::None, "no time left"));
    }
    let Filled { registry, server, tokens, ingested, .. } = full;
    let posted = posted.outcome.latency.count as u64;
    rows.extend(at_rest::measure(setting.end, &registry, server, &tokens, &ingested, posted)?);
    if Instant::now() < setting.end {
        rows.push(at_rest::check(&registry)?);
    }
    if Instant::now() < setting.end {
        rows.extend(in_process_rows(setting, &mut rates)?);
    }
    Ok(Report { rows, rates, groupings })
}

/// What single events give that are handed in without HTTP, as they are to the peer.
#[cfg(feature = "peer")]
fn in_process_rows(setting: &Setting, rates: &mut Rates) -> Result<Vec<Row>, Error> {
    eprintln!("in process: handing events in without HTTP");
    let pressed = crate::in_process::measure(setting, POST_CONNECTIONS)?;
    rates.in_process_per_second = Some(pressed.per_second);
    Ok(pressed.rows())
}

#[cfg(not(feature = "peer"))]
fn in_process_rows(_: &Setting, _: &mut Rates) -> Result<Vec<Row>, Error> {
    Ok(Vec::new())
}

/// Single POSTs alone: a registry is filled, posted to, and posted to again on a slow disk. For
/// comparing two binaries; events that the first load took are duplicates in the second one, so
/// the lanes are halved between them.
///
/// # Errors
/// As [`run`].
pub fn posts_alone(setting: &Setting) -> Result<Vec<Row>, Error> {
    let mut full = fill(setting, "full", setting.people)?;
    let kept_back = |lane: &mut Vec<_>| lane.split_off(lane.len() / 2);
    let later = full.events.lanes.iter_mut().map(kept_back).collect();
    let (mut rows, _) = post_rows(setting, &full)?;
    full.events.lanes = later;
    rows.extend(slow_rows(setting, full)?);
    Ok(rows)
}

/// What single POSTs to the full registry give, between two looks at the disk.
fn post_rows(setting: &Setting, full: &Filled) -> Result<(Vec<Row>, Posted), Error> {
    let Filled { server, tokens, events, syncs, .. } = full;
    let disk = disk::measure(&setting.directory, 3)?;
    let mut rows = disk.rows("before the POSTs");
    let (before, threads) = ((server.usage(), Usage::own()), server.threads());
    let (address, seconds_max) = (server.address, setting.seconds_each);
    let posted =
        posts::measure_counted(address, &tokens.writer, &events.lanes, seconds_max, syncs)?;
    let spent = (server.usage(), Usage::own());
    let answers = posted.outcome.latency.count;
    let mut spent = shares("single POSTs", before, spent, answers);
    spent.note = format!("{}; {}", spent.note, server.threads().each_since(&threads, answers));
    let after = disk::measure(&setting.directory, 3)?;
    rows.extend(after.rows("after the POSTs"));
    let sync_ms = f64::midpoint(disk.sync_ms(), after.sync_ms());
    let name = format!("single POSTs, {POST_CONNECTIONS} connections");
    rows.extend(posts::rows(&posted, &name, sync_ms));
    rows.push(spent);
    Ok((rows, posted))
}

/// What single POSTs to the small registry give where the disk is slow.
fn slow_rows(setting: &Setting, small: Filled) -> Result<Vec<Row>, Error> {
    let Filled { registry, server, tokens, events, .. } = small;
    server.stop()?;
    let sync_ms = disk::measure(&setting.directory, 1)?.sync_ms();
    slow_disk::measure(
        &registry,
        &tokens,
        &events.lanes,
        (setting.seconds_each, setting.delay_ms, sync_ms),
    )
}

/// Makes events and an empty registry, starts it, streams the events in.
fn fill(setting: &Setting, name: &str, people: usize) -> Result<Filled, Error> {
    let path = setting.directory.join(format!("{name}.ndjson"));
    eprintln!("{name}: making events of {people} people");
    events::generate(setting, &path, people)?;
    let events = Events::split(&path, setting.streams, POST_CONNECTIONS)?;
    fs::remove_file(&path)?;
    let registry = Registry::init(&setting.binary, &setting.directory.join(name))?;
    let tokens = registry.tokens()?;
    let syncs = Syncs::watch(&registry.data, 0)?;
    let server = registry.serve_with(&syncs.environment())?;
    eprintln!("{name}: streaming {} events", events.streamed);
    let (before, own) = (server.usage(), Usage::own());
    let half = Instant::now() + setting.end.saturating_duration_since(Instant::now()) / 2;
    let ingested = ingest::ingest(server.address, &tokens, &events.streams, half)?;
    let receipts = &ingested.receipts;
    let Some(person) = receipts.persons.first() else {
        let refusal = receipts.refusal.clone().unwrap_or_default();
        return Err(Error::Other(format!("{name}: nothing was recorded: {refusal}")));
    };
    let followed = ingest::await_views(server.address, &tokens, *person, receipts.last_position)?;
    let used = server.usage();
    let used = Usage { cpu_seconds: used.cpu_seconds - before.cpu_seconds, ..used };
    let own_cpu_seconds = Usage::own().cpu_seconds - own.cpu_seconds;
    Ok(Filled {
        registry,
        server,
        syncs,
        tokens,
        events,
        ingested,
        followed,
        used,
        own_cpu_seconds,
    })
}

impl Filled {
    fn rate(&self) -> f64 {
        self.ingested.receipts.recorded as f64 / self.ingested.elapsed.as_secs_f64()
    }

    fn rows(&self) -> Vec<Row> {
        let Ingested { receipts, elapsed, lag, .. } = &self.ingested;
        let lag = lag.clone().percentiles();
        let refusal = receipts.refusal.as_deref().unwrap_or("none");
        if receipts.refused > 0 {
            eprintln!("{} events were refused, the first one: {refusal}", receipts.refused);
        }
        let note = format!(
            "{} receipts, {} duplicates, {} refused in {} s on {} connection(s); {} people{}",
            receipts.recorded,
            receipts.duplicates,
            receipts.refused,
            figure(elapsed.as_secs_f64()),
            self.events.streams.len(),
            receipts.persons.len(),
            if receipts.is_cut_short { "; CUT SHORT, time was up" } else { "" },
        );
        let rate = Goal::More { least: 30_000.0, reach: 80_000.0 };
        let behind = Goal::Less { most: 1_000.0, reach: None };
        let memory = Goal::Less { most: 1.5, reach: Some(0.5) };
        let follow = "NDJSON ingest: archive and timeliness views follow after the last receipt";
        let followed = match self.followed {
            Some(time) => Row::new(follow, time.as_secs_f64() * 1e3, "ms", behind),
            None => Row::missing(follow, "ms", behind, "not in time"),
        };
        let seconds = elapsed.as_secs_f64() + self.followed.unwrap_or_default().as_secs_f64();
        let cores = format!("{} cores busy", figure(self.used.cpu_seconds / seconds));
        let client = format!(
            "{} % of both",
            figure(100.0 * self.own_cpu_seconds / (self.own_cpu_seconds + self.used.cpu_seconds))
        );
        let gibibytes = self.used.memory_bytes_max as f64 / GIB;
        vec![
            Row::new("NDJSON ingest: durable receipts", self.rate(), "events/s", rate).note(note),
            followed,
            Row::new("NDJSON ingest: archive view behind meanwhile, p50", lag.p50_ms, "ms", behind)
                .note(format!("{} looks, worst {} ms", lag.count, figure(lag.max_ms))),
            Row::new("NDJSON ingest: server memory at its peak", gibibytes, "GiB", memory)
                .note("the goal is for 1 M people"),
            Row::new("NDJSON ingest: server CPU", self.used.cpu_seconds, "s", Goal::None)
                .note(cores),
            Row::new("NDJSON ingest: client CPU", self.own_cpu_seconds, "s", Goal::None)
                .note(client),
        ]
    }
}

fn growth(full: &Filled, small_rate: f64, small_events: usize) -> Row {
    let percent = 100.0 * full.rate() / small_rate;
    let (first, last) = full.ingested.tenths;
    let note = format!(
        "{}/s with {small_events} events; within the full run first tenth {}/s, last tenth {}/s",
        figure(small_rate),
        figure(first),
        figure(last)
    );
    let goal = Goal::More { least: 70.0, reach: 90.0 };
    Row::new(format!("growth: ingest rate at {SMALLER}× the data"), percent, "%", goal).note(note)
}

fn read_rows(server: &Server, reads: &Reads<'_>) -> Result<Vec<Row>, Error> {
    let before = (server.usage(), Usage::own());
    let now = reads.now()?;
    let mut rows = now.rows_now();
    let answers = now.answers();
    rows.push(shares("archive read", before, (server.usage(), Usage::own()), answers));
    let before = (server.usage(), Usage::own());
    let as_of = reads.as_of()?;
    rows.extend(as_of.rows_as_of());
    let answers = as_of.answers();
    rows.push(shares("as-of read", before, (server.usage(), Usage::own()), answers));
    Ok(rows)
}

/// What one answer costs the server, with the client's share beside it; `before` and `after` are
/// what both had used.
pub(crate) fn shares(
    name: &str,
    before: (Usage, Usage),
    after: (Usage, Usage),
    answers: usize,
) -> Row {
    let spent = after.0.cpu_seconds - before.0.cpu_seconds;
    let own = after.1.cpu_seconds - before.1.cpu_seconds;
    let each = 1e6 * spent / answers.max(1) as f64;
    let note = format!("server {} s, client {} s in all", figure(spent), figure(own));
    Row::new(format!("{name}: server CPU per answer"), each, "µs", Goal::None).note(note)
}
