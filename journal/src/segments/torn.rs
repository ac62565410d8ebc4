//! What of the end of a file was never acknowledged, told from what was and is damaged.
//!
//! A group is synced before the next one is written, so only the last one can be torn; and of it
//! whole sectors are missing, which read as zeros. A sealed record has no sector of zeros. So what
//! is wrong where a sector is missing was never written, and what is wrong elsewhere was altered.
//! Zeros up to the end of the file were written ahead, or are what never became a group.

use std::io;
use std::ops::Range;

use super::scan::Source;
use crate::frame::{self, BODY_HEADER_BYTES, FRAME_BYTES_MAX, FrameError, HEADER_BYTES, Header};
use crate::storage::{SECTOR_BYTES, StorageFile};

/// The longest group.
const GROUP_BYTES_MAX: u64 = (HEADER_BYTES + FRAME_BYTES_MAX) as u64;

/// Why a scan ended before the end of the file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tail {
    /// The rest is a group that was never acknowledged: cut off, or parts of it never written.
    Torn,
    /// The rest is not what was written.
    Damaged(FrameError),
    /// The same, unless somebody is writing it: zeros lie behind it, as they lay there before.
    Unfinished(FrameError),
    /// Somebody wrote on since: the fault is no more.
    Grown,
}

/// Judges what lies from `offset` to the end of the file and is no whole frame because of `fault`;
/// none when it is nothing.
pub(super) fn tail<F: StorageFile>(
    source: &Source<F>,
    offset: u64,
    fault: FrameError,
) -> io::Result<Option<Tail>> {
    // Who writes the file may have taken zeros away.
    let size = source.size.min(source.file.length()?);
    if size.saturating_sub(offset) > GROUP_BYTES_MAX {
        return Ok(Some(Tail::Damaged(fault)));
    }
    let mut rest = vec![0; size.saturating_sub(offset) as usize];
    source.file.read_exact_at(&mut rest, offset)?;
    let Some(last) = rest.iter().rposition(|byte| *byte != 0) else { return Ok(None) };
    if was_written_since(source, offset, &rest)? {
        return Ok(Some(Tail::Grown));
    }
    let is_followed = is_followed(&rest, last + 1);
    Ok(Some(if fault == FrameError::Torn || !is_followed && was_never_whole(&rest, offset) {
        Tail::Torn
    } else if !is_followed && last + 1 < rest.len() {
        Tail::Unfinished(fault)
    } else {
        Tail::Damaged(fault)
    }))
}

/// Whether the first group of `rest` is whole, or another than when `rest` was read. A group that
/// another follows is all there when it is read again.
fn was_written_since<F: StorageFile>(
    source: &Source<F>,
    offset: u64,
    rest: &[u8],
) -> io::Result<bool> {
    let header = Header::read(rest);
    let length = header.as_ref().map_or(HEADER_BYTES, |it| HEADER_BYTES + it.length as usize);
    let group = &rest[..length.min(rest.len())];
    let mut again = vec![0; group.len()];
    source.file.read_exact_at(&mut again, offset)?;
    let is_whole = header.is_ok_and(|header| length <= rest.len() && is_whole(&header, group));
    Ok(is_whole || again != group)
}

fn is_whole(header: &Header, group: &[u8]) -> bool {
    let (mut at, mut count) = (HEADER_BYTES, 0);
    while let Some(Ok(record)) = group.get(at..).filter(|it| !it.is_empty()).map(frame::body) {
        at += BODY_HEADER_BYTES + record.len();
        count += 1;
    }
    let is_right = crc32c::crc32c(&group[HEADER_BYTES..]) == header.checksum;
    at == group.len() && count == header.count && is_right
}

/// Whether another group follows the one at the beginning of `rest`, which was acknowledged then; all
/// behind `written` is zeros.
fn is_followed(rest: &[u8], written: usize) -> bool {
    match Header::read(rest) {
        Ok(header) => HEADER_BYTES + (header.length as usize) < written,
        Err(_) => another_begins(&rest[1..written]),
    }
}

/// Whether parts of the group at the beginning of `rest` never were there.
fn was_never_whole(rest: &[u8], offset: u64) -> bool {
    let Ok(header) = Header::read(rest) else {
        return misses_a_sector(rest, offset, 0..HEADER_BYTES);
    };
    let group = &rest[..rest.len().min(HEADER_BYTES + header.length as usize)];
    first_wrong_body(group).is_some_and(|body| misses_a_sector(group, offset, body))
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
