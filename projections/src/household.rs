//! A household, put together at reading from the rows of those who stand under it: who belongs to
//! it, who leads it, and whether a new head is to be named.
//!
//! The head is whoever was named last, by their own relation or by a member's tie to them. When
//! that one is dead or gone, nobody leads until somebody is named.

use std::sync::Arc;

use domain::recorded::Recorded;
use domain::rules::HouseholdKind;
use domain::{Basis, HouseholdId, Item, PersonId, Position, Role};
use jiff::civil::Date;

use crate::archive::{self, Archive, Origin};
use crate::people::household_key;
use crate::{People, Row, ViewsError};

/// Persons of one household that are read at most: more than any but a great dormitory has.
pub const MEMBERS_MAX: usize = 500;
/// The codes of a head (GB/T 4761).
pub(crate) const HEAD: [&str; 2] = ["01", "02"];
/// What a status of registration is called when somebody is no longer registered there.
const GONE: [&str; 3] = ["moved_out", "cancelled", "cancelled_military"];

/// A household.
pub struct Household {
    /// Its id.
    pub id: HouseholdId,
    /// By what its members belong to it.
    pub basis: Basis,
    /// Family or collective, as was said last of a member; none of living households.
    pub kind: Option<HouseholdKind>,
    /// Everybody who stands under it: the head first, then those who belong to it, then the
    /// dead and those who left.
    pub members: Vec<Member>,
    /// Who leads it, when somebody does who belongs to it.
    pub head: Option<Head>,
    /// Of a family's registration: that a new head is to be named.
    pub vacancy: Option<Vacancy>,
    /// Whether there are more than [`MEMBERS_MAX`].
    pub is_cut: bool,
}

/// Who leads a household.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Who.
    pub person: PersonId,
    /// Since when, by the newest event that says so.
    pub since: Date,
    /// Position of that event.
    pub position: Position,
}

/// Somebody who stands under a household.
pub struct Member {
    /// Who.
    pub person: PersonId,
    /// Their row.
    pub row: Arc<Row>,
    /// Whether they belong to it still.
    pub state: State,
}

/// Whether somebody still belongs to a household.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Alive and there.
    Belongs,
    /// Dead since a day.
    Dead(Date),
    /// Registered there no longer since a day; the other side has not confirmed yet.
    Left(Date),
}

/// Nobody leads a household whose members need a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vacancy {
    /// Who led it, where that is known.
    pub former_head: Option<PersonId>,
    /// `dead`, `left`, or `unknown`: members are kin of a head of whom nothing is said.
    pub reason: &'static str,
    /// Since when, where that is known.
    pub since: Option<Date>,
}

/// A person, and their row where there is one.
pub type Whose = (PersonId, Option<Arc<Row>>);

/// When and by which event somebody was named head: the newest counts.
type Naming = (Date, Position, PersonId);

impl People {
    /// The household of an id; none when nobody stands under it.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn household(&self, id: HouseholdId) -> Result<Option<Household>, ViewsError> {
        let mut persons = self.in_household(id, MEMBERS_MAX + 1)?;
        let is_cut = persons.len() > MEMBERS_MAX;
        persons.truncate(MEMBERS_MAX);
        let (mut basis, mut members) = (None, Vec::new());
        for person in persons {
            // Between the index and the row somebody may have moved.
            let Some(row) = self.row(person)?.filter(|row| row.owner.is_none()) else { continue };
            let its = self.households_of(&row.archive).into_iter().find(|(_, its)| *its == id);
            let Some((of, _)) = its else { continue };
            basis.get_or_insert(of);
            members.push(Member::new(person, row, of));
        }
        let Some(basis) = basis else { return Ok(None) };
        let household = Household::of(id, basis, members, is_cut, &mut |one| self.owner_of(one));
        household.map(Some)
    }

    /// The household of registration of an archive, as long as the person belongs to it; none when
    /// it has too many members to be looked at.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn registered_household(&self, archive: &Archive) -> Result<Option<Household>, ViewsError> {
        let households = self.households_of(archive);
        let own = households.into_iter().find(|(basis, _)| *basis == Basis::Hukou);
        let Some((_, id)) = own.filter(|_| is_registered_there(archive)) else { return Ok(None) };
        Ok(self.household(id)?.filter(|household| !household.is_cut))
    }

    /// The row of a person, or of whom their record belongs to.
    fn owner_of(&self, person: PersonId) -> Result<Whose, ViewsError> {
        let (mut person, mut row) = (person, self.row(person)?);
        while let Some(owner) = row.as_ref().and_then(|row| row.owner) {
            (person, row) = (owner, self.row(owner)?);
        }
        Ok((person, row))
    }
}

