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
const BODY_HEADER_BYTES: usize = 8;
/// A record must fit a C2SP tlog-tiles entry, whose length is a u16.
pub const BODY_BYTES_MAX: usize = 65_535;
/// A frame larger than this is refused on writing and is damage on reading.
pub const FRAME_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A record with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Where it stands.
    pub position: Position,
    /// What was appended, unchanged.
    pub bytes: Vec<u8>,
}

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

/// The frame of `bodies`, the first of which stands at `first`.
///
/// # Errors
/// [`FrameError::Length`] when there is no body, or one is empty or too long for a record.
pub fn encode(first: Position, bodies: &[Vec<u8>]) -> Result<Vec<u8>, FrameError> {
    let fits = |body: &Vec<u8>| !body.is_empty() && body.len() <= BODY_BYTES_MAX;
    let length: usize = bodies.iter().map(|body| BODY_HEADER_BYTES + body.len()).sum();
    if bodies.is_empty() || !bodies.iter().all(fits) || length > FRAME_BYTES_MAX {
        return Err(FrameError::Length);
    }
    let mut frame = vec![0; HEADER_BYTES];
    for body in bodies {
        frame.extend((body.len() as u32).to_le_bytes());
        frame.extend(crc32c::crc32c(body).to_le_bytes());
        frame.extend(body);
    }
    let bodies_checksum = crc32c::crc32c(&frame[HEADER_BYTES..]);
    frame[0..4].copy_from_slice(&MAGIC.to_le_bytes());
    frame[4..8].copy_from_slice(&(length as u32).to_le_bytes());
    frame[8..12].copy_from_slice(&(bodies.len() as u32).to_le_bytes());
    frame[12..20].copy_from_slice(&first.0.to_le_bytes());
    frame[20..24].copy_from_slice(&bodies_checksum.to_le_bytes());
    let header_checksum = crc32c::crc32c(&frame[..24]);
    frame[24..28].copy_from_slice(&header_checksum.to_le_bytes());
    Ok(frame)
}

/// How many bytes the frame at the start of `bytes` has, header included.
///
/// # Errors
/// [`FrameError`] when no frame begins there.
pub fn length(bytes: &[u8]) -> Result<usize, FrameError> {
    if bytes.len() < HEADER_BYTES {
        return Err(FrameError::Torn);
    }
    if number(bytes, 0) != MAGIC {
        return Err(FrameError::Magic);
    }
    if crc32c::crc32c(&bytes[..24]) != number(bytes, 24) {
        return Err(FrameError::Checksum);
    }
    let length = number(bytes, 4) as usize;
    if length == 0 || length > FRAME_BYTES_MAX || number(bytes, 8) == 0 {
        return Err(FrameError::Length);
    }
    Ok(HEADER_BYTES + length)
}

/// The records of the frame at the start of `bytes`.
///
/// # Errors
/// [`FrameError`]; no record of a damaged frame is ever returned.
pub fn decode(bytes: &[u8]) -> Result<Vec<Body>, FrameError> {
    let end = length(bytes)?;
    let frame = bytes.get(..end).ok_or(FrameError::Torn)?;
    if crc32c::crc32c(&frame[HEADER_BYTES..]) != number(frame, 20) {
        return Err(FrameError::Checksum);
    }
    let first = u64::from_le_bytes(frame[12..20].try_into().expect("eight bytes"));
    let mut bodies = Vec::new();
    let mut rest = &frame[HEADER_BYTES..];
    while !rest.is_empty() {
        let header = rest.get(..BODY_HEADER_BYTES).ok_or(FrameError::Length)?;
        let stop = BODY_HEADER_BYTES + number(header, 0) as usize;
        let bytes = rest.get(BODY_HEADER_BYTES..stop).ok_or(FrameError::Length)?;
        if crc32c::crc32c(bytes) != number(header, 4) {
            return Err(FrameError::Checksum);
        }
        let position = Position(first + bodies.len() as u64);
        bodies.push(Body { position, bytes: bytes.to_vec() });
        rest = &rest[stop..];
    }
    if bodies.len() != number(frame, 8) as usize { Err(FrameError::Length) } else { Ok(bodies) }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
