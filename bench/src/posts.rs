//! Single events, one POST each, as an upstream system sends them: every receipt is durable, so
//! what counts is how many of them share one sync of the disk.

use std::io::Write;
use std::net::SocketAddr;

use crate::Error;
use crate::load::{self, Outcome, Plan};
use crate::table::{Goal, Row, figure};

/// A receipt that says something new.
const CREATED: u16 = 201;

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
    let plan =
        Plan { connections: lanes.len(), requests_max: u64::MAX, seconds_max, per_second: None };
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
pub fn rows(outcome: &Outcome, name: &str, sync_ms: f64) -> Vec<Row> {
    let rate = outcome.per_second();
    let syncs = outcome.latency.p99_ms / sync_ms;
    let note = format!("{} receipts{}", outcome.latency.count, outcome.others(&[CREATED]));
    let per_sync = Goal::More { least: 16.0, reach: 48.0 };
    let within = Goal::Less { most: 5.0, reach: None };
    vec![
        Row::new(format!("{name}: receipts"), rate, "receipts/s", Goal::None).note(note),
        Row::new(format!("{name}: p50"), outcome.latency.p50_ms, "ms", Goal::None),
        Row::new(format!("{name}: p99"), outcome.latency.p99_ms, "ms", Goal::None),
        Row::new(format!("{name}: per disk sync"), rate * sync_ms / 1e3, "receipts", per_sync)
            .note(format!("rate × {} ms, the mean disk sync around the run", figure(sync_ms))),
        Row::new(format!("{name}: p99 in disk syncs"), syncs, "syncs", within)
            .note("p99 ÷ the same"),
    ]
}
