//! What became of a household, event by event: who came, died and left, and who led it since when;
//! put together from the lives of all who ever stood under it.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::recorded::Recorded;
use domain::{Basis, HouseholdId, Item, PersonId, Position, Role};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::archive::{Fact, facts};
use projections::household::{Household, Member, State, Whose};
use projections::{Archive, People, Row};

use crate::history::known_then;
use crate::household_then::{CANDIDATES_MAX, Found, Moment};
use crate::log_reader::{LogReader, ReplayError};
use crate::merged::{Cut, stream, with_absorbed};

/// Something that became of a household.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Became {
    /// The day, as corrected.
    pub day: Date,
    /// The event that tells it; none where nobody leads any more.
    pub position: Option<Position>,
    /// Whom it is about; none where nobody leads any more.
    pub person: Option<PersonId>,
    /// What.
    pub what: What,
}

/// What became of somebody in a household.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// They belong to it from here on, alive, with their relation to the head.
    Came(Option<String>),
    /// Their relation to the head is another one.
    Related(Option<String>),
    /// They died as a member of it.
    Died,
    /// They belong to it no more.
    Left,
    /// They lead it, or nobody does.
    Leads,
}

/// A household's history.
pub struct History {
    /// By what members belong to it.
    pub basis: Basis,
    /// What became of it, in the order of the days and of the events on each.
    pub entries: Vec<Became>,
}

/// The history of a household as known at an instant, or now.
///
/// # Errors
/// [`ReplayError`].
pub fn history(
    log: &LogReader,
    people: &People,
    id: HouseholdId,
    known_at: Option<Timestamp>,
) -> Result<Found<History>, ReplayError> {
    let candidates = people.ever_in_household(id, CANDIDATES_MAX + 1)?;
    if candidates.len() > CANDIDATES_MAX {
        return Ok(Found::TooMany);
    }
    let mut lives = Lives::new();
    add(log, &mut lives, candidates, known_at)?;
    // A head may stand nowhere and be named by members alone.
    let named = lives.values().flatten().filter_map(|event| event.payload.as_ref()?.life());
    let heads = named.flat_map(|life| life.related.iter().filter(|one| one.role == Role::Head));
    let heads = heads.map(|head| head.person).collect();
    add(log, &mut lives, heads, known_at)?;
    let facts = lives.iter().map(|(person, life)| (*person, facts(life, None, None)));
    let facts: Vec<(PersonId, Vec<Fact<'_>>)> = facts.collect();
    let mut order: Vec<_> = facts
        .iter()
        .flat_map(|(person, facts)| facts.iter().map(move |fact| (*person, fact)))
        .collect();
    order.sort_by_key(|(_, fact)| (fact.told.occurred_on, fact.told.position));
    let mut walk = Walk::new(people, id, lives.keys().copied());
    for of_day in order.chunk_by(|one, next| one.1.told.occurred_on == next.1.told.occurred_on) {
        let day = of_day[0].1.told.occurred_on;
        for (person, fact) in of_day {
            walk.apply(*person, fact);
        }
        let mut moment = Moment::new(log, Some(day), known_at);
        walk.find_head(day, &mut |person| moment.whose(person))?;
    }
    let Walk { basis, entries, .. } = walk;
    Ok(match basis {
        Some(basis) => Found::There(Box::new(History { basis, entries })),
        None => Found::Nobody,
    })
}

/// Events by person, with those of the records absorbed into theirs.
type Lives = BTreeMap<PersonId, Vec<Recorded>>;

/// Adds the lives of whom some records belonged to at an instant.
fn add(
    log: &LogReader,
    lives: &mut Lives,
    records: Vec<PersonId>,
    known_at: Option<Timestamp>,
) -> Result<(), ReplayError> {
    let cut = known_at.map_or(Cut::None, Cut::Instant);
    for record in records {
        let Some((person, _)) = known_then(log, record, known_at)? else { continue };
        if !lives.contains_key(&person) && !log.keys().is_destroyed(person.as_uuid()) {
            lives.insert(person, with_absorbed(log, stream(log, person, cut)?, cut)?);
        }
    }
    Ok(())
}

/// As what somebody stands under the household, if they do, and with which relation.
type Stands = Option<(State, Option<String>)>;

/// Somebody on the way through all facts.
#[derive(Default)]
struct Known {
    row: Arc<Row>,
    /// Whether they stand under the household, and as what.
    stands: Stands,
}

/// The household on the way through all facts.
struct Walk<'a> {
    people: &'a People,
    id: HouseholdId,
    basis: Option<Basis>,
    known: BTreeMap<PersonId, Known>,
    head: Option<PersonId>,
    entries: Vec<Became>,
}

impl<'a> Walk<'a> {
    fn new(people: &'a People, id: HouseholdId, persons: impl Iterator<Item = PersonId>) -> Self {
        let known = persons.map(|person| (person, Known::default())).collect();
        Self { people, id, basis: None, known, head: None, entries: Vec::new() }
    }

    fn apply(&mut self, person: PersonId, fact: &Fact<'_>) {
        let Some(known) = self.known.get_mut(&person) else { return };
        let row = Arc::make_mut(&mut known.row);
        row.archive.apply(fact);
        let its = self.people.households_of(&row.archive).into_iter().find(|it| it.1 == self.id);
        self.basis = self.basis.or(its.map(|(basis, _)| basis));
        let now = its.map(|(basis, _)| (State::of(&row.archive, basis), relation(&row.archive)));
        let before = std::mem::replace(&mut known.stands, now.clone());
        if let Some(what) = became(before, now, row.archive.is_dead) {
            let (day, position) = (fact.told.occurred_on, Some(fact.told.position));
            self.entries.push(Became { day, position, person: Some(person), what });
        }
    }

    /// Finds who leads at the end of a day.
    fn find_head(
        &mut self,
        day: Date,
        then: &mut dyn FnMut(PersonId) -> Result<Whose, ReplayError>,
    ) -> Result<(), ReplayError> {
        let Some(basis) = self.basis else { return Ok(()) };
        let standing = self.known.iter().filter(|(_, known)| known.stands.is_some());
        let members =
            standing.map(|(person, known)| Member::new(*person, Arc::clone(&known.row), basis));
        let mut whose = |person| match self.known.get(&person) {
            Some(known) => Ok((person, Some(Arc::clone(&known.row)))),
            None => then(person),
        };
        let household = Household::of(self.id, basis, members.collect(), false, &mut whose)?;
        let head = household.head.map(|head| head.person);
        if head != self.head {
            self.head = head;
            let position = household.head.map(|head| head.position);
            self.entries.push(Became { day, position, person: head, what: What::Leads });
        }
        Ok(())
    }
}

fn relation(archive: &Archive) -> Option<String> {
    archive.get(Item::RelationToHead).map(str::to_owned)
}

/// What became of somebody between two states. The dead lead nobody, and are no members to come or
/// to leave.
fn became(before: Stands, now: Stands, is_dead: bool) -> Option<What> {
    let alive = |stands: Stands| match stands {
        Some((State::Belongs, relation)) => Some(relation),
        _ => None,
    };
    match (alive(before), alive(now)) {
        (None, None) => None,
        (None, Some(relation)) => Some(What::Came(relation)),
        (Some(_), None) if is_dead => Some(What::Died),
        (Some(_), None) => Some(What::Left),
        (Some(old), Some(new)) => (old != new).then_some(What::Related(new)),
    }
}
