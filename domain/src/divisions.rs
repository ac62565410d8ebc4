//! Administrative divisions (GB/T 2260): which codes are known, now or once, and what lies in what.
//!
//! Data: the Ministry of Civil Affairs list of the end of 2024 and the history 1980-2020
//! (licences beside the tables). Province `99` does not exist; it holds fictional people and is
//! accepted only where a registry was opened for fiction. Names of the time are in `history`,
//! what a withdrawn code became in `succession`, roll-up in `levels`, what a code is and what
//! lies in it in `listing`, city and countryside in `urban`.

mod history;
mod levels;
mod listing;
mod succession;
mod urban;

use std::fmt;

use rustc_hash::{FxHashMap, FxHashSet};

pub use history::Standing;
pub use listing::{DivisionKind, Tenancy};
pub use urban::{UrbanRural, UrbanRuralError};

/// Prefix of the fictional province.
pub const FICTIONAL_PREFIX: &str = "99";

/// Resident-permit prefixes for Hong Kong, Macau and Taiwan: no divisions, yet valid in numbers.
const RESIDENT_PERMIT_REGIONS: [u32; 3] = [810_000, 820_000, 830_000];

const PROVINCES: &str = include_str!("../codes/division_province.csv");
const CITIES: &str = include_str!("../codes/division_city.csv");
const COUNTIES: &str = include_str!("../codes/division_county.csv");
/// Codes in the place of counties under which statistics hang the townships of development zones,
/// and which GB/T 2260 does not have.
const ZONES: &str = include_str!("../codes/division_zone_nbs2023.csv");
const HISTORY: &str = include_str!("../codes/division_history_1980_2020.csv");

/// A division code of 2, 4, 6, 9 or 12 digits: province, city, county, township, village.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    code: u64,
    digits: u8,
}

/// Why a text is not a division code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Not 2, 4, 6, 9 or 12 characters.
    #[error("a division code has 2, 4, 6, 9 or 12 digits, this has {0}")]
    Length(usize),
    /// Something else than ASCII digits.
    #[error("a division code consists of digits")]
    NotDigits,
}

impl Place {
    /// Reads a division code.
    ///
    /// # Errors
    /// [`PlaceError`] when the text has another length or other characters.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        if !matches!(text.len(), 2 | 4 | 6 | 9 | 12) {
            return Err(PlaceError::Length(text.chars().count()));
        }
        let code = number(text).ok_or(PlaceError::NotDigits)?;
        Ok(Self { code, digits: text.len() as u8 })
    }

    /// The place of a stored code; none when the code does not have that many digits.
    pub fn from_code(code: u64, digits: u8) -> Option<Self> {
        let known = matches!(digits, 2 | 4 | 6 | 9 | 12);
        (known && code < 10_u64.pow(u32::from(digits))).then_some(Self { code, digits })
    }

    /// The code as a number, leading zeros dropped.
    pub fn code(self) -> u64 {
        self.code
    }

    /// How many digits the code has: its level.
    pub fn digits(self) -> u8 {
        self.digits
    }

    /// The division of `digits` digits that this place lies in; itself when it is not finer.
    pub fn at_level(self, digits: u8) -> Self {
        if digits >= self.digits {
            return self;
        }
        Self { code: self.code / 10_u64.pow(u32::from(self.digits - digits)), digits }
    }

    /// Whether the place counts as a city in rules that tell city from countryside, by the finest
    /// level of its code: a residents' committee (village digits 001-199, 400-499), a subdistrict
    /// (township digits 001-099), an urban district or county-level city (01-20, 81-99).
    ///
    /// Village digits outside the committees' ranges say nothing, the township decides then; a
    /// province or prefecture counts as countryside, where the limits are the longer ones.
    pub fn is_urban(self) -> bool {
        let part = |digits: u8, modulus: u64| {
            (self.digits >= digits).then(|| self.at_level(digits).code % modulus)
        };
        match part(12, 1000) {
            Some(1..=199 | 400..=499) => return true,
            Some(200..=399 | 500..=599) => return false,
            _ => {}
        }
        match part(9, 1000) {
            Some(1..=99) => return true,
            Some(1..) => return false,
            _ => {}
        }
        matches!(part(6, 100), Some(1..=20 | 81..=99))
    }

    /// Whether this place is `whole` or lies in it.
    pub fn lies_in(self, whole: Place) -> bool {
        self.digits >= whole.digits && self.at_level(whole.digits) == whole
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$}", self.code, width = usize::from(self.digits))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

/// Every county-level code that was ever issued, with its latest name.
pub struct Divisions {
    names: FxHashMap<u32, String>,
    /// The counties of today.
    counties: FxHashSet<u32>,
    zones: FxHashSet<u32>,
    fictional: bool,
}

impl Divisions {
    /// Reads the embedded tables; `fictional` opens province 99.
    pub fn embedded(fictional: bool) -> Self {
        let mut names = FxHashMap::default();
        // Later tables win: the newest name stands.
        for table in [HISTORY, PROVINCES, CITIES, COUNTIES] {
            for row in csv::Reader::from_reader(table.as_bytes()).records() {
                let row = row.expect("the embedded table was read by a test");
                let code = six_digits_of(&row[0]).expect("the embedded table was read by a test");
                names.insert(code, row[1].to_owned());
            }
        }
        let mut counties = codes_of(COUNTIES);
        // A city without counties stands in the place of its county.
        let divided: FxHashSet<u32> = counties.iter().map(|county| county / 100).collect();
        counties.extend(codes_of(CITIES).iter().filter(|city| !divided.contains(&(*city / 100))));
        Self { names, counties, zones: codes_of(ZONES), fictional }
    }

    /// Whether the six digits are a county of today, or a city that has no counties.
    pub fn is_county(&self, six_digits: &str) -> bool {
        let Some(code) = six_digits_of(six_digits) else { return false };
        let in_fiction = self.fictional && six_digits.starts_with(FICTIONAL_PREFIX);
        in_fiction || self.counties.contains(&code)
    }

    /// Whether the six digits were ever a division, or are a resident-permit prefix.
    pub fn was_ever_issued(&self, six_digits: &str) -> bool {
        let Some(code) = six_digits_of(six_digits) else { return false };
        if six_digits.starts_with(FICTIONAL_PREFIX) {
            return self.fictional;
        }
        self.names.contains_key(&code) || RESIDENT_PERMIT_REGIONS.contains(&code)
    }

    /// Whether places may lie under the six digits: a division ever issued, or a development zone
    /// of the statistics. No citizen number begins with the latter.
    pub fn holds_places(&self, six_digits: &str) -> bool {
        self.was_ever_issued(six_digits)
            || six_digits_of(six_digits).is_some_and(|code| self.zones.contains(&code))
    }

    /// The latest name of a division of six digits.
    pub fn name(&self, six_digits: &str) -> Option<&str> {
        self.names.get(&six_digits_of(six_digits)?).map(String::as_str)
    }
}

fn codes_of(table: &str) -> FxHashSet<u32> {
    csv::Reader::from_reader(table.as_bytes())
        .records()
        .map(|row| row.expect("the embedded table was read by a test"))
        .filter_map(|row| six_digits_of(&row[0]))
        .collect()
}

fn six_digits_of(text: &str) -> Option<u32> {
    if text.len() == 6 { number(text).map(|code| code as u32) } else { None }
}

/// The number of a text of at most 12 digits; none when another character is in it.
fn number(digits: &str) -> Option<u64> {
    digits
        .bytes()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

impl serde::Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
