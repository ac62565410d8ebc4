//! The rules by which an event about a person is refused, and those by which it is doubted.

use jiff::civil::Date;

use super::{Doubt, Person, Record, Refusal, Refused};
use crate::catalogue::{Kind, Need};
use crate::ids::PersonId;
use crate::items::{Item, parse_day};
use crate::life_event::Role;

impl Person {
    /// Decides whether the event may be recorded.
    ///
    /// # Errors
    /// [`Refused`] with every broken rule.
    pub fn decide(&self, command: &Record) -> Result<(), Refused> {
        if self.is_erased() {
            return Err(Refused(vec![Refusal::PersonErased]));
        }
        let (kind, side) = command.event.kind();
        let mut broken = Vec::new();
        match kind {
            Kind::Birth if !side => self.refuse_birth(command, &mut broken),
            _ if kind.is_death() && !side => self.refuse_death(command, &mut broken),
            Kind::Correction | Kind::Annulment if !side => self.refuse_change(command, &mut broken),
            Kind::Annulment => self.refuse_rejoining(command, &mut broken),
            Kind::Correction | Kind::DocumentClaimed => {}
            _ if kind.is_order() => {}
            Kind::PersonMerge | Kind::PersonSplit => self.refuse_join(command, &mut broken),
            // What ends or revives a tie to somebody else is never impossible for the other one;
            // nor are their own facts at stake in a birth.
            Kind::Birth | Kind::MarryVoid | Kind::Reappear | Kind::AdoptEnd if side => {}
            _ if kind.is_death() => {}
            Kind::GuardianSet if side && is_former_ward(command) => {}
            // Whom a head lost is told of the dead too.
            _ if side && only_loses_members(command) => {}
            _ => self.refuse_outside_life(command, &mut broken),
        }
        if kind.is_marriage() || kind.is_divorce() {
            self.refuse_spouse(command, &mut broken);
        }
        if kind.entry().approval == Need::Expected && is_approved_by_actor(command) {
            broken.push(Refusal::ApproverIsActor);
        }
        if broken.is_empty() { Ok(()) } else { Err(Refused(broken)) }
    }

    fn refuse_birth(&self, command: &Record, broken: &mut Vec<Refusal>) {
        let day = command.event.occurred_on;
        if self.standing(Kind::Birth).is_some_and(|born| self.day(born) != day) {
            broken.push(Refusal::AlreadyBorn);
        }
        if self.died_on().is_some_and(|died| died < day) {
            broken.push(Refusal::DeathBeforeBirth);
        }
    }

    fn refuse_death(&self, command: &Record, broken: &mut Vec<Refusal>) {
        let day = command.event.occurred_on;
        if self.died_on().is_some_and(|died| died != day) {
            broken.push(Refusal::AlreadyDead);
        }
        if stated_birth(command).or(self.born_on()).is_some_and(|born| day < born) {
            broken.push(Refusal::DeathBeforeBirth);
        }
    }

    fn refuse_outside_life(&self, command: &Record, broken: &mut Vec<Refusal>) {
        let event = &command.event;
        let stated = stated_birth(command);
        if stated.or(self.born_on()).is_some_and(|born| event.occurred_on < born) {
            broken.push(Refusal::BeforeBirth);
        }
        if self.is_dead_before(stated) {
            broken.push(Refusal::DeathBeforeBirth);
        }
        // A first load may tell of the dead.
        let (kind, _) = event.kind();
        let may_be_dead = kind == Kind::Registration || kind.entry().after_death;
        if !may_be_dead && self.died_on().is_some_and(|died| event.occurred_on > died) {
            broken.push(Refusal::AfterDeath);
        }
    }

    fn refuse_spouse(&self, command: &Record, broken: &mut Vec<Refusal>) {
        let event = &command.event;
        let Some(spouse) = spouse_of(command) else {
            broken.push(Refusal::SpouseMissing);
            return;
        };
        if spouse == command.own_id {
            broken.push(Refusal::SpouseIsSelf);
        }
        let day = event.occurred_on;
        let other = self.spouse_on(day).filter(|other| *other != spouse);
        let widowed = command.spouse_died_on.is_some_and(|died| died <= day);
        if event.kind().0.is_marriage() && other.is_some() && !widowed {
            broken.push(Refusal::AlreadyMarried);
        }
    }

