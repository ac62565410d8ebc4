//! Guardianships that a death ends and a return from the dead brings back, and whether somebody is
//! left without a guardian whom they need.

use domain::{Item, Kind, PersonId, Related, Role};
use jiff::civil::Date;

use super::life::Fact;
use super::{Archive, Link};

/// Years of age from which nobody needs a guardian by their age (Civil Code art. 17).
const OF_AGE: i16 = 18;

/// Somebody whose guardian died, and who has no other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardianGone {
    /// Who the guardian was.
    pub former: PersonId,
    /// The day of the death.
    pub since: Date,
}

/// The other side of a guardianship that an act ended.
fn until_now(role: Role) -> Role {
    if role == Role::Guardian { Role::FormerGuardian } else { Role::FormerWard }
}

fn is_guardianship(link: &Link) -> bool {
    matches!(link.role, Role::Guardian | Role::Ward)
}

impl Archive {
    /// Whose guardian died, of whoever is alive, needs one still and has no other: whoever was an
    /// adult when the guardian was set needs one at any age, a child until they are of age.
    pub fn guardian_gone(&self, day: Date) -> Option<GuardianGone> {
        let guardians = || self.links.iter().filter(|link| link.role == Role::Guardian);
        if self.is_dead || guardians().any(|link| link.ended.is_none()) {
            return None;
        }
        let last = guardians().rev().find(|link| link.by_death)?;
        let of_age = self.of_age_on();
        let set_on = self.origin(last.origin).occurred_on;
        let is_grown = of_age.is_some_and(|of_age| set_on < of_age && of_age <= day);
        let since = self.origin(last.ended?).occurred_on;
        (!is_grown).then_some(GuardianGone { former: last.person, since })
    }

    /// The day from which the person is of age.
    fn of_age_on(&self) -> Option<Date> {
        let born: Date = self.get(Item::BirthDate)?.parse().ok()?;
        born.checked_add(jiff::Span::new().years(OF_AGE)).ok()
    }

    /// A death ends guardianships: all of the dead, and of others the one with the dead.
    pub(super) fn end_guardianships(&mut self, fact: &Fact<'_>, origin: u16) {
        let related = &fact.life.related;
        for link in self.links.iter_mut().filter(|link| link.ended.is_none()) {
            let named = Related { role: until_now(link.role), person: link.person };
            if is_guardianship(link) && (!fact.side || related.contains(&named)) {
                (link.ended, link.doubt, link.by_death) = (Some(origin), None, true);
            }
        }
        self.ties_beside.retain(|beside| fact.side || beside.role != Role::Guardian);
    }

    /// Whoever was held for dead is guardian or ward again of those whom the event names.
    pub(super) fn revive_guardianships(&mut self, fact: &Fact<'_>) {
        for Related { role, person } in &fact.life.related {
            let ended = self.links.iter_mut().rev().find(|link| {
                is_guardianship(link)
                    && link.by_death
                    && (link.role, link.person) == (*role, *person)
            });
            if let Some(link) = ended {
                (link.ended, link.by_death) = (None, false);
            }
        }
    }

    /// A guardian was set since: what a death ended does not come back.
    pub(super) fn settle_guardianships(&mut self, fact: &Fact<'_>) {
        let related = &fact.life.related;
        let is_about = |link: &Link| match link.role {
            Role::Guardian => !fact.side,
            Role::Ward => related.iter().any(|other| other.person == link.person),
            _ => false,
        };
        if fact.kind == Kind::GuardianSet {
            let settled = self.links.iter_mut().filter(|link| is_about(link));
            settled.for_each(|link| link.by_death = false);
        }
    }
}
