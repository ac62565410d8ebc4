//! One group of records as bytes: written whole, read whole or not at all.
//!
//! ```text
//! frame  = magic u32 | body length u32 | count u32 | first position u64
//!        | CRC32C of the bodies u32 | CRC32C of the header u32 | bodies
//! body   = length u32 | CRC32C u32 | bytes
//! ```
//! All numbers are little-endian. The header has a checksum of its own, because only a header that
//! is right can say "the rest of me was never written": a flipped length must not look like a torn
//! tail. A body carries its own too, so that one record can be read and trusted alone.

use domain::Position;

/// "RKF1" in little-endian order.
const MAGIC: u32 = u32::from_le_bytes(*b"RKF1");
/// Bytes before the bodies.
pub const HEADER_BYTES: usize = 28;
/// Bytes before the record in a body.
pub const BODY_HEADER_BYTES: usize = 8;
/// A record must fit a C2SP tlog-tiles entry, whose length is a u16.
pub const BODY_BYTES_MAX: usize = 65_535;
/// A frame whose bodies are longer than this is refused on writing and is damage on reading.
pub const FRAME_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The bytes end before the frame does: a torn write, when it is the last one.
    #[error("the frame is cut off")]
    Torn,
    /// The first four bytes are not a frame's.
    #[error("no frame begins here")]
    Magic,
    /// A length that no frame has.
    #[error("the frame states an impossible length")]
    Length,
    /// The checksum does not fit.
    #[error("the checksum of the frame does not fit its bytes")]
    Checksum,
}

/// A frame that is being filled. Records are written straight into it; its buffer is used again.
#[derive(Debug)]
pub struct Frame {
    bytes: Vec<u8>,
    count: u32,
}

/// How far a frame was filled, to go back to.
#[derive(Clone, Copy, Debug)]
pub struct Filled {
    bytes: usize,
    count: u32,
}

impl Default for Frame {
    fn default() -> Self {
        Self { bytes: vec![0; HEADER_BYTES], count: 0 }
    }
}

impl Frame {
    /// Adds the record that `write` appends to the buffer; `write` says whether it could.
    ///
    /// # Errors
    /// [`FrameError::Length`] when it could not, or the record is empty or too long, or the frame
    /// is full; the frame is then as before.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> Result<(), FrameError> {
        let at = self.bytes.len();
        let start = at + BODY_HEADER_BYTES;
        self.bytes.extend([0; BODY_HEADER_BYTES]);
        let written = write(&mut self.bytes);
        let length = self.bytes.len() - start;
        let full = self.bytes.len() - HEADER_BYTES > FRAME_BYTES_MAX;
        if !written || length == 0 || length > BODY_BYTES_MAX || full {
            self.bytes.truncate(at);
            return Err(FrameError::Length);
        }
        let checksum = crc32c::crc32c(&self.bytes[start..]);
        self.bytes[at..at + 4].copy_from_slice(&(length as u32).to_le_bytes());
        self.bytes[at + 4..start].copy_from_slice(&checksum.to_le_bytes());
        self.count += 1;
        Ok(())
    }

    /// How many records it has.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many bytes it has, header included.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// How many bytes each of its records has.
    pub fn bodies(&self) -> impl Iterator<Item = usize> {
        let mut rest = &self.bytes[HEADER_BYTES..];
        std::iter::from_fn(move || {
            let length = body_length(rest).ok()?;
            rest = &rest[BODY_HEADER_BYTES + length..];
            Some(length)
        })
    }

    /// How far it is filled.
    pub fn filled(&self) -> Filled {
        Filled { bytes: self.bytes.len(), count: self.count }
    }

    /// Forgets the records that were added since.
    pub fn go_back(&mut self, to: Filled) {
        self.bytes.truncate(to.bytes);
        self.count = to.count;
    }

    /// Empties it; a buffer that had grown beyond `keep` bytes is given back.
    pub fn clear(&mut self, keep: usize) {
        self.bytes.truncate(HEADER_BYTES);
        self.bytes.shrink_to(keep);
        self.count = 0;
    }

    /// The bytes to write when the first record stands at `first`.
    pub fn finish(&mut self, first: Position) -> &[u8] {
        let bodies = crc32c::crc32c(&self.bytes[HEADER_BYTES..]);
        let length = (self.bytes.len() - HEADER_BYTES) as u32;
        let frame = &mut self.bytes;
        frame[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        frame[4..8].copy_from_slice(&length.to_le_bytes());
        frame[8..12].copy_from_slice(&self.count.to_le_bytes());
        frame[12..20].copy_from_slice(&first.0.to_le_bytes());
        frame[20..24].copy_from_slice(&bodies.to_le_bytes());
        let header = crc32c::crc32c(&frame[..24]);
        frame[24..28].copy_from_slice(&header.to_le_bytes());
        frame
    }
}

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of its bodies.
    pub length: u32,
    /// How many bodies it has, at least one.
    pub count: u32,
    /// Where its first record stands.
    pub first: Position,
    /// CRC32C of its bodies.
    pub checksum: u32,
}

impl Header {
    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// [`FrameError`] when no frame begins there.
    pub fn read(bytes: &[u8]) -> Result<Self, FrameError> {
        let bytes = bytes.get(..HEADER_BYTES).ok_or(FrameError::Torn)?;
        if number(bytes, 0) != MAGIC {
            return Err(FrameError::Magic);
        }
        if crc32c::crc32c(&bytes[..24]) != number(bytes, 24) {
            return Err(FrameError::Checksum);
        }
        let first = u64::from_le_bytes(bytes[12..20].try_into().expect("eight bytes"));
        let (length, count) = (number(bytes, 4), number(bytes, 8));
        if length == 0 || length as usize > FRAME_BYTES_MAX || count == 0 {
            return Err(FrameError::Length);
        }
        Ok(Self { length, count, first: Position(first), checksum: number(bytes, 20) })
    }
}

/// How many bytes the record has whose body begins with these eight bytes.
///
/// # Errors
/// [`FrameError::Length`] when no record has that many, [`FrameError::Torn`] when `bytes` is
/// shorter than eight.
pub fn body_length(bytes: &[u8]) -> Result<usize, FrameError> {
    let header = bytes.get(..BODY_HEADER_BYTES).ok_or(FrameError::Torn)?;
    let length = number(header, 0) as usize;
    if length == 0 || length > BODY_BYTES_MAX { Err(FrameError::Length) } else { Ok(length) }
}

/// The record of the body at the start of `bytes`, checked.
///
/// # Errors
/// [`FrameError`].
pub fn body(bytes: &[u8]) -> Result<&[u8], FrameError> {
    let end = BODY_HEADER_BYTES + body_length(bytes)?;
    let record = bytes.get(BODY_HEADER_BYTES..end).ok_or(FrameError::Torn)?;
    if crc32c::crc32c(record) == number(bytes, 4) { Ok(record) } else { Err(FrameError::Checksum) }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
