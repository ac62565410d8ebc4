//! Oversight over readers: broken glass, alarms, approvals. All of it stands in one stream of the
//! log of reads, which is walked back at the start; what is kept in memory is made of it alone.

mod counts;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::clocks::day_in_china;
use domain::life_event::{
    AlarmRaised, GlassBroken, GlassReviewed, Oversight as Act, ReadingApproved,
};
use domain::recorded::Recorded;
use domain::{Payload, PersonId, Place, Position, StreamId, StreamKind};
use jiff::{SignedDuration, Timestamp};
use replay::{LogReader, ReplayError};
use rustc_hash::FxHashSet;
use uuid::Uuid;

use crate::access::{Grant, ReadingLimits, WINDOW_DAYS};
use counts::{Counted, Counts};

/// The stream of the log of reads that holds all acts of oversight. Ids of persons are of another
/// version.
pub const OVERSIGHT: Uuid = Uuid::from_u128(1);
/// Within so many hours a second person must have looked into broken glass.
pub const REVIEW_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// Broken glass, and what became of it.
#[derive(Clone, Debug)]
pub struct Glass {
    /// Its id: the position in the log of reads.
    pub id: Position,
    /// Who has it.
    pub holder: String,
    /// Code of their department; zeros where of none.
    pub department: [u8; 3],
    /// The division of their grant.
    pub place: Place,
    /// Since when.
    pub broken_at: Timestamp,
    /// What they said; none when the person was erased since.
    pub said: Option<Arc<GlassBroken>>,
    /// Who looked into it, when, and what they found; the newest counts.
    pub review: Option<(String, Timestamp, Option<Arc<GlassReviewed>>)>,
}

/// An alarm that was raised.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// Position in the log of reads.
    pub position: Position,
    /// Who was told of many.
    pub holder: String,
    /// The division of their grant.
    pub place: Place,
    /// When.
    pub raised_at: Timestamp,
    /// Of how many.
    pub said: Arc<AlarmRaised>,
}

/// A second person's word that somebody may be told of more.
#[derive(Clone, Debug)]
pub struct Approval {
    /// Position in the log of reads.
    pub position: Position,
    /// Who gave it.
    pub approver: String,
    /// When.
    pub approved_at: Timestamp,
    /// For whom, of how many, until when.
    pub said: Arc<ReadingApproved>,
}

/// The holder was told of as many persons as they may without a second person's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApprovalRequired {
    /// So many.
    pub ceiling: u32,
}

#[derive(Default)]
struct Known {
    glasses: Vec<Glass>,
    alarms: Vec<Alarm>,
    approvals: Vec<Approval>,
}

/// What is known of readers.
pub struct Oversight {
    limits: ReadingLimits,
    counts: Counts,
    known: RwLock<Known>,
    /// Alarms that are on their way to the log, so that reads at the same time raise one.
    raising: Mutex<FxHashSet<(String, u32)>>,
    /// When the last broken glass is whole again, in seconds: nearly always nobody needs to look.
    broken_until: AtomicI64,
}

impl Glass {
    /// Whether it is open at an instant.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.said.as_ref().is_some_and(|said| now < said.until)
    }

    /// Whether nobody looked into it in time.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.review.is_none() && now.duration_since(self.broken_at) > REVIEW_WITHIN
    }
}

