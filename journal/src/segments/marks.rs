//! What a sealed file of the log was found to hold, kept beside it, so that a start need not read
//! it to find its records.
//!
//! It is taken only where the system says that the file is the one it was and has not been written
//! since, and where the heads know all that it holds; the file is then held against the signed tree
//! while the service runs. Else the file is read and checked from front to end.
//! ```text
//! file  = magic u64 | stamp: inode, length u64 | first position u64 | seconds and nanoseconds of
//!         the last write, and of the last change, i64 each | records u32 | bytes u32 | last frame u32
//!       | marks: index u32, offset u32 | CRC32C of all before u32
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::Position;

use super::file::{Extent, Mark, SegmentFile};
use super::open::file_name;
use crate::storage::{Access, Stamp, Storage, StorageFile};

const MAGIC: [u8; 8] = *b"RKM1\0\0\0\0";
const HEADER_BYTES: usize = 64;
const MARK_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 4;
/// A file that was changed so lately may be changed again without the system telling it apart.
const SETTLED: Duration = Duration::from_secs(2);

fn path(folder: &Path, first: Position) -> PathBuf {
    folder.join(file_name(first)).with_extension("marks")
}

/// Keeps what a sealed file holds. False when it was changed since it was sealed, when it is too
/// early to tell, or where the storage never tells.
pub(super) fn keep<S: Storage>(
    storage: &S,
    folder: &Path,
    sealed: &SegmentFile<S::File>,
) -> io::Result<bool> {
    let Some(stamp) = sealed.sealed().filter(|stamp| is_settled(stamp, SystemTime::now())) else {
        return Ok(false);
    };
    if sealed.file.stamp()? != Some(stamp) {
        return Ok(false);
    }
    let mut bytes = header(&stamp, sealed.first);
    sealed.with_extent(|extent| {
        for number in [extent.records, extent.bytes, extent.last_frame] {
            bytes.extend(number.to_le_bytes());
        }
        for mark in &extent.marks {
            bytes.extend(mark.index.to_le_bytes());
            bytes.extend(mark.offset.to_le_bytes());
        }
    });
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    let path = path(folder, sealed.first);
    let unfinished = path.with_extension("marks.new");
    let file = storage.open(&unfinished, Access::Replace)?;
    file.write_all_at(&bytes, 0)?;
    file.sync_all()?;
    storage.rename(&unfinished, &path)?;
    Ok(true)
}

/// What was kept of a file, if it is still the one that it was.
pub(super) fn find<S: Storage>(
    storage: &S,
    folder: &Path,
    first: Position,
    file: &S::File,
) -> Option<Extent> {
    let stamp = file.stamp().ok()??;
    let kept = storage.open(&path(folder, first), Access::Read).ok()?;
    let mut bytes = vec![0; kept.length().ok()? as usize];
    kept.read_exact_at(&mut bytes, 0).ok()?;
    let (told, checksum) = bytes.split_at(bytes.len().checked_sub(CHECKSUM_BYTES)?);
    let is_whole = crc32c::crc32c(told).to_le_bytes() == checksum;
    let due = header(&stamp, first);
    if !is_whole || told.len() < HEADER_BYTES + 12 || told[..HEADER_BYTES] != due[..] {
        return None;
    }
    let number = |at: usize| u32::from_le_bytes(told[at..at + 4].try_into().expect("four bytes"));
    let marks = told[HEADER_BYTES + 12..].chunks_exact(MARK_BYTES).map(|mark| Mark {
        index: u32::from_le_bytes(mark[..4].try_into().expect("four bytes")),
        offset: u32::from_le_bytes(mark[4..].try_into().expect("four bytes")),
    });
    let extent = Extent {
        marks: marks.collect(),
        records: number(HEADER_BYTES),
        bytes: number(HEADER_BYTES + 4),
        last_frame: number(HEADER_BYTES + 8),
    };
    (u64::from(extent.bytes) == stamp.length).then_some(extent)
}

fn header(stamp: &Stamp, first: Position) -> Vec<u8> {
    let Stamp { inode, length, written: (written, written_nanos), changed } = *stamp;
    let (changed, changed_nanos) = changed;
    let mut bytes = MAGIC.to_vec();
    for number in [inode, length, first.0] {
        bytes.extend(number.to_le_bytes());
    }
    for number in [written, written_nanos, changed, changed_nanos] {
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

fn is_settled(stamp: &Stamp, now: SystemTime) -> bool {
    let Ok(now) = now.duration_since(UNIX_EPOCH) else { return false };
    let changed = stamp.changed.0.max(stamp.written.0);
    u64::try_from(changed).is_ok_and(|changed| changed + SETTLED.as_secs() < now.as_secs())
}
