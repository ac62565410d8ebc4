//! Reads a file of the log group by group, each checked to the last byte: what copies, verifies and
//! restores logs goes by groups, since only whole ones were ever acknowledged.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use domain::Position;

use super::scan::Source;
use super::torn::{Tail, tail};
use crate::frame::{self, BODY_HEADER_BYTES, FrameError, HEADER_BYTES, Header};
use crate::record;

const BUFFER_BYTES: usize = 1 << 20;

/// Why a file of a log, or of a copy of one, could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// The file system refused.
    #[error("cannot use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Bytes are not what was written.
    #[error("{path} is damaged at byte {offset}, at the record of position {position}: {fault}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the group begins.
        offset: u64,
        /// The first record that is not right.
        position: u64,
        /// What is wrong.
        fault: FrameError,
    },
    /// A whole group that does not continue the one before it.
    #[error("{path} at byte {offset} holds position {found}, expected {expected}")]
    Gap {
        /// The file.
        path: PathBuf,
        /// Where the group begins.
        offset: u64,
        /// The position that it states.
        found: u64,
        /// The position that was due.
        expected: u64,
    },
}

/// A group of records, every byte of which is right.
#[derive(Debug)]
pub struct Group<'a> {
    /// Where it begins in the file.
    pub offset: u64,
    /// Position of its first record.
    pub first: Position,
    /// How many records.
    pub count: u32,
    /// Its bytes, as they lie in the file.
    pub bytes: &'a [u8],
}

impl Group<'_> {
    /// Position of its last record.
    pub fn last(&self) -> Position {
        Position(self.first.0 + u64::from(self.count) - 1)
    }

    /// The byte of the file behind it.
    pub fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    /// Its records as stored, in order.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[HEADER_BYTES..];
        std::iter::from_fn(move || {
            let record = frame::body(rest).ok()?;
            rest = &rest[BODY_HEADER_BYTES + record.len()..];
            Some(record)
        })
    }
}

/// The groups of one file, one after the other.
pub struct Groups {
    path: PathBuf,
    file: BufReader<File>,
    size: u64,
    /// Where the next group begins, and its first record.
    offset: u64,
    next: Position,
    /// The group that was read last, of so many records.
    bytes: Vec<u8>,
    count: u32,
}

