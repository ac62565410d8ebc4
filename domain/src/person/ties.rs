//! Who is tied to a person on a day, as the decider knows it: husbands and wives, guardians and
//! wards, the head of the household.

use jiff::civil::Date;

use super::Person;
use crate::catalogue::Kind;
use crate::ids::{PersonId, Sequence};
use crate::life_event::{Related, Role};
use crate::recorded::HalfKey;

impl Person {
    /// The husband or wife on that day, by the acts on record that begin or end a marriage, or as
    /// the first load told. Nobody on the day on which one of the two died.
    pub fn spouse_on(&self, day: Date) -> Option<PersonId> {
        let mut acts: Vec<_> = self.marital_acts().filter(|act| act.0 <= day).collect();
        acts.sort_unstable();
        let mut married = None;
        for (_, sequence, spouse) in acts {
            let (kind, _) = self.kind(sequence);
            match kind {
                // Who was found again is married again, unless the other one has married since.
                Kind::Reappear if married.is_some() => {}
                Kind::Registration | Kind::Reappear => married = Some(spouse),
                _ if kind.is_marriage() => married = Some(spouse),
                _ if married == Some(spouse) => married = None,
                _ => {}
            }
        }
        married
    }

    /// The guardians by the newest standing appointment up to a day, and those whom somebody named
    /// since without appointing one, as the first load does.
    pub fn guardians_on(&self, day: Date) -> Vec<PersonId> {
        self.guardians_since(self.appointments(day).max(), day)
    }

    /// The guardians whom a death parts from the person: those by the newest appointment, and those
    /// by the newest of who has the word on it, which stands where the newest one has not.
    pub fn guardians_known_on(&self, day: Date) -> Vec<PersonId> {
        let mut known = self.guardians_on(day);
        let has_word = |at: &(Date, u32)| self.has_word(at.1, Role::Guardian);
        for guardian in self.guardians_since(self.appointments(day).filter(has_word).max(), day) {
            if !known.contains(&guardian) {
                known.push(guardian);
            }
        }
        known
    }

    /// The standing appointments of guardians up to a day: day, sequence.
    fn appointments(&self, day: Date) -> impl Iterator<Item = (Date, u32)> {
        let appoints = move |(on, at): &(Date, u32)| {
            *on <= day && self.kind(*at).0 == Kind::GuardianSet && !self.is_void(*at)
        };
        self.guardians_named().map(|(at, _)| at).filter(appoints)
    }

    /// Everybody whom the person's own events name as guardian: day, sequence, guardian.
    fn guardians_named(&self) -> impl Iterator<Item = ((Date, u32), PersonId)> {
        let named = self.others.iter().filter(|(_, other)| other.role == Role::Guardian);
        let own = named.filter(|(at, _)| {
            let (kind, side) = self.kind(*at);
            !side && (kind == Kind::GuardianSet || kind.tells_what_stands())
        });
        own.map(|(at, guardian)| ((self.day(*at), *at), guardian.person))
    }

    /// The guardians of an appointment, and those named without one after it and up to a day.
    fn guardians_since(&self, appointment: Option<(Date, u32)>, day: Date) -> Vec<PersonId> {
        let is_named = |at: (Date, u32)| {
            let is_later = Some(at) > appointment && at.0 <= day;
            is_later && self.kind(at.1).0.tells_what_stands() && !self.is_void(at.1)
        };
        let named =
            self.guardians_named().filter(|(at, _)| Some(*at) == appointment || is_named(*at));
        let mut guardians = Vec::new();
        for (_, guardian) in named {
            if !guardians.contains(&guardian) {
                guardians.push(guardian);
            }
        }
        guardians
    }

    /// Whose guardian the person is on a day, as it was told here; also by who has the word, where
    /// somebody without it said that it ended.
    pub fn wards_known_on(&self, day: Date) -> Vec<PersonId> {
        let told: Vec<_> = self
            .others
            .iter()
            .filter(|(at, other)| {
                let is_tie = matches!(other.role, Role::Ward | Role::FormerWard);
                is_tie && self.kind(*at).1 && !self.is_void(*at) && self.day(*at) <= day
            })
            .map(|(at, other)| ((self.day(*at), *at), *other))
            .collect();
        let mut wards = Vec::new();
        for (_, Related { person, .. }) in &told {
            let theirs = || told.iter().filter(|(_, other)| other.person == *person);
            let newest = theirs().max_by_key(|(at, _)| *at);
            let by_word = theirs().filter(|(at, _)| self.has_word(at.1, Role::Ward));
            let mut last = newest.into_iter().chain(by_word.max_by_key(|(at, _)| *at));
            if last.any(|(_, other)| other.role == Role::Ward) && !wards.contains(person) {
                wards.push(*person);
            }
        }
        wards
    }

