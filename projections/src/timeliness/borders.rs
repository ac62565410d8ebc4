//! By which borders places are told apart: those under which events were recorded, or those of the
//! day of asking, so that a county that was given another code keeps one line over the years.

use std::sync::LazyLock;

use domain::{Divisions, Place};
use jiff::civil::Date;
use rustc_hash::FxHashMap;

use super::month::Month;

/// Which divisions rows are told by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Borders {
    /// Those of the time.
    #[default]
    Then,
    /// Those of the day of asking, as far as the lists of divisions tell what became of a code:
    /// see [`Divisions::successor`]. A code that was merged away, or of which they do not tell,
    /// keeps its own row.
    Now,
}

/// A place of the fictional province stays what it is, in any registry.
static DIVISIONS: LazyLock<Divisions> = LazyLock::new(|| Divisions::embedded(true));

/// Places by the borders of a day, each county and year looked up once.
pub(super) struct Redrawn {
    borders: Borders,
    on: Date,
    known: FxHashMap<(Place, i16), Place>,
}

impl Redrawn {
    pub(super) fn new(borders: Borders, on: Date) -> Self {
        Self { borders, on, known: FxHashMap::default() }
    }

    /// Where a place of a month is counted. Which township a township became is in no list, so of a
    /// county with another code only the county is told.
    pub(super) fn place(&mut self, place: Place, month: Month) -> Place {
        if self.borders == Borders::Then {
            return place;
        }
        let (county, then, on) = (place.at_level(6), month.last_day(), self.on);
        let redrawn = *self
            .known
            .entry((county, then.year()))
            .or_insert_with(|| redrawn(county, then.min(on), on));
        if redrawn == county { place } else { redrawn }
    }
}

fn redrawn(county: Place, then: Date, on: Date) -> Place {
    // A code may be in use for a while after it was withdrawn.
    let late = || DIVISIONS.follower(county, on).filter(|_| !DIVISIONS.valid_on(county, then));
    let Some(found) = DIVISIONS.successor(county, then, on).or_else(late) else { return county };
    if found == county.shortest() {
        return county;
    }
    // A city without counties stands in the place of one.
    let fill = 10_u64.pow(u32::from(county.digits().saturating_sub(found.digits())));
    Place::from_code(found.code() * fill, county.digits()).unwrap_or(found)
}
