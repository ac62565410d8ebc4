//! A household as it was on a day, as known at an instant: who stood under it then, put together
//! from the lives of all who ever did.
//!
//! The index tells who may have (`projections/src/people/stood.rs`); the life of each, folded up to
//! the instant and the day, tells whether they did. So a question about the past is answered alike
//! whenever it is asked, but for those who were erased since.

use std::collections::HashMap;
use std::sync::Arc;

use domain::{Basis, HouseholdId, PersonId};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::household::{Household, MEMBERS_MAX, Member, Whose};
use projections::{Archive, People, Row};

use crate::history::{as_of, known_then};
use crate::log_reader::{LogReader, ReplayError};

/// Records whose lives are read for one question: a household under which more ever stood is not
/// put together.
pub const CANDIDATES_MAX: usize = 2_000;

/// What came of a question.
pub enum Found<T> {
    /// Nobody stood under it.
    Nobody,
    /// More records than [`CANDIDATES_MAX`] ever stood under it.
    TooMany,
    /// What was asked for.
    There(Box<T>),
}

/// Records as they were on a day, as known at an instant; each is read once.
pub struct Moment<'a> {
    log: &'a LogReader,
    valid_on: Option<Date>,
    known_at: Option<Timestamp>,
    read: HashMap<PersonId, Whose>,
}

impl<'a> Moment<'a> {
    /// The moment; without a day by all facts, without an instant by all that is known.
    pub fn new(log: &'a LogReader, valid_on: Option<Date>, known_at: Option<Timestamp>) -> Self {
        Self { log, valid_on, known_at, read: HashMap::new() }
    }

    /// The record of a person, or of whom it belonged to then; no row where nothing was known, and
    /// of who is erased.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn whose(&mut self, person: PersonId) -> Result<Whose, ReplayError> {
        if let Some((whose, row)) = self.read.get(&person) {
            return Ok((*whose, row.clone()));
        }
        let then = known_then(self.log, person, self.known_at)?.map(|(whose, _)| whose);
        let whose = then.unwrap_or(person);
        let is_gone = self.log.keys().is_destroyed(whose.as_uuid());
        let archive = match then.filter(|_| !is_gone) {
            Some(whose) => as_of(self.log, whose, self.valid_on, self.known_at)?,
            None => None,
        };
        let row = archive.map(|archive| Arc::new(Row::of_archive(archive)));
        self.read.insert(person, (whose, row.clone()));
        Ok((whose, row))
    }

    /// As [`Moment::whose`], the archive alone.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn archive(
        &mut self,
        person: PersonId,
    ) -> Result<Option<(PersonId, Archive)>, ReplayError> {
        let (whose, row) = self.whose(person)?;
        Ok(row.map(|row| (whose, row.archive.clone())))
    }
}

/// The household of an id at a moment. Of more members than [`MEMBERS_MAX`] the first by their ids
/// are told.
///
/// # Errors
/// [`ReplayError`].
pub fn household(
    people: &People,
    id: HouseholdId,
    moment: &mut Moment<'_>,
) -> Result<Found<Household>, ReplayError> {
    let candidates = people.ever_in_household(id, CANDIDATES_MAX + 1)?;
    if candidates.len() > CANDIDATES_MAX {
        return Ok(Found::TooMany);
    }
    let (mut basis, mut found) = (None, Vec::new());
    for candidate in candidates {
        let (person, Some(row)) = moment.whose(candidate)? else { continue };
        let its = people.households_of(&row.archive).into_iter().find(|(_, its)| *its == id);
        let Some((of, _)) = its else { continue };
        basis.get_or_insert(of);
        found.push((person, row));
    }
    let Some(basis) = basis else { return Ok(Found::Nobody) };
    // Two records that were one then are one member.
    found.sort_unstable_by_key(|(person, _)| *person);
    found.dedup_by_key(|(person, _)| *person);
    let is_cut = found.len() > MEMBERS_MAX;
    found.truncate(MEMBERS_MAX);
    let members = found.into_iter().map(|(person, row)| Member::new(person, row, basis)).collect();
    let household = Household::of(id, basis, members, is_cut, &mut |one| moment.whose(one))?;
    Ok(Found::There(Box::new(household)))
}

/// Since which day, and by which event, each of some persons has belonged without a break to the
/// household of a kind that was theirs at a moment.
///
/// # Errors
/// [`ReplayError`].
pub fn members_since(
    log: &LogReader,
    members: &[PersonId],
    basis: Basis,
    (valid_on, known_at): (Option<Date>, Option<Timestamp>),
) -> Result<Vec<Option<(Date, domain::Position)>>, ReplayError> {
    let since =
        |person: &PersonId| crate::history::member_since(log, *person, basis, valid_on, known_at);
    members.iter().map(since).collect()
}
