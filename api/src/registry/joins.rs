//! Merges and splits of persons, and how those who were merged are decided about: over the events
//! of all their records. A record that is absorbed keeps its stream, so a split only lets it go.

use std::borrow::Cow;
use std::sync::Arc;

use domain::submission::{Submission, Target};
use domain::{
    Doubt, Joined, LifeEvent, Person, PersonId, Position, Record, Refusal, Refused, Related, Role,
};
use replay::ReplayError;

use super::acts::{ActError, Acts, Telling, document_of, event_key};
use super::known::Memory;

impl Memory {
    /// The person to whom a stream belongs, behind every claim and merge.
    ///
    /// # Errors
    /// [`ReplayError`] when a stream cannot be read.
    pub fn behind(&mut self, id: PersonId) -> Result<PersonId, ReplayError> {
        let mut id = id;
        // Each owner was nobody else's when they became one, so there is an end.
        while let Some(owner) = self.known(id)?.person.owner() {
            id = owner;
        }
        Ok(id)
    }

    /// The record over all streams that are merged with one, with the place of that one and the
    /// survivor; none where nothing is merged.
    fn joined(&mut self, id: PersonId) -> Result<Option<(Joined, usize, PersonId)>, ReplayError> {
        let person = &self.known(id)?.person;
        if !person.was_joined() {
            return Ok(None);
        }
        let survivor = person.owner().filter(|_| person.is_absorbed()).unwrap_or(id);
        let absorbed = self.known(survivor)?.person.absorbed();
        if absorbed.is_empty() {
            return Ok(None);
        }
        let members: Vec<_> = std::iter::once(survivor).chain(absorbed).collect();
        let mut parts: Vec<(Person, Vec<Position>)> = Vec::with_capacity(members.len());
        for member in &members {
            let known = self.known(*member)?;
            parts.push((known.person.clone(), known.places().to_vec()));
        }
        let parts: Vec<_> = parts.iter().map(|(person, places)| (person, &places[..])).collect();
        let part = members.iter().position(|member| *member == id).unwrap_or(0);
        Ok(Some((Person::joined(&parts), part, survivor)))
    }

    /// What is known of a person, over all streams that are merged with theirs.
    ///
    /// # Errors
    /// [`ReplayError`] when a stream cannot be read.
    pub fn facts(&mut self, id: PersonId) -> Result<Cow<'_, Person>, ReplayError> {
        if let Some((joined, ..)) = self.joined(id)? {
            return Ok(Cow::Owned(joined.person));
        }
        Ok(Cow::Borrowed(&self.known(id)?.person))
    }

    /// The id under which a record knows somebody: that of an absorbed record, where a tie began
    /// under it. So what ends the tie finds it, and a split takes it along.
    ///
    /// # Errors
    /// [`ReplayError`] when a stream cannot be read.
    pub fn called(&mut self, by: PersonId, who: PersonId) -> Result<PersonId, ReplayError> {
        let person = &self.known(who)?.person;
        if by == who || !person.was_joined() {
            return Ok(who);
        }
        let absorbed = person.absorbed();
        let record = self.facts(by)?;
        if record.names(who) {
            return Ok(who);
        }
        Ok(absorbed.into_iter().find(|absorbed| record.names(*absorbed)).unwrap_or(who))
    }

    /// Decides whether an event may be recorded; tells whether it was over several streams.
    ///
    /// # Errors
    /// [`ReplayError`] when a stream cannot be read; [`Refused`] with every broken rule.
    pub fn judge(
        &mut self,
        telling: &Telling,
        record: &Record,
    ) -> Result<Result<bool, Refused>, ReplayError> {
        let known = self.known(telling.person)?;
        if !known.person.was_joined() {
            return Ok(known.person.decide(record).map(|()| false));
        }
        match self.over_all(telling, record)? {
            Some((joined, record)) => Ok(joined.person.decide(&record).map(|()| true)),
            None => Ok(self.known(telling.person)?.person.decide(record).map(|()| false)),
        }
    }

    /// What is odd about an event that may be recorded.
    ///
    /// # Errors
    /// [`ReplayError`] when a stream cannot be read.
    pub fn doubts(
        &mut self,
        telling: &Telling,
        record: &Record,
        known_on: Option<jiff::civil::Date>,
    ) -> Result<Vec<Doubt>, ReplayError> {
        let known = self.known(telling.person)?;
        if !known.person.was_joined() {
            return Ok(known.person.doubts(record, known_on));
        }
        match self.over_all(telling, record)? {
            Some((joined, record)) => Ok(joined.person.doubts(&record, known_on)),
            None => Ok(self.known(telling.person)?.person.doubts(record, known_on)),
        }
    }

    /// The record over several streams with what is asked of it. Merges and splits are about each
    /// stream by itself.
    fn over_all(
        &mut self,
        telling: &Telling,
        record: &Record,
    ) -> Result<Option<(Joined, Record)>, ReplayError> {
        if telling.kind.joins_or_parts() {
            return Ok(None);
        }
        let Some((joined, part, survivor)) = self.joined(telling.person)? else { return Ok(None) };
        let mut record = Record { own_id: survivor, ..record.clone() };
        if let Some(target) = record.event.life.target {
            Arc::make_mut(&mut record.event.life).target = joined.place(part, target);
        }
        Ok(Some((joined, record)))
    }
}

