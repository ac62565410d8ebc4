//! The disk's own limit: how long it takes to make one small append durable. Every figure of the
//! report that waits for the disk is read beside this one.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::samples::{Percentiles, Samples};
use crate::table::{Goal, Row};

/// What is appended between two syncs: a small group of events.
const APPEND_BYTES: usize = 4096;
/// Enough for a p99.
const SYNCS_MAX: usize = 4000;

/// What a sync costs here.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Disk {
    /// An append that makes the file longer, to the return of the sync.
    pub sync: Percentiles,
    /// Such appends in a second, one after another.
    pub per_second: f64,
    /// The same over bytes that the file already has: no length is to be made durable with them.
    pub overwrite: Percentiles,
}

/// Writes 4 KiB and calls `fdatasync`, again and again, in a file inside `directory`: first at its
/// end, then over what was written. Takes at most `seconds_max` seconds for each.
///
/// # Errors
/// When the directory cannot be written to.
pub fn measure(directory: &Path, seconds_max: u64) -> io::Result<Disk> {
    let mut file: File = tempfile::tempfile_in(directory)?;
    let (sync, per_second) = press(&mut file, SYNCS_MAX, seconds_max)?;
    file.rewind()?;
    let (overwrite, _) = press(&mut file, sync.count, seconds_max)?;
    Ok(Disk { sync, per_second, overwrite })
}

fn press(file: &mut File, syncs_max: usize, seconds_max: u64) -> io::Result<(Percentiles, f64)> {
    let block = [0x5a; APPEND_BYTES];
    let mut samples = Samples::default();
    let began = Instant::now();
    while samples.len() < syncs_max && began.elapsed() < Duration::from_secs(seconds_max) {
        let from = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        samples.add(from.elapsed());
    }
    let per_second = samples.len() as f64 / began.elapsed().as_secs_f64();
    Ok((samples.percentiles(), per_second))
}

impl Disk {
    /// The mean time of one sync after an append, in milliseconds. Not the median: where others use
    /// the disk too, syncs come in two kinds, fast and slow, and the median jumps between them.
    pub fn sync_ms(&self) -> f64 {
        1e3 / self.per_second
    }

    /// The rows of the report; `when` says at what point of the run it was measured.
    pub fn rows(&self, when: &str) -> Vec<Row> {
        let name = format!("disk sync, 4 KiB append + fdatasync, {when}");
        let over = format!("disk sync, 4 KiB overwritten + fdatasync, {when}");
        vec![
            Row::new(format!("{name}: p50"), self.sync.p50_ms, "ms", Goal::None),
            Row::new(format!("{name}: p99"), self.sync.p99_ms, "ms", Goal::None),
            Row::new(format!("{name}: rate"), self.per_second, "syncs/s", Goal::None),
            Row::new(format!("{over}: p50"), self.overwrite.p50_ms, "ms", Goal::None),
        ]
    }
}
