//! One file of entries in the order of their keys, written once and then only read, with the first
//! key of each of its blocks in memory.
//! ```text
//! file  = blocks
//! block = CRC32C of the rest u32 | bytes of the entries u32 | entries
//! entry = bytes of the key u8 | one more than the bytes of the value u16, 0 when it is removed
//!       | [the same as u32, when the u16 is full] | key | value
//! ```
//! Little-endian. No entry lies in two blocks.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A block that has reached so many bytes is followed by the next.
const BLOCK_BYTES: usize = 4_096;
/// In front of the entries of a block.
const BLOCK_HEADER_BYTES: usize = 8;
/// In front of the key of an entry.
const ENTRY_HEADER_BYTES: usize = 3;
/// In the place of the length of a value that has so many bytes, less one, or more.
const LONG: usize = u16::MAX as usize;
/// Bytes that are written at once.
const WRITE_BYTES: usize = 512 << 10;
/// A file that is merged has hundreds of megabytes, and rows come in tens of them. They become durable
/// piece by piece: a sync of the log meanwhile waits for what the disk has been handed before, 0.7 ms
/// for a mebibyte where eight stood in everybody's way for 9 ms.
pub(crate) const SYNC_BYTES: u64 = 1 << 20;

/// Why sorted files could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The file system refused.
    #[error("the file of index entries {path} cannot be used")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A block does not carry what was written.
    #[error("the index entries at byte {offset} of {path} are damaged")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where the block begins.
        offset: u64,
    },
}

/// A key, and its value or that it was removed.
pub type Entry<'a> = (&'a [u8], Option<&'a [u8]>);

/// A whole file.
pub struct Run {
    path: PathBuf,
    file: File,
    /// Its number, by which its name is told.
    pub number: u32,
    /// How many entries it has.
    pub entries: u64,
    bytes: u64,
    /// The first key of each block, and where the block begins.
    blocks: Vec<(Box<[u8]>, u64)>,
    /// The bytes that keys begin with, a bit each.
    kinds: [u64; 4],
}

/// Where a kind has its bit.
fn bit(kind: u8) -> (usize, u64) {
    (usize::from(kind / 64), 1 << (kind % 64))
}

/// The path of a file by its number.
pub fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:08}.run"))
}

impl Run {
    /// Opens a file of so many bytes and reads all of it.
    ///
    /// # Errors
    /// [`RunError`], also for a file that is longer or shorter.
    pub fn open(folder: &Path, number: u32, bytes: u64) -> Result<Self, RunError> {
        let path = path(folder, number);
        let io = |source| RunError::Io { path: path.clone(), source };
        let all = fs::read(&path).map_err(io)?;
        let file = File::open(&path).map_err(io)?;
        let (blocks, kinds) = (Vec::new(), [0; 4]);
        let mut run = Self { path: path.clone(), file, number, entries: 0, bytes, blocks, kinds };
        let mut offset = 0;
        while offset < all.len() {
            let damaged = || RunError::Damaged { path: path.clone(), offset: offset as u64 };
            let entries = entries_of(&all[offset..]).ok_or_else(damaged)?;
            let mut rest = entries;
            run.note_block(first(rest).ok_or_else(damaged)?.0.0, offset as u64);
            while let Some(((key, _), after)) = first(rest) {
                run.note_key(key);
                rest = after;
            }
            if !rest.is_empty() {
                return Err(damaged());
            }
            offset += BLOCK_HEADER_BYTES + entries.len();
        }
        if offset as u64 != bytes {
            return Err(RunError::Damaged { path, offset: bytes.min(offset as u64) });
        }
        Ok(run)
    }

    /// Its length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether any of its keys begins with a byte. Of most kinds of entries there are none, and
    /// nothing need be read for them.
    pub fn has(&self, kind: u8) -> bool {
        let (word, mask) = bit(kind);
        self.kinds[word] & mask != 0
    }

    /// Removes the file; who reads it still can go on.
    ///
    /// # Errors
    /// [`RunError::Io`].
    pub fn remove(&self) -> Result<(), RunError> {
        fs::remove_file(&self.path).map_err(|source| self.io(source))
    }

    /// Reads from the first key on that is not before `from`.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn seek(self: &Arc<Self>, from: &[u8]) -> Result<Cursor, RunError> {
        let block = self.blocks.partition_point(|(key, _)| **key <= *from).saturating_sub(1);
        let mut cursor = Cursor { run: Arc::clone(self), block, bytes: Vec::new(), at: 0 };
        cursor.read()?;
        while cursor.entry().is_some_and(|(key, _)| key < from) {
            cursor.step()?;
        }
        Ok(cursor)
    }

    fn note_block(&mut self, key: &[u8], offset: u64) {
        self.blocks.push((key.into(), offset));
    }

    fn note_key(&mut self, key: &[u8]) {
        let (word, mask) = bit(key.first().copied().unwrap_or_default());
        self.kinds[word] |= mask;
        self.entries += 1;
    }

    fn io(&self, source: io::Error) -> RunError {
        RunError::Io { path: self.path.clone(), source }
    }
}

/// The entries of the block that `bytes` begin with; none when it is damaged or cut.
fn entries_of(bytes: &[u8]) -> Option<&[u8]> {
    let (header, rest) = bytes.split_first_chunk::<BLOCK_HEADER_BYTES>()?;
    let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four"));
    let length = number(4) as usize;
    let entries = rest.get(..length)?;
    let checked = &bytes[4..BLOCK_HEADER_BYTES + length];
    (crc32c::crc32c(checked) == number(0)).then_some(entries)
}