    fn refuse_change(&self, command: &Record, broken: &mut Vec<Refusal>) {
        let event = &command.event;
        let (kind, _) = event.kind();
        let Some(target) = event.life.target.filter(|target| target.0 < self.events()) else {
            broken.push(Refusal::TargetUnknown);
            return;
        };
        let (target_kind, is_side) = self.kind(target.0);
        if target_kind == Kind::DocumentClaimed {
            broken.push(Refusal::TargetUnknown);
        } else if is_side {
            broken.push(Refusal::TargetIsSideEvent);
        } else if kind == Kind::Correction && target_kind.acts_on_another() {
            broken.push(Refusal::TargetIsNoFact);
        }
        if self.is_void(target.0) {
            broken.push(Refusal::TargetAnnulled);
        }
        let moves = event.occurred_on != self.day(target.0);
        if kind == Kind::Correction {
            if event.life.items.is_empty() && event.life.details.is_empty() && !moves {
                broken.push(Refusal::CorrectsNothing);
            }
            if moves {
                self.refuse_new_day(target_kind, event.occurred_on, broken);
            }
            let is_birth = target_kind == Kind::Birth;
            if self.is_dead_before(stated_birth(command).filter(|_| !is_birth)) {
                broken.push(Refusal::DeathBeforeBirth);
            }
        }
        if kind == Kind::Annulment && target_kind == Kind::Annulment {
            self.refuse_revival(self.root(target.0), broken);
        }
        let vital = target_kind == Kind::Birth || target_kind.is_death();
        let touches = event.life.items.iter().any(|(item, _)| item.needs_approval());
        // What a second person approved is not undone by one.
        let undoes_approved = kind == Kind::Annulment && self.is_approved(target);
        let rejoins = self.acts_on_join(target);
        if touches || rejoins || undoes_approved || (vital && (moves || kind == Kind::Annulment)) {
            refuse_unapproved(command, broken);
        }
    }

    /// A corrected day must leave birth, life and death in their order.
    fn refuse_new_day(&self, target: Kind, day: Date, broken: &mut Vec<Refusal>) {
        let unborn = self.born_on().is_some_and(|born| day < born);
        let dead = self.died_on().is_some_and(|died| died < day);
        match target {
            _ if target.is_death() && unborn => broken.push(Refusal::DeathBeforeBirth),
            Kind::Birth if dead => broken.push(Refusal::DeathBeforeBirth),
            Kind::Birth => {}
            _ if target.is_death() => {}
            _ if unborn => broken.push(Refusal::BeforeBirth),
            Kind::Registration => {}
            _ if target.entry().after_death => {}
            _ if dead => broken.push(Refusal::AfterDeath),
            _ => {}
        }
    }

    /// A birth or death that was annulled does not stand again beside another one.
    fn refuse_revival(&self, fact: u32, broken: &mut Vec<Refusal>) {
        if !self.is_void(fact) {
            return;
        }
        let (kind, day) = (self.kind(fact).0, self.day(fact));
        let other = self.standing(kind).is_some_and(|standing| self.day(standing) != day);
        let dead = self.died_on().is_some_and(|died| died != day);
        match kind {
            Kind::Birth if other => broken.push(Refusal::AlreadyBorn),
            _ if kind.is_death() && dead => broken.push(Refusal::AlreadyDead),
            _ => {}
        }
    }

    /// Whether the death on record lies before a stated birth.
    fn is_dead_before(&self, born: Option<Date>) -> bool {
        born.is_some_and(|born| self.died_on().is_some_and(|died| died < born))
    }

