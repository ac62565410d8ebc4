//! The newest event of every stream, in memory, and a checked copy of it on disk.
//!
//! The copy only saves work: the log alone is the truth. It may be taken while the log grows,
//! because a head is only ever raised: a stream's head is its record with the greatest position,
//! in whatever order records are seen.
//! ```text
//! file  = magic u32 | position u64 | entries | CRC32C of all before u32
//! entry = stream kind u8, id 16 | sequence u32 | position u64
//! ```

use std::io;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use domain::{ById, Position, Sequence, StreamId, StreamKind};
use uuid::Uuid;

use crate::admission::Head;
use crate::storage::{Access, Storage, StorageFile};

const MAGIC: [u8; 4] = *b"RKH1";
const FILE: &str = "heads";
const HEADER_BYTES: usize = 12;
const ENTRY_BYTES: usize = 29;
/// Entries that are read at once.
const ENTRIES_AT_ONCE: usize = 4_096;
/// Bytes that are written at once.
const WRITTEN_BYTES: usize = 1 << 20;
/// Shards keep the pause short in which a map grows, and readers out of each other's way.
const SHARDS: usize = 64;

/// Twelve bytes without padding: there is one for every person.
#[derive(Clone, Copy)]
struct Packed {
    sequence: [u8; 4],
    position: [u8; 8],
}

impl Packed {
    fn head(self) -> Head {
        (Sequence(u32::from_le_bytes(self.sequence)), Position(u64::from_le_bytes(self.position)))
    }
}

type Shard = ById<StreamId, Packed>;

/// The heads of all streams. Readers and the writer share it.
pub(super) struct Heads {
    shards: Vec<RwLock<Shard>>,
}

impl Heads {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    fn shard(&self, stream: StreamId) -> &RwLock<Shard> {
        &self.shards[shard_of(stream)]
    }

    pub(super) fn get(&self, stream: StreamId) -> Option<Head> {
        let shard = self.shard(stream).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(&stream).map(|packed| packed.head())
    }

    /// As [`Heads::get`] for each of several streams, in the same order: they lie anywhere in
    /// memory, which is asked for many at a time where no lock is taken in between.
    pub(super) fn get_each(&self, streams: &[StreamId]) -> Vec<Option<Head>> {
        let mut found = vec![None; streams.len()];
        let mut ids = Vec::new();
        for of_shard in by_shard(streams.iter().copied()).chunk_by(|one, next| one.0 == next.0) {
            let shard = self.shards[of_shard[0].0].read().unwrap_or_else(PoisonError::into_inner);
            ids.clear();
            ids.extend(of_shard.iter().map(|(_, at)| streams[*at]));
            shard.find_each(&ids, |of, packed| {
                found[of_shard[of].1] = packed.map(|packed| packed.head());
            });
        }
        found
    }

    /// Sets the head of a stream, unless a later one is known.
    pub(super) fn raise(&self, stream: StreamId, head: Head) {
        let mut shard = self.shard(stream).write().unwrap_or_else(PoisonError::into_inner);
        raise_in(&mut shard, stream, head);
    }

    /// As [`Heads::raise`] for each of several streams.
    pub(super) fn raise_each(&self, heads: &[(StreamId, Head)]) {
        let streams = heads.iter().map(|(stream, _)| *stream);
        let mut ids = Vec::new();
        for of_shard in by_shard(streams).chunk_by(|one, next| one.0 == next.0) {
            let mut shard =
                self.shards[of_shard[0].0].write().unwrap_or_else(PoisonError::into_inner);
            ids.clear();
            ids.extend(of_shard.iter().map(|(_, at)| heads[*at].0));
            shard.bring_near(&ids);
            for (_, at) in of_shard {
                let (stream, head) = heads[*at];
                raise_in(&mut shard, stream, head);
            }
        }
    }

    /// How many streams there are.
    pub(super) fn len(&self) -> usize {
        let length =
            |shard: &RwLock<Shard>| shard.read().unwrap_or_else(PoisonError::into_inner).len();
        self.shards.iter().map(length).sum()
    }

