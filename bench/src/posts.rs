//! Single events, one POST each, as an upstream system sends them: every receipt is durable, so
//! what counts is how many of them share one sync of the disk. The syncs are counted; beside them
//! stands what the rate alone would say, which on a fast disk is a bound of the processor.

use std::io::Write;
use std::net::SocketAddr;

use crate::Error;
use crate::load::{self, Outcome, Plan};
use crate::syncs::{Counted, Syncs};
use crate::table::{Goal, Row, figure};

/// A receipt that says something new.
const CREATED: u16 = 201;
/// The design's bounds: receipts that share a sync, and what 99 of 100 wait for at most.
const PER_SYNC: Goal = Goal::More { least: 16.0, reach: 48.0 };
const WITHIN_SYNCS: Goal = Goal::Less { most: 5.0, reach: None };

/// What came of single POSTs.
pub struct Posted {
    /// The answers.
    pub outcome: Outcome,
    /// The server's syncs meanwhile.
    pub syncs: Counted,
}

/// Posts as [`measure`] does, and counts the syncs of the server that `syncs` watches.
///
/// # Errors
/// As there, and when nothing was counted.
pub fn measure_counted(
    address: SocketAddr,
    token: &str,
    lanes: &[Vec<Vec<u8>>],
    seconds_max: f64,
    syncs: &Syncs,
) -> Result<Posted, Error> {
    let before = syncs.counted()?;
    let outcome = measure(address, token, lanes, seconds_max)?;
    let syncs = syncs.counted()?.since(before);
    if syncs.of_log == 0 && outcome.latency.count > 0 {
        return Err(Error::Other("receipts were given and no sync of the log was counted".into()));
    }
    Ok(Posted { outcome, syncs })
}

/// Posts the events of each lane in order over a connection of its own.
///
/// # Errors
/// When connections break again and again.
pub fn measure(
    address: SocketAddr,
    token: &str,
    lanes: &[Vec<Vec<u8>>],
    seconds_max: f64,
) -> Result<Outcome, Error> {
    let requests: Vec<Vec<Vec<u8>>> =
        lanes.iter().map(|lane| lane.iter().map(|event| request(token, event)).collect()).collect();
    let plan = Plan { connections: lanes.len(), requests_max: u64::MAX, seconds_max };
    load::run(address, plan, &[CREATED], |connection, n, out| {
        let found = usize::try_from(n).ok().and_then(|n| requests[connection].get(n));
        found.map(|request| out.extend_from_slice(request)).is_some()
    })
}

fn request(token: &str, event: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(event.len() + 256);
    write!(
        out,
        "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/cloudevents+json\r\nContent-Length: {}\r\n\r\n",
        event.len()
    )
    .expect("memory takes every write");
    out.extend_from_slice(event);
    out
}

/// The rows of the report, under `name`; `sync_ms` is the mean time of the disk's sync around the
/// run.
pub fn rows(posted: &Posted, name: &str, sync_ms: f64) -> Vec<Row> {
    let Posted { outcome, syncs } = posted;
    let rate = outcome.per_second();
    let note = format!("{} receipts{}", outcome.latency.count, outcome.others(&[CREATED]));
    let mut rows = vec![
        Row::new(format!("{name}: receipts"), rate, "receipts/s", Goal::None).note(note),
        Row::new(format!("{name}: p50"), outcome.latency.p50_ms, "ms", Goal::None),
        Row::new(format!("{name}: p99"), outcome.latency.p99_ms, "ms", Goal::None),
    ];
    rows.extend(counted_rows(outcome, *syncs, name));
    let p99_syncs = outcome.latency.p99_ms / sync_ms;
    rows.extend([
        Row::new(format!("{name}: rate × disk sync"), rate * sync_ms / 1e3, "receipts", PER_SYNC)
            .note(format!("rate × {} ms, the mean disk sync around the run", figure(sync_ms))),
        Row::new(format!("{name}: p99 ÷ disk sync"), p99_syncs, "syncs", WITHIN_SYNCS)
            .note("p99 ÷ the same"),
    ]);
    rows
}

/// What the counted syncs say: of the log alone, which are groups of receipts, and of any file.
fn counted_rows(outcome: &Outcome, syncs: Counted, name: &str) -> [Row; 3] {
    let receipts = outcome.latency.count as f64;
    let group_ms = 1e3 * outcome.seconds / syncs.of_log as f64;
    let p99_groups = outcome.latency.p99_ms / group_ms;
    let (of_log, of_all) = (receipts / syncs.of_log as f64, receipts / syncs.of_all as f64);
    [
        Row::new(format!("{name}: receipts a group, counted"), of_log, "receipts", PER_SYNC)
            .note(format!("{} syncs of the log of events", syncs.of_log)),
        Row::new(format!("{name}: p99 in groups, counted"), p99_groups, "groups", WITHIN_SYNCS)
            .note(format!(
                "p99 ÷ {} ms, the mean from one group's sync to the next",
                figure(group_ms)
            )),
        Row::new(format!("{name}: receipts a sync of any file"), of_all, "receipts", Goal::None)
            .note(format!("{} syncs of log, keys, zeros ahead, views and trees", syncs.of_all)),
    ]
}
