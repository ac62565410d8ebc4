//! Guardians and wards whom an act concerns though it does not name them: who was guardian until
//! another one was set, whom a death parts, and whom a return from the dead brings together again.

use domain::{Kind, PersonId, Role};
use jiff::civil::Date;

use super::acts::{ActError, Acts};
use super::concerned::Others;

impl Acts<'_> {
    /// Adds those whom an act concerns as guardians or wards of its subject.
    pub(super) fn add_guardianships(
        &mut self,
        kind: Kind,
        day: Date,
        subject: PersonId,
        others: &mut Others,
    ) -> Result<(), ActError> {
        let person = self.memory.facts(subject)?;
        let found: Vec<(Role, PersonId)> = match kind {
            Kind::GuardianSet => {
                let named = |who: &PersonId| others.0.iter().any(|other| other.person == *who);
                let before = person.guardians_on(day).into_iter().filter(|who| !named(who));
                before.map(|who| (Role::FormerGuardian, who)).collect()
            }
            Kind::Death | Kind::DeathDeclared => {
                let guardians = person.guardians_known_on(day).into_iter();
                let wards = person.wards_known_on(day).into_iter();
                let guardians = guardians.map(|who| (Role::FormerGuardian, who));
                guardians.chain(wards.map(|who| (Role::FormerWard, who))).collect()
            }
            // Who got another guardian since keeps that one.
            Kind::Reappear => {
                let guardians = person.parted_by_death(Role::FormerGuardian).into_iter();
                let wards = person.parted_by_death(Role::FormerWard).into_iter();
                let guardians = guardians.map(|who| (Role::Guardian, who));
                guardians.chain(wards.map(|who| (Role::Ward, who))).collect()
            }
            _ => return Ok(()),
        };
        for (role, who) in found {
            let who = self.memory.behind(who)?;
            if who == subject || self.memory.known(who)?.person.is_erased() {
                continue;
            }
            let lives = self.memory.facts(who)?.died_on().is_none_or(|died| died > day);
            let is_concerned = match role {
                _ if kind == Kind::GuardianSet => true,
                Role::Guardian => lives && self.is_guardian(who, subject, day)?,
                Role::Ward => lives && self.is_guardian(subject, who, day)?,
                _ => lives,
            };
            if is_concerned {
                self.add(others, kind, role, who, subject, None, "/data/person")?;
            }
        }
        Ok(())
    }

    /// Whether an act only mentions as guardian somebody who was dead by then: that is nothing that
    /// happened to them.
    pub(super) fn is_guardian_no_more(
        &mut self,
        kind: Kind,
        role: Role,
        person: PersonId,
        day: Date,
    ) -> Result<bool, ActError> {
        if role != Role::Guardian || !kind.tells_what_stands() {
            return Ok(false);
        }
        Ok(self.memory.facts(person)?.died_on().is_some_and(|died| died < day))
    }

    /// Whether somebody is guardian of another by the newest appointment up to a day.
    fn is_guardian(
        &mut self,
        guardian: PersonId,
        ward: PersonId,
        day: Date,
    ) -> Result<bool, ActError> {
        for appointed in self.memory.facts(ward)?.guardians_on(day) {
            if self.memory.behind(appointed)? == guardian {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
