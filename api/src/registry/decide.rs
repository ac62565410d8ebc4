//! Decides submissions one after the other, in memory: what is recorded, what was recorded before,
//! what is refused. Nothing is true yet when it returns; the group it fills must reach the log.

use std::sync::Arc;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use domain::recorded::{ContentTag, Envelope};
use domain::submission::Submission;
use domain::{
    Doubt, Fault, IdentityKey, Kind, Payload, PersonId, Position, Record, Refusal, Refused,
    Sequence, StreamId, StreamKind,
};
use jiff::Timestamp;
use journal::KeySlots;
use projections::{Judgement, Views};
use replay::{LogReader, ReplayError};
use rustc_hash::FxHashMap;

use super::acts::{ActError, Acts, Telling};
use super::audit::{Book, Rooms};
use super::envelope::Stands;
use super::foreseen::FORESEEN;
use super::group::{Ahead, Deciding, HandedOn};
pub use super::group::{Decided, Group};
use super::known::{Known, Memory};
use super::receipt::{Accepted, Flag, Receipt};
use super::{Prepared, rejections};

/// The deciding thread's state.
pub struct Decider {
    pub(super) identity: IdentityKey,
    pub(super) memory: Memory,
    pub(super) keys: Arc<KeySlots>,
    pub(super) group: Deciding,
    pub(super) handed_on: HandedOn,
    pub(super) next: Position,
    pub(super) unit_next: FxHashMap<StreamId, Sequence>,
    pub(super) views: Arc<Views>,
    pub(super) book: Book,
    pub(super) rooms: Rooms,
    recorded_at: Timestamp,
    /// Persons as they were before the atomic batch at hand.
    undo: Option<Vec<(PersonId, Known)>>,
}

/// Why a submission was not recorded.
pub(super) enum NotRecorded {
    /// It breaks rules.
    Refused(Vec<Fault>),
    /// The log could not be read.
    Log(ReplayError),
    /// It was decided before, and the disk has not taken it yet.
    OnItsWay,
}

impl From<ActError> for NotRecorded {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Refused(refusal) => Self::Refused(vec![refusal.fault()]),
            ActError::Log(error) => Self::Log(error),
        }
    }
}

impl From<ReplayError> for NotRecorded {
    fn from(error: ReplayError) -> Self {
        Self::Log(error)
    }
}

impl Decider {
    /// Decides over the log that `log` reads, with what is remembered of it; what stands about the
    /// others is read in `views`.
    pub fn new(identity: IdentityKey, log: &LogReader, views: Arc<Views>, memory: Memory) -> Self {
        let head = log.journal().head();
        let newest = log.event(head).ok().flatten().map(|event| event.envelope.clocks.recorded_at);
        Self {
            identity,
            keys: Arc::clone(log.keys()),
            memory,
            group: Deciding::default(),
            handed_on: HandedOn::default(),
            next: Position(head.0 + 1),
            unit_next: FxHashMap::default(),
            views,
            book: Book::empty(),
            rooms: Rooms::default(),
            recorded_at: newest.unwrap_or(Timestamp::UNIX_EPOCH),
            undo: None,
        }
    }

    /// The events decided since the last call.
    pub fn take_group(&mut self) -> Group {
        let head = self.memory.log().journal().head();
        self.memory.on_the_way.pass(head);
        let after = self.memory.on_the_way.after();
        self.handed_on.hand_on(self.group.take(), after, head)
    }

