//! Opens the payloads of records that lie beside each other in the log. Some dozens go together
//! through each step: their keys lie far apart in memory, and asked for together they are fetched
//! at the same time.

use std::error::Error;
use std::ops::Range;

use domain::recorded::{Envelope, Recorded};
use domain::{Payload, Position};
use journal::contract::ReadError;
use journal::{PersonKey, compress, record};
use uuid::Uuid;

use crate::log_reader::{LogReader, ReplayError};

/// Records that are opened together. Their sealed payloads fit the processor's nearest memory.
const TOGETHER: usize = 64;
/// Room is made at once for at most so many events.
const EVENTS_EXPECTED: usize = 10_000;

/// Takes records one by one and gives their events, all or the first error.
pub(crate) struct Opening<'a> {
    log: &'a LogReader,
    events: Vec<Recorded>,
    failed: Option<ReplayError>,
    /// Where the payloads of the last events lie in `sealed`, as long as they are not open.
    waiting: Vec<Range<usize>>,
    sealed: Vec<u8>,
    owners: Vec<Uuid>,
    keys: Vec<Option<PersonKey>>,
    json: Vec<u8>,
    with_targets: bool,
}

impl<'a> Opening<'a> {
    /// For about so many events of the log.
    pub(crate) fn new(log: &'a LogReader, count: usize) -> Self {
        Self {
            log,
            events: Vec::with_capacity(count.min(EVENTS_EXPECTED)),
            failed: None,
            waiting: Vec::with_capacity(TOGETHER),
            sealed: Vec::new(),
            owners: Vec::with_capacity(TOGETHER),
            keys: Vec::with_capacity(TOGETHER),
            json: Vec::new(),
            with_targets: true,
        }
    }

    /// As [`Opening::new`], without the events that corrections act on: for who has the whole life.
    pub(crate) fn bare(log: &'a LogReader, count: usize) -> Self {
        Self { with_targets: false, ..Self::new(log, count) }
    }

    /// Takes the bytes of the record at a position.
    pub(crate) fn take(&mut self, position: Position, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        let taken = self.envelope(position, bytes);
        let opened = if taken.is_err() || self.waiting.len() == TOGETHER {
            self.open_waiting()
        } else {
            Ok(())
        };
        // An event that waited stands before this one.
        self.failed = opened.and(taken).err();
    }

    /// The events.
    ///
    /// # Errors
    /// The [`ReplayError`] of the first record that could not be read.
    pub(crate) fn finish(mut self) -> Result<Vec<Recorded>, ReplayError> {
        if self.failed.is_none() {
            self.failed = self.open_waiting().err();
        }
        self.failed.map_or(Ok(self.events), Err)
    }

    fn envelope(&mut self, position: Position, bytes: &[u8]) -> Result<(), ReplayError> {
        let (envelope, sealed) = record::decode(bytes)
            .map_err(|source| ReadError::Record { position: position.0, source })?;
        self.owners.push(envelope.sealed_for.unwrap_or(envelope.stream).id);
        let start = self.sealed.len();
        self.sealed.extend_from_slice(sealed);
        self.waiting.push(start..self.sealed.len());
        self.events.push(Recorded { envelope, payload: None, target: None });
        Ok(())
    }

    fn open_waiting(&mut self) -> Result<(), ReplayError> {
        self.log.keys().find_each(&self.owners, &mut self.keys)?;
        self.owners.clear();
        let first = self.events.len() - self.waiting.len();
        let waiting = self.waiting.drain(..).zip(self.keys.drain(..));
        for (event, (range, key)) in self.events[first..].iter_mut().zip(waiting) {
            let sealed = &mut self.sealed[range];
            if let Some(key) = key {
                event.payload = Some(open(&event.envelope, &key, sealed, &mut self.json)?);
            }
            if self.with_targets {
                event.target = self.log.target(&event.envelope)?;
            }
        }
        self.sealed.clear();
        Ok(())
    }
}

/// Opens a payload where it lies.
fn open(
    envelope: &Envelope,
    key: &PersonKey,
    sealed: &mut [u8],
    json: &mut Vec<u8>,
) -> Result<Payload, ReplayError> {
    let broken = |source: Box<dyn Error + Send + Sync>| ReplayError::Payload {
        position: envelope.position.0,
        source,
    };
    let packed = key
        .open_in_place(envelope.stream, envelope.sequence, sealed)
        .map_err(|error| broken(error.into()))?;
    compress::unpack_into(packed, json).map_err(|error| broken(error.into()))?;
    Payload::read(envelope.event_type, json).map_err(|error| broken(error.into()))
}
