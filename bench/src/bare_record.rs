//! What a paced read would take if it cost nothing but its record: a read is answered when it is durably
//! on record, so no read is faster than the bare disk, and where that stands still, every read does.
//!
//! The disk is asked as the record of reads asks it: 4 KiB over bytes that the file already has, one sync
//! after another, begun no sooner than 0.6 ms after the one before.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::reads::PACED_SECONDS_MIN;
use crate::samples::{Percentiles, Samples};
use crate::table::{Goal, Row, figure};

const RECORD_BYTES: usize = 4096;
/// Records before the file begins anew: a megabyte.
const RECORDS: u64 = 256;
/// As seldom as the product begins a sync of its record of reads while many read.
const SYNC_EVERY: Duration = Duration::from_micros(600);
/// Reads arrive so often, as they do in the paced load.
const ARRIVAL_EVERY: Duration = Duration::from_micros(100);
/// Bound of the paced reads: a sync that takes longer is counted apart.
const SLOW: Duration = Duration::from_millis(2);

/// From the beginning of a write to the return of its sync, both since the beginning of the run.
#[derive(Clone, Copy, Debug)]
pub struct Synced {
    /// When it began.
    pub began: Duration,
    /// When it was durable.
    pub ended: Duration,
}

/// What the bare disk makes a record wait.
#[derive(Clone, Copy, Debug)]
pub struct BareRecord {
    wait: Percentiles,
    /// The share of the run that was spent in syncs of more than 2 ms, of 100.
    slow_percent: f64,
    longest_ms: f64,
}

/// Syncs a file inside `directory` for as long as a paced run takes at least; whoever calls it lets
/// nothing run beside.
///
/// # Errors
/// When the directory cannot be written to.
pub fn measure(directory: &Path) -> io::Result<BareRecord> {
    let file: File = tempfile::tempfile_in(directory)?;
    let block = [0x5a; RECORD_BYTES];
    for record in 0..RECORDS {
        file.write_all_at(&block, record * RECORD_BYTES as u64)?;
    }
    file.sync_all()?;
    let (start, run) = (Instant::now(), Duration::from_secs_f64(PACED_SECONDS_MIN));
    let mut synced = Vec::new();
    while start.elapsed() < run {
        let began = start.elapsed();
        let record = synced.len() as u64 % RECORDS;
        file.write_all_at(&block, record * RECORD_BYTES as u64)?;
        file.sync_data()?;
        synced.push(Synced { began, ended: start.elapsed() });
        thread::sleep((began + SYNC_EVERY).saturating_sub(start.elapsed()));
    }
    Ok(BareRecord::of(&synced))
}

/// The wait of who comes every tenth of a millisecond: until the first sync that begins from then on
/// has ended. Who comes after the last one began is not counted.
pub fn waits(synced: &[Synced]) -> Samples {
    let (mut samples, mut arrival) = (Samples::default(), Duration::ZERO);
    for Synced { began, ended } in synced {
        while arrival <= *began {
            samples.add(*ended - arrival);
            arrival += ARRIVAL_EVERY;
        }
    }
    samples
}

impl BareRecord {
    fn of(synced: &[Synced]) -> Self {
        let took = |one: &Synced| one.ended - one.began;
        let all = synced.last().map_or(Duration::ZERO, |last| last.ended);
        let slow: Duration = synced.iter().map(took).filter(|took| *took > SLOW).sum();
        let longest = synced.iter().map(took).max().unwrap_or_default();
        Self {
            wait: waits(synced).percentiles(),
            slow_percent: 100.0 * slow.as_secs_f64() / all.as_secs_f64().max(f64::MIN_POSITIVE),
            longest_ms: longest.as_secs_f64() * 1e3,
        }
    }

    /// The row of the report.
    pub fn row(&self) -> Row {
        let note = format!(
            "p50 {} ms; {} % of the time in syncs of over 2 ms, the longest {} ms",
            figure(self.wait.p50_ms),
            figure(self.slow_percent),
            figure(self.longest_ms),
        );
        let name = "record of a read on the bare disk, nothing else running: p99";
        Row::new(name, self.wait.p99_ms, "ms", Goal::None).note(note)
    }
}
