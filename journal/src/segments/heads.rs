//! The newest event of every stream, in memory, and a checked copy of it on disk.
//!
//! The copy only saves work: the log alone is the truth. It may be taken while the log grows,
//! because a head is only ever raised: a stream's head is its record with the greatest position,
//! in whatever order records are seen.
//! ```text
//! file  = magic u32 | position u64 | entries | CRC32C of all before u32
//! entry = stream kind u8, id 16 | sequence u32 | position u64
//! ```

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use domain::{Position, Sequence, StreamId, StreamKind};
use rustc_hash::FxBuildHasher;
use uuid::Uuid;

use crate::admission::Head;

const MAGIC: [u8; 4] = *b"RKH1";
const FILE: &str = "heads";
const HEADER_BYTES: usize = 12;
const ENTRY_BYTES: usize = 29;
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

type Shard = HashMap<StreamId, Packed, FxBuildHasher>;

/// The heads of all streams. Readers and the writer share it.
pub(super) struct Heads {
    shards: Vec<RwLock<Shard>>,
}

impl Heads {
    pub(super) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    fn shard(&self, stream: StreamId) -> &RwLock<Shard> {
        // Ids are random; the low bits of the last byte are free of the UUID's version marks.
        &self.shards[usize::from(stream.id.as_bytes()[15]) % SHARDS]
    }

    pub(super) fn get(&self, stream: StreamId) -> Option<Head> {
        let shard = self.shard(stream).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(&stream).map(|packed| packed.head())
    }

    /// Sets the head of a stream, unless a later one is known.
    pub(super) fn raise(&self, stream: StreamId, (sequence, position): Head) {
        let packed =
            Packed { sequence: sequence.0.to_le_bytes(), position: position.0.to_le_bytes() };
        let mut shard = self.shard(stream).write().unwrap_or_else(PoisonError::into_inner);
        let known = shard.entry(stream).or_insert(packed);
        if known.head().1 < position {
            *known = packed;
        }
    }

    /// How many streams there are.
    pub(super) fn len(&self) -> usize {
        let length =
            |shard: &RwLock<Shard>| shard.read().unwrap_or_else(PoisonError::into_inner).len();
        self.shards.iter().map(length).sum()
    }

    /// Writes the copy: every stream's head at `position` or later. Readers and the writer go on.
    pub(super) fn save(&self, folder: &Path, position: Position) -> io::Result<()> {
        let unfinished = folder.join("heads.new");
        let mut out = Checked { out: BufWriter::new(File::create(&unfinished)?), checksum: 0 };
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
        let Checked { mut out, checksum } = out;
        out.write_all(&checksum.to_le_bytes())?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&unfinished, folder.join(FILE))?;
        File::open(folder)?.sync_all()
    }

    /// Reads the copy, when there is one and it is whole.
    pub(super) fn load(folder: &Path) -> Option<Loaded> {
        let path = folder.join(FILE);
        match read(&path) {
            Ok(loaded) => Some(loaded),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "heads are rebuilt from the log");
                None
            }
        }
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

fn read(path: &Path) -> io::Result<Loaded> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the copy is damaged");
    let file = File::open(path)?;
    let length = file.metadata()?.len() as usize;
    let entries = length.checked_sub(HEADER_BYTES + 4).ok_or_else(damaged)?;
    if entries % ENTRY_BYTES != 0 {
        return Err(damaged());
    }
    let mut file = BufReader::with_capacity(1 << 16, file);
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header)?;
    let mut checksum = crc32c::crc32c(&header);
    let position = Position(number(&header[4..]));
    let mut loaded = Loaded { heads: Heads::new(), position, newest: position };
    let mut entry = [0; ENTRY_BYTES];
    for _ in 0..entries / ENTRY_BYTES {
        file.read_exact(&mut entry)?;
        checksum = crc32c::crc32c_append(checksum, &entry);
        let kind = StreamKind::from_number(entry[0]).ok_or_else(damaged)?;
        let id = Uuid::from_slice(&entry[1..17]).map_err(|_| damaged())?;
        let sequence = u32::from_le_bytes(entry[17..21].try_into().expect("four bytes"));
        let head = (Sequence(sequence), Position(number(&entry[21..])));
        loaded.newest = loaded.newest.max(head.1);
        loaded.heads.raise(StreamId { kind, id }, head);
    }
    let mut stored = [0; 4];
    file.read_exact(&mut stored)?;
    let whole = header[..4] == MAGIC && checksum.to_le_bytes() == stored;
    if whole { Ok(loaded) } else { Err(damaged()) }
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"))
}

struct Checked {
    out: BufWriter<File>,
    checksum: u32,
}

impl Checked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.checksum = crc32c::crc32c_append(self.checksum, bytes);
        self.out.write_all(bytes)
    }
}
