//! The cube: one sheet of cells per place and month, so that a question reads memory in order and
//! an event touches one small sheet.

use domain::Place;
use rustc_hash::FxHashMap;

use super::month::Month;
use super::sheet::Sheet;

/// Every counted event once, at one fineness of place.
#[derive(Debug)]
pub(super) struct Cube {
    /// Places finer than this many digits are summed up to their division of that level.
    pub(super) digits: u8,
    index: FxHashMap<u64, u32>,
    pub(super) sheets: Vec<Sheet>,
}

impl Cube {
    pub(super) fn new(digits: u8) -> Self {
        Self { digits, index: FxHashMap::default(), sheets: Vec::new() }
    }

    /// The number of the sheet of a place and month, which is made when there is none.
    pub(super) fn sheet(&mut self, place: Place, month: Month) -> u32 {
        let place = place.at_level(self.digits);
        // 40 bits of code, 4 of digits, 18 of month.
        let key = (place.code() << 22) | (u64::from(place.digits()) << 18) | u64::from(month.key());
        *self.index.entry(key).or_insert_with(|| {
            self.sheets.push(Sheet::new(place, month));
            (self.sheets.len() - 1) as u32
        })
    }
}