    /// What is odd about an event that may be recorded.
    pub fn doubts(&self, command: &Record, known_on: Option<Date>) -> Vec<Doubt> {
        let event = &command.event;
        let (kind, _) = event.kind();
        let mut doubts = Vec::new();
        if self.events() == 0 && !kind.entry().opens {
            doubts.push(Doubt::FirstKnownByThisEvent);
        }
        let day = event.occurred_on;
        let spouse = spouse_of(command);
        let told = match kind {
            Kind::Birth => self.standing(Kind::Birth).is_some(),
            _ if kind.is_death() => self.died_on().is_some(),
            _ if kind.is_marriage() => spouse == self.spouse_on(day),
            _ if kind.is_divorce() => spouse.is_some_and(|from| self.was_divorced_on(day, from)),
            _ => false,
        };
        if told {
            doubts.push(Doubt::SecondReport);
        }
        let ends = kind.is_divorce() || kind == Kind::MarryVoid;
        // Who has the word may end what others said to have ended.
        let is_on_record = |spouse: PersonId| {
            self.spouse_on(day) == Some(spouse) || self.married_to_on(day).contains(&spouse)
        };
        if ends && !told && !spouse.is_some_and(is_on_record) {
            doubts.push(Doubt::MarriageNotOnRecord);
        }
        if known_on.is_some_and(|known| known < day) && !kind.acts_on_another() {
            doubts.push(Doubt::KnownBeforeItHappened);
        }
        let corrected = event.life.target.and_then(|target| self.kind_at(target));
        let corrects_death =
            kind == Kind::Correction && corrected.is_some_and(|corrected| corrected.is_death());
        let dies = kind.is_death() || corrects_death;
        if dies && self.has_events_after(day) {
            doubts.push(Doubt::EventsAfterDeath);
        }
        doubts.extend(number_doubts(command));
        doubts
    }

    fn has_events_after(&self, day: Date) -> bool {
        (0..self.events()).any(|at| {
            let (kind, side) = self.kind(at);
            // What others did, or what comes after a death by its nature, is no contradiction.
            let is_after = kind.entry().after_death
                || side && (kind.is_death() || self.only_loses_members_by(at));
            !kind.acts_on_another()
                && !is_after
                && kind != Kind::DocumentClaimed
                && kind != Kind::Registration
                && self.day(at) > day
                && !self.is_void(at)
        })
    }
}

impl Person {
    fn only_loses_members_by(&self, at: u32) -> bool {
        let roles = self.others.iter().filter(|(of, _)| *of == at).map(|(_, other)| other.role);
        roles.clone().count() > 0 && roles.clone().all(|role| role == Role::FormerMember)
    }
}

/// What a second person must approve.
pub(super) fn refuse_unapproved(command: &Record, broken: &mut Vec<Refusal>) {
    match command.event.life.approved_by {
        None => broken.push(Refusal::ApprovalMissing),
        Some(_) if is_approved_by_actor(command) => broken.push(Refusal::ApproverIsActor),
        Some(_) => {}
    }
}

fn is_approved_by_actor(command: &Record) -> bool {
    command.event.life.approved_by.as_ref() == Some(&command.actor)
}

fn spouse_of(command: &Record) -> Option<PersonId> {
    let related = &command.event.life.related;
    related.iter().find(|related| related.role == Role::Spouse).map(|related| related.person)
}

/// Whether the event says that a guardianship of the person ended.
fn is_former_ward(command: &Record) -> bool {
    command.event.life.related.iter().any(|related| related.role == Role::FormerWard)
}

/// Whether the event says only whom the person leads no longer.
fn only_loses_members(command: &Record) -> bool {
    let related = &command.event.life.related;
    !related.is_empty() && related.iter().all(|related| related.role == Role::FormerMember)
}

fn stated_birth(command: &Record) -> Option<Date> {
    let stated = command.event.life.items.get(Item::BirthDate);
    stated.and_then(|day| parse_day(day).ok())
}

/// A citizen number tells birth date and sex; the items beside it should say the same.
fn number_doubts(command: &Record) -> Vec<Doubt> {
    let items = &command.event.life.items;
    let Some(number) = items.get(Item::CitizenId).filter(|number| number.len() == 18) else {
        return Vec::new();
    };
    let mut doubts = Vec::new();
    let told = items.get(Item::BirthDate).map(|day| day.replace('-', ""));
    if told.is_some_and(|told| told != number[6..14]) {
        doubts.push(Doubt::BirthDateDiffersFromNumber);
    }
    let odd = number.as_bytes()[16] % 2 == 1;
    if items.get(Item::Sex).is_some_and(|sex| (sex == "1") != odd && matches!(sex, "1" | "2")) {
        doubts.push(Doubt::SexDiffersFromNumber);
    }
    doubts
}
