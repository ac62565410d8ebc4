//! What of the end of a file was never acknowledged, told from what was and is damaged.
//!
//! A group is synced before the next one is written, so only the last one can be torn; and of it
//! whole sectors are missing, which read as zeros. A sealed record has no sector of zeros. So what
//! is wrong where a sector is missing was never written, and what is wrong elsewhere was altered.

use std::io;
use std::ops::Range;

use super::scan::Source;
use crate::frame::{self, BODY_HEADER_BYTES, FRAME_BYTES_MAX, FrameError, HEADER_BYTES, Header};
use crate::storage::{SECTOR_BYTES, StorageFile};

/// Why a scan ended before the end of the file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tail {
    /// The rest is a group that was never acknowledged: cut off, or parts of it never written.
    Torn,
    /// The rest is not what was written.
    Damaged(FrameError),
}

/// Judges what lies from `offset` to the end of the file and is no whole frame because of `fault`.
pub(super) fn tail<F: StorageFile>(
    source: &Source<F>,
    offset: u64,
    fault: FrameError,
) -> io::Result<Tail> {
    if fault == FrameError::Torn {
        return Ok(Tail::Torn);
    }
    let length = source.size - offset;
    if length > (HEADER_BYTES + FRAME_BYTES_MAX) as u64 {
        return Ok(Tail::Damaged(fault));
    }
    let mut rest = vec![0; length as usize];
    source.file.read_exact_at(&mut rest, offset)?;
    let torn = was_never_whole(&rest, offset);
    Ok(if torn { Tail::Torn } else { Tail::Damaged(fault) })
}

fn was_never_whole(rest: &[u8], offset: u64) -> bool {
    match Header::read(rest) {
        // What another group follows was acknowledged.
        Ok(header) if HEADER_BYTES + (header.length as usize) < rest.len() => false,
        Ok(_) => first_wrong_body(rest).is_some_and(|body| misses_a_sector(rest, offset, body)),
        Err(_) => misses_a_sector(rest, offset, 0..HEADER_BYTES) && !another_begins(&rest[1..]),
    }
}

/// Where the first body lies that is not right; its header alone when that tells no length.
fn first_wrong_body(rest: &[u8]) -> Option<Range<usize>> {
    let mut at = HEADER_BYTES;
    while at < rest.len() {
        match frame::body(&rest[at..]) {
            Ok(record) => at += BODY_HEADER_BYTES + record.len(),
            Err(_) => {
                let length = frame::body_length(&rest[at..]).unwrap_or(0);
                return Some(at..at + BODY_HEADER_BYTES + length);
            }
        }
    }
    None
}

/// Whether one of the sectors that hold `range` of the rest is all zeros, as far as it is rest.
fn misses_a_sector(rest: &[u8], offset: u64, range: Range<usize>) -> bool {
    let sector = |at: usize| (offset + at as u64) / SECTOR_BYTES;
    let last = range.end.min(rest.len()) - 1;
    (sector(range.start)..=sector(last)).any(|sector| {
        let start = (sector * SECTOR_BYTES).saturating_sub(offset) as usize;
        let end = ((sector + 1) * SECTOR_BYTES - offset).min(rest.len() as u64) as usize;
        rest[start..end].iter().all(|byte| *byte == 0)
    })
}

fn another_begins(rest: &[u8]) -> bool {
    (0..rest.len()).any(|at| rest[at] != 0 && Header::read(&rest[at..]).is_ok())
}
