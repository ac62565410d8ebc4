//! What a code is, since when and until when it stood, and which divisions lie in it.

use jiff::civil::{Date, date};

use super::history::{LISTED, Tenure};
use super::{Divisions, Place};

/// What a code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DivisionKind {
    /// A province, city or county of the lists.
    Division,
    /// A code that only holds others together, such as 市辖区.
    Heading,
    /// A development zone of the statistics: no division, but townships hang under it.
    DevelopmentZone,
    /// A township or village, taken from its code: no list of them is kept.
    Unlisted,
    /// A place of the fictional province.
    Fictional,
}

/// A code under one name, from the first day to the last. The lists tell years, so days are the
/// first and the last of a year; none where the lists begin later or the code still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenancy {
    /// The name.
    pub name: &'static str,
    /// First day.
    pub valid_from: Option<Date>,
    /// Last day.
    pub valid_to: Option<Date>,
}

impl Divisions {
    /// What a code stands for; none for one that was never issued.
    pub fn kind(&self, place: Place) -> Option<DivisionKind> {
        if self.is_fiction(place) {
            return Some(DivisionKind::Fictional);
        }
        let Some(code) = place.listed_code() else {
            let county = place.at_level(6).to_string();
            return self.holds_places(&county).then_some(DivisionKind::Unlisted);
        };
        if self.zones.contains(&code) {
            return Some(DivisionKind::DevelopmentZone);
        }
        let tenures = &LISTED.tenures[LISTED.of_code(code)];
        let is_heading = tenures.iter().all(|tenure| tenure.is_heading);
        let kind = if is_heading { DivisionKind::Heading } else { DivisionKind::Division };
        (!tenures.is_empty()).then_some(kind)
    }

    /// Every name that a code bore, oldest first. Rows of the source that never stood are left out.
    pub fn tenancies(&self, place: Place) -> Vec<Tenancy> {
        let Some(code) = place.listed_code() else { return Vec::new() };
        let tenures = LISTED.tenures[LISTED.of_code(code)].iter();
        tenures.filter(|tenure| tenure.years.0 <= tenure.years.1).map(tenancy).collect()
    }

    /// The codes that followed a code that does not stand on `on`, each from the last name under
    /// which it stood before: see [`Divisions::successor`].
    pub fn follower(&self, place: Place, on: Date) -> Option<Place> {
        let last = self.tenancies(place).into_iter().rev();
        let stood = last.map(|told| told.valid_to.map_or(on, |last| last.min(on)));
        stood.filter(|day| *day <= on).find_map(|day| self.successor(place, day, on))
    }

    /// The divisions that lay in one on a day, by code. None below counties and in the fictional
    /// province: no list of townships is kept.
    pub fn children(&self, place: Place, day: Date) -> Vec<Place> {
        let place = place.shortest();
        let Some(first) = place.listed_code().filter(|_| place.digits() < 6) else {
            return Vec::new();
        };
        let size = 10_u32.pow(u32::from(6 - place.digits()));
        let from = LISTED.tenures.partition_point(|tenure| tenure.code < first);
        let within = LISTED.tenures[from..].iter().take_while(|tenure| tenure.code < first + size);
        let mut codes: Vec<u32> =
            within.filter(|tenure| tenure.covers(day.year())).map(|tenure| tenure.code).collect();
        codes.dedup();
        let places = codes.into_iter().filter_map(|code| Place::from_code(u64::from(code), 6));
        places
            .map(Place::shortest)
            .filter(|child| *child != place && self.is_division_on(*child, day))
            .filter(|child| self.parent(*child, day) == Some(place))
            .collect()
    }

    /// The names from the province down to the county, as they were on a day, in one text; none
    /// where the lists have none.
    pub fn full_name(&self, place: Place, day: Date) -> Option<String> {
        let county = place.at_level(6);
        let names: String = self
            .levels(county, day)
            .into_iter()
            .filter_map(|level| match self.name_on(level, day) {
                super::Standing::Named(name) | super::Standing::Unsettled(name) => Some(name),
                _ => None,
            })
            .collect();
        (!names.is_empty()).then_some(names)
    }
}

fn tenancy(tenure: &Tenure) -> Tenancy {
    let (first, last) = tenure.years;
    Tenancy {
        name: tenure.name,
        valid_from: (first > i16::MIN).then(|| date(first, 1, 1)),
        valid_to: (last < i16::MAX).then(|| date(last, 12, 31)),
    }
}
