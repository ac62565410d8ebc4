//! From a submission to what is told in whose stream: an act that concerns several persons is told
//! in each one's.

use std::fmt;
use std::sync::Arc;

use domain::document::DocumentKind;
use domain::recorded::EventKey;
use domain::submission::{PersonRef, Submission, Target};
use domain::{
    Document, IdentityKey, Item, Kind, LifeEvent, PersonId, Refusal, Related, Role, Sequence,
};
use jiff::civil::Date;
use replay::ReplayError;

use super::known::Memory;

/// One telling of an act in one person's stream.
pub struct Telling {
    /// In whose stream.
    pub person: PersonId,
    /// Whether it is told there because of somebody else's act.
    pub side: bool,
    /// The kind; the submission's, or a claim.
    pub kind: Kind,
    /// The day; for corrections and annulments the true day of their target.
    pub occurred_on: Date,
    /// What is told.
    pub life: Arc<LifeEvent>,
    /// The day on which the spouse on record died, where a marriage asks for it.
    pub spouse_died_on: Option<Date>,
    /// JSON pointer to where the submission names the person, where somebody else's act is told.
    pub named_at: String,
}

/// Why no telling could be made.
pub enum ActError {
    /// The submission names something that is not there.
    Refused(Refusal),
    /// The log could not be read.
    Log(ReplayError),
}

impl From<ReplayError> for ActError {
    fn from(error: ReplayError) -> Self {
        Self::Log(error)
    }
}

/// Makes the tellings of acts.
pub struct Acts<'a> {
    /// The secret under which documents become persons.
    pub identity: &'a IdentityKey,
    /// Who is known.
    pub memory: &'a mut Memory,
}

