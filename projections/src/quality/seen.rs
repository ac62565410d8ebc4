//! Persons by the day on which somebody last looked at them: one day less and another more with
//! nearly every event of a visit, in counts of very many places.
//!
//! Sorted in one piece and not a tree: nearly each of the last days has somebody, so a day lies as
//! far from the end as days have passed, and is found in one look.

use domain::days::day_number;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Counts by day, none of which is zero, in the order of the days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen(Vec<(Date, u32)>);

impl Seen {
    /// Adds to the count of a day, or takes away what was added.
    pub(super) fn count(&mut self, day: Date, by: i64) {
        match self.find(day) {
            Ok(at) => {
                let persons = &mut self.0[at].1;
                *persons = persons.wrapping_add(by as u32);
                if *persons == 0 {
                    self.0.remove(at);
                }
            }
            Err(at) => self.0.insert(at, (day, by as u32)),
        }
    }

    fn find(&self, day: Date) -> Result<usize, usize> {
        let Some((last, _)) = self.0.last() else { return Err(0) };
        let from_end = i64::from(day_number(*last)) - i64::from(day_number(day));
        let at = (self.0.len() as i64 - 1).checked_sub(from_end);
        let at = at.and_then(|at| usize::try_from(at).ok());
        if let Some(at) = at.filter(|at| self.0.get(*at).is_some_and(|(known, _)| *known == day)) {
            return Ok(at);
        }
        self.0.binary_search_by_key(&day, |(known, _)| *known)
    }

    /// Every day with how many persons, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Date, u64)> {
        self.0.iter().map(|(day, persons)| (*day, u64::from(*persons)))
    }

    /// Adds the counts of another place.
    pub(super) fn merge(&mut self, other: &Self) {
        for (day, persons) in &other.0 {
            self.count(*day, i64::from(*persons));
        }
    }
}
