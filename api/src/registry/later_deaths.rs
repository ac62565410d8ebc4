//! Ties that are told, or turn out to stand, after the death of one of the two: the other one is
//! told of the death along with them.

use domain::submission::Submission;
use domain::{Kind, LifeEvent, Person, PersonId, Related, Role};
use jiff::civil::Date;
use replay::ReplayError;

use super::acts::{ActError, Acts, Telling};
use super::known::Memory;

/// Each role in a tie, and what is told of it when the one in the role dies.
const PARTS: [(Role, Role); 3] = [
    (Role::Spouse, Role::Spouse),
    (Role::Guardian, Role::FormerGuardian),
    (Role::Ward, Role::FormerWard),
];

impl Memory {
    /// What will be known of a person once a telling is recorded, over all streams that are merged
    /// with theirs.
    fn after(&mut self, submission: &Submission, telling: &Telling) -> Result<Person, ReplayError> {
        use cqrs_es::Aggregate;
        let record = telling.record(submission, &submission.actor);
        let (mut person, event) = match self.over_all(telling, &record)? {
            Some((joined, record)) => (joined.person, record.event),
            None => (self.facts(telling.person)?.into_owned(), record.event),
        };
        person.apply(event);
        Ok(person)
    }
}

impl Acts<'_> {
    /// Adds the deaths that the tellings of a marriage, of a guardianship, or of a change of one,
    /// bring along: of each two of whom one is dead and was tied to the other until then.
    pub(super) fn tell_later_deaths(
        &mut self,
        submission: &Submission,
        tellings: &mut Vec<Telling>,
    ) -> Result<(), ActError> {
        let kind = tellings[0].kind;
        let may_tie = kind.is_marriage()
            || kind == Kind::GuardianSet
            || kind.tells_what_stands()
            || kind.acts_on_another();
        if !may_tie || tellings.len() == 1 {
            return Ok(());
        }
        // Nearly always both live.
        let mut is_any_dead = false;
        for telling in tellings.iter() {
            is_any_dead |= self.memory.facts(telling.person)?.died_on().is_some();
        }
        if !is_any_dead {
            return Ok(());
        }
        let mut known = Vec::with_capacity(tellings.len());
        for telling in tellings.iter() {
            known.push((telling.person, self.memory.after(submission, telling)?));
        }
        for (dead, then) in &known {
            let Some((kind, died)) = then.died_by() else { continue };
            for (other, survivor) in known.iter().filter(|(other, _)| other != dead) {
                let called = self.memory.called(*other, *dead)?;
                let survives = survivor.died_on().is_none_or(|own| own > died);
                let related = parted(survivor, called, died);
                if survives && !related.is_empty() {
                    let life = LifeEvent { related, ..LifeEvent::default() };
                    tellings.push(self.telling(kind, true, *other, died, life)?);
                }
            }
        }
        Ok(())
    }
}

/// What a death tells a survivor who was not told of it: what the dead person was to them on its
/// day.
fn parted(survivor: &Person, dead: PersonId, died: Date) -> Vec<Related> {
    let is_tied = |role| match role {
        Role::Spouse => {
            survivor.spouse_on(died) == Some(dead) || survivor.married_to_on(died).contains(&dead)
        }
        Role::Guardian => survivor.guardians_known_on(died).contains(&dead),
        _ => survivor.wards_known_on(died).contains(&dead),
    };
    let parts = PARTS.iter().filter(|(role, over)| {
        is_tied(*role) && survivor.deaths_aside_of(dead).all(|(_, told, _)| told != *over)
    });
    parts.map(|(_, over)| Related { role: *over, person: dead }).collect()
}
