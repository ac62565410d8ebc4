//! The rules over a person and those around them: parents and their parents, husband or wife,
//! children, and the household where its members are known.

use domain::PersonId;
use domain::rules::{
    Case, Context, Findings, Household, HouseholdKind, PersonIndex, RuleBook, RuleSet,
};
use jiff::civil::Date;
use rustc_hash::FxHashMap;

use super::across::{Across, RegisterCounts};
use super::record::Ties;
use super::{DIVISIONS, subject};
use crate::archive::Archive;
use crate::{People, ViewsError};

/// Generations that are followed up from those who are asked about, and from those to whom they
/// are married: so far go the rules of near kin.
const GENERATIONS: usize = 5;
/// Records that are read for one question: more than any family has.
const RECORDS_MAX: usize = 2_000;

/// How near somebody is to who is asked about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Near {
    Named,
    Parent,
    Married,
    Kin,
}

/// Persons with their archives, each once.
#[derive(Default)]
pub struct Persons {
    ids: Vec<PersonId>,
    archives: Vec<Archive>,
    places: FxHashMap<PersonId, u32>,
}

/// A household whose members are known.
#[derive(Clone, Copy, Debug)]
pub struct Members<'a> {
    /// Everybody who belongs to it, the dead who still do too.
    pub persons: &'a [PersonId],
    /// Its kind, where known.
    pub kind: Option<HouseholdKind>,
    /// With whom the rules compare the others.
    pub head: Option<PersonId>,
}

/// The household of registration of those who are asked about.
#[derive(Clone, Copy, Debug)]
pub enum House<'a> {
    /// Its members are among the persons.
    Members(Members<'a>),
    /// Too many stand under it to be looked at one by one: the register has counted them.
    Counted(Household),
}

impl Persons {
    /// Adds somebody; who is there already stays as they are.
    pub fn add(&mut self, id: PersonId, archive: Archive) {
        if let std::collections::hash_map::Entry::Vacant(place) = self.places.entry(id) {
            place.insert(self.ids.len() as u32);
            self.ids.push(id);
            self.archives.push(archive);
        }
    }

    /// Those named, and everybody around them whose record the rules could look at.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn around(people: &People, named: &[PersonId]) -> Result<Self, ViewsError> {
        let mut whose = |id| {
            let (mut whose, mut row) = (id, people.row(id)?);
            while let Some(owner) = row.as_ref().and_then(|row| row.owner) {
                let Some(of_owner) = people.row(owner)? else { break };
                (whose, row) = (owner, Some(of_owner));
            }
            Ok(row.map(|row| (whose, row.archive.clone())))
        };
        Self::around_in(&mut whose, named)
    }

    /// As [`Persons::around`], of records that `whose` gives: whose each is, and what it says.
    ///
    /// # Errors
    /// What `whose` failed with.
    pub fn around_in<E>(
        whose: &mut dyn FnMut(PersonId) -> Result<Option<(PersonId, Archive)>, E>,
        named: &[PersonId],
    ) -> Result<Self, E> {
        let mut persons = Self::default();
        let mut due: Vec<_> = named.iter().map(|id| (*id, GENERATIONS, Near::Named)).collect();
        let mut looked_at = FxHashMap::<PersonId, (usize, Near)>::default();
        let mut at = 0;
        // Nearer ones first, so that a bound, if ever it is met, leaves out the farthest.
        while let Some((id, generations, near)) = due.get(at).copied() {
            at += 1;
            let before = looked_at.get(&id);
            if before.is_some_and(|(up, as_near)| *up >= generations && *as_near <= near) {
                continue;
            }
            looked_at.insert(id, (generations, near));
            let Some(place) = persons.bring_in(whose, id)? else { continue };
            let ties = Ties::of(&persons.archives[place.0 as usize]);
            if let Some(up) = generations.checked_sub(1) {
                let near = if near == Near::Named { Near::Parent } else { Near::Kin };
                due.extend(ties.mother.into_iter().chain(ties.father).map(|id| (id, up, near)));
            }
            if near == Near::Named {
                let married = ties.spouse.into_iter().chain(ties.last_spouse);
                due.extend(married.map(|id| (id, GENERATIONS, Near::Married)));
            } else if near <= Near::Married {
                // Back to who is asked about, whose record may be known under another id.
                due.extend(ties.spouse.map(|id| (id, 0, Near::Kin)));
            }
            // Brothers and sisters are the children of the mother.
            if near <= Near::Parent {
                due.extend(ties.children.into_iter().map(|id| (id, 0, Near::Kin)));
            }
        }
        Ok(persons)
    }

    /// Reads the record of somebody who is not there yet, under their own id and that of whom it
    /// belongs to: a tie may have begun with a record that was merged since.
    fn bring_in<E>(
        &mut self,
        whose: &mut dyn FnMut(PersonId) -> Result<Option<(PersonId, Archive)>, E>,
        id: PersonId,
    ) -> Result<Option<PersonIndex>, E> {
        if self.places.contains_key(&id) || self.ids.len() == RECORDS_MAX {
            return Ok(self.place(id));
        }
        let Some((whose, archive)) = whose(id)? else { return Ok(None) };
        self.add(whose, archive);
        let place = self.places[&whose];
        self.places.insert(id, place);
        Ok(Some(PersonIndex(place)))
    }

    fn place(&self, id: PersonId) -> Option<PersonIndex> {
        self.places.get(&id).copied().map(PersonIndex)
    }
}

/// What every rule about persons finds for each of `named`, in their order, on a day; who is not
/// among the persons is left out. A tie to somebody whose record is not among them says nothing.
/// `register` counts what only the whole register knows; without it that is not evaluated.
pub fn audit(
    book: &RuleBook,
    persons: &Persons,
    named: &[PersonId],
    household: Option<House<'_>>,
    register: Option<&Across>,
    today: Date,
) -> Vec<(PersonId, Findings)> {
    let place = |id: PersonId| persons.place(id);
    let ties: Vec<_> = persons.archives.iter().map(Ties::of).collect();
    let children_of = |ties: &Ties| {
        let mut children: Vec<_> = ties.children.iter().filter_map(|id| place(*id)).collect();
        children.sort_unstable();
        children.dedup();
        children
    };
    let children: Vec<_> = ties.iter().map(children_of).collect();
    let mut people: Vec<_> = persons.archives.iter().map(subject).collect();
    for ((subject, ties), children) in people.iter_mut().zip(&ties).zip(&children) {
        subject.mother = ties.mother.and_then(place);
        subject.father = ties.father.and_then(place);
        subject.spouse = ties.spouse.and_then(place);
        subject.last_spouse = ties.last_spouse.and_then(place);
        subject.children = children;
    }
    let household = household.map(|house| match house {
        House::Counted(household) => household,
        House::Members(Members { persons, kind, head }) => {
            let members: Vec<_> = persons.iter().filter_map(|id| place(*id)).collect();
            Household::new(kind, head.and_then(place), &members, &people)
        }
    });
    let judge = |id: &PersonId| {
        let me = place(*id)?;
        let counts = RegisterCounts { register, me: persons.ids[me.0 as usize] };
        let context = Context { people: &people, counts: &counts, divisions: &DIVISIONS, today };
        let case = Case::new(context, me, household.as_ref());
        Some((*id, book.evaluate_only(&case, RuleSet::EVERY)))
    };
    named.iter().filter_map(judge).collect()
}
