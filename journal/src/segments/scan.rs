//! Reads a file of the log from front to end and checks every byte, in bounded memory.

use std::io;
use std::path::Path;

use domain::Position;

use super::file::Extent;
use super::open::OpenError;
use super::torn::{Tail, tail};
use crate::frame::{self, BODY_HEADER_BYTES, FrameError, HEADER_BYTES, Header};
use crate::record::{self, Standing};
use crate::storage::StorageFile;

/// Bytes that are read at once; longer than any body.
const WINDOW_BYTES: usize = 1 << 20;

/// Which bytes are scanned.
pub(super) struct Source<'a, F> {
    pub(super) path: &'a Path,
    pub(super) file: &'a F,
    /// Position of the file's first record.
    pub(super) first: Position,
    /// Bytes beyond are not looked at.
    pub(super) size: u64,
}

/// Adds every whole frame behind `extent` to it, and tells `seen` where each record stands, and where its
/// frame begins. A
/// frame counts only when all of it is right. Gives the tail where a frame is not; zeros up to the
/// end are none.
///
/// # Errors
/// [`OpenError`] for a frame that does not continue the one before it, a record of no known form,
/// or a file system that refuses.
pub(super) fn scan<F: StorageFile>(
    source: &Source<F>,
    extent: &mut Extent,
    mut seen: impl FnMut(&Standing, u64),
) -> Result<Option<Tail>, OpenError> {
    let io = |error| OpenError::Io { path: source.path.to_owned(), source: error };
    let mut window = Window { source, bytes: Vec::new(), start: 0 };
    let (mut lengths, mut standings) = (Vec::new(), Vec::new());
    while u64::from(extent.bytes) < source.size {
        let offset = u64::from(extent.bytes);
        lengths.clear();
        standings.clear();
        let header = match window.frame(offset, &mut lengths, &mut standings).map_err(io)? {
            Ok(header) => header,
            Err(fault) => match tail(source, offset, fault).map_err(io)? {
                Some(Tail::Grown) => {
                    window.bytes.clear();
                    continue;
                }
                tail => return Ok(tail),
            },
        };
        let expected = source.first.0 + u64::from(extent.records);
        let due = (expected..).zip(&standings);
        let (path, found) = (source.path.to_owned(), header.first.0);
        if found != expected {
            return Err(OpenError::Gap { path, offset, found, expected });
        }
        for (position, standing) in due {
            match standing {
                Some(standing) if standing.position.0 == position => seen(standing, offset),
                _ => return Err(OpenError::Record { path, offset, position }),
            }
        }
        let end = offset + HEADER_BYTES as u64 + u64::from(header.length);
        if u32::try_from(end).is_err() {
            let fault = FrameError::Length;
            return Err(OpenError::Damaged { path, offset, fault });
        }
        extent.add(lengths.iter().copied(), HEADER_BYTES as u32 + header.length);
    }
    Ok(None)
}

/// A part of the file in memory.
struct Window<'a, F> {
    source: &'a Source<'a, F>,
    bytes: Vec<u8>,
    start: u64,
}

impl<F: StorageFile> Window<'_, F> {
    /// The bytes from `offset` on, fewer than `length` only at the end of the file.
    fn get(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let length = length.min((self.source.size - offset) as usize);
        let held = self.start + self.bytes.len() as u64;
        if offset < self.start || offset + length as u64 > held {
            let room = (self.source.size - offset).min(WINDOW_BYTES as u64) as usize;
            self.bytes.resize(room, 0);
            self.source.file.read_exact_at(&mut self.bytes, offset)?;
            self.start = offset;
        }
        let at = (offset - self.start) as usize;
        Ok(&self.bytes[at..at + length])
    }

    /// Checks the frame at `offset`; gives its header, the length of each body with its header,
    /// and where each record stands.
    fn frame(
        &mut self,
        offset: u64,
        lengths: &mut Vec<u32>,
        standings: &mut Vec<Option<Standing>>,
    ) -> io::Result<Result<Header, FrameError>> {
        let header = match Header::read(self.get(offset, HEADER_BYTES)?) {
            Ok(header) => header,
            Err(fault) => return Ok(Err(fault)),
        };
        let mut at = offset + HEADER_BYTES as u64;
        let end = at + u64::from(header.length);
        if end > self.source.size {
            return Ok(Err(FrameError::Torn));
        }
        let mut checksum = 0;
        while at < end {
            let ahead = BODY_HEADER_BYTES.min((end - at) as usize);
            let length = match frame::body_length(self.get(at, ahead)?) {
                Ok(length) if at + (BODY_HEADER_BYTES + length) as u64 <= end => length,
                Ok(_) | Err(_) => return Ok(Err(FrameError::Length)),
            };
            let body = self.get(at, BODY_HEADER_BYTES + length)?;
            checksum = crc32c::crc32c_append(checksum, body);
            match frame::body(body) {
                Ok(record) => standings.push(record::standing(record).ok()),
                Err(fault) => return Ok(Err(fault)),
            }
            lengths.push((BODY_HEADER_BYTES + length) as u32);
            at += (BODY_HEADER_BYTES + length) as u64;
        }
        let fault = if checksum != header.checksum {
            FrameError::Checksum
        } else if lengths.len() as u64 != u64::from(header.count) {
            FrameError::Length
        } else {
            return Ok(Ok(header));
        };
        Ok(Err(fault))
    }
}
