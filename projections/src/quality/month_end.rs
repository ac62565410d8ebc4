//! The measures as they were at the end of a month, to be kept: what is recorded later changes
//! nothing of what was known then.

use std::collections::BTreeMap;

use domain::{Place, Position};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{AcrossCell, AcrossCells, Cell, Measures};

/// The measures at the end of a month, judged on its last day.
#[derive(Clone)]
pub struct MonthEnd {
    /// By the rules over one record, and over areas.
    pub measures: Measures,
    /// By the rules across records.
    pub across: AcrossCells,
}

/// Its form in a row: places by code and digits.
#[derive(Serialize, Deserialize)]
struct Stored {
    day: Date,
    position: Position,
    cells: Vec<(u64, u8, Cell)>,
    across: Vec<(u64, u8, AcrossCell)>,
}

/// What stands under each place; none when one of them is no place.
fn by_place<C>(stored: Vec<(u64, u8, C)>) -> Option<BTreeMap<Place, C>> {
    let stored = stored.into_iter();
    stored.map(|(code, digits, cell)| Some((Place::from_code(code, digits)?, cell))).collect()
}

impl MonthEnd {
    /// As a row.
    pub fn to_bytes(&self) -> Vec<u8> {
        let cells = self.measures.of_places();
        let cells = cells.map(|(place, cell)| (place.code(), place.digits(), cell.clone()));
        let across = self.across.0.iter();
        let stored = Stored {
            day: self.measures.today,
            position: self.measures.position,
            cells: cells.collect(),
            across: across.map(|(place, cell)| (place.code(), place.digits(), *cell)).collect(),
        };
        postcard::to_stdvec(&stored).expect("plain values")
    }

    /// From a row; none when it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let stored: Stored = postcard::from_bytes(bytes).ok()?;
        let (cells, across) = (by_place(stored.cells)?, by_place(stored.across)?);
        if !cells.values().all(Cell::is_well_formed) {
            return None;
        }
        let measures = Measures::kept(stored.day, stored.position, cells);
        Some(Self { measures, across: AcrossCells(across) })
    }

    /// SHA-256 over the row.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }

    /// SHA-256 over the digests of several, each with its day.
    pub fn digest_all(months: &[(Date, [u8; 32])]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (day, digest) in months {
            hash.update(day.to_string());
            hash.update(digest);
        }
        hash.finalize().into()
    }
}
