//! The rules over a person and those around them: parents and their parents, husband or wife,
//! children, and the household where its members are known.

use domain::rules::{
    Case, Context, Findings, Household, HouseholdKind, NoCounts, PersonIndex, RuleBook, RuleSet,
};
use domain::{Item, PersonId, Role};
use jiff::civil::Date;
use rustc_hash::FxHashMap;

use super::{DIVISIONS, subject};
use crate::archive::Archive;
use crate::{People, ViewsError};

/// Ties that are followed from those who are asked about: so far up go the rules of near kin.
const STEPS: usize = 5;
/// Records that are read for one question: more than any family has.
const RECORDS_MAX: usize = 2_000;
/// The codes of a head of household (GB/T 4761).
const HEAD: [&str; 2] = ["01", "02"];

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
        let mut persons = Self::default();
        let mut due: Vec<_> = named.iter().map(|id| (*id, STEPS)).collect();
        let mut at = 0;
        // Nearer ones first, so that a bound, if ever it is met, leaves out the farthest.
        while let Some((id, steps)) = due.get(at).copied() {
            at += 1;
            if persons.places.contains_key(&id) || persons.ids.len() == RECORDS_MAX {
                continue;
            }
            let Some(row) = people.row(id)? else { continue };
            let archive = row.archive.clone();
            for link in archive.links() {
                let is_asked_for = steps == STEPS || steps == STEPS - 1;
                match link.role {
                    Role::Mother | Role::Father if steps > 0 => due.push((link.person, steps - 1)),
                    // Brothers and sisters are the children of the mother.
                    Role::Spouse | Role::Child if is_asked_for => {
                        due.push((link.person, steps.min(STEPS - 1) - 1));
                    }
                    _ => {}
                }
            }
            persons.add(id, archive);
        }
        Ok(persons)
    }

    fn place(&self, id: PersonId) -> Option<PersonIndex> {
        self.places.get(&id).copied().map(PersonIndex)
    }
}

/// What every rule about persons finds for each of `named`, in their order, on a day; who is not
/// among the persons is left out. A tie to somebody whose record is not among them says nothing;
/// what only the whole register could count is not evaluated.
pub fn audit(
    book: &RuleBook,
    persons: &Persons,
    named: &[PersonId],
    household: Option<Members<'_>>,
    today: Date,
) -> Vec<(PersonId, Findings)> {
    let place = |id: PersonId| persons.place(id);
    let children: Vec<Vec<PersonIndex>> = persons
        .archives
        .iter()
        .map(|archive| {
            let links = archive.links().iter().filter(|link| link.role == Role::Child);
            let mut children: Vec<_> = links.filter_map(|link| place(link.person)).collect();
            children.sort_unstable();
            children.dedup();
            children
        })
        .collect();
    let mut people: Vec<_> = persons.archives.iter().map(subject).collect();
    for ((subject, archive), children) in people.iter_mut().zip(&persons.archives).zip(&children) {
        let newest = |role: Role, is_open: bool| {
            let links = archive.links().iter().rev();
            let mut links = links.filter(|link| link.role == role);
            links.find(|link| link.ended.is_none() || !is_open).map(|link| link.person)
        };
        subject.mother = newest(Role::Mother, true).and_then(place);
        subject.father = newest(Role::Father, true).and_then(place);
        subject.spouse = newest(Role::Spouse, true).and_then(place);
        let is_widowed = subject.has(Item::MaritalStatus, &["30"]);
        subject.last_spouse = newest(Role::Spouse, false).filter(|_| is_widowed).and_then(place);
        subject.children = children;
    }
    let household = household.map(|household| {
        let members: Vec<_> = household.persons.iter().filter_map(|id| place(*id)).collect();
        let is_head = |member: &&PersonIndex| {
            let person = &people[member.0 as usize];
            person.is_alive && person.has(Item::RelationToHead, &HEAD)
        };
        let head = members.iter().find(is_head).copied();
        Household::new(household.kind, head, &members, &people)
    });
    let context = Context { people: &people, counts: &NoCounts, divisions: &DIVISIONS, today };
    let judge = |id: &PersonId| {
        let case = Case::new(context, place(*id)?, household.as_ref());
        Some((*id, book.evaluate_only(&case, RuleSet::EVERY)))
    };
    named.iter().filter_map(judge).collect()
}