impl Household {
    /// The household of those who stand under it. `whose` gives the row of anybody, or of whom
    /// their record belongs to.
    ///
    /// # Errors
    /// What `whose` failed with.
    pub fn of<E>(
        id: HouseholdId,
        basis: Basis,
        members: Vec<Member>,
        is_cut: bool,
        whose: &mut dyn FnMut(PersonId) -> Result<Whose, E>,
    ) -> Result<Self, E> {
        let mut household =
            Self { id, basis, kind: None, members, head: None, vacancy: None, is_cut };
        household.find_kind();
        household.find_head(whose)?;
        household.put_in_order();
        Ok(household)
    }

    /// Finds who leads, or that somebody is to be named.
    fn find_head<E>(
        &mut self,
        whose: &mut dyn FnMut(PersonId) -> Result<Whose, E>,
    ) -> Result<(), E> {
        let household = self;
        let basis = household.basis;
        let namings = household.members.iter().flat_map(|member| namings(member, basis));
        let newest = namings.max();
        let is_kin = |member: &Member| {
            let relation = member.row.archive.get(Item::RelationToHead);
            member.state == State::Belongs && (newest.is_some() || relation.is_some())
        };
        let needs_head = basis == Basis::Hukou
            && household.kind != Some(HouseholdKind::Collective)
            && household.members.iter().any(is_kin);
        let Some((since, position, named)) = newest else {
            let vacancy = Vacancy { former_head: None, reason: "unknown", since: None };
            household.vacancy = needs_head.then_some(vacancy);
            return Ok(());
        };
        let (person, row) = whose(named)?;
        let member = household.members.iter().find(|member| member.person == person);
        let state = match (member, row.as_deref()) {
            (Some(member), _) => member.state,
            (None, None) => return Ok(()),
            (None, Some(row)) => absent(&row.archive, basis, since),
        };
        match state {
            State::Belongs => household.head = Some(Head { person, since, position }),
            gone if needs_head => {
                let (reason, since) = (gone.name(), gone.until());
                household.vacancy = Some(Vacancy { former_head: Some(person), reason, since });
            }
            _ => {}
        }
        Ok(())
    }
    /// Those whom the rules count: who belongs to it, and the dead who still do; the head first.
    pub fn counted(&self) -> Vec<PersonId> {
        let members = self.members.iter();
        let counted = members.filter(|member| !matches!(member.state, State::Left(_)));
        counted.map(|member| member.person).collect()
    }

    /// With whom the rules compare the others: who is alive and called head by their own record; of
    /// several the one who was called so last.
    pub fn called_head(&self) -> Option<PersonId> {
        let called = self.members.iter().filter_map(|member| {
            let (code, origin) = member.row.archive.stated(Item::RelationToHead)?;
            let leads = member.state == State::Belongs && HEAD.contains(&code);
            leads.then(|| (order(origin), member.person))
        });
        called.max().map(|(_, person)| person)
    }

    fn find_kind(&mut self) {
        if self.basis == Basis::Living {
            return;
        }
        let told = self.members.iter().filter_map(|member| {
            let (kind, origin) = member.row.archive.stated(Item::HouseholdKind)?;
            let is_there = !matches!(member.state, State::Left(_));
            Some((is_there, order(origin), HouseholdKind::from_name(kind)?))
        });
        let newest = told.max_by_key(|(is_there, order, _)| (*is_there, *order));
        self.kind = newest.map(|(.., kind)| kind);
    }

    fn put_in_order(&mut self) {
        let head = self.head.map(|head| head.person);
        self.members.sort_by_cached_key(|member| {
            let relation = member.row.archive.get(Item::RelationToHead).unwrap_or("~");
            let is_gone = member.state != State::Belongs;
            let born = member.row.archive.get(Item::BirthDate).unwrap_or("~");
            let order = (relation.to_owned(), born.to_owned(), member.person);
            (Some(member.person) != head, is_gone, order)
        });
    }
}