    /// Whether who told an event has the word on ties in a role.
    fn has_word(&self, sequence: u32, role: Role) -> bool {
        self.teller(sequence).is_some_and(|teller| teller.has_word_on_tie(role))
    }

    /// Who leads the person's household on a day, by the newest standing act up to it that says so;
    /// nobody for who leads one or was registered elsewhere since.
    pub fn head_on(&self, day: Date) -> Option<PersonId> {
        let heads = self.others.iter().filter(|(_, related)| related.role == Role::Head);
        let named = heads.map(|(at, head)| (*at, Some(head.person)));
        let parts = (0..self.events()).filter(|at| {
            let (kind, side) = self.kind(*at);
            !side && Role::FormerHead.is_told(kind)
        });
        let said = parts.map(|at| (at, None)).chain(named);
        let said = said.filter(|(at, _)| self.day(*at) <= day && !self.is_void(*at));
        // Of one act that names a head, the head counts.
        said.max_by_key(|(at, head)| (self.day(*at), *at, head.is_some()))?.1
    }

    /// Everybody who is on record as husband or wife, as guardian or ward, by whatever act.
    pub fn tied_ever(&self) -> Vec<PersonId> {
        let tied = self.others.iter().filter(|(_, other)| is_parted_by_death(other.role));
        let mut ever: Vec<_> = tied.map(|(_, other)| other.person).collect();
        ever.sort_unstable();
        ever.dedup();
        ever
    }

    /// The standing events by which somebody's death is told here, each with what they were to the
    /// person until then and the submission that caused it.
    pub fn deaths_aside_of(
        &self,
        dead: PersonId,
    ) -> impl Iterator<Item = (Sequence, Role, HalfKey)> {
        let told = self.others.iter().filter(move |(at, related)| {
            let (kind, side) = self.kind(*at);
            let is_theirs = is_parted_by_death(related.role) && related.person == dead;
            side && kind.is_death() && is_theirs && !self.is_void(*at)
        });
        told.map(|(at, other)| (Sequence(*at), other.role, self.memos[*at as usize].key))
    }

    /// Whether the death of a husband or wife is told here.
    pub fn is_widowed_by(&self, dead: PersonId) -> bool {
        self.deaths_aside_of(dead).any(|(_, role, _)| role == Role::Spouse)
    }

    /// The submissions that told of the person's own death.
    pub fn death_keys(&self) -> Vec<HalfKey> {
        let dies = |at: &u32| self.kind(*at).0.is_death() && !self.kind(*at).1;
        (0..self.events()).filter(dies).map(|at| self.memos[at as usize].key).collect()
    }

    /// Whom the death on record widowed, or parted as guardian or ward, by their role in it.
    pub fn parted_by_death(&self, role: Role) -> Vec<PersonId> {
        let Some(death) = self.death() else { return Vec::new() };
        let parted = self.others.iter().filter(|(at, other)| *at == death && other.role == role);
        parted.map(|(_, other)| other.person).collect()
    }

    /// Whether a divorce from that husband or wife on that day stands.
    pub(super) fn was_divorced_on(&self, day: Date, from: PersonId) -> bool {
        self.marital_acts().any(|(on, sequence, spouse)| {
            on == day && spouse == from && self.kind(sequence).0.is_divorce()
        })
    }

    /// The standing acts that begin or end a marriage: day, sequence, husband or wife.
    fn marital_acts(&self) -> impl Iterator<Item = (Date, u32, PersonId)> {
        let spouses = self.others.iter().filter(|(_, related)| related.role == Role::Spouse);
        spouses
            .filter(|(sequence, _)| !self.is_void(*sequence))
            .map(|(sequence, spouse)| (self.day(*sequence), *sequence, spouse.person))
    }
}

/// Whether somebody in a role is told of a death that ends the tie.
pub(super) fn is_parted_by_death(role: Role) -> bool {
    use Role::{FormerGuardian, FormerWard, Guardian, Spouse, Ward};
    matches!(role, Spouse | Guardian | Ward | FormerGuardian | FormerWard)
}
