//! Which division bore a code in a year, and under which name.
//!
//! The sources are lists of years: a code stands in the list of the end of a year or it does not.
//! So a change counts from 1 January of the first year whose list shows it; the day itself is not
//! in the tables. Between the last list of the history and today's list lie years without one,
//! and what changed in them is said to be unsettled, never guessed.

use std::sync::LazyLock;

use jiff::civil::Date;
use rustc_hash::FxHashSet;

use super::{
    CITIES, COUNTIES, Divisions, FICTIONAL_PREFIX, HISTORY, PROVINCES, Place,
    RESIDENT_PERMIT_REGIONS, six_digits_of, succession,
};

/// The year of the last list in the history.
const LAST_OF_HISTORY: i16 = 2020;
/// The year of today's list.
const TODAYS_LIST: i16 = 2024;

/// What the lists say of a code on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The code stood in the list, under this name.
    Named(&'static str),
    /// The name of a code that came or went in years without a list (2021 to 2023), or whose
    /// row tells no years.
    Unsettled(&'static str),
    /// The code was issued, but did not stand on that day.
    Absent,
    /// No list ever had the code. So it is with townships, villages and fictional divisions.
    Unlisted,
}

impl Divisions {
    /// The name that a province, city or county code had on a day (GB/T 2260).
    ///
    /// The oldest list is that of 1980. A name that stood there is given for every earlier day.
    pub fn name_on(&self, place: Place, day: Date) -> Standing {
        let Some(code) = place.listed_code() else { return Standing::Unlisted };
        LISTED.standing(code, day.year())
    }

    /// Whether the code stood in the lists on a day. Where they are unsettled the answer is yes:
    /// a doubt of ours is no fault of the reporter's. Fictional codes stand where fiction is open.
    pub fn valid_on(&self, place: Place, day: Date) -> bool {
        self.is_fiction(place)
            || matches!(self.name_on(place, day), Standing::Named(_) | Standing::Unsettled(_))
    }

    /// Whether the county of a place stood on a day, or the city that stands in for one. Of
    /// development zones no years are known, so nothing speaks against them.
    pub fn stood_on(&self, place: Place, day: Date) -> bool {
        let county = place.at_level(6);
        self.valid_on(county, day) || self.zones.contains(&(county.code() as u32))
    }

    pub(super) fn is_fiction(&self, place: Place) -> bool {
        let fiction = Place::parse(FICTIONAL_PREFIX).expect("two digits");
        self.fictional && place.lies_in(fiction)
    }
}

/// The lists, read once by whoever asks first.
pub(super) static LISTED: LazyLock<Listed> = LazyLock::new(Listed::read);

/// A division under one code and one name, from the first year to the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tenure {
    pub(super) code: u32,
    pub(super) name: &'static str,
    /// The first and last year in which it can have stood; eleven rows of the source end before
    /// they begin, and never stood.
    pub(super) years: (i16, i16),
    /// The years in which it stood for certain; the first is after the last where no year is known.
    pub(super) settled: (i16, i16),
    /// A heading such as 市辖区 or 省直辖县级行政单位, which holds codes together but is no division.
    pub(super) is_heading: bool,
}

impl Tenure {
    pub(super) fn covers(&self, year: i16) -> bool {
        (self.years.0..=self.years.1).contains(&year)
    }

    /// Whether it ever stood and is no heading.
    pub(super) fn is_division(&self) -> bool {
        !self.is_heading && self.years.0 <= self.years.1
    }

    /// Whether a list had it, in one year at least.
    pub(super) fn was_in_a_list(&self) -> bool {
        self.settled.0 <= self.settled.1
    }

    fn is_settled(&self, year: i16) -> bool {
        (self.settled.0..=self.settled.1).contains(&year)
    }
}

/// Every tenure of every code, in the order of codes and first years.
pub(super) struct Listed {
    pub(super) tenures: Vec<Tenure>,
    /// For each tenure the place in `tenures` of the one that followed it.
    pub(super) successors: Vec<Option<u32>>,
}

