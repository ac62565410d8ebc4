//! The closed load: so many connections, each with one request under way, bounded in count and in
//! time, as fast as answers come. It shows the rate; [`crate::paced`] the latency at a given one.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use serde::Serialize;

use crate::Error;
use crate::samples::{Percentiles, Samples};
use crate::wire::Connection;

/// So many broken connections end a measurement.
const BREAKS_MAX: u64 = 100;

/// How hard to press, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Connections, each with a thread of its own.
    pub connections: usize,
    /// End after so many requests.
    pub requests_max: u64,
    /// End after so many seconds.
    pub seconds_max: f64,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub struct Outcome {
    /// Wall time, in seconds.
    pub seconds: f64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Latency of the answers with a wanted status.
    pub latency: Percentiles,
    /// Bytes of all bodies received.
    pub body_bytes: u64,
    /// Connections that broke and were opened again.
    pub breaks: u64,
}

#[derive(Default)]
struct Worked {
    statuses: BTreeMap<u16, u64>,
    samples: Samples,
    body_bytes: u64,
}

impl Outcome {
    /// Answers with a wanted status in a second.
    pub fn per_second(&self) -> f64 {
        self.latency.count as f64 / self.seconds
    }

    /// The answers with another status, for the note of a row; empty when there was none.
    pub fn others(&self, wanted: &[u16]) -> String {
        let others = self.statuses.iter().filter(|(status, _)| !wanted.contains(status));
        let others: Vec<String> = others.map(|(status, n)| format!("{n} × {status}")).collect();
        match (others.is_empty(), self.breaks) {
            (true, 0) => String::new(),
            (true, breaks) => format!("; {breaks} connections broke"),
            (false, breaks) => format!("; besides {}, {breaks} breaks", others.join(", ")),
        }
    }
}

/// Runs `plan` against `address`. `next(connection, n, request)` writes the n-th request of that
/// connection and says whether there is one. Answers whose status is in `wanted` are counted.
///
/// # Errors
/// When connections break again and again.
pub fn run(
    address: SocketAddr,
    plan: Plan,
    wanted: &[u16],
    next: impl Fn(usize, u64, &mut Vec<u8>) -> bool + Sync,
) -> Result<Outcome, Error> {
    let connections =
        (0..plan.connections).map(|_| Connection::open(address)).collect::<io::Result<Vec<_>>>()?;
    let (left, breaks) = (AtomicU64::new(plan.requests_max), AtomicU64::new(0));
    let (next, left, breaks) = (&next, &left, &breaks);
    let began = Instant::now();
    let worked: Vec<io::Result<Worked>> = thread::scope(|scope| {
        let work = |(at, connection)| {
            let worker = Worker { address, plan, wanted, began, left, breaks, at };
            scope.spawn(move || worker.work(connection, next))
        };
        let workers: Vec<_> = connections.into_iter().enumerate().map(work).collect();
        workers.into_iter().map(|worker| worker.join().expect("no panic in a worker")).collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    let mut outcome = Outcome { seconds, ..Outcome::default() };
    let mut samples = Samples::default();
    for one in worked {
        let one = one?;
        one.statuses.iter().for_each(|(s, n)| *outcome.statuses.entry(*s).or_default() += n);
        outcome.body_bytes += one.body_bytes;
        samples.merge(one.samples);
    }
    outcome.latency = samples.percentiles();
    outcome.breaks = breaks.load(Ordering::Relaxed);
    Ok(outcome)
}

struct Worker<'a> {
    address: SocketAddr,
    plan: Plan,
    wanted: &'a [u16],
    began: Instant,
    left: &'a AtomicU64,
    breaks: &'a AtomicU64,
    at: usize,
}

impl Worker<'_> {
    fn work(
        &self,
        mut connection: Connection,
        next: impl Fn(usize, u64, &mut Vec<u8>) -> bool,
    ) -> io::Result<Worked> {
        let mut worked = Worked::default();
        let mut request = Vec::with_capacity(4096);
        for n in 0.. {
            request.clear();
            let from = Instant::now();
            let is_over = from.duration_since(self.began).as_secs_f64() >= self.plan.seconds_max;
            if is_over || !self.take_one() || !next(self.at, n, &mut request) {
                break;
            }
            let status = match connection.exchange(&request) {
                Ok(status) => status,
                Err(error) if self.breaks.fetch_add(1, Ordering::Relaxed) > BREAKS_MAX => {
                    return Err(error);
                }
                Err(_) => {
                    connection = Connection::open(self.address)?;
                    continue;
                }
            };
            *worked.statuses.entry(status).or_default() += 1;
            worked.body_bytes += connection.body().len() as u64;
            if self.wanted.contains(&status) {
                worked.samples.add(from.elapsed());
            }
        }
        Ok(worked)
    }

    fn take_one(&self) -> bool {
        let less = |left: u64| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// A step of splitmix64: the same draws on every machine, from a seed that the report names.
pub fn mix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
