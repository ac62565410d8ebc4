//! A person as the one who decides knows them: which events the stream holds, and the few facts
//! that make another event impossible. `handle` decides, `apply` only remembers.
//!
//! The archive that people read is another fold of the same events, in the views.

mod decide;
mod joined;
mod marriages;
mod packed;
mod refusal;
mod ties;

use std::sync::Arc;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::catalogue::{Kind, SIDE};
use crate::ids::{PersonId, Sequence};
use crate::items::{Item, parse_day};
use crate::life_event::{LifeEvent, Related, Role};
use crate::recorded::{EventKey, HalfKey};

pub use joined::Joined;
pub use refusal::{Doubt, Refusal};

use marriages::Telling;

/// One event of a person's stream, with what the decider needs of its envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonEvent {
    /// Number in the catalogue; see [`Kind::from_number`].
    pub number: u16,
    /// The submission that caused it.
    pub key: EventKey,
    /// The day it happened; for corrections and annulments the true day of their target.
    pub occurred_on: Date,
    /// Code of the department that tells it.
    pub department: [u8; 3],
    /// Code of the channel.
    pub channel: [u8; 2],
    /// What it says.
    pub life: Arc<LifeEvent>,
}

impl PersonEvent {
    /// Its kind, and whether it is a side event.
    pub fn kind(&self) -> (Kind, bool) {
        Kind::from_number(self.number).expect("events are made from kinds of the catalogue")
    }
}

impl DomainEvent for PersonEvent {
    fn event_type(&self) -> String {
        format!("renkou.{}", self.kind().0.code())
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Asks to record an event about a person.
#[derive(Clone, Debug)]
pub struct Record {
    /// The event that is to be recorded.
    pub event: PersonEvent,
    /// Who asks: the operator, or the token's subject.
    pub actor: String,
    /// The day on which the husband or wife on record died, when they did.
    pub spouse_died_on: Option<Date>,
    /// The person's own id, where a role could name them.
    pub own_id: PersonId,
}

/// Every rule that the event would break.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refused: {0:?}")]
pub struct Refused(pub Vec<Refusal>);

/// What the stream of a person holds. Empty for a stream without events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Person {
    memos: Vec<Memo>,
    births: Vec<StatedBirth>,
    /// Husbands and wives, heads of households and whom this person led, and those in whose streams
    /// an event is told too, with the sequence of the event.
    others: Vec<(u32, Related)>,
    /// Who told what is about marriages, guardianships and their ends.
    tellings: Vec<Telling>,
    owner: Option<PersonId>,
    /// For whom the stream's document was claimed.
    claims: Vec<Join>,
    /// Merges and splits, those told aside among them.
    joins: Vec<Join>,
}

/// What is remembered of one event.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Memo {
    key: HalfKey,
    number: u16,
    occurred_on: Date,
    target: Option<u32>,
    is_approved: bool,
}

/// A merge or split, or a claim: who else takes part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Join {
    sequence: u32,
    other: PersonId,
}

/// A birth date that the event at `sequence` states.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct StatedBirth {
    sequence: u32,
    #[serde(with = "crate::days")]
    day: Date,
}

impl Aggregate for Person {
    const TYPE: &'static str = "person";
    type Command = Record;
    type Event = PersonEvent;
    type Error = Refused;
    type Services = ();