impl Oversight {
    /// Reads back what stands in the log of reads.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn open(
        log: &LogReader,
        limits: ReadingLimits,
        now: Timestamp,
    ) -> Result<Self, ReplayError> {
        let (counts, broken_until) = (Counts::default(), AtomicI64::new(i64::MIN));
        let (known, raising) = (RwLock::default(), Mutex::default());
        let oversight = Self { limits, counts, known, raising, broken_until };
        let stream = StreamId { kind: StreamKind::Reads, id: OVERSIGHT };
        for act in log.stream(stream)? {
            oversight.learn(&act);
        }
        let today = day_in_china(now);
        let since = now - SignedDuration::from_hours(24 * (i64::from(WINDOW_DAYS) + 1));
        let from = replay::reads::first_since(log, since)?;
        oversight.counts.fill(&**log.journal(), from, today)?;
        Ok(oversight)
    }

    /// Takes in an act that is on record.
    pub fn learn(&self, act: &Recorded) {
        let envelope = &act.envelope;
        let (position, at) = (envelope.position, envelope.clocks.recorded_at);
        let actor = || envelope.actor.clone();
        let mut known = self.write();
        let Some((kind, _)) = domain::Kind::from_number(envelope.event_type.number) else { return };
        match &act.payload {
            Some(Payload::Oversight(Act::GlassBroken(said))) => {
                self.broken_until.fetch_max(said.until.as_second() + 1, Ordering::AcqRel);
                known.break_glass(act, Some(Arc::clone(said)));
            }
            None if kind == domain::Kind::GlassBroken => known.break_glass(act, None),
            Some(Payload::Oversight(Act::GlassReviewed(said))) => {
                let glass = known.glasses.iter_mut().find(|glass| glass.id == said.glass);
                if let Some(glass) = glass {
                    glass.review = Some((actor(), at, Some(Arc::clone(said))));
                }
            }
            // What was found is of the person too; the envelope says of which glass.
            None if kind == domain::Kind::GlassReviewed => {
                let of = envelope.causation;
                if let Some(glass) = known.glasses.iter_mut().find(|glass| glass.id == of) {
                    glass.review = Some((actor(), at, None));
                }
            }
            Some(Payload::Oversight(Act::AlarmRaised(said))) => {
                let (said, holder, place) = (Arc::clone(said), actor(), envelope.place);
                self.raising().remove(&(holder.clone(), said.threshold));
                known.alarms.push(Alarm { position, holder, place, raised_at: at, said });
            }
            Some(Payload::Oversight(Act::ReadingApproved(said))) => {
                let (approver, said) = (actor(), Arc::clone(said));
                known.approvals.push(Approval { position, approver, approved_at: at, said });
            }
            _ => {}
        }
    }

    /// The broken glass through which a holder sees a person now, the newest of several.
    pub fn glass(&self, holder: &str, person: PersonId, now: Timestamp) -> Option<Position> {
        if now.as_second() > self.broken_until.load(Ordering::Acquire) {
            return None;
        }
        let known = self.read();
        let theirs = known.glasses.iter().rev().filter(|glass| glass.holder == holder);
        let of = |glass: &&Glass| glass.said.as_ref().is_some_and(|said| said.person == person);
        theirs.filter(of).find(|glass| glass.is_open(now)).map(|glass| glass.id)
    }

    /// Every broken glass, the oldest first.
    pub fn glasses(&self) -> Vec<Glass> {
        self.read().glasses.clone()
    }

    /// Every alarm, the oldest first.
    pub fn alarms(&self) -> Vec<Alarm> {
        self.read().alarms.clone()
    }

    /// Every approval, the oldest first.
    pub fn approvals(&self) -> Vec<Approval> {
        self.read().approvals.clone()
    }

    /// How many glasses are broken, not looked into, and not looked into in time.
    pub fn tally(&self, now: Timestamp) -> [u64; 3] {
        let known = self.read();
        let count = |is: &dyn Fn(&Glass) -> bool| {
            known.glasses.iter().filter(|glass| is(glass)).count() as u64
        };
        [
            count(&|glass| glass.is_open(now)),
            count(&|glass| glass.review.is_none()),
            count(&|glass| glass.is_overdue(now)),
        ]
    }

    /// Counts the persons of an answer before it leaves; gives the alarms that are to be raised.
    ///
    /// # Errors
    /// [`ApprovalRequired`]: nothing may be told then.
    pub fn admit(
        &self,
        grant: &Grant,
        persons: impl Iterator<Item = PersonId> + Clone,
        now: Timestamp,
    ) -> Result<Vec<Act>, ApprovalRequired> {
        let limit = self.limits.of(grant.role).filter(|limit| limit.ceiling.is_some());
        let Some(limit) = limit else {
            self.counts.forget(&grant.subject);
            return Ok(Vec::new());
        };
        let mut persons = persons.peekable();
        if persons.peek().is_none() {
            return Ok(Vec::new());
        }
        let today = day_in_china(now);
        let own = limit.ceiling.unwrap_or(u32::MAX);
        let told = match self.counts.count(&grant.subject, persons.clone(), Some(own), today) {
            Counted::Told(told) => told,
            Counted::Beyond => {
                let ceiling = self.approved(&grant.subject, now).max(own);
                match self.counts.count(&grant.subject, persons, Some(ceiling), today) {
                    Counted::Told(told) => told,
                    Counted::Beyond => return Err(ApprovalRequired { ceiling }),
                }
            }
        };
        if told < limit.alarms[0] {
            return Ok(Vec::new());
        }
        let role = grant.role.name();
        let due = counts::alarms(&limit, told);
        let new = due.filter(|threshold| {
            self.is_new_alarm(&grant.subject, *threshold, now)
                && self.raising().insert((grant.subject.clone(), *threshold))
        });
        let raised = new.map(|threshold| {
            let (role, persons, later) = (role.to_owned(), told, serde_json::Map::new());
            Act::AlarmRaised(Arc::new(AlarmRaised { role, persons, threshold, later }))
        });
        Ok(raised.collect())
    }

    /// To be called when alarms of a holder did not get to the log: the next read raises them again.
    pub fn forget_raising(&self, holder: &str) {
        self.raising().retain(|(raised, _)| raised != holder);
    }

    /// Of how many persons a holder may be told by a second person's word.
    fn approved(&self, holder: &str, now: Timestamp) -> u32 {
        let known = self.read();
        let theirs = known
            .approvals
            .iter()
            .filter(|approval| approval.said.holder == holder && now < approval.said.until);
        theirs.map(|approval| approval.said.up_to).max().unwrap_or(0)
    }

    /// Whether no such alarm was raised of the holder within the days that are looked at.
    fn is_new_alarm(&self, holder: &str, threshold: u32, now: Timestamp) -> bool {
        let since = now - SignedDuration::from_hours(24 * i64::from(WINDOW_DAYS));
        let known = self.read();
        let mut late = known.alarms.iter().rev().take_while(|alarm| alarm.raised_at > since);
        !late.any(|alarm| alarm.holder == holder && alarm.said.threshold == threshold)
    }

    fn raising(&self) -> MutexGuard<'_, FxHashSet<(String, u32)>> {
        self.raising.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn break_glass(&mut self, act: &Recorded, said: Option<Arc<GlassBroken>>) {
        let envelope = &act.envelope;
        self.glasses.push(Glass {
            id: envelope.position,
            holder: envelope.actor.clone(),
            department: envelope.department,
            place: envelope.place,
            broken_at: envelope.clocks.recorded_at,
            said,
            review: None,
        });
    }
}