    /// Writes the copy: every stream's head at `position` or later. Readers and the writer go on.
    pub(super) fn save<S: Storage>(
        &self,
        storage: &S,
        folder: &Path,
        position: Position,
    ) -> io::Result<()> {
        let unfinished = folder.join("heads.new");
        let file = storage.open(&unfinished, Access::Replace)?;
        let mut out = Checked { file, buffer: Vec::new(), written: 0, checksum: 0 };
        out.write(&MAGIC)?;
        out.write(&position.0.to_le_bytes())?;
        let mut entries = Vec::new();
        for shard in &self.shards {
            entries.clear();
            for (stream, head) in shard.read().unwrap_or_else(PoisonError::into_inner).iter() {
                entries.push(stream.kind.number());
                entries.extend(stream.id.as_bytes());
                entries.extend(head.sequence);
                entries.extend(head.position);
            }
            out.write(&entries)?;
        }
        out.finish()?;
        storage.rename(&unfinished, &folder.join(FILE))?;
        storage.sync_folder(folder)
    }

    /// Reads the copy, when there is one and it is whole.
    pub(super) fn load<S: Storage>(storage: &S, folder: &Path) -> Option<Loaded> {
        let path = folder.join(FILE);
        match read(storage, &path) {
            Ok(loaded) => Some(loaded),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "heads are rebuilt from the log");
                None
            }
        }
    }
}

fn shard_of(stream: StreamId) -> usize {
    // Ids are random; the low bits of the last byte are free of the UUID's version marks.
    usize::from(stream.id.as_bytes()[15]) % SHARDS
}

/// The shard and the place of each of some streams, those of one shard together.
fn by_shard(streams: impl Iterator<Item = StreamId>) -> Vec<(usize, usize)> {
    let mut order: Vec<_> = streams.enumerate().map(|(at, it)| (shard_of(it), at)).collect();
    order.sort_unstable();
    order
}

fn raise_in(shard: &mut Shard, stream: StreamId, (sequence, position): Head) {
    let packed = Packed { sequence: sequence.0.to_le_bytes(), position: position.0.to_le_bytes() };
    match shard.get_mut(&stream) {
        Some(known) if known.head().1 >= position => {}
        Some(known) => *known = packed,
        None => drop(shard.insert(stream, packed)),
    }
}

/// What a copy held.
pub(super) struct Loaded {
    pub(super) heads: Heads,
    /// Every record up to here is in `heads`.
    pub(super) position: Position,
    /// The newest record that `heads` knows of.
    pub(super) newest: Position,
}

fn read<S: Storage>(storage: &S, path: &Path) -> io::Result<Loaded> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the copy is damaged");
    let file = storage.open(path, Access::Read)?;
    let length = file.length()? as usize;
    let entries = length.checked_sub(HEADER_BYTES + 4).ok_or_else(damaged)?;
    if entries % ENTRY_BYTES != 0 {
        return Err(damaged());
    }
    let mut header = [0; HEADER_BYTES];
    file.read_exact_at(&mut header, 0)?;
    let mut checksum = crc32c::crc32c(&header);
    let position = Position(number(&header[4..]));
    let mut loaded = Loaded { heads: Heads::new(), position, newest: position };
    let mut bytes = vec![0; entries.min(ENTRIES_AT_ONCE * ENTRY_BYTES)];
    for at in (0..entries).step_by(ENTRIES_AT_ONCE * ENTRY_BYTES) {
        let some = bytes.len().min(entries - at);
        let bytes = &mut bytes[..some];
        file.read_exact_at(bytes, (HEADER_BYTES + at) as u64)?;
        checksum = crc32c::crc32c_append(checksum, bytes);
        for entry in bytes.chunks_exact(ENTRY_BYTES) {
            let kind = StreamKind::from_number(entry[0]).ok_or_else(damaged)?;
            let id = Uuid::from_slice(&entry[1..17]).map_err(|_| damaged())?;
            let sequence = u32::from_le_bytes(entry[17..21].try_into().expect("four bytes"));
            let head = (Sequence(sequence), Position(number(&entry[21..])));
            loaded.newest = loaded.newest.max(head.1);
            loaded.heads.raise(StreamId { kind, id }, head);
        }
    }
    let mut stored = [0; 4];
    file.read_exact_at(&mut stored, (HEADER_BYTES + entries) as u64)?;
    let whole = header[..4] == MAGIC && checksum.to_le_bytes() == stored;
    if whole { Ok(loaded) } else { Err(damaged()) }
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"))
}

/// A file that is written from front to end, with the checksum of all that was.
struct Checked<F> {
    file: F,
    buffer: Vec<u8>,
    written: u64,
    checksum: u32,
}

impl<F: StorageFile> Checked<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.checksum = crc32c::crc32c_append(self.checksum, bytes);
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() < WRITTEN_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the checksum and syncs.
    fn finish(mut self) -> io::Result<()> {
        self.buffer.extend_from_slice(&self.checksum.to_le_bytes());
        self.flush()?;
        self.file.sync_all()
    }
}