/// The first of some entries, and the rest.
fn first(entries: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    let (header, mut rest) = entries.split_first_chunk::<ENTRY_HEADER_BYTES>()?;
    let mut value = usize::from(u16::from_le_bytes([header[1], header[2]]));
    if value == LONG {
        let (length, behind) = rest.split_first_chunk()?;
        (value, rest) = (u32::from_le_bytes(*length) as usize, behind);
    }
    let (key, rest) = rest.split_at_checked(usize::from(header[0]))?;
    let (bytes, rest) = rest.split_at_checked(value.saturating_sub(1))?;
    Some(((key, (value > 0).then_some(bytes)), rest))
}

/// A place in a file, from which it is read on.
pub struct Cursor {
    run: Arc<Run>,
    /// The block after the one that was read.
    block: usize,
    /// The entries of the block.
    bytes: Vec<u8>,
    at: usize,
}

impl Cursor {
    /// The entry here; none at the end.
    pub fn entry(&self) -> Option<Entry<'_>> {
        first(&self.bytes[self.at..]).map(|(entry, _)| entry)
    }

    /// Goes on to the next entry.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn step(&mut self) -> Result<(), RunError> {
        if let Some((_, rest)) = first(&self.bytes[self.at..]) {
            self.at = self.bytes.len() - rest.len();
        }
        if self.at < self.bytes.len() { Ok(()) } else { self.read() }
    }

    fn read(&mut self) -> Result<(), RunError> {
        self.bytes.clear();
        self.at = 0;
        let Some((_, offset)) = self.run.blocks.get(self.block) else { return Ok(()) };
        let end = self.run.blocks.get(self.block + 1).map_or(self.run.bytes, |(_, next)| *next);
        self.bytes.resize((end - offset) as usize, 0);
        let read = self.run.file.read_exact_at(&mut self.bytes, *offset);
        read.map_err(|source| self.run.io(source))?;
        let damaged = || RunError::Damaged { path: self.run.path.clone(), offset: *offset };
        let length = entries_of(&self.bytes).ok_or_else(damaged)?.len();
        self.bytes.truncate(BLOCK_HEADER_BYTES + length);
        self.at = BLOCK_HEADER_BYTES;
        self.block += 1;
        Ok(())
    }
}

/// A file that is being written, its keys in order.
pub struct RunWriter {
    run: Run,
    /// What is not written yet, the block at hand last.
    waiting: Vec<u8>,
    block_start: usize,
}

impl RunWriter {
    /// Makes the file, durable in its folder.
    ///
    /// # Errors
    /// [`RunError::Io`].
    pub fn create(folder: &Path, number: u32) -> Result<Self, RunError> {
        let path = path(folder, number);
        let make = || {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(true).open(&path)?;
            File::open(folder)?.sync_all()?;
            Ok(file)
        };
        let file = make().map_err(|source| RunError::Io { path: path.clone(), source })?;
        let (blocks, kinds) = (Vec::new(), [0; 4]);
        let run = Run { path, file, number, entries: 0, bytes: 0, blocks, kinds };
        Ok(Self { run, waiting: Vec::with_capacity(WRITE_BYTES + BLOCK_BYTES), block_start: 0 })
    }

    /// Adds an entry; its key comes after those before, and has at most 255 bytes, the value less
    /// than 4 GiB.
    ///
    /// # Errors
    /// [`RunError::Io`].
    pub fn add(&mut self, (key, value): Entry<'_>) -> Result<(), RunError> {
        if self.waiting.len() - self.block_start >= BLOCK_BYTES {
            self.end_block()?;
        }
        if self.waiting.len() == self.block_start {
            self.run.note_block(key, self.run.bytes + self.block_start as u64);
            self.waiting.extend([0; BLOCK_HEADER_BYTES]);
        }
        self.run.note_key(key);
        self.waiting.push(u8::try_from(key.len()).expect("keys of the index are short"));
        let length = value.map_or(0, |value| value.len() + 1);
        self.waiting.extend((length.min(LONG) as u16).to_le_bytes());
        if length >= LONG {
            let length = u32::try_from(length).expect("values of the index are no files");
            self.waiting.extend(length.to_le_bytes());
        }
        self.waiting.extend(key);
        self.waiting.extend(value.unwrap_or_default());
        Ok(())
    }

    fn end_block(&mut self) -> Result<(), RunError> {
        let block = &mut self.waiting[self.block_start..];
        if block.is_empty() {
            return Ok(());
        }
        let length = (block.len() - BLOCK_HEADER_BYTES) as u32;
        block[4..8].copy_from_slice(&length.to_le_bytes());
        let checksum = crc32c::crc32c(&block[4..]);
        block[..4].copy_from_slice(&checksum.to_le_bytes());
        self.block_start = self.waiting.len();
        if self.waiting.len() >= WRITE_BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), RunError> {
        let written = self.run.file.write_all_at(&self.waiting, self.run.bytes);
        written.map_err(|source| self.run.io(source))?;
        let pieces = self.run.bytes / SYNC_BYTES;
        self.run.bytes += self.waiting.len() as u64;
        self.waiting.clear();
        self.block_start = 0;
        if self.run.bytes / SYNC_BYTES > pieces { self.sync() } else { Ok(()) }
    }

    /// Makes the file durable.
    ///
    /// # Errors
    /// [`RunError::Io`].
    pub fn finish(mut self) -> Result<Run, RunError> {
        self.end_block()?;
        self.write()?;
        self.sync()?;
        self.run.blocks.shrink_to_fit();
        Ok(self.run)
    }

    fn sync(&self) -> Result<(), RunError> {
        self.run.file.sync_data().map_err(|source| self.run.io(source))
    }
}