impl Groups {
    /// Reads the file from `offset` on, where the group begins whose first record stands at `next`.
    /// Bytes from `size` on are not looked at.
    ///
    /// # Errors
    /// [`GroupError::Io`].
    pub fn open(path: &Path, offset: u64, next: Position, size: u64) -> Result<Self, GroupError> {
        let io = |source| GroupError::Io { path: path.to_owned(), source };
        let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(path).map_err(io)?);
        file.seek(SeekFrom::Start(offset)).map_err(io)?;
        Ok(Self { path: path.to_owned(), file, size, offset, next, bytes: Vec::new(), count: 0 })
    }

    /// Whether the next group was begun, as far as the file tells by now: the one that was read last
    /// is durable then.
    ///
    /// # Errors
    /// [`GroupError::Io`].
    pub fn is_followed(&self) -> Result<bool, GroupError> {
        let mut header = [0; HEADER_BYTES];
        let read = self.file.get_ref().read_at(&mut header, self.offset);
        Ok(header[..read.map_err(|source| self.io(source))?].iter().any(|byte| *byte != 0))
    }

    /// Reads the next group, for [`Groups::group`]; gives false at the end, where nothing follows
    /// or nothing but zeros.
    ///
    /// # Errors
    /// [`GroupError`]; [`FrameError::Torn`] for a group that is not all there. The next call reads
    /// the same group again.
    pub fn advance(&mut self) -> Result<bool, GroupError> {
        if self.offset >= self.size {
            return Ok(false);
        }
        match self.read() {
            Err(GroupError::Damaged { offset, position, fault, path }) => {
                let judged = self.judged(fault)?;
                self.go_back()?;
                match judged {
                    None => Ok(false),
                    // What was read ahead was written since.
                    Some(Tail::Grown) => self.read(),
                    Some(_) => Err(GroupError::Damaged { path, offset, position, fault }),
                }
            }
            // Zeros were taken away.
            Err(GroupError::Io { source, .. })
                if source.kind() == io::ErrorKind::UnexpectedEof && self.length()? < self.size =>
            {
                self.size = self.length()?;
                self.go_back()?;
                self.advance()
            }
            read => read,
        }
    }

    fn length(&self) -> Result<u64, GroupError> {
        self.file.get_ref().metadata().map(|file| file.len()).map_err(|source| self.io(source))
    }

    /// Reads the group anew that could not be read.
    fn go_back(&mut self) -> Result<(), GroupError> {
        let gone = self.file.seek(SeekFrom::Start(self.offset));
        gone.map(drop).map_err(|source| self.io(source))
    }

    fn read(&mut self) -> Result<bool, GroupError> {
        let header = self.fill()?;
        let wrong = |index: u64, fault| GroupError::Damaged {
            path: self.path.clone(),
            offset: self.offset,
            position: self.next.0 + index,
            fault,
        };
        if header.first != self.next {
            let (path, offset) = (self.path.clone(), self.offset);
            let (found, expected) = (header.first.0, self.next.0);
            return Err(GroupError::Gap { path, offset, found, expected });
        }
        let (mut rest, mut index) = (&self.bytes[HEADER_BYTES..], 0);
        while !rest.is_empty() {
            let record = frame::body(rest).map_err(|fault| wrong(index, fault))?;
            match record::standing(record) {
                Ok(standing) if standing.position.0 == header.first.0 + index => {}
                _ => return Err(wrong(index, FrameError::Length)),
            }
            rest = &rest[BODY_HEADER_BYTES + record.len()..];
            index += 1;
        }
        if index != u64::from(header.count) {
            return Err(wrong(0, FrameError::Length));
        }
        if crc32c::crc32c(&self.bytes[HEADER_BYTES..]) != header.checksum {
            return Err(wrong(0, FrameError::Checksum));
        }
        self.offset += self.bytes.len() as u64;
        self.next = Position(header.first.0 + u64::from(header.count));
        self.count = header.count;
        Ok(true)
    }

    /// The group that was read last.
    pub fn group(&self) -> Group<'_> {
        Group {
            offset: self.offset - self.bytes.len() as u64,
            first: Position(self.next.0 - u64::from(self.count)),
            count: self.count,
            bytes: &self.bytes,
        }
    }

    /// Reads the bytes of the next group; gives its header.
    fn fill(&mut self) -> Result<Header, GroupError> {
        let left = self.size - self.offset;
        self.bytes.resize(HEADER_BYTES.min(left as usize), 0);
        self.file.read_exact(&mut self.bytes).map_err(|source| self.io(source))?;
        let header = Header::read(&self.bytes).map_err(|fault| self.damaged(fault))?;
        let length = HEADER_BYTES + header.length as usize;
        if length as u64 > left {
            return Err(self.damaged(FrameError::Torn));
        }
        self.bytes.resize(length, 0);
        let bodies = self.file.read_exact(&mut self.bytes[HEADER_BYTES..]);
        bodies.map_err(|source| self.io(source))?;
        Ok(header)
    }

    /// Whether what a fault was found in was never acknowledged, as opposed to altered: only at the
    /// end of the newest file of a log.
    ///
    /// # Errors
    /// [`GroupError::Io`].
    pub fn is_torn(&self, fault: FrameError) -> Result<bool, GroupError> {
        Ok(matches!(self.judged(fault)?, Some(Tail::Torn)))
    }

    /// Whether what a fault was found in may be a group that is being written just now.
    ///
    /// # Errors
    /// [`GroupError::Io`].
    pub fn is_unfinished(&self, fault: FrameError) -> Result<bool, GroupError> {
        Ok(matches!(self.judged(fault)?, Some(Tail::Unfinished(_))))
    }

    fn judged(&self, fault: FrameError) -> Result<Option<Tail>, GroupError> {
        let (path, file) = (&*self.path, self.file.get_ref());
        let source = Source { path, file, first: self.next, size: self.size };
        tail(&source, self.offset, fault).map_err(|source| self.io(source))
    }

    fn damaged(&self, fault: FrameError) -> GroupError {
        let (path, offset, position) = (self.path.clone(), self.offset, self.next.0);
        GroupError::Damaged { path, offset, position, fault }
    }

    fn io(&self, source: io::Error) -> GroupError {
        GroupError::Io { path: self.path.clone(), source }
    }
}
