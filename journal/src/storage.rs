//! What the journal asks of a disk, and nothing more: so that a test can put a disk there that
//! loses, tears and refuses.
//!
//! What is assumed of every disk: bytes are durable when the sync of their file has returned, a
//! name when that of its folder has; of bytes that were not synced any 512 of a kind (a sector)
//! may be there and any other missing; a sector that was never written reads as zeros; a sync that
//! failed tells nothing about what is durable, and the next one may succeed without writing it.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes that a disk writes whole or not at all.
pub const SECTOR_BYTES: u64 = 512;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only read; it must be there.
    Read,
    /// Read and written; it must be there.
    Write,
    /// Made; it must not be there.
    Create,
    /// Made, readable by its owner alone; it must not be there.
    CreatePrivate,
    /// Made or emptied.
    Replace,
    /// Made when it is not there, else left as it is.
    Ensure,
}

/// A disk with folders. Static dispatch: the real one costs nothing.
pub trait Storage: Clone + Send + Sync + 'static {
    /// An open file; closed when dropped.
    type File: StorageFile;
    /// Whether the journal may work with it from threads of its own. A simulation says no, so that
    /// a seed always gives the same order.
    const SHARED: bool;

    /// Opens a file.
    ///
    /// # Errors
    /// What the system said.
    fn open(&self, path: &Path, access: Access) -> io::Result<Self::File>;

    /// The paths of all that a folder holds, in no order.
    ///
    /// # Errors
    /// What the system said.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// Makes a folder and those above it; no error when it is there.
    ///
    /// # Errors
    /// What the system said.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;

    /// Gives a file another name in the place of what had it.
    ///
    /// # Errors
    /// What the system said.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a name away.
    ///
    /// # Errors
    /// What the system said.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the system said; never retry it.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// What the system tells of a file, and is another after every write to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which file.
    pub inode: u64,
    /// Bytes.
    pub length: u64,
    /// Seconds and nanoseconds when it was written last.
    pub written: (i64, i64),
    /// The same when it was changed last in any way, which nobody sets.
    pub changed: (i64, i64),
}

/// An open file. Threads share it.
pub trait StorageFile: Debug + Send + Sync + 'static {
    /// How many bytes it has.
    ///
    /// # Errors
    /// What the system said.
    fn length(&self) -> io::Result<u64>;

    /// Fills `bytes` from those at `offset` on.
    ///
    /// # Errors
    /// What the system said; also when the file ends before.
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes at `offset`, beyond the end too.
    ///
    /// # Errors
    /// What the system said; some of the bytes may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts the file, or lengthens it by zeros.
    ///
    /// # Errors
    /// What the system said.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Makes bytes and length durable.
    ///
    /// # Errors
    /// What the system said; never retry it.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes all durable that belongs to the file, but not its name.
    ///
    /// # Errors
    /// What the system said; never retry it.
    fn sync_all(&self) -> io::Result<()>;

    /// By what the system tells whether the file was written since; none where it does not.
    ///
    /// # Errors
    /// What the system said.
    fn stamp(&self) -> io::Result<Option<Stamp>> {
        Ok(None)
    }

    /// Takes the lock that only one has; given back when the file is dropped.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] when another has it.
    fn try_lock(&self) -> Result<(), TryLockError>;
}

/// The files of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files;

impl Storage for Files {
    type File = File;
    const SHARED: bool = true;

    fn open(&self, path: &Path, access: Access) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(access != Access::Read);
        match access {
            Access::Read | Access::Write => {}
            Access::Create => drop(options.create_new(true)),
            Access::CreatePrivate => drop(options.create_new(true).mode(0o600)),
            Access::Replace => drop(options.create(true).truncate(true)),
            Access::Ensure => drop(options.create(true).truncate(false)),
        }
        options.open(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

impl StorageFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, bytes, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        File::sync_all(self)
    }

    fn stamp(&self) -> io::Result<Option<Stamp>> {
        let told = self.metadata()?;
        Ok(Some(Stamp {
            inode: told.ino(),
            length: told.len(),
            written: (told.mtime(), told.mtime_nsec()),
            changed: (told.ctime(), told.ctime_nsec()),
        }))
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        File::try_lock(self)
    }
}

/// Whether the system refused because there is no room, of the disk or of a quota.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The folder that holds `path`.
pub(crate) fn above(path: &Path) -> &Path {
    path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
