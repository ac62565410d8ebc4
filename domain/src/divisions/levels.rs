//! Roll-up: which division a place lies in, on a day, without inventing one.
//!
//! The digits of a code nearly tell it, but for three cases. A city without counties holds its
//! townships itself, under a code that repeats the city's (441900). Statistics hang townships
//! under development zones that are no divisions (130171). A county directly under its province
//! has a heading between them (429004 under 429000), as the districts of Beijing have (110100).
//! In each case the parent is the next coarser code that stood in the lists on that day.

use jiff::civil::Date;

use super::history::LISTED;
use super::{Divisions, Place};

impl Place {
    /// The same place without the zeros that only fill up: `330100` is the city `3301`.
    #[must_use]
    pub fn shortest(self) -> Self {
        let coarser = match self.digits() {
            12 => 9,
            9 => 6,
            6 => 4,
            4 => 2,
            _ => return self,
        };
        let whole = self.at_level(coarser);
        let fill = 10_u64.pow(u32::from(self.digits() - coarser));
        if whole.code() > 0 && whole.code() * fill == self.code() { whole.shortest() } else { self }
    }

    /// The six digits under which the lists have this place; none below the county.
    pub(super) fn listed_code(self) -> Option<u32> {
        let place = self.shortest();
        let fill = 6_u8.checked_sub(place.digits())?;
        u32::try_from(place.code() * 10_u64.pow(u32::from(fill))).ok()
    }
}

impl Divisions {
    /// The division that a place lay in on a day, the finest there is; none for a province and for
    /// a place in no division of that day. The township of a village is taken from its code, as no
    /// list of townships is kept.
    pub fn parent(&self, place: Place, day: Date) -> Option<Place> {
        let place = place.shortest();
        [9, 6, 4, 2]
            .into_iter()
            .filter(|digits| *digits < place.digits())
            .map(|digits| place.at_level(digits).shortest())
            .find(|whole| self.is_division_on(*whole, day))
    }

    /// The divisions from the province down to the place itself, as they were on a day. The place
    /// itself is left out where it is a code of the lists and did not stand.
    pub fn levels(&self, place: Place, day: Date) -> Vec<Place> {
        let place = place.shortest();
        let own = Some(place).filter(|own| self.is_division_on(*own, day));
        let above =
            std::iter::successors(self.parent(place, day), |whole| self.parent(*whole, day));
        let mut levels: Vec<Place> = own.into_iter().chain(above).collect();
        levels.reverse();
        levels
    }

    pub(super) fn is_division_on(&self, place: Place, day: Date) -> bool {
        let Some(code) = place.listed_code() else { return true };
        let listed = || LISTED.in_year(code, day.year()).map(|at| LISTED.tenures[at]);
        self.is_fiction(place)
            || listed().is_some_and(|tenure| {
                // A code that was met in citizen numbers only holds nothing.
                tenure.is_division() && tenure.was_in_a_list()
            })
    }
}