    async fn handle(
        &mut self,
        command: Record,
        _services: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refused> {
        self.decide(&command)?;
        sink.write(command.event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: PersonEvent) {
        let sequence = self.memos.len() as u32;
        let (kind, side) = event.kind();
        if kind == Kind::Erased {
            self.forget();
        }
        // The correction of a birth says its day as its own day.
        let target = event.life.target.filter(|target| target.0 < sequence);
        let corrects_birth = target.is_some_and(|target| self.kind(target.0).0 == Kind::Birth);
        let stated = event.life.items.get(Item::BirthDate).filter(|_| !corrects_birth);
        let born = match kind {
            Kind::Birth if !side => Some(event.occurred_on),
            _ => stated.and_then(|day| parse_day(day).ok()),
        };
        self.births.extend(born.map(|day| StatedBirth { sequence, day }));
        let others = event.life.related.iter().filter(|related| is_kept(kind, related.role));
        self.others.extend(others.map(|related| (sequence, *related)));
        self.tellings.extend(Telling::of(&event, sequence));
        self.memos.push(Memo {
            key: event.key.into(),
            number: event.number,
            occurred_on: event.occurred_on,
            target: target.map(|target| target.0),
            is_approved: event.life.approved_by.is_some(),
        });
        self.join(sequence, &event.life.related);
    }
}

impl Person {
    /// How many events the stream holds.
    pub fn events(&self) -> u32 {
        self.memos.len() as u32
    }

    /// Whether the record was erased by lawful order. Nothing is told in the stream after that.
    pub fn is_erased(&self) -> bool {
        self.memos.last().is_some_and(|memo| memo.number % SIDE == Kind::Erased as u16)
    }

    /// Keeps what stands in the clear in the log, and nothing else.
    fn forget(&mut self) {
        let memos = std::mem::take(&mut self.memos);
        let in_clear = |memo: Memo| Memo { target: None, is_approved: false, ..memo };
        *self = Self { memos: memos.into_iter().map(in_clear).collect(), ..Self::default() };
    }

    /// The person to whom this stream's document belongs, when it is another one.
    pub fn owner(&self) -> Option<PersonId> {
        self.owner
    }

    /// The event that was recorded under a key.
    pub fn recorded_under(&self, key: impl Into<HalfKey>) -> Option<Sequence> {
        let key = key.into();
        // What an act makes known besides is told after it under the same key.
        let at = self.memos.iter().position(|memo| memo.key == key && !memo.is_claim())?;
        Some(Sequence(at as u32))
    }

    /// The day of birth as known now.
    pub fn born_on(&self) -> Option<Date> {
        let stands = |sequence: u32| {
            let target = self.memos[sequence as usize].target;
            !self.is_void(sequence) && target.is_none_or(|target| !self.is_void(target))
        };
        let known = self.births.iter().rev().find(|stated| stands(stated.sequence));
        known.map(|stated| match self.kind(stated.sequence) {
            (Kind::Birth, false) => self.day(stated.sequence),
            _ => stated.day,
        })
    }

    /// The day of death as known now; none for somebody who was found again.
    pub fn died_on(&self) -> Option<Date> {
        self.death().map(|death| self.day(death))
    }

    /// The event by which the person is dead, as known now.
    fn death(&self) -> Option<u32> {
        let is_vital = |at: &u32| {
            let (kind, side) = self.kind(*at);
            !side && (kind.is_death() || kind == Kind::Reappear) && !self.is_void(*at)
        };
        let vital = (0..self.events()).filter(is_vital);
        let newest = vital.max_by_key(|at| (self.day(*at), *at))?;
        self.kind(newest).0.is_death().then_some(newest)
    }

    /// By what the person is dead as known now, and since when.
    pub fn died_by(&self) -> Option<(Kind, Date)> {
        self.death().map(|death| (self.kind(death).0, self.day(death)))
    }

    /// The kind of the fact at the root of corrections and annulments, and whether the event at
    /// `sequence` is that fact itself; none beyond the end.
    pub fn root_at(&self, sequence: Sequence) -> Option<(Kind, bool)> {
        self.memos.get(sequence.0 as usize)?;
        let root = self.root(sequence.0);
        Some((self.kind(root).0, root == sequence.0))
    }

    /// In whose streams else the event at `sequence` is told, under the same key: those of the act
    /// at its root, when it is a correction or annulment. None beyond the end.
    pub fn told_to(&self, sequence: Sequence) -> Option<(HalfKey, Vec<PersonId>)> {
        let key = self.memos.get(sequence.0 as usize)?.key;
        let root = self.root(sequence.0);
        let kind = self.kind(root).0;
        let told = self.others.iter().filter(|(at, to)| *at == root && to.role.is_told(kind));
        Some((key, told.map(|(_, to)| to.person).collect()))
    }

    /// The fact at the root of corrections and annulments; a fact is its own.
    fn root(&self, sequence: u32) -> u32 {
        self.memos[sequence as usize].target.map_or(sequence, |target| self.root(target))
    }

    /// The kind of an event of the stream, and whether it is a side event; none beyond the end.
    pub fn kind_at(&self, sequence: Sequence) -> Option<Kind> {
        self.memos.get(sequence.0 as usize).map(|_| self.kind(sequence.0).0)
    }

    /// Whether the event at `sequence` is told because of somebody else's act.
    pub fn is_side_at(&self, sequence: Sequence) -> bool {
        self.memos.get(sequence.0 as usize).is_some_and(|_| self.kind(sequence.0).1)
    }

    /// The day of the event at `sequence`: of the newest standing correction, else its own.
    pub fn day_at(&self, sequence: Sequence) -> Option<Date> {
        self.memos.get(sequence.0 as usize).map(|_| self.day(sequence.0))
    }

    fn kind(&self, sequence: u32) -> (Kind, bool) {
        Kind::from_number(self.memos[sequence as usize].number).expect("checked when made")
    }

    fn day(&self, sequence: u32) -> Date {
        let corrected = self.memos.iter().enumerate().rev().find(|(at, memo)| {
            memo.target == Some(sequence)
                && memo.number % SIDE == Kind::Correction as u16
                && !self.is_void(*at as u32)
        });
        corrected.map_or(self.memos[sequence as usize].occurred_on, |(_, memo)| memo.occurred_on)
    }

    /// Whether a standing annulment acts on the event.
    fn is_void(&self, sequence: u32) -> bool {
        self.memos.iter().enumerate().skip(sequence as usize + 1).any(|(at, memo)| {
            memo.target == Some(sequence)
                && memo.number % SIDE == Kind::Annulment as u16
                && !self.is_void(at as u32)
        })
    }

    /// Whether a second person approved the event.
    fn is_approved(&self, sequence: Sequence) -> bool {
        self.memos[sequence.0 as usize].is_approved
    }

    /// The newest standing event of a kind that is told here as the subject's own.
    fn standing(&self, kind: Kind) -> Option<u32> {
        (0..self.events()).rev().find(|at| self.kind(*at) == (kind, false) && !self.is_void(*at))
    }
}

/// Whether it is remembered who has a role in an act of a kind.
fn is_kept(kind: Kind, role: Role) -> bool {
    match kind {
        // A first load tells of a marriage that the register has not seen, and a widow of one
        // that ended.
        Kind::Registration | Kind::Widow if role == Role::Spouse => true,
        Kind::GuardianSet if matches!(role, Role::Ward | Role::FormerWard) => true,
        _ if kind.tells_what_stands() && role == Role::Ward => true,
        _ => role.is_told(kind) || matches!(role, Role::Head | Role::FormerMember),
    }
}

impl Memo {
    fn is_claim(&self) -> bool {
        self.number == Kind::DocumentClaimed as u16
    }
}
