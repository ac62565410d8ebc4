//! The one place where it is decided whether somebody may do something, and how much of a person
//! they then see.

use std::sync::Arc;

use domain::{PersonId, Place, Position};

use super::sight::Sight;
use super::{Action, Grant, may};

/// A look at persons that was allowed: by whom, why, and how much is seen.
///
/// Whatever narrows or widens it for one person returns another look, and the answer is made from
/// that.
#[derive(Clone, Debug)]
pub struct Look {
    /// Who looks.
    pub grant: Arc<Grant>,
    /// Why: a purpose of the grant.
    pub purpose: &'static str,
    /// How much of each part is seen.
    pub sight: Sight,
    /// The order that opened more than the table of access grants, where one did.
    pub opened_by: Option<Opening>,
}

/// Names the broken glass through which somebody sees, for a while, what the table of access does
/// not grant: its position in the log of reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Opening(pub Position);

/// What an act is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object<'a> {
    /// Nobody and no place in particular.
    None,
    /// The people of a place.
    Place(Place),
    /// A person, with the places that they stand under.
    Person(PersonId, &'a [Place]),
}

/// Why something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The role may not do it.
    #[error("the role may not do this")]
    Action,
    /// The purpose is none that the grant has.
    #[error("the purpose was not granted")]
    Purpose,
    /// The role sees no part of a person for this purpose.
    #[error("the role sees nothing of a person for this purpose")]
    Blind,
    /// The object lies outside of the grant. Answered as if it were not there.
    #[error("there is no such person or place for this grant")]
    Absent,
}

/// Decides whether the holder of a grant may do all of `actions`, for a purpose, about an object.
///
/// # Errors
/// [`Refusal`], that of the role before that of the purpose, and both before that of the object,
/// so that who may not ask learns nothing of it.
pub fn authorize(
    grant: &Arc<Grant>,
    actions: &[Action],
    purpose: &'static str,
    object: Object<'_>,
) -> Result<Look, Refusal> {
    if !actions.iter().all(|action| may(grant.role, *action)) {
        return Err(Refusal::Action);
    }
    if !grant.purposes.iter().any(|granted| granted == purpose) {
        return Err(Refusal::Purpose);
    }
    let sight = Sight::of(grant, purpose);
    let look = Look { grant: Arc::clone(grant), purpose, sight, opened_by: None };
    look.reach(object).map(|()| look)
}

impl Look {
    /// Whether the grant reaches an object.
    ///
    /// # Errors
    /// [`Refusal::Absent`].
    pub fn reach(&self, object: Object<'_>) -> Result<(), Refusal> {
        let is_reached = match object {
            Object::None => true,
            Object::Place(place) => self.grant.covers(place),
            Object::Person(person, places) => self.grant.reaches(person, places.iter().copied()),
        };
        if is_reached { Ok(()) } else { Err(Refusal::Absent) }
    }

    /// The same look, where it sees anything of a person at all.
    ///
    /// # Errors
    /// [`Refusal::Blind`].
    pub fn sighted(self) -> Result<Self, Refusal> {
        if self.sight.is_blind() { Err(Refusal::Blind) } else { Ok(self) }
    }

    /// The same look with another sight: that of one person.
    #[must_use]
    pub fn seeing(self, sight: Sight) -> Self {
        Self { sight, ..self }
    }

    /// The same look, opened further by an order.
    #[must_use]
    pub fn opened(self, by: Opening, sight: Sight) -> Self {
        Self { sight: self.sight.widened_by(sight), opened_by: Some(by), ..self }
    }
}

impl Grant {
    /// Whether the holder sees no persons, and of sums only those of several.
    pub fn sees_sums_only(&self) -> bool {
        !may(self.role, Action::ReadPerson)
    }

    /// Whether it reaches a person who stands under these places.
    pub fn reaches(&self, person: PersonId, places: impl IntoIterator<Item = Place>) -> bool {
        let mut places = places.into_iter();
        self.may_read(person) && places.any(|place| self.covers(place))
    }
}
