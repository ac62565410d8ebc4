//! A record as stored: the envelope in a fixed layout, then the sealed payload.
//!
//! These bytes are the leaf of the Merkle tree, so they hold nothing about where in a file they
//! lie. Version 1, little-endian:
//! ```text
//! version u8 | flags u8 | position u64 | stream kind u8, id 16 | sequence u32 | previous u64
//! type u16, version u16 | key 16 | content 8
//! occurred i32 | known i32 | sent i64 | received i64 | recorded i64 | verified i64
//! place digits u8, code u64 | department 3 | channel 2 | causation u64 | corrects u64
//! [correlation 16, when it is not the key] [sealed for: kind u8, id 16]
//! actor length u8, bytes | source length u8, bytes | payload
//! ```
//! Days count from 1970-01-01, instants in microseconds; `MIN` stands for "not known".

use domain::days::{date_of, day_number};
use domain::recorded::{ContentTag, Envelope, EventKey, EventType};
use domain::{Clocks, Place, Position, Sequence, StreamId, StreamKind};
use jiff::Timestamp;
use jiff::civil::Date;

const VERSION: u8 = 1;
const HAS_CORRELATION: u8 = 1;
const HAS_SEALED_FOR: u8 = 2;

/// Bytes that are no record of a known version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The first byte names a version that this program does not know.
    #[error("record version {0} is not known")]
    Version(u8),
    /// The bytes end too early, or a field holds what it never may.
    #[error("the record is malformed")]
    Malformed,
    /// `actor` or `source` is longer than 255 bytes.
    #[error("actor and source have at most 255 bytes")]
    TooLong,
}

/// The stored bytes of an envelope and its sealed payload.
///
/// # Errors
/// [`RecordError::TooLong`].
pub fn encode(envelope: &Envelope, sealed: &[u8]) -> Result<Vec<u8>, RecordError> {
    let mut out = Vec::with_capacity(192 + envelope.source.len() + sealed.len());
    encode_into(&mut out, envelope, sealed)?;
    Ok(out)
}

/// Appends the stored bytes to `out`, which holds a part of them after an error.
///
/// # Errors
/// [`RecordError::TooLong`].
pub fn encode_into(
    out: &mut Vec<u8>,
    envelope: &Envelope,
    sealed: &[u8],
) -> Result<(), RecordError> {
    let correlation = (envelope.correlation != envelope.key).then_some(envelope.correlation);
    let mut flags = 0;
    flags |= if correlation.is_some() { HAS_CORRELATION } else { 0 };
    flags |= if envelope.sealed_for.is_some() { HAS_SEALED_FOR } else { 0 };
    out.extend([VERSION, flags]);
    out.extend(envelope.position.0.to_le_bytes());
    put_stream(out, envelope.stream);
    out.extend(envelope.sequence.0.to_le_bytes());
    out.extend(envelope.previous.0.to_le_bytes());
    out.extend(envelope.event_type.number.to_le_bytes());
    out.extend(envelope.event_type.version.to_le_bytes());
    out.extend(envelope.key.0);
    out.extend(envelope.content.0);
    put_clocks(out, &envelope.clocks);
    out.push(envelope.place.digits());
    out.extend(envelope.place.code().to_le_bytes());
    out.extend(envelope.department);
    out.extend(envelope.channel);
    out.extend(envelope.causation.0.to_le_bytes());
    out.extend(envelope.corrects.0.to_le_bytes());
    out.extend(correlation.iter().flat_map(|key| key.0));
    if let Some(stream) = envelope.sealed_for {
        put_stream(out, stream);
    }
    for text in [&envelope.actor, &envelope.source] {
        out.push(u8::try_from(text.len()).map_err(|_| RecordError::TooLong)?);
        out.extend(text.as_bytes());
    }
    out.extend(sealed);
    Ok(())
}

/// Where a record stands: the first fields of every version, cheap to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Place in the stream.
    pub sequence: Sequence,
    /// The record before it in the same stream; 0 when it is the first.
    pub previous: Position,
}

/// Where the record of these bytes stands, without reading more of it.
///
/// # Errors
/// [`RecordError::Version`] or [`RecordError::Malformed`].
pub fn standing(bytes: &[u8]) -> Result<Standing, RecordError> {
    let mut rest = Rest(bytes);
    let [version, _] = rest.take()?;
    if version == VERSION { rest.standing() } else { Err(RecordError::Version(version)) }
}

/// What kind of event the record of these bytes is, without reading more of it.
///
/// # Errors
/// [`RecordError::Version`] or [`RecordError::Malformed`].
pub fn event_type(bytes: &[u8]) -> Result<EventType, RecordError> {
    let mut rest = Rest(bytes);
    let [version, _] = rest.take()?;
    if version != VERSION {
        return Err(RecordError::Version(version));
    }
    rest.standing()?;
    rest.event_type()
}

