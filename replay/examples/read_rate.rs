//! Measures how fast the log of a data directory is read back: events a second, and time on the
//! processor for each.
//!
//! `cargo run --release -p replay --example read_rate DIR`. DIR is a registry's, with its
//! `master.key`; no byte of it is changed.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use domain::Position;
use journal::KeySlots;
use journal::segments::Segments;
use replay::ahead::read_ahead;
use replay::{LogReader, ReplayError};

/// The allocator of the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As the follower reads when it catches up.
const BATCH_EVENTS: usize = 4_000;
const ROUNDS: usize = 2;
const THREADS_MAX: usize = 3;

fn main() -> io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1) else {
        return Err(io::Error::other("which directory?"));
    };
    let log = open(Path::new(&folder))?;
    for _ in 0..ROUNDS {
        measure("plain", || read(&log))?;
        for threads in 1..=THREADS_MAX {
            measure(&format!("{threads} ahead"), || read_by(&log, threads))?;
        }
    }
    Ok(())
}

fn open(folder: &Path) -> io::Result<LogReader> {
    let text = std::fs::read_to_string(folder.join("master.key"))?;
    let digits = text.trim();
    let byte = |at: usize| digits.get(2 * at..2 * at + 2).map(|pair| u8::from_str_radix(pair, 16));
    let mut master = [0; 32];
    for (at, place) in master.iter_mut().enumerate() {
        *place = byte(at).and_then(Result::ok).ok_or_else(|| io::Error::other("no master key"))?;
    }
    let journal = Segments::open_read_only(&folder.join("journal")).map_err(io::Error::other)?;
    let keys = KeySlots::open_read_only(&folder.join("keys/slots"), &master);
    Ok(LogReader::new(Arc::new(journal), Arc::new(keys.map_err(io::Error::other)?)))
}

fn read(log: &LogReader) -> Result<(u64, u64), ReplayError> {
    let (mut events, mut open) = (0, 0);
    loop {
        let batch = log.events(Position(events + 1), BATCH_EVENTS)?;
        if batch.is_empty() {
            return Ok((events, open));
        }
        events += batch.len() as u64;
        open += batch.iter().filter(|event| event.payload.is_some()).count() as u64;
    }
}

fn read_by(log: &LogReader, threads: usize) -> Result<(u64, u64), ReplayError> {
    let (mut events, mut open) = (0, 0);
    read_ahead(log, Position(1)..=log.journal().head(), threads, |batch| {
        events += batch.len() as u64;
        open += batch.iter().filter(|event| event.payload.is_some()).count() as u64;
        Ok::<_, ReplayError>(())
    })?;
    Ok((events, open))
}

fn measure(name: &str, run: impl Fn() -> Result<(u64, u64), ReplayError>) -> io::Result<()> {
    let (begun, before) = (Instant::now(), on_processor());
    let (events, open) = run().map_err(io::Error::other)?;
    let (seconds, busy) = (begun.elapsed().as_secs_f64(), on_processor() - before);
    writeln!(
        io::stdout(),
        "{name}: {events} events ({open} open) in {seconds:.2} s, {:.0}/s, {:.2} µs each on the processor",
        events as f64 / seconds,
        busy * 1e6 / events as f64,
    )
}

/// Seconds that this process spent on the processor, all threads.
fn on_processor() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or_default();
    let ticks = after.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok());
    ticks.sum::<u64>() as f64 / 100.0
}
