//! From the recorded events of a life to the facts that stand: annulled events are gone, corrected
//! ones carry their corrections, and late ones take the place of the day on which they happened.

use std::borrow::Borrow;
use std::sync::Arc;

use domain::recorded::Recorded;
use domain::{Kind, LifeEvent, Place, Position};
use jiff::Timestamp;
use jiff::civil::Date;

use super::Archive;

/// A standing fact, ready to be applied.
#[derive(Clone, Debug)]
pub struct Fact<'a> {
    /// What happened.
    pub kind: Kind,
    /// Whether it is told here because of somebody else's act.
    pub side: bool,
    /// Where.
    pub place: Place,
    /// The event, with the day as corrected.
    pub told: Told<'a>,
    /// What it says.
    pub life: &'a Arc<LifeEvent>,
    /// Standing corrections of it, oldest first.
    pub corrections: Vec<Correction<'a>>,
}

/// Who told of an event, and when.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Its position.
    pub position: Position,
    /// The day it happened, as corrected.
    pub occurred_on: Date,
    /// When it was recorded, in microseconds since 1970.
    pub recorded_micros: i64,
    /// Code of the department.
    pub department: [u8; 3],
    /// Code of the channel.
    pub channel: [u8; 2],
    /// CloudEvents source.
    pub source: &'a str,
    /// CloudEvents id: the record of the source. Empty where somebody else's act is told.
    pub record: &'a str,
    /// The day on which the first official channel knew.
    pub known_on: Option<Date>,
}

/// A standing correction of a fact.
#[derive(Clone, Debug)]
pub struct Correction<'a> {
    /// The correction; its day is the true day of the fact.
    pub told: Told<'a>,
    /// What it says.
    pub life: &'a Arc<LifeEvent>,
}

/// The facts that stand, in the order in which they are applied: by day, then by position.
///
/// `life` holds every event of one stream in order. `valid_on` leaves out what happened later;
/// `known_at` leaves out what was recorded later.
pub fn facts(
    life: &[Recorded],
    valid_on: Option<Date>,
    known_at: Option<Timestamp>,
) -> Vec<Fact<'_>> {
    let known = known_at.map_or(life.len(), |at| {
        life.partition_point(|event| event.envelope.clocks.recorded_at <= at)
    });
    let life = &life[..known];
    let void = standing(life).map(|stands| !stands).collect::<Vec<_>>();
    let corrections = Changes::of(life, Kind::Correction);
    let mut facts = Vec::with_capacity(life.len());
    for (at, event) in life.iter().enumerate() {
        let Some(mut fact) = fact(event).filter(|fact| !void[at] && !is_change(fact.kind)) else {
            continue;
        };
        for change in corrections.on(event).filter(|at| !void[*at]).map(|at| &life[at]) {
            let Some(life) = change.payload.as_ref().and_then(|payload| payload.life()) else {
                continue;
            };
            fact.told.occurred_on = change.envelope.clocks.occurred_on;
            fact.corrections.push(Correction { told: told(change), life });
        }
        facts.push(fact);
    }
    facts.retain(|fact| valid_on.is_none_or(|day| fact.told.occurred_on <= day));
    facts.sort_by_key(|fact| (fact.told.occurred_on, fact.told.position));
    facts
}

/// For each event of a life in order, whether no standing annulment acts on it.
pub fn standing<E: Borrow<Recorded>>(life: &[E]) -> impl Iterator<Item = bool> + use<E> {
    let mut stands = vec![true; life.len()];
    let annulments = Changes::of(life, Kind::Annulment);
    // An annulment acts on an earlier event only, so from the newest on each is settled in turn.
    for at in (0..life.len()).rev() {
        let mut acting = annulments.on(life[at].borrow());
        stands[at] = !acting.any(|annulment| stands[annulment]);
    }
    stands.into_iter()
}

impl Archive {
    /// The archive of a life, as true on a day and as known at an instant; see [`facts`].
    pub fn of(life: &[Recorded], valid_on: Option<Date>, known_at: Option<Timestamp>) -> Self {
        let mut archive = Self::default();
        for fact in facts(life, valid_on, known_at) {
            archive.take_in(&fact);
        }
        archive.tidy();
        archive
    }
}

/// The fact of an event, without regard to what acts on it; none when it cannot be read any more.
pub(crate) fn fact(event: &Recorded) -> Option<Fact<'_>> {
    let (kind, side) = Kind::from_number(event.envelope.event_type.number)?;
    // Merges and splits say which records are whose, orders who may see them; neither tells of a life.
    if kind.joins_or_parts() || kind.is_order() {
        return None;
    }
    let life = event.payload.as_ref()?.life()?;
    let (told, place) = (told(event), event.envelope.place);
    Some(Fact { kind, side, place, told, life, corrections: Vec::new() })
}

/// Whether the event changes what stands instead of stating something.
pub(crate) fn is_change(kind: Kind) -> bool {
    kind.acts_on_another()
}

/// The corrections or the annulments of a life by what they act on: few, or none.
struct Changes {
    /// What is acted on, and the place of what acts, ordered.
    acting: Vec<(Position, usize)>,
}

impl Changes {
    fn of<E: Borrow<Recorded>>(life: &[E], kind: Kind) -> Self {
        let acts = |event: &Recorded| {
            let number = event.envelope.event_type.number;
            let is_of_kind = || Kind::from_number(number).is_some_and(|(of, _)| of == kind);
            event.envelope.corrects != Position(0) && is_of_kind()
        };
        let acting = life.iter().map(Borrow::borrow).enumerate().filter(|(_, event)| acts(event));
        let mut acting: Vec<_> = acting.map(|(at, event)| (event.envelope.corrects, at)).collect();
        acting.sort_unstable();
        Self { acting }
    }

    /// The places of those that act on an event, oldest first.
    fn on(&self, event: &Recorded) -> impl Iterator<Item = usize> {
        let position = event.envelope.position;
        let first = self.acting.partition_point(|(on, _)| *on < position);
        let acting = self.acting[first..].iter().take_while(move |(on, _)| *on == position);
        acting.map(|(_, at)| *at)
    }
}

fn told(event: &Recorded) -> Told<'_> {
    Told {
        position: event.envelope.position,
        occurred_on: event.envelope.clocks.occurred_on,
        recorded_micros: event.envelope.clocks.recorded_at.as_microsecond(),
        department: event.envelope.department,
        channel: event.envelope.channel,
        source: &event.envelope.source,
        record: event
            .payload
            .as_ref()
            .and_then(|payload| payload.life()?.id.as_deref())
            .unwrap_or_default(),
        known_on: event.envelope.clocks.known_on,
    }
}
