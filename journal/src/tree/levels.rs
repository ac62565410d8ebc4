//! The tiles of a tree in files, one file a level: only ever appended to.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use super::merkle::{Hash, Subtrees, node};

/// Hashes of a whole tile; a tile spans so many levels of the tree as 256 has bits.
pub const TILE_WIDTH: u64 = 256;
const TILE_HEIGHT: u32 = 8;
const HASH_BYTES: u64 = 32;
/// 256^8 leaves are more than positions there are.
const LEVELS_MAX: usize = 8;

/// The levels of one tree.
#[derive(Debug)]
pub struct Levels {
    folder: PathBuf,
    is_writer: bool,
    files: RwLock<Vec<File>>,
}

impl Levels {
    /// Opens the levels in `folder`; those that are not there are empty.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(folder: &Path, is_writer: bool) -> io::Result<Self> {
        let levels = Self { folder: folder.to_owned(), is_writer, files: RwLock::default() };
        while levels.count() < LEVELS_MAX && levels.path(levels.count()).exists() {
            levels.add()?;
        }
        Ok(levels)
    }

    /// How many leaves the lowest level holds.
    ///
    /// # Errors
    /// What the file system says.
    pub fn leaves(&self) -> io::Result<u64> {
        self.length(0)
    }

    /// The file of a level.
    pub fn path(&self, level: usize) -> PathBuf {
        self.folder.join(level.to_string())
    }

    /// The first `width` hashes of a tile, at least one, as their bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` when there are fewer; else what the file system says.
    pub fn tile(&self, level: usize, index: u64, width: u64) -> io::Result<Vec<u8>> {
        self.read(level, index * TILE_WIDTH, width.min(TILE_WIDTH))
    }

    /// Hashes of leaves from the one at `from` on.
    ///
    /// # Errors
    /// As [`Levels::tile`].
    pub fn leaf_hashes(&self, from: u64, count: u64) -> io::Result<Vec<Hash>> {
        let bytes = self.read(0, from, count)?;
        Ok(bytes.as_chunks().0.to_vec())
    }

    /// Cuts every level to what a tree of `size` leaves has.
    ///
    /// # Errors
    /// What the file system says.
    pub fn cut(&self, size: u64) -> io::Result<()> {
        for level in 0..self.count() {
            let due = size.checked_shr(TILE_HEIGHT * level as u32).unwrap_or(0);
            if self.length(level)? > due {
                self.with(level, |file| file.set_len(due * HASH_BYTES))?;
            }
        }
        Ok(())
    }

    /// Adds leaves behind the `size` that there are, and what they complete above; durable on
    /// return.
    ///
    /// # Errors
    /// What the file system says; the levels then hold more than is theirs, which [`Levels::cut`]
    /// mends.
    pub fn extend(&self, size: u64, leaves: &[Hash]) -> io::Result<()> {
        let (mut at, mut added) = (size, leaves.to_vec());
        for level in 0..LEVELS_MAX {
            if added.is_empty() {
                break;
            }
            while self.count() <= level {
                self.add()?;
            }
            self.with(level, |file| {
                file.write_all_at(added.as_flattened(), at * HASH_BYTES)?;
                file.sync_data()
            })?;
            let end = at + added.len() as u64;
            let (first, past) = (at / TILE_WIDTH, end / TILE_WIDTH);
            added =
                (first..past).map(|tile| self.folded(level, tile)).collect::<io::Result<_>>()?;
            at = first;
        }
        Ok(())
    }

    fn folded(&self, level: usize, tile: u64) -> io::Result<Hash> {
        Ok(fold(self.read(level, tile * TILE_WIDTH, TILE_WIDTH)?.as_chunks().0.to_vec()))
    }

    fn read(&self, level: usize, from: u64, count: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (count * HASH_BYTES) as usize];
        self.with(level, |file| file.read_exact_at(&mut bytes, from * HASH_BYTES))?;
        Ok(bytes)
    }

    fn count(&self) -> usize {
        self.files.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn length(&self, level: usize) -> io::Result<u64> {
        match self.with(level, File::metadata) {
            Ok(metadata) => Ok(metadata.len() / HASH_BYTES),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn with<T>(&self, level: usize, act: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        act(files.get(level).ok_or(io::ErrorKind::UnexpectedEof)?)
    }

    fn add(&self) -> io::Result<()> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        let mut options = OpenOptions::new();
        options.read(true).write(self.is_writer).create(self.is_writer);
        let file = options.open(self.path(files.len()))?;
        files.push(file);
        if self.is_writer { File::open(&self.folder)?.sync_all() } else { Ok(()) }
    }
}

impl Subtrees for Levels {
    type Error = io::Error;

    fn subtree(&self, height: u32, index: u64) -> io::Result<Hash> {
        let (level, above) = ((height / TILE_HEIGHT) as usize, height % TILE_HEIGHT);
        let bytes = self.read(level, index << above, 1 << above)?;
        Ok(fold(bytes.as_chunks().0.to_vec()))
    }
}

/// The root over hashes whose number is a power of two.
fn fold(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        hashes = hashes.as_chunks().0.iter().map(|[left, right]| node(left, right)).collect();
    }
    hashes[0]
}