impl Listed {
    fn read() -> Self {
        let today: Vec<(u32, &'static str)> =
            [PROVINCES, CITIES, COUNTIES].into_iter().flat_map(coded_names).collect();
        let codes_of_today: FxHashSet<u32> = today.iter().map(|(code, _)| *code).collect();
        let mut tenures: Vec<Tenure> =
            HISTORY.lines().skip(1).map(|row| tenure_of(row, &codes_of_today)).collect();
        let in_history: FxHashSet<u32> = tenures.iter().map(|tenure| tenure.code).collect();
        let newer = today.into_iter().filter(|(code, _)| !in_history.contains(code));
        tenures.extend(newer.map(|(code, name)| newer_than_history(code, name)));
        tenures.sort_by_key(|tenure| (tenure.code, tenure.years.0));
        let successors = succession::successors_of(&tenures);
        Self { tenures, successors }
    }

    /// The tenures of a code, as a range of `tenures`.
    pub(super) fn of_code(&self, code: u32) -> std::ops::Range<usize> {
        let start = self.tenures.partition_point(|tenure| tenure.code < code);
        let count = self.tenures[start..].partition_point(|tenure| tenure.code == code);
        start..start + count
    }

    /// The tenure that covers a year. Where two do (a list of one year that went its own way) the
    /// one that began later is the closer word; a settled one goes before an unsettled.
    pub(super) fn in_year(&self, code: u32, year: i16) -> Option<usize> {
        self.of_code(code)
            .filter(|at| self.tenures[*at].covers(year))
            .max_by_key(|at| (self.tenures[*at].is_settled(year), *at))
    }

    fn standing(&self, code: u32, year: i16) -> Standing {
        match self.in_year(code, year).map(|at| self.tenures[at]) {
            Some(tenure) if tenure.is_settled(year) => Standing::Named(tenure.name),
            Some(tenure) => Standing::Unsettled(tenure.name),
            None if !self.of_code(code).is_empty() => Standing::Absent,
            None => Standing::Unlisted,
        }
    }
}

/// The tenure of one row of the history.
fn tenure_of(row: &'static str, codes_of_today: &FxHashSet<u32>) -> Tenure {
    let mut fields = row.split(',');
    let mut field = || fields.next().expect("the embedded table was read by a test");
    let code = six_digits_of(field()).expect("the embedded table was read by a test");
    let name = field();
    let (first, last) = (year_of(field()), year_of(field()));
    let is_additional = field() == "additional";
    let is_heading = is_additional && is_heading(code, name);
    let mut years = (first.unwrap_or(i16::MIN), last.unwrap_or(i16::MAX));
    let mut settled = years;
    let stands_today =
        is_heading || codes_of_today.contains(&code) || RESIDENT_PERMIT_REGIONS.contains(&code);
    if last.is_none() && !stands_today {
        years.1 = TODAYS_LIST - 1;
        // An additional code without any year was met in citizen numbers and in no list.
        let tells_nothing = is_additional && first.is_none();
        settled = if tells_nothing { (i16::MAX, i16::MIN) } else { (years.0, LAST_OF_HISTORY) };
    }
    Tenure { code, name, years, settled, is_heading }
}

/// Whether an additional code is no division: headings stand in the place of cities, and the
/// committees of Qinghai are offices (statistics keep them as development zones).
fn is_heading(code: u32, name: &str) -> bool {
    code.is_multiple_of(100) || matches!(name, "市辖区" | "市区") || name.ends_with("行政委员会")
}

/// A code of today that the history does not have. Only Taiwan's is old: the lists of the years
/// left it out.
fn newer_than_history(code: u32, name: &'static str) -> Tenure {
    let is_province = code.is_multiple_of(10_000);
    let first = |year| if is_province { i16::MIN } else { year };
    Tenure {
        code,
        name,
        years: (first(LAST_OF_HISTORY + 1), i16::MAX),
        settled: (first(TODAYS_LIST), i16::MAX),
        is_heading: false,
    }
}

fn coded_names(table: &'static str) -> impl Iterator<Item = (u32, &'static str)> {
    table.lines().skip(1).filter_map(|row| {
        let mut fields = row.split(',');
        Some((six_digits_of(fields.next()?)?, fields.next()?))
    })
}

fn year_of(field: &str) -> Option<i16> {
    field.parse().ok()
}
