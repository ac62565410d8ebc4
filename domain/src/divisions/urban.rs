//! City or countryside, where rules tell them apart: what the operator says of a place, else what
//! its code says. The classes by which statistics tell them (111 to 220) are in no table that we may
//! carry, so the operator brings them.

use rustc_hash::FxHashMap;

use super::Place;

/// The places of which the operator has said it.
#[derive(Clone, Debug, Default)]
pub struct UrbanRural {
    told: FxHashMap<Place, bool>,
}

/// Why a table does not tell city from countryside.
#[derive(Debug, thiserror::Error)]
pub enum UrbanRuralError {
    /// Not CSV.
    #[error("the table of city and countryside is malformed: {0}")]
    Malformed(#[from] csv::Error),
    /// A row that is not `<division code>,urban` or `<division code>,rural`.
    #[error("line {0} of the table of city and countryside is not a code and urban or rural")]
    Row(u64),
    /// A place that is told twice.
    #[error("the table of city and countryside tells {0} twice")]
    Twice(Place),
}

impl UrbanRural {
    /// Reads a table with the columns `code,kind`: a division code of 2 to 12 digits, and `urban`,
    /// `rural` or a class of the statistics: 1 and two digits more is a city, 2 the countryside.
    ///
    /// # Errors
    /// [`UrbanRuralError`].
    pub fn read(table: &str) -> Result<Self, UrbanRuralError> {
        let mut told = FxHashMap::default();
        for row in csv::Reader::from_reader(table.as_bytes()).records() {
            let row = row?;
            let line = row.position().map_or(0, csv::Position::line);
            let place = row.get(0).and_then(|code| Place::parse(code.trim()).ok());
            let urban = row.get(1).map(str::trim).and_then(is_urban);
            let (Some(place), Some(urban)) = (place, urban) else {
                return Err(UrbanRuralError::Row(line));
            };
            if told.insert(place, urban).is_some() {
                return Err(UrbanRuralError::Twice(place));
            }
        }
        Ok(Self { told })
    }

    /// What the operator said of the place, or of the finest division that it lies in.
    pub fn told(&self, place: Place) -> Option<bool> {
        if self.told.is_empty() {
            return None;
        }
        let levels = [12, 9, 6, 4, 2].into_iter().filter(|digits| *digits <= place.digits());
        levels.into_iter().find_map(|digits| self.told.get(&place.at_level(digits)).copied())
    }

    /// Whether the place counts as a city: as told, else by its code ([`Place::is_urban`]).
    pub fn is_urban(&self, place: Place) -> bool {
        self.told(place).unwrap_or_else(|| place.is_urban())
    }
}

fn is_urban(kind: &str) -> Option<bool> {
    match kind.as_bytes() {
        b"urban" => Some(true),
        b"rural" => Some(false),
        [class @ (b'1' | b'2'), b'1' | b'2', b'0'..=b'3'] => Some(*class == b'1'),
        _ => None,
    }
}