impl Acts<'_> {
    /// In whose stream the event stands that a correction or annulment acts on: the subject's, or
    /// that of a record absorbed into it.
    ///
    /// # Errors
    /// [`ActError`].
    pub(super) fn holder(
        &mut self,
        submission: &Submission,
        subject: PersonId,
    ) -> Result<PersonId, ActError> {
        for absorbed in self.memory.known(subject)?.person.absorbed() {
            let known = self.memory.known(absorbed)?;
            let is_there = match submission.report.target.as_ref() {
                Some(Target::Position(position)) => known.at_position(*position).is_some(),
                Some(Target::EventId(id)) => {
                    let key = event_key(self.identity, &submission.source.text, id);
                    known.person.recorded_under(key).is_some()
                }
                None => false,
            };
            if is_there && !self.is_join(submission, absorbed)? {
                return Ok(absorbed);
            }
        }
        Ok(subject)
    }

    /// Whether what is named is a merge, which stands in the survivor's stream too.
    fn is_join(&mut self, submission: &Submission, absorbed: PersonId) -> Result<bool, ActError> {
        let Some(Target::EventId(id)) = submission.report.target.as_ref() else { return Ok(false) };
        let key = event_key(self.identity, &submission.source.text, id);
        let person = &self.memory.known(absorbed)?.person;
        let kind = person.recorded_under(key).and_then(|at| person.kind_at(at));
        Ok(kind.is_some_and(domain::Kind::joins_or_parts))
    }

    /// The tellings of a merge or split: the survivor's first, then the other one's.
    ///
    /// # Errors
    /// [`ActError`].
    pub(super) fn joins(
        &mut self,
        submission: &Submission,
        subject: PersonId,
    ) -> Result<Vec<Telling>, ActError> {
        let (kind, report) = (submission.kind, &submission.report);
        let named = report.related.iter().find(|(role, _)| *role == Role::Absorbed);
        let Some((_, named)) = named else {
            return Err(ActError::Refused(Refusal::PersonUnknown));
        };
        let stream = self.stream_named(named, submission.key, format_args!("absorbed"));
        let (other, target) = match kind {
            domain::Kind::PersonMerge => (self.absorbable(stream, subject)?, None),
            _ => {
                let other = self.separable(stream, subject)?;
                let merge = self.memory.known(subject)?.person.merge_of(other);
                self.check_undone(submission, subject, merge)?;
                (other, merge)
            }
        };
        let life = LifeEvent {
            id: Some(submission.id.clone()),
            document: report.person.as_ref().and_then(document_of),
            items: report.items.clone(),
            related: vec![Related { role: Role::Absorbed, person: other }],
            certificate_no: report.certificate_no.clone(),
            target,
            reason: report.reason.clone(),
            approved_by: report.approved_by.clone(),
            details: report.details.clone(),
            ..LifeEvent::default()
        };
        let there = LifeEvent {
            document: document_of(named),
            related: vec![Related { role: Role::Survivor, person: subject }],
            reason: report.reason.clone(),
            approved_by: report.approved_by.clone(),
            ..LifeEvent::default()
        };
        let day = report.occurred_on;
        let own = self.telling(kind, false, subject, day, life)?;
        let aside = self.telling(kind, true, other, day, there)?;
        Ok(vec![own, Telling { named_at: "/data/absorbed".to_owned(), ..aside }])
    }

    /// Whom a merge absorbs: the person behind the claims of their documents.
    fn absorbable(&mut self, stream: PersonId, subject: PersonId) -> Result<PersonId, ActError> {
        let mut id = stream;
        loop {
            let person = &self.memory.known(id)?.person;
            match person.owner() {
                Some(_) if person.is_absorbed() => {
                    return Err(ActError::Refused(Refusal::AlreadyMerged));
                }
                Some(owner) => id = owner,
                None if id == subject => return Err(ActError::Refused(Refusal::SamePerson)),
                None => {
                    self.refuse_erased(id)?;
                    return Ok(id);
                }
            }
        }
    }

    /// Whom a split lets go: the record, or the number, that belongs to the subject.
    fn separable(&mut self, stream: PersonId, subject: PersonId) -> Result<PersonId, ActError> {
        let mut id = stream;
        loop {
            match self.memory.known(id)?.person.owner() {
                Some(owner) if owner == subject => return Ok(id),
                Some(owner) => id = owner,
                None => return Err(ActError::Refused(Refusal::NotMerged)),
            }
        }
    }

    /// Where a split names the merge that it undoes, it must be the one that stands.
    fn check_undone(
        &mut self,
        submission: &Submission,
        subject: PersonId,
        merge: Option<domain::Sequence>,
    ) -> Result<(), ActError> {
        let known = self.memory.known(subject)?;
        let named = match submission.report.target.as_ref() {
            None => return Ok(()),
            Some(Target::Position(position)) => known.at_position(*position),
            Some(Target::EventId(id)) => {
                let key = event_key(self.identity, &submission.source.text, id);
                known.person.recorded_under(key)
            }
        };
        match named.is_some() && named == merge {
            true => Ok(()),
            false => Err(ActError::Refused(Refusal::NotMerged)),
        }
    }

    /// What two records tell otherwise when they are merged, by item.
    ///
    /// # Errors
    /// [`ReplayError`] when a stream cannot be read.
    pub(super) fn differing(
        &mut self,
        tellings: &[Telling],
    ) -> Result<Vec<&'static str>, ReplayError> {
        let [own, aside] = tellings else { return Ok(Vec::new()) };
        if own.kind != domain::Kind::PersonMerge {
            return Ok(Vec::new());
        }
        let other = self.memory.facts(aside.person)?.into_owned();
        Ok(self.memory.facts(own.person)?.differing(&other))
    }
}