impl Acts<'_> {
    /// The person of a reference, behind every claim of their documents; `part` tells the persons
    /// of one submission apart, empty for its subject.
    ///
    /// # Errors
    /// [`ActError`]: an id must be that of a known person.
    pub fn resolve(
        &mut self,
        named: &PersonRef,
        key: EventKey,
        part: fmt::Arguments<'_>,
    ) -> Result<PersonId, ActError> {
        let id = self.stream_named(named, key, part);
        let known = self.memory.known(id)?;
        if matches!(named, PersonRef::Id(_)) && known.person.events() == 0 {
            return Err(ActError::Refused(Refusal::PersonUnknown));
        }
        let person = match known.person.owner() {
            None => id,
            Some(owner) => self.memory.behind(owner)?,
        };
        self.refuse_erased(person)?;
        Ok(person)
    }

    /// Nothing more is recorded about somebody who is erased, by whatever document they are named.
    pub(super) fn refuse_erased(&mut self, person: PersonId) -> Result<(), ActError> {
        let known = self.memory.known(person)?;
        let (is_erased, has_key) = (known.person.is_erased(), known.key.is_some());
        // A log that was brought back older than the keys does not tell of the erasure.
        let is_destroyed = !has_key && self.memory.log().keys().is_destroyed(person.as_uuid());
        match is_erased || is_destroyed {
            true => Err(ActError::Refused(Refusal::PersonErased)),
            false => Ok(()),
        }
    }

    /// The stream of a reference, whoever it belongs to.
    pub(super) fn stream_named(
        &self,
        named: &PersonRef,
        key: EventKey,
        part: fmt::Arguments<'_>,
    ) -> PersonId {
        match named {
            PersonRef::Id(id) | PersonRef::Document(_, Some(id)) => *id,
            // Somebody without any document is known by the submission that first told of them,
            // and by their part in it.
            PersonRef::Document(document, _) if document.kind() == DocumentKind::None => {
                let key: String = key.0.iter().map(|byte| format!("{byte:02X}")).collect();
                let made_up = format!("{key}{part}");
                PersonId::of_document(self.identity, &Document::new(DocumentKind::None, &made_up))
            }
            PersonRef::Document(document, None) => PersonId::of_document(self.identity, document),
        }
    }

    /// The tellings of a submission about `subject`: theirs first, which takes over what is stated.
    ///
    /// # Errors
    /// [`ActError`].
    pub fn tellings(
        &mut self,
        submission: &mut Submission,
        subject: PersonId,
    ) -> Result<Vec<Telling>, ActError> {
        if submission.kind.acts_on_another() {
            let holder = self.holder(submission, subject)?;
            let tellings = self.changes(submission, holder)?;
            self.refuse_circle(&tellings)?;
            return Ok(tellings);
        }
        if submission.kind.joins_or_parts() {
            return self.joins(submission, subject);
        }
        let (related, others) = self.concerned(submission, subject)?;
        let report = &mut submission.report;
        let life = LifeEvent {
            id: Some(submission.id.clone()),
            document: report.person.as_ref().and_then(document_of),
            items: std::mem::take(&mut report.items),
            related,
            certificate_no: report.certificate_no.clone(),
            reason: report.reason.clone(),
            approved_by: report.approved_by.clone(),
            details: std::mem::take(&mut report.details),
            ..LifeEvent::default()
        };
        let report = &submission.report;
        let day = report.occurred_on;
        let mut tellings = vec![self.telling(submission.kind, false, subject, day, life)?];
        for other in others {
            let life = LifeEvent {
                document: other.document,
                items: other.items,
                related: other.related,
                certificate_no: report.certificate_no.clone(),
                ..LifeEvent::default()
            };
            let telling = self.telling(submission.kind, true, other.person, day, life)?;
            tellings.push(Telling { named_at: other.named_at, ..telling });
        }
        self.tell_later_deaths(submission, &mut tellings)?;
        Ok(tellings)
    }

    pub(super) fn telling(
        &mut self,
        kind: Kind,
        side: bool,
        person: PersonId,
        occurred_on: Date,
        life: LifeEvent,
    ) -> Result<Telling, ActError> {
        let mut spouse_died_on = None;
        if kind.is_marriage()
            && let Some(spouse) = self.memory.facts(person)?.spouse_on(occurred_on)
        {
            spouse_died_on = self.memory.facts(spouse)?.died_on();
        }
        let life = Arc::new(life);
        let named_at = String::new();
        Ok(Telling { person, side, kind, occurred_on, life, spouse_died_on, named_at })
    }

    /// A correction or annulment is told wherever its target was told.
    fn changes(
        &mut self,
        submission: &Submission,
        subject: PersonId,
    ) -> Result<Vec<Telling>, ActError> {
        let report = &submission.report;
        let refused = |refusal| Err(ActError::Refused(refusal));
        let known = self.memory.known(subject)?;
        let target = match report.target.as_ref() {
            Some(Target::Position(position)) => known.at_position(*position),
            Some(Target::EventId(id)) => {
                let key = event_key(self.identity, &submission.source.text, id);
                known.person.recorded_under(key)
            }
            None => None,
        };
        let Some(target) = target else { return refused(Refusal::TargetUnknown) };
        let (Some(day), Some(target_kind)) =
            (known.person.day_at(target), known.person.kind_at(target))
        else {
            return refused(Refusal::TargetUnknown);
        };
        let (key, mut others) =
            known.person.told_to(target).unwrap_or((submission.key.into(), Vec::new()));
        let (root, is_root) = known.person.root_at(target).unwrap_or((target_kind, true));
        if root.is_death() {
            // A tie that was told after the death brought the death along.
            let tied = known.person.tied_ever();
            others.extend(tied.into_iter().filter(|one| !others.contains(one)).collect::<Vec<_>>());
        }
        let deaths = known.person.death_keys();
        // The day of a birth or death is its date, so either of them corrects both.
        let date = match target_kind {
            Kind::Birth => report.items.get(Item::BirthDate),
            Kind::Death => report.items.get(Item::DeathDate),
            _ => None,
        };
        let date = date.filter(|_| submission.kind == Kind::Correction);
        let date = date.and_then(|day| domain::items::parse_day(day).ok());
        let day = report.true_day.or(date).unwrap_or(day);
        let change = |target: Sequence| LifeEvent {
            target: Some(target),
            true_day: report.true_day,
            reason: report.reason.clone(),
            approved_by: report.approved_by.clone(),
            ..LifeEvent::default()
        };
        let life = LifeEvent {
            id: Some(submission.id.clone()),
            document: report.person.as_ref().and_then(document_of),
            items: report.items.clone(),
            certificate_no: report.certificate_no.clone(),
            details: report.details.clone(),
            ..change(target)
        };
        let mut tellings = vec![self.telling(submission.kind, false, subject, day, life)?];
        for person in others {
            let there = &self.memory.known(person)?.person;
            if there.is_erased() {
                continue;
            }
            // What a tie brought along was told under the key of that.
            let brought = there
                .deaths_aside_of(subject)
                .filter(|(.., told)| is_root && root.is_death() && !deaths.contains(told));
            let mut all: Vec<_> = there.recorded_under(key).into_iter().collect();
            all.extend(brought.map(|(at, ..)| at));
            all.dedup();
            for told in all {
                tellings.push(self.telling(submission.kind, true, person, day, change(told))?);
            }
        }
        let ties = root.is_marriage() || root.is_divorce() || root.tells_what_stands();
        if ties || matches!(root, Kind::MarryVoid | Kind::GuardianSet) {
            self.tell_later_deaths(submission, &mut tellings)?;
        }
        Ok(tellings)
    }

    /// The claim of the citizen number that the first telling states, when the number is not yet
    /// known as that person's. The second value is true when the number is another person's
    /// already, be it by this very act.
    ///
    /// # Errors
    /// [`ActError`].
    pub fn claim(&mut self, tellings: &[Telling]) -> Result<(Option<Telling>, bool), ActError> {
        let telling = &tellings[0];
        if telling.kind.joins_or_parts() {
            return Ok((None, false));
        }
        let Some(number) = telling.life.items.get(Item::CitizenId) else {
            return Ok((None, false));
        };
        let is_it =
            |named: &Document| named.kind() == DocumentKind::CitizenId && named.number() == number;
        // Nearly everybody is named by it, and so was found by it.
        if telling.life.document.as_ref().is_some_and(is_it) {
            return Ok((None, false));
        }
        let document = Document::new(DocumentKind::CitizenId, number);
        let id = PersonId::of_document(self.identity, &document);
        if id == telling.person {
            return Ok((None, false));
        }
        self.refuse_erased(id)?;
        let known = self.memory.known(id)?;
        let (owner, is_free) = (known.person.owner(), known.person.is_unused());
        if let Some(owner) = owner {
            // A correction may be told in the stream of a record that is absorbed.
            let is_theirs = self.memory.behind(owner)? == self.memory.behind(telling.person)?;
            return Ok((None, !is_theirs));
        }
        let is_told = tellings.iter().any(|telling| telling.person == id);
        if !is_free || is_told {
            return Ok((None, true));
        }
        let related = vec![Related { role: Role::Owner, person: telling.person }];
        let life = LifeEvent { document: Some(document), related, ..LifeEvent::default() };
        let day = telling.occurred_on;
        self.telling(Kind::DocumentClaimed, false, id, day, life).map(|t| (Some(t), false))
    }
}

/// The idempotency key of a submission: a keyed hash of CloudEvents source and id.
pub fn event_key(identity: &IdentityKey, source: &str, id: &str) -> EventKey {
    let parts: [&[u8]; 4] = [b"event|", source.as_bytes(), b"|", id.as_bytes()];
    EventKey(identity.hash(&parts))
}

pub(super) fn document_of(named: &PersonRef) -> Option<Document> {
    match named {
        PersonRef::Document(document, _) if document.kind() != DocumentKind::None => {
            Some(document.clone())
        }
        _ => None,
    }
}
