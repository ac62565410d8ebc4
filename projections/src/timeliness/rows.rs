//! The stored form of the view: one row per cell and one per event that was ever acted on.
//!
//! Keys order as event, place, department, channel, month; equal histories give equal bytes.

use domain::Place;
use serde::{Deserialize, Serialize};

use super::fact::Series;
use super::month::Month;

/// First byte of the key of a cell.
pub(super) const CELL: u8 = 1;
/// First byte of the key of an event that was acted on.
pub(super) const ACTED_ON: u8 = 2;

/// Why a stored row is not a row of this view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A key that no cell and no event has.
    #[error("a key of the timeliness view is malformed")]
    Key,
    /// A value that does not decode.
    #[error("a value of the timeliness view is malformed")]
    Value,
}

/// Where an event is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CellKey {
    /// Number of the event in the catalogue.
    pub event: u16,
    /// The place as recorded.
    pub place: Place,
    /// The reporting department.
    pub department: [u8; 3],
    /// The channel.
    pub channel: [u8; 2],
    /// The month of occurrence.
    pub month: Month,
}

/// What is counted there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Events per lag bucket (0 = dated in the future, else days of lag and one), ascending.
    pub lags: Vec<(u16, u32)>,
    /// Events with a rule per due value (twice the days from 1,024 days before the first of the
    /// month, and one when the record was on time), ascending.
    pub dues: Vec<(u16, u32)>,
    /// Events that had every clock.
    pub split_count: u32,
    /// Their days of delay: citizen, department, transport, registry.
    pub splits: [i64; 4],
}

impl CellKey {
    const BYTES: usize = 1 + 2 + 12 + 3 + 2 + 4;

    pub(super) fn of(series: Series, place: Place, month: Month) -> Self {
        Self {
            event: series.event(),
            place,
            department: series.department(),
            channel: series.channel(),
            month,
        }
    }

    pub(super) fn series(&self) -> Series {
        Series::new(self.event, self.department, self.channel)
    }

    /// The stored key. Places are written in digits, so a division's cells stand together.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.push(CELL);
        bytes.extend(self.event.to_be_bytes());
        bytes.extend(self.place.to_string().bytes());
        bytes.resize(1 + 2 + 12, 0);
        bytes.extend(self.department);
        bytes.extend(self.channel);
        bytes.extend(self.month.key().to_be_bytes());
        bytes
    }

    /// Reads a stored key.
    ///
    /// # Errors
    /// [`RowError::Key`] when it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, RowError> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().map_err(|_| RowError::Key)?;
        let [CELL, e0, e1, ..] = *bytes else { return Err(RowError::Key) };
        let place = bytes[3..15].split(|&byte| byte == 0).next().unwrap_or_default();
        let place = std::str::from_utf8(place).map_err(|_| RowError::Key)?;
        let [.., d0, d1, d2, c0, c1, m0, m1, m2, m3] = *bytes;
        Ok(Self {
            event: u16::from_be_bytes([e0, e1]),
            place: Place::parse(place).map_err(|_| RowError::Key)?,
            department: [d0, d1, d2],
            channel: [c0, c1],
            month: Month::from_key(u32::from_be_bytes([m0, m1, m2, m3])).ok_or(RowError::Key)?,
        })
    }
}

impl Cell {
    /// The stored value.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a stored value.
    ///
    /// # Errors
    /// [`RowError::Value`] when it is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, RowError> {
        postcard::from_bytes(bytes).map_err(|_| RowError::Value)
    }
}

pub(super) fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain numbers always encode")
}

/// The key of an event that was acted on.
pub(super) fn acted_on_key(position: u64) -> Vec<u8> {
    let mut bytes = vec![ACTED_ON];
    bytes.extend(position.to_be_bytes());
    bytes
}

/// The position in such a key.
pub(super) fn acted_on_position(key: &[u8]) -> Result<u64, RowError> {
    match key {
        [ACTED_ON, position @ ..] => {
            position.try_into().map(u64::from_be_bytes).map_err(|_| RowError::Key)
        }
        _ => Err(RowError::Key),
    }
}
