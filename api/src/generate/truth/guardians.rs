//! Who is whose guardian, as far as the register has been told: a death parts the two, and a return
//! from the dead brings them together, though nobody names the other one.

use domain::{Kind, Role};
use rustc_hash::FxHashMap;

use super::super::event::{Amends, Event};
use super::super::person::Day;
use super::facts::Effect;

/// What was told of guardians, in the order of delivery.
#[derive(Default)]
pub(super) struct Guardians {
    /// By ward.
    of: FxHashMap<u32, Vec<Appointment>>,
    /// Whom a death parted from somebody, and what they were to them.
    parted: FxHashMap<u32, Vec<(u32, Role)>>,
    /// Whom an event was told to besides.
    told: FxHashMap<u32, Vec<u32>>,
    delivered: u32,
}

struct Appointment {
    event: u32,
    day: Day,
    delivered: u32,
    guardian: u32,
}

impl Guardians {
    /// Takes in a report; gives whoever is told of it besides, with what it does to them.
    pub(super) fn take(&mut self, event: &Event) -> Vec<(u32, Effect)> {
        let Some(subject) = event.subject.map(|named| named.person) else { return Vec::new() };
        let day = event.occurred;
        let told: Vec<(u32, Effect)> = match event.kind {
            Kind::GuardianSet => {
                self.appoint(event, subject);
                return Vec::new();
            }
            Kind::Death | Kind::DeathDeclared => {
                let parted = self.tied(subject, day);
                self.parted.insert(subject, parted.clone());
                let ends = parted
                    .into_iter()
                    .map(|(who, role)| (who, Effect::End(seen_from_there(role), Some(subject))));
                ends.collect()
            }
            Kind::Reappear => {
                let parted = self.parted.remove(&subject).unwrap_or_default();
                let still = self.tied(subject, day);
                let again = parted.into_iter().filter(|one| still.contains(one));
                again
                    .map(|(who, role)| (who, Effect::Again(seen_from_there(role), subject)))
                    .collect()
            }
            _ => return Vec::new(),
        };
        self.told.entry(event.id).or_default().extend(told.iter().map(|(who, _)| *who));
        told
    }

    /// What a return from the dead does to who is back, by what it does to the others.
    pub(super) fn own(told: &[(u32, Effect)]) -> Vec<Effect> {
        let own = told.iter().filter_map(|(who, effect)| match effect {
            Effect::Again(role, _) => Some(Effect::Again(seen_from_there(*role), *who)),
            _ => None,
        });
        own.collect()
    }

    /// Takes in the corrected day of a report; gives whom it was told to besides.
    pub(super) fn amend(&mut self, amends: &Amends, annuls: bool) -> Vec<u32> {
        for ward in &amends.told_to {
            let Some(appointments) = self.of.get_mut(ward) else { continue };
            if annuls {
                appointments.retain(|known| known.event != amends.target);
            }
            let target = appointments.iter_mut().filter(|known| known.event == amends.target);
            target.for_each(|known| known.day = amends.true_day.unwrap_or(known.day));
        }
        self.told.get(&amends.target).cloned().unwrap_or_default()
    }

    fn appoint(&mut self, event: &Event, ward: u32) {
        self.delivered += 1;
        let guardian = event.related.iter().find(|(role, _)| *role == Role::Guardian);
        if let Some((_, named)) = guardian {
            self.of.entry(ward).or_default().push(Appointment {
                event: event.id,
                day: event.occurred,
                delivered: self.delivered,
                guardian: named.person,
            });
        }
    }

    /// Guardian and wards of somebody on a day, in the order of their numbers.
    fn tied(&self, person: u32, day: Day) -> Vec<(u32, Role)> {
        let guardian = self.guardian_on(person, day).map(|guardian| (guardian, Role::Guardian));
        let wards = self.of.keys().filter(|ward| self.guardian_on(**ward, day) == Some(person));
        let mut tied: Vec<_> = wards.map(|ward| (*ward, Role::Ward)).chain(guardian).collect();
        tied.sort_unstable();
        tied
    }

    fn guardian_on(&self, ward: u32, day: Day) -> Option<u32> {
        let known = self.of.get(&ward)?.iter().filter(|known| known.day <= day);
        Some(known.max_by_key(|known| (known.day, known.delivered))?.guardian)
    }
}

/// What somebody is to whoever is their guardian or ward.
fn seen_from_there(role: Role) -> Role {
    if role == Role::Guardian { Role::Ward } else { Role::Guardian }
}