/// The envelope of stored bytes, and the sealed payload behind it.
///
/// # Errors
/// [`RecordError::Version`] or [`RecordError::Malformed`].
pub fn decode(bytes: &[u8]) -> Result<(Envelope, &[u8]), RecordError> {
    let mut rest = Rest(bytes);
    let [version, flags] = rest.take()?;
    if version != VERSION {
        return Err(RecordError::Version(version));
    }
    if flags & !(HAS_CORRELATION | HAS_SEALED_FOR) != 0 {
        return Err(RecordError::Malformed);
    }
    let Standing { position, stream, sequence, previous } = rest.standing()?;
    let mut envelope = Envelope {
        position,
        stream,
        sequence,
        previous,
        event_type: rest.event_type()?,
        key: EventKey(rest.take()?),
        content: ContentTag(rest.take()?),
        clocks: rest.clocks()?,
        place: rest.place()?,
        department: rest.take()?,
        channel: rest.take()?,
        causation: rest.position()?,
        corrects: rest.position()?,
        correlation: EventKey([0; 16]),
        sealed_for: None,
        actor: String::new(),
        source: String::new(),
    };
    let correlated = flags & HAS_CORRELATION != 0;
    envelope.correlation = if correlated { EventKey(rest.take()?) } else { envelope.key };
    envelope.sealed_for = if flags & HAS_SEALED_FOR != 0 { Some(rest.stream()?) } else { None };
    envelope.actor = rest.text()?;
    envelope.source = rest.text()?;
    Ok((envelope, rest.0))
}

fn put_stream(out: &mut Vec<u8>, stream: StreamId) {
    out.push(stream.kind.number());
    out.extend(stream.id.as_bytes());
}

fn put_clocks(out: &mut Vec<u8>, clocks: &Clocks) {
    let instant = |at: Option<Timestamp>| at.map_or(i64::MIN, Timestamp::as_microsecond);
    out.extend(day_number(clocks.occurred_on).to_le_bytes());
    out.extend(clocks.known_on.map_or(i32::MIN, day_number).to_le_bytes());
    out.extend(instant(clocks.sent_at).to_le_bytes());
    out.extend(clocks.received_at.as_microsecond().to_le_bytes());
    out.extend(clocks.recorded_at.as_microsecond().to_le_bytes());
    out.extend(instant(clocks.verified_at).to_le_bytes());
}

/// The bytes that are still to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(RecordError::Malformed)?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn position(&mut self) -> Result<Position, RecordError> {
        Ok(Position(u64::from_le_bytes(self.take()?)))
    }

    fn event_type(&mut self) -> Result<EventType, RecordError> {
        let number = u16::from_le_bytes(self.take()?);
        Ok(EventType { number, version: u16::from_le_bytes(self.take()?) })
    }

    fn standing(&mut self) -> Result<Standing, RecordError> {
        Ok(Standing {
            position: self.position()?,
            stream: self.stream()?,
            sequence: Sequence(u32::from_le_bytes(self.take()?)),
            previous: self.position()?,
        })
    }

    fn stream(&mut self) -> Result<StreamId, RecordError> {
        let [kind] = self.take()?;
        let kind = StreamKind::from_number(kind).ok_or(RecordError::Malformed)?;
        Ok(StreamId { kind, id: uuid::Uuid::from_bytes(self.take()?) })
    }

    fn place(&mut self) -> Result<Place, RecordError> {
        let [digits] = self.take()?;
        let code = u64::from_le_bytes(self.take()?);
        Place::from_code(code, digits).ok_or(RecordError::Malformed)
    }

    fn day(&mut self) -> Result<Option<Date>, RecordError> {
        match i32::from_le_bytes(self.take()?) {
            i32::MIN => Ok(None),
            days => day_of(days).map(Some).ok_or(RecordError::Malformed),
        }
    }

    fn instant(&mut self) -> Result<Option<Timestamp>, RecordError> {
        match i64::from_le_bytes(self.take()?) {
            i64::MIN => Ok(None),
            micros => Timestamp::from_microsecond(micros).map(Some),
        }
        .map_err(|_| RecordError::Malformed)
    }

    fn clocks(&mut self) -> Result<Clocks, RecordError> {
        Ok(Clocks {
            occurred_on: self.day()?.ok_or(RecordError::Malformed)?,
            known_on: self.day()?,
            sent_at: self.instant()?,
            received_at: self.instant()?.ok_or(RecordError::Malformed)?,
            recorded_at: self.instant()?.ok_or(RecordError::Malformed)?,
            verified_at: self.instant()?,
        })
    }

    fn text(&mut self) -> Result<String, RecordError> {
        let [length] = self.take()?;
        let (text, rest) =
            self.0.split_at_checked(usize::from(length)).ok_or(RecordError::Malformed)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).map_err(|_| RecordError::Malformed)
    }
}

/// The day of a number; none beyond the calendar's ends.
fn day_of(number: i32) -> Option<Date> {
    Some(date_of(number)).filter(|day| day_number(*day) == number)
}
