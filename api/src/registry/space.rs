//! How much room the disk has left, and what may still be written with it.
//!
//! Events are refused while less is free than the reserve, so that what must go on has room: a read
//! is on record before it is answered, views and trees follow what was acknowledged. The last
//! quarter of the reserve is nobody's but a start's, which must open its store of views; below it
//! reads are refused too, and rows wait in memory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Bytes that are kept for reads and views, unless the operator says otherwise.
pub const RESERVE_BYTES: u64 = 256 << 20;
/// The disk is asked at most this often.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// After the disk had no room for what was written, no event is tried for so long.
const REST: Duration = Duration::from_secs(1);

/// The room on the disk of a directory. Threads share it.
#[derive(Debug)]
pub struct Space {
    folder: PathBuf,
    reserve_bytes: u64,
    begun: Instant,
    free_bytes: AtomicU64,
    /// Milliseconds after `begun` when the disk was asked last, and until when it rests.
    looked_at: AtomicU64,
    rests_until: AtomicU64,
    is_short: AtomicBool,
}

impl Space {
    /// The room on the disk that holds `folder`, of which `reserve_bytes` are kept free of events.
    pub fn of(folder: &Path, reserve_bytes: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            reserve_bytes,
            begun: Instant::now(),
            free_bytes: AtomicU64::new(free_bytes(folder)),
            looked_at: AtomicU64::new(0),
            rests_until: AtomicU64::new(0),
            is_short: AtomicBool::new(false),
        }
    }

    /// Whether events are taken.
    pub fn takes_events(&self) -> bool {
        let is_resting = self.now() < self.rests_until.load(Ordering::Relaxed);
        let takes = !is_resting && self.free_bytes() >= self.reserve_bytes;
        if self.is_short.swap(!takes, Ordering::Relaxed) == takes {
            let (free_bytes, reserve_bytes) = (self.free_bytes(), self.reserve_bytes);
            match takes {
                true => tracing::info!(free_bytes, reserve_bytes, "events are taken again"),
                false => tracing::warn!(free_bytes, reserve_bytes, "no room: events are refused"),
            }
        }
        takes
    }

    /// Whether reads are recorded, and rows written.
    pub fn takes_reads(&self) -> bool {
        self.free_bytes() >= self.reserve_bytes / 4
    }

    /// The disk had no room for events, whatever it says of itself.
    pub fn has_refused(&self) {
        self.rests_until.store(self.now() + REST.as_millis() as u64, Ordering::Relaxed);
    }

    /// Bytes that are kept for reads and views.
    pub fn reserve_bytes(&self) -> u64 {
        self.reserve_bytes
    }

    /// Bytes that this process may still write, as the disk says.
    pub fn free_bytes(&self) -> u64 {
        let (now, looked_at) = (self.now(), self.looked_at.load(Ordering::Relaxed));
        if now >= looked_at + LOOK_EVERY.as_millis() as u64 {
            self.looked_at.store(now, Ordering::Relaxed);
            self.free_bytes.store(free_bytes(&self.folder), Ordering::Relaxed);
        }
        self.free_bytes.load(Ordering::Relaxed)
    }

    fn now(&self) -> u64 {
        self.begun.elapsed().as_millis() as u64
    }
}

/// A disk that does not tell counts as one with room: what it then refuses is given back.
fn free_bytes(folder: &Path) -> u64 {
    match rustix::fs::statvfs(folder) {
        Ok(told) => told.f_bavail.saturating_mul(told.f_frsize),
        Err(error) => {
            tracing::warn!(error = %io::Error::from(error), "the disk does not tell its room");
            u64::MAX
        }
    }
}

/// Reads a number of bytes: digits, and K, M, G or T for the powers of 1,024.
///
/// # Errors
/// What such a number looks like.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match &text[digits.len()..] {
        "" | "B" => 0,
        "K" | "KiB" => 1,
        "M" | "MiB" => 2,
        "G" | "GiB" => 3,
        "T" | "TiB" => 4,
        _ => return Err("a number of bytes ends in K, M, G, T or nothing".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "a number of bytes, as 512M".to_owned())?;
    number.checked_mul(1 << (10 * power)).ok_or_else(|| "too many bytes".to_owned())
}