impl Member {
    /// Somebody of whom their row says that they stand under a household of a kind.
    pub fn new(person: PersonId, row: Arc<Row>, basis: Basis) -> Self {
        let state = State::of(&row.archive, basis);
        Self { person, row, state }
    }
}

impl State {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Belongs => "member",
            Self::Dead(_) => "dead",
            Self::Left(_) => "left",
        }
    }

    /// Since when somebody does not belong any more.
    pub fn until(self) -> Option<Date> {
        match self {
            Self::Belongs => None,
            Self::Dead(day) | Self::Left(day) => Some(day),
        }
    }

    /// Whether a person stands under a household of theirs as one who belongs to it.
    pub fn of(archive: &Archive, basis: Basis) -> Self {
        if archive.is_dead {
            let day = archive.get(Item::DeathDate).and_then(|day| day.parse().ok());
            return Self::Dead(day.unwrap_or_default());
        }
        let status = archive.stated(Item::HukouStatus);
        let gone = status.filter(|(status, _)| GONE.contains(status) && basis == Basis::Hukou);
        match (gone, archive.stated(Item::HouseholdId)) {
            // Who was enrolled since is there.
            (Some((_, left)), Some((_, enrolled))) if order(enrolled) > order(left) => {
                Self::Belongs
            }
            (Some((_, left)), _) => Self::Left(left.occurred_on),
            (None, _) => Self::Belongs,
        }
    }
}

/// Whom a member's record names as head: themselves, and of a registration the one whom they are
/// tied to.
fn namings(member: &Member, basis: Basis) -> impl Iterator<Item = Naming> {
    let archive = &member.row.archive;
    let own = archive.stated(Item::RelationToHead).filter(|(code, _)| HEAD.contains(code));
    let own = own.map(|(_, origin)| (origin.occurred_on, origin.position, member.person));
    let is_there = member.state == State::Belongs && basis == Basis::Hukou;
    let ties = archive
        .links()
        .iter()
        .filter(move |link| link.role == Role::Head && link.ended.is_none() && is_there);
    own.into_iter().chain(ties.map(|link| {
        let origin = archive.origin(link.origin);
        (origin.occurred_on, origin.position, link.person)
    }))
}

fn order(origin: &Origin) -> (Date, Position) {
    (origin.occurred_on, origin.position)
}

/// Whether a person belongs to the household of registration that their record names, alive or
/// dead, and has not left it.
pub(crate) fn is_registered_there(archive: &Archive) -> bool {
    !matches!(State::of(archive, Basis::Hukou), State::Left(_))
}

/// What became of a head who does not stand under the household that they were named for on a day.
fn absent(archive: &Archive, basis: Basis, named: Date) -> State {
    match (State::of(archive, basis), last_moved(archive)) {
        // In which household they are was never said but by those whom they lead.
        (State::Belongs, moved)
            if archive.get(Item::HouseholdId).is_none() && moved.is_none_or(|m| m <= named) =>
        {
            State::Belongs
        }
        (State::Belongs, moved) => State::Left(moved.unwrap_or(named)),
        (gone, _) => gone,
    }
}

/// The newest day on which something was said of where somebody is registered.
fn last_moved(archive: &Archive) -> Option<Date> {
    let items = [Item::HouseholdId, Item::Hukou, Item::HukouStatus];
    items.into_iter().filter_map(|item| Some(archive.stated(item)?.1.occurred_on)).max()
}

/// Since which standing fact of a life a person has belonged without a break to the household that
/// is theirs on a day, or now: its day and position. None when they belong to none.
pub fn member_since(
    life: &[Recorded],
    basis: Basis,
    valid_on: Option<Date>,
) -> Option<(Date, Position)> {
    let (mut archive, mut key, mut since) = (Archive::default(), None, None);
    for fact in archive::facts(life, valid_on, None) {
        archive.apply(&fact);
        let now = household_key(&archive, basis);
        if now != key {
            since = now.is_some().then_some((fact.told.occurred_on, fact.told.position));
            key = now;
        }
    }
    since
}
