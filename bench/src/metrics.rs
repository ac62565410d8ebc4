//! Timeliness, asked in every grouping that the contract knows: each subset of its five words.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Error;
use crate::samples::{Percentiles, Samples};
use crate::table::{Goal, Row};
use crate::wire::{self, Connection};

const WORDS: [&str; 5] = ["place", "event", "department", "channel", "month"];
/// Enough for a median; the first answer is among them.
const ASKED_MAX: usize = 20;
const SECONDS_MAX: u64 = 3;

/// One grouping, asked again and again.
#[derive(Clone, Debug, Serialize)]
pub struct Grouping {
    /// `group_by`; empty for the total.
    pub group_by: String,
    /// How long the answers took.
    pub latency: Percentiles,
    /// Size of an answer.
    pub body_bytes: usize,
    /// Status of the last answer.
    pub status: u16,
}

/// Asks every grouping over a single connection, one at a time.
///
/// # Errors
/// When the connection breaks.
pub fn measure(address: SocketAddr, token: &str) -> Result<Vec<Grouping>, Error> {
    let mut connection = Connection::open(address)?;
    let headers = format!("Authorization: Bearer {token}\r\nAccept: application/json\r\n");
    let subsets = 0..1_usize << WORDS.len();
    subsets
        .map(|subset| {
            let words = WORDS.iter().enumerate().filter(|(at, _)| subset & (1 << at) != 0);
            let words: Vec<&str> = words.map(|(_, word)| *word).collect();
            grouping(&mut connection, &headers, words.join(","))
        })
        .collect()
}

fn grouping(
    connection: &mut Connection,
    headers: &str,
    group_by: String,
) -> Result<Grouping, Error> {
    let query = if group_by.is_empty() { String::new() } else { format!("?group_by={group_by}") };
    let mut request = Vec::new();
    wire::head(&mut request, "GET", format_args!("/v1/metrics/timeliness{query}"), headers);
    let mut samples = Samples::default();
    let began = Instant::now();
    loop {
        let from = Instant::now();
        let status = connection.exchange(&request)?;
        samples.add(from.elapsed());
        let late = began.elapsed() > Duration::from_secs(SECONDS_MAX);
        if late || status != 200 || samples.len() == ASKED_MAX {
            let (latency, body_bytes) = (samples.percentiles(), connection.body().len());
            return Ok(Grouping { group_by, latency, body_bytes, status });
        }
    }
}

/// The rows of the report: the total, each word alone, all words, and the slowest of all.
pub fn rows(groupings: &[Grouping]) -> Vec<Row> {
    let what = |group_by: &str| format!("timeliness by {group_by}");
    let answered = groupings.iter().filter(|grouping| grouping.status == 200);
    let goal = Goal::Less { most: 20.0, reach: Some(2.0) };
    let slowest = answered.clone().max_by(|a, b| a.latency.p50_ms.total_cmp(&b.latency.p50_ms));
    let Some(slowest) = slowest else {
        let status = groupings.first().map_or(0, |grouping| grouping.status);
        let why = format!("answered with {status}");
        return vec![Row::missing("timeliness, slowest grouping: p50", "ms", goal, &why)];
    };
    let shown = answered.clone().filter(|grouping| {
        let words = grouping.group_by.split(',').count();
        words == 1 || words == WORDS.len()
    });
    let mut rows: Vec<Row> = shown
        .map(|grouping| {
            let name = if grouping.group_by.is_empty() { "nothing" } else { &grouping.group_by };
            let note = format!(
                "worst {} ms, {} bytes",
                crate::table::figure(grouping.latency.max_ms),
                grouping.body_bytes
            );
            let p50 = grouping.latency.p50_ms;
            Row::new(format!("{}: p50", what(name)), p50, "ms", Goal::None).note(note)
        })
        .collect();
    let worst = answered.map(|grouping| grouping.latency.max_ms).fold(0.0, f64::max);
    let refused = groupings.iter().filter(|grouping| grouping.status != 200).count();
    let name = format!("timeliness, slowest of {} groupings", groupings.len());
    let note = format!("by {}; {refused} groupings refused", slowest.group_by);
    rows.push(Row::new(format!("{name}: p50"), slowest.latency.p50_ms, "ms", goal).note(note));
    rows.push(Row::new(format!("{name}: worst single answer"), worst, "ms", Goal::None));
    rows
}
