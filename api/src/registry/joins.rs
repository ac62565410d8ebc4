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

const NOT_MERGED: ActError = ActError::Refused(Refusal::NotMerged);

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

    /// A person, and every record that is absorbed into theirs, those into these too.
    ///
    /// # Errors
    /// [`ReplayError`] when a stream cannot be read.
    pub fn one_with(&mut self, survivor: PersonId) -> Result<Vec<PersonId>, ReplayError> {
        let mut all = vec![survivor];
        let mut met = 0;
        // Nobody belongs to two, so nobody is met twice.
        while let Some(one) = all.get(met).copied() {
            all.extend(self.known(one)?.person.absorbed());
            met += 1;
        }
        Ok(all)
    }

    /// Everybody with whom a record was ever one, by however many merges.
    ///
    /// # Errors
    /// [`ReplayError`] when a stream cannot be read.
    pub fn ever_one_with(&mut self, person: PersonId) -> Result<Vec<PersonId>, ReplayError> {
        if !self.known(person)?.person.was_joined() {
            return Ok(Vec::new());
        }
        let mut all = vec![person];
        let mut met = 0;
        while let Some(one) = all.get(met).copied() {
            let ever = self.known(one)?.person.ever_joined();
            let new: Vec<_> = ever.into_iter().filter(|other| !all.contains(other)).collect();
            all.extend(new);
            met += 1;
        }
        Ok(all.split_off(1))
    }

    /// The record over all streams that are merged with one, with the place of that one and the
    /// survivor; none where nothing is merged.
    fn joined(&mut self, id: PersonId) -> Result<Option<(Joined, usize, PersonId)>, ReplayError> {
        if !self.known(id)?.person.was_joined() {
            return Ok(None);
        }
        let mut survivor = id;
        loop {
            let person = &self.known(survivor)?.person;
            match person.owner().filter(|_| person.is_absorbed()) {
                Some(owner) => survivor = owner,
                None => break,
            }
        }
        let members = self.one_with(survivor)?;
        if members.len() == 1 {
            return Ok(None);
        }
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
        let one = self.one_with(who)?;
        let record = self.facts(by)?;
        if record.names(who) {
            return Ok(who);
        }
        Ok(one.into_iter().find(|absorbed| record.names(*absorbed)).unwrap_or(who))
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

    /// The record over several streams with what is asked of it. Merges and splits, and what acts on
    /// them, are about each stream by itself.
    pub(super) fn over_all(
        &mut self,
        telling: &Telling,
        record: &Record,
    ) -> Result<Option<(Joined, Record)>, ReplayError> {
        if telling.kind.joins_or_parts() || self.acts_on_join(telling)? {
            return Ok(None);
        }
        let Some((joined, part, survivor)) = self.joined(telling.person)? else { return Ok(None) };
        let mut record = Record { own_id: survivor, ..record.clone() };
        if let Some(target) = record.event.life.target {
            Arc::make_mut(&mut record.event.life).target = joined.place(part, target);
        }
        Ok(Some((joined, record)))
    }

    /// Whether a correction or annulment acts at its root on a merge or split.
    ///
    /// # Errors
    /// [`ReplayError`] when the stream cannot be read.
    pub(super) fn acts_on_join(&mut self, telling: &Telling) -> Result<bool, ReplayError> {
        let Some(target) = telling.life.target.filter(|_| telling.kind.acts_on_another()) else {
            return Ok(false);
        };
        Ok(self.known(telling.person)?.person.acts_on_join(target))
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
        let all = self.memory.one_with(subject)?;
        for absorbed in all.into_iter().skip(1) {
            let known = self.memory.known(absorbed)?;
            let found = match submission.report.target.as_ref() {
                Some(Target::Position(position)) => known.at_position(*position),
                Some(Target::EventId(id)) => {
                    let key = event_key(self.identity, &submission.source.text, id);
                    known.person.recorded_under(key)
                }
                None => None,
            };
            // What an id names may be told aside there, and be the act of another one of them.
            let by_id = matches!(submission.report.target, Some(Target::EventId(_)));
            if found.is_some_and(|at| !by_id || !known.person.is_side_at(at)) {
                return Ok(absorbed);
            }
        }
        Ok(subject)
    }

    /// An annulment that makes two records one again must not make a circle of them.
    ///
    /// # Errors
    /// [`ActError`].
    pub(super) fn refuse_circle(&mut self, tellings: &[Telling]) -> Result<(), ActError> {
        let Some(own) = tellings.first().filter(|own| own.kind == domain::Kind::Annulment) else {
            return Ok(());
        };
        if !self.memory.acts_on_join(own)? {
            return Ok(());
        }
        // Of an erased record nothing more is told; without it there is nobody to be one with.
        let [own, aside] = tellings else { return Err(ActError::Refused(Refusal::PersonErased)) };
        let other = self.memory.known(aside.person)?;
        let is_free = other.person.owner().is_none();
        match is_free && self.memory.behind(own.person)? == aside.person {
            true => Err(ActError::Refused(Refusal::AlreadyMerged)),
            false => Ok(()),
        }
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
        // A split takes a record out of whose it is itself, be that one absorbed too.
        let (survivor, other, target) = match kind {
            domain::Kind::PersonMerge => (subject, self.absorbable(stream, subject)?, None),
            _ => {
                let (survivor, other) = self.separable(stream, subject)?;
                let merge = self.memory.known(survivor)?.person.merge_of(other);
                self.check_undone(submission, survivor, merge)?;
                (survivor, other, merge)
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
        // Another record's number may have named them, which is no document of theirs.
        let is_theirs = stream == other || self.memory.known(stream)?.person.owner() == Some(other);
        let there = LifeEvent {
            document: document_of(named).filter(|_| is_theirs),
            related: vec![Related { role: Role::Survivor, person: survivor }],
            reason: report.reason.clone(),
            approved_by: report.approved_by.clone(),
            ..LifeEvent::default()
        };
        let day = report.occurred_on;
        let own = self.telling(kind, false, survivor, day, life)?;
        let aside = self.telling(kind, true, other, day, there)?;
        Ok(vec![own, Telling { named_at: "/data/absorbed".to_owned(), ..aside }])
    }

    /// Whom a merge absorbs: whoever is behind a record and the claims of their documents, with all
    /// that they absorbed.
    fn absorbable(&mut self, stream: PersonId, subject: PersonId) -> Result<PersonId, ActError> {
        let (mut id, mut is_absorbed) = (stream, false);
        while let Some(owner) = self.memory.known(id)?.person.owner() {
            is_absorbed |= self.memory.known(id)?.person.is_absorbed();
            id = owner;
        }
        self.refuse_erased(id)?;
        match id == subject {
            true if is_absorbed => Err(ActError::Refused(Refusal::AlreadyMerged)),
            true => Err(ActError::Refused(Refusal::SamePerson)),
            false => Ok(id),
        }
    }

    /// Whom a split lets go, and out of whose record: one that was absorbed, or a number that was
    /// claimed. The subject is whoever answers for both.
    fn separable(
        &mut self,
        stream: PersonId,
        subject: PersonId,
    ) -> Result<(PersonId, PersonId), ActError> {
        let mut id = stream;
        while let Some(owner) = self.memory.known(id)?.person.owner() {
            // A number that was claimed for an absorbed record names that one.
            let is_last = self.memory.known(owner)?.person.owner().is_none();
            if self.memory.known(id)?.person.is_absorbed() || is_last {
                let is_theirs = self.memory.behind(owner)? == subject;
                return is_theirs.then_some((owner, id)).ok_or(NOT_MERGED);
            }
            id = owner;
        }
        Err(NOT_MERGED)
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