    /// What was decided and may not be in the log yet.
    pub(super) fn ahead(&self) -> Ahead<'_> {
        Ahead { handed_on: &self.handed_on, at_hand: &self.group.events }
    }

    /// Decides one job, its submissions in order. In an atomic one, a single refusal leaves
    /// nothing recorded but that refusal.
    pub fn decide(&mut self, job: &mut [Prepared], atomic: bool) -> Vec<Receipt> {
        if !atomic {
            let mut receipts = Vec::with_capacity(job.len());
            for some in job.chunks_mut(FORESEEN) {
                self.foresee(some.iter());
                receipts.extend(some.iter_mut().map(|prepared| self.one(prepared, false)));
            }
            return receipts;
        }
        let (mark, next, units) = (self.group.events.len(), self.next, self.unit_next.clone());
        self.undo = Some(Vec::new());
        let mut receipts: Vec<_> =
            job.iter_mut().map(|prepared| self.one(prepared, true)).collect();
        let undo = self.undo.take().unwrap_or_default();
        let is_refused = |receipt: &Receipt| {
            matches!(receipt, Receipt::Rejected(_) | Receipt::Conflict(_) | Receipt::Failed)
        };
        if receipts.iter().any(is_refused) {
            self.group.events.truncate(mark);
            (self.next, self.unit_next) = (next, units);
            undo.into_iter().rev().for_each(|(id, known)| self.memory.restore(id, known));
            self.withhold(job, &mut receipts);
        }
        receipts
    }

    /// Keeps the refusals of a failed atomic batch; the others are told that they were withheld.
    fn withhold(&mut self, job: &[Prepared], receipts: &mut [Receipt]) {
        for (prepared, receipt) in job.iter().zip(receipts) {
            match receipt {
                Receipt::Rejected(faults) => self.keep_rejection(prepared, faults, false),
                Receipt::Conflict(_) => self.keep_rejection(prepared, &[], true),
                Receipt::Recorded(_) => *receipt = Receipt::Withheld,
                Receipt::Duplicate(_) | Receipt::Withheld | Receipt::Failed => {}
            }
        }
    }

    fn one(&mut self, prepared: &mut Prepared, atomic: bool) -> Receipt {
        let decided = match prepared {
            Prepared::Unfit(unfit) => Err(NotRecorded::Refused(unfit.faults.clone())),
            Prepared::Ready(submission) if submission.kind == Kind::HouseholdVisit => {
                self.visit(submission)
            }
            Prepared::Ready(submission) => self.act(submission),
        };
        match decided {
            Ok(receipt) => {
                if matches!(receipt, Receipt::Conflict(_)) && !atomic {
                    self.keep_rejection(prepared, &[], true);
                }
                receipt
            }
            Err(NotRecorded::Log(error)) => {
                tracing::error!(error = %replay::chain(&error), "a submission was not decided");
                Receipt::Failed
            }
            Err(NotRecorded::OnItsWay) => {
                tracing::error!("the disk does not take what was decided long ago");
                Receipt::Failed
            }
            Err(NotRecorded::Refused(faults)) => {
                if !atomic {
                    self.keep_rejection(prepared, &faults, false);
                }
                Receipt::Rejected(faults)
            }
        }
    }

    fn act(&mut self, submission: &mut Submission) -> Result<Receipt, NotRecorded> {
        let Some(named) = &submission.report.person else {
            return Err(NotRecorded::Refused(vec![Refusal::PersonUnknown.fault()]));
        };
        let subject = self.acts().resolve(named, submission.key, format_args!(""))?;
        if let Some(receipt) = self.recorded_before(submission, subject)? {
            return Ok(receipt);
        }
        let tellings = self.acts().tellings(submission, subject)?;
        self.record(submission, tellings).map(Receipt::Recorded)
    }

    /// The receipt of a submission that the stream of `subject`, or lately another, holds.
    pub(super) fn recorded_before(
        &mut self,
        submission: &Submission,
        subject: PersonId,
    ) -> Result<Option<Receipt>, NotRecorded> {
        let lately = self.memory.recent().find(submission.key).filter(|id| *id != subject);
        // Before a merge or split it may have been told in the stream of another one.
        let joined = self.memory.ever_one_with(subject)?;
        for person in std::iter::once(subject).chain(lately).chain(joined) {
            let known = self.memory.known(person)?;
            let Some(at) = known.person.recorded_under(submission.key) else { continue };
            let position = known.place(at);
            let (content, accepted) = self.accepted_at(person, position)?;
            return Ok(Some(match content == submission.content {
                true => Receipt::Duplicate(accepted),
                false => Receipt::Conflict(accepted),
            }));
        }
        Ok(None)
    }

    /// What was submitted for the event at a position, and the receipt that was given: given again
    /// it is the same. The event may be of the group at hand, or on its way to the disk.
    fn accepted_at(
        &mut self,
        person_id: PersonId,
        position: Position,
    ) -> Result<(ContentTag, Accepted), NotRecorded> {
        let told = match self.ahead().at(position) {
            Some(event) => Some((event.envelope.clone(), Some(event.payload.clone()))),
            None => {
                let event = self.memory.log().event(position)?;
                event.map(|event| (event.envelope, event.payload))
            }
        };
        let (envelope, payload) = told.ok_or(NotRecorded::OnItsWay)?;
        let life = payload.as_ref().and_then(|payload| payload.life());
        let doubts = life.into_iter().flat_map(|life| &life.doubts);
        let recorded_at = envelope.clocks.recorded_at;
        let flags = doubts.filter_map(|stored| Flag::read(stored, recorded_at)).collect();
        let observations = Vec::new();
        let person_id = self.memory.behind(person_id)?;
        let proof = None;
        let accepted = Accepted { person_id, position, recorded_at, flags, observations, proof };
        Ok((envelope.content, accepted))
    }

    /// Records tellings of one submission, all or none: the first is the subject's.
    pub(super) fn record(
        &mut self,
        submission: &Submission,
        mut tellings: Vec<Telling>,
    ) -> Result<Accepted, NotRecorded> {
        let (claim, is_anothers) = self.acts().claim(&tellings)?;
        tellings.extend(claim);
        let actor = submission.report.operator.as_ref().unwrap_or(&submission.actor);
        let mut records: Vec<Record> =
            tellings.iter().map(|telling| telling.record(submission, actor)).collect();
        let mut faults = Vec::new();
        let mut over_several = false;
        for (telling, record) in tellings.iter().zip(&records) {
            match self.memory.judge(telling, record)? {
                Ok(several) => over_several |= several,
                Err(Refused(broken)) => {
                    faults.extend(broken.into_iter().map(|refusal| telling.fault(refusal)));
                }
            }
        }
        if !faults.is_empty() {
            faults.dedup();
            return Err(NotRecorded::Refused(faults));
        }
        let known_on = submission.report.known_on;
        let mut doubts = self.memory.doubts(&tellings[0], &records[0], known_on)?;
        doubts.extend(is_anothers.then_some(Doubt::NumberOfAnother));
        let differing = self.contradictions(&tellings)?;
        let differing = (!differing.is_empty()).then_some((Doubt::MergedFactsDiffer, differing));
        let odd = submission.doubts().into_iter().chain(differing);
        let mut flags: Vec<Flag> = doubts
            .into_iter()
            .map(|doubt| Flag::new(doubt, &[]))
            .chain(odd.map(|(doubt, names)| Flag::new(doubt, &names)))
            .collect();
        let recorded_at = self.recorded_at(submission.received_at);
        let stands = Stands { position: self.next, causation: Position(0), recorded_at };
        let subject = self.memory.known(tellings[0].person)?;
        let envelope = tellings[0].envelope(submission, actor, subject, stands);
        let (envelope, judgement) = self.stepped(&tellings[0], envelope)?;
        let found = match &judgement {
            Some(judgement) => self.flags(judgement),
            None => self.flags_over_streams(&tellings[0], &envelope)?,
        };
        for flag in found {
            if flags.iter().all(|known| known.rule != flag.rule) {
                flags.push(flag);
            }
        }
        if !flags.is_empty() {
            doubt(&mut tellings[0], &mut records[0], &flags);
        }
        self.issue_keys(&tellings)?;
        let (position, person_id) = (self.next, tellings[0].person);
        // Of several tellings one may be about somebody whom another was taken of meanwhile. Where
        // streams are merged, this one alone may say otherwise than all.
        let is_decided = over_several || tellings.len() == 1;
        let mut first = Some((envelope, judgement));
        for (telling, record) in tellings.into_iter().zip(records) {
            let causation = if telling.side { position } else { Position(0) };
            let (envelope, judgement) = match first.take() {
                Some(first) => first,
                None => {
                    let stands = Stands { position: self.next, causation, recorded_at };
                    let known = self.memory.known(telling.person)?;
                    let envelope = telling.envelope(submission, &record.actor, known, stands);
                    self.stepped(&telling, envelope)?
                }
            };
            self.take(&telling, record, envelope, judgement, is_decided)?;
        }
        self.memory.recent().remember(submission.key, person_id);
        let person_id = self.memory.behind(person_id)?;
        let observations = Vec::new();
        Ok(Accepted { person_id, position, recorded_at, flags, observations, proof: None })
    }

    /// Sees to it that every person of an act has a key before anything of the act is taken: one
    /// that cannot be had must not leave half of it.
    fn issue_keys(&mut self, tellings: &[Telling]) -> Result<(), NotRecorded> {
        for telling in tellings {
            let known = self.memory.known(telling.person)?;
            if known.key.is_none() {
                known.key = Some(self.group.issue(&self.keys, telling.person.as_uuid())?);
            }
        }
        Ok(())
    }

    /// Gives the event to the aggregate and to the group.
    fn take(
        &mut self,
        telling: &Telling,
        record: Record,
        envelope: Envelope,
        judgement: Option<Judgement>,
        is_decided: bool,
    ) -> Result<(), NotRecorded> {
        let known = self.memory.known(telling.person)?;
        if let Some(undo) = &mut self.undo {
            undo.push((telling.person, known.clone()));
        }
        let key = known.key.clone().expect("issued before the first telling is taken");
        if is_decided {
            known.person.apply(record.event);
        } else {
            let sink = EventSink::default();
            let handled = pollster::block_on(known.person.handle(record, &(), &sink));
            handled.map_err(|Refused(broken)| {
                NotRecorded::Refused(broken.into_iter().map(|r| telling.fault(r)).collect())
            })?;
        }
        known.placed(self.next);
        let (standing, step) = match judgement {
            Some(judgement) => (Some(judgement.after), judgement.step),
            None => (None, None),
        };
        known.standing = standing;
        let payload = Payload::Life(Arc::clone(&telling.life));
        self.push(Decided { envelope, payload, key, step });
        Ok(())
    }

    pub(super) fn push(&mut self, decided: Decided) {
        let stream = decided.envelope.stream;
        if stream.kind == StreamKind::Person {
            self.memory.on_the_way.add(self.next, PersonId::from_uuid(stream.id));
        }
        self.next = Position(self.next.0 + 1);
        self.group.events.push(decided);
    }

    /// The instant of recording: never before that of the event before, even when a clock is set
    /// back, since what was known at an instant is cut off by it. Whole microseconds, as stored.
    pub(super) fn recorded_at(&mut self, received_at: Timestamp) -> Timestamp {
        let whole = Timestamp::from_microsecond(received_at.as_microsecond());
        self.recorded_at = self.recorded_at.max(whole.unwrap_or(received_at));
        self.recorded_at
    }

    pub(super) fn acts(&mut self) -> Acts<'_> {
        Acts { identity: &self.identity, memory: &mut self.memory }
    }

    fn keep_rejection(&mut self, prepared: &Prepared, faults: &[Fault], conflict: bool) {
        let rejection = rejections::of(prepared, faults, conflict);
        if let Err(error) = self.reject(rejection) {
            tracing::error!(error = %replay::chain(&error), "a rejection could not be kept");
        }
    }
}

/// Keeps flags with what is told, in the record of it too.
fn doubt(telling: &mut Telling, record: &mut Record, flags: &[Flag]) {
    // Held by one alone, it is changed where it is.
    drop(std::mem::take(&mut record.event.life));
    Arc::make_mut(&mut telling.life).doubts = flags.iter().map(Flag::stored).collect();
    record.event.life = Arc::clone(&telling.life);
}
