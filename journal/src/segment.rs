//! One file of the log: frames one after the other, durable before they are acknowledged.
//!
//! A tail that was cut off in mid-write was never acknowledged and is removed at open. Damage
//! anywhere else is reported with file and offset, and nothing behind it is served.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use domain::Position;

use crate::frame::{self, Body, FrameError};

/// Why a file could not be opened as a segment.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system refused.
    #[error("cannot open {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Bytes that were acknowledged are no longer what was written.
    #[error("{path} is damaged at byte {offset}: {fault}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damaged frame begins.
        offset: u64,
        /// What is wrong with it.
        fault: FrameError,
    },
    /// A whole frame that does not continue the one before it.
    #[error("{path} at byte {offset} holds position {found}, expected {expected}")]
    Gap {
        /// The file.
        path: PathBuf,
        /// Where the frame begins.
        offset: u64,
        /// The position it states.
        found: u64,
        /// The position that was due.
        expected: u64,
    },
}

/// Why records could not be made durable. The segment takes no more writes after one.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Records that make no frame; nothing was written, the segment stays usable.
    #[error("the records make no frame: {0}")]
    Unfit(FrameError),
    /// The disk failed: what reached it is unknown, so the process must stop and reopen.
    #[error("cannot write {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An earlier write failed. A sync that failed once is never tried again.
    #[error("an earlier write failed; the log must be reopened")]
    Poisoned,
}

/// Why a stored record could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{path} is damaged or unreadable at byte {offset}")]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// Where the frame begins.
    pub offset: u64,
    /// What is wrong: the frame, or the file system.
    #[source]
    pub source: io::Error,
}

/// An open segment: the only writer of its file.
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    file: File,
    bytes: u64,
    next: Position,
    /// Where each frame begins, and its first position; ordered.
    frames: Vec<(Position, u64)>,
    poisoned: bool,
}

impl Segment {
    /// Makes a new, empty segment whose first record will stand at `first`; the file and its
    /// directory entry are durable when it returns.
    ///
    /// # Errors
    /// [`OpenError::Io`], also when the file exists: creating never opens.
    pub fn create(path: &Path, first: Position) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).open(path).map_err(io)?;
        lock(&file).map_err(io)?;
        file.sync_all().map_err(io)?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|f| f.sync_all()).map_err(io)?;
        let (path, frames) = (path.to_owned(), Vec::new());
        Ok(Self { path, file, bytes: 0, next: first, frames, poisoned: false })
    }

    /// Opens a segment whose first record stands at `first`, checks every frame and cuts a tail
    /// that was torn in mid-write. Opening never creates. What was kept is synced before it is
    /// served, since the process before may have died between writing and syncing.
    ///
    /// # Errors
    /// [`OpenError`]; a damaged frame that is not the torn end stops the start.
    pub fn open(path: &Path, first: Position) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(io)?;
        lock(&file).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let (path, frames) = (path.to_owned(), Vec::new());
        let mut segment = Self { path, file, bytes: 0, next: first, frames, poisoned: false };
        while segment.bytes < size {
            let offset = segment.bytes;
            match segment.frame_at(offset, size).map_err(io)? {
                Ok((bodies, length)) => segment.accept(&bodies, offset, length)?,
                Err(fault) if segment.is_torn(fault, offset, size).map_err(io)? => {
                    segment.file.set_len(offset).map_err(io)?;
                    break;
                }
                Err(fault) => {
                    let path = segment.path;
                    return Err(OpenError::Damaged { path, offset, fault });
                }
            }
        }
        segment.file.sync_all().map_err(io)?;
        Ok(segment)
    }

    /// Appends one group: all of it is durable when this returns, or none of it was acknowledged.
    /// Gives the position of the first record.
    ///
    /// # Errors
    /// [`WriteError`]; after [`WriteError::Io`] every later call is refused.
    pub fn append(&mut self, bodies: &[Vec<u8>]) -> Result<Position, WriteError> {
        if self.poisoned {
            return Err(WriteError::Poisoned);
        }
        let first = self.next;
        let frame = frame::encode(first, bodies).map_err(WriteError::Unfit)?;
        let written = self.file.write_all_at(&frame, self.bytes);
        if let Err(source) = written.and_then(|()| self.file.sync_data()) {
            self.poisoned = true;
            return Err(WriteError::Io { path: self.path.clone(), source });
        }
        self.frames.push((first, self.bytes));
        self.bytes += frame.len() as u64;
        self.next = Position(first.0 + bodies.len() as u64);
        Ok(first)
    }

    /// The position that the next record will have.
    pub fn next(&self) -> Position {
        self.next
    }

    /// The records of one frame, from the one at `from` on; empty at the end of the segment.
    /// Every byte is checked again on each read.
    ///
    /// # Errors
    /// [`ReadError`] names file and offset; no record of a damaged frame is served.
    pub fn read(&self, from: Position) -> Result<Vec<Body>, ReadError> {
        if from >= self.next {
            return Ok(Vec::new());
        }
        let at = self.frames.partition_point(|(first, _)| *first <= from).saturating_sub(1);
        let Some(&(_, offset)) = self.frames.get(at) else { return Ok(Vec::new()) };
        let damaged = |source| ReadError { path: self.path.clone(), offset, source };
        let frame = self.frame_at(offset, self.bytes).map_err(damaged)?;
        let (mut bodies, _) = frame.map_err(|fault| damaged(io::Error::other(fault)))?;
        bodies.retain(|body| body.position >= from);
        Ok(bodies)
    }

    fn accept(&mut self, bodies: &[Body], offset: u64, length: u64) -> Result<(), OpenError> {
        let found = bodies[0].position;
        if found != self.next {
            let (path, found, expected) = (self.path.clone(), found.0, self.next.0);
            return Err(OpenError::Gap { path, offset, found, expected });
        }
        self.frames.push((found, offset));
        self.bytes = offset + length;
        self.next = Position(found.0 + bodies.len() as u64);
        Ok(())
    }

    /// Whether the bytes from `offset` are a group that was never acknowledged: the file ends
    /// inside it, or it grew and its new bytes were never written (all zero).
    fn is_torn(&self, fault: FrameError, offset: u64, size: u64) -> io::Result<bool> {
        if fault != FrameError::Magic {
            return Ok(fault == FrameError::Torn);
        }
        let (mut at, mut bytes) = (offset, [0; 8192]);
        while at < size {
            let wanted = bytes.len().min((size - at) as usize);
            self.file.read_exact_at(&mut bytes[..wanted], at)?;
            if bytes[..wanted].iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += wanted as u64;
        }
        Ok(true)
    }

    fn frame_at(&self, offset: u64, end: u64) -> io::Result<Result<(Vec<Body>, u64), FrameError>> {
        let room = (end - offset) as usize;
        let mut bytes = vec![0; room.min(frame::HEADER_BYTES)];
        self.file.read_exact_at(&mut bytes, offset)?;
        let length = match frame::length(&bytes) {
            Ok(length) if length <= room => length,
            Ok(_) => return Ok(Err(FrameError::Torn)),
            Err(fault) => return Ok(Err(fault)),
        };
        bytes.resize(length, 0);
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(frame::decode(&bytes).map(|bodies| (bodies, length as u64)))
    }
}

/// Two processes must never append to one file.
fn lock(file: &File) -> io::Result<()> {
    file.try_lock().map_err(io::Error::from)
}
