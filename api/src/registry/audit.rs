//! What stands about a person after an event, and what the audit rules say of it: for the receipt,
//! and for the view of people, which takes the row over.
//!
//! The record is the row of the view of people with the event folded into it by the same code, so
//! a receipt says what the archive will show. Who is at hand keeps their row; of others it is read
//! from the view or, where the view is behind their stream, made from the log. Of rules that look
//! at other persons' records nothing is said here.

use std::borrow::Cow;
use std::sync::Arc;

use domain::clocks::day_in_china;
use domain::recorded::{Envelope, Recorded};
use domain::rules::{RuleBook, RuleSet};
use domain::{Kind, Payload, PersonId, Position};
use jiff::civil::Date;
use projections::{Judgement, Lives, Room, Row, Standing};

use super::acts::Telling;
use super::decide::{Decider, NotRecorded};
use super::group::Ahead;
use super::known::Memory;
use super::long_lives::Deciding;
use super::receipt::Flag;

/// Memory in which rows are read, folded and packed, used again for the next one.
#[derive(Default)]
pub(super) struct Rooms {
    read: Room,
    before: Standing,
    after: Row,
}

/// The rules in force on the day that events are recorded on.
pub(super) struct Book {
    day: Date,
    rules: RuleBook,
}

impl Book {
    /// None yet.
    pub(super) fn empty() -> Self {
        Self { day: Date::MIN, rules: RuleBook::in_force(Date::MIN) }
    }

    pub(super) fn of(&mut self, day: Date) -> &RuleBook {
        if self.day != day {
            *self = Self { day, rules: RuleBook::in_force(day) };
        }
        &self.rules
    }
}

impl Decider {
    /// Folds the event of a telling into what stands about the person, and judges it. Gives the
    /// envelope back; no step where none could be made.
    pub(super) fn stepped(
        &mut self,
        telling: &Telling,
        envelope: Envelope,
    ) -> Result<(Envelope, Option<Judgement>), NotRecorded> {
        // A row over several streams is the view's; for the receipt it is made in `audit_merged.rs`.
        let is_merged = self.memory.known(telling.person)?.person.is_merged();
        let is_claim = telling.kind == Kind::DocumentClaimed;
        let rejoins = telling.kind.joins_or_parts() || self.memory.acts_on_join(telling)?;
        if is_merged || is_claim || rejoins {
            return Ok((envelope, None));
        }
        let place = std::mem::take(&mut self.rooms.before);
        let before = match self.standing(telling.person, place) {
            Ok(Some(before)) => before,
            Ok(None) => return Ok((envelope, None)),
            // The subject's event is taken already, and an act is told whole.
            Err(NotRecorded::Log(error)) if telling.side => {
                tracing::error!(error = %replay::chain(&error), "a record could not be judged");
                return Ok((envelope, None));
            }
            Err(error) => return Err(error),
        };
        let today = day_in_china(envelope.clocks.recorded_at);
        let payload = Some(Payload::Life(Arc::clone(&telling.life)));
        let event = Recorded { envelope, payload, target: None };
        let mut row = std::mem::take(&mut self.rooms.after);
        row.clone_from(&before.row);
        let kept = self.memory.take_long_life(telling.person);
        let lives = Deciding::new(&self.memory, self.ahead(), &event, kept);
        let folded = row.fold(telling.person, &[&event], &lives);
        let looked = lives.looked();
        self.memory.keep_long_life(telling.person, looked);
        if let Err(error) = folded {
            tracing::error!(error = %replay::chain(&error), "a record could not be judged");
            return Ok((event.envelope, None));
        }
        let book = self.book.of(today);
        let judgement = before.judge(&row, book, today);
        (self.rooms.before, self.rooms.after) = (before, row);
        Ok((event.envelope, Some(judgement)))
    }

    /// The rules by which something is wrong with a record after an event: of one that begins all,
    /// of another one those that read what the event changed.
    pub(super) fn flags(&self, judgement: &Judgement) -> Vec<Flag> {
        let Judgement { changed, begins, findings, .. } = judgement;
        if findings.fired.is_empty() {
            return Vec::new();
        }
        let book = &self.book.rules;
        let asked = if *begins { RuleSet::EVERY } else { book.touching(*changed) };
        let fired = findings.fired.intersection(asked).iter();
        fired.filter_map(|id| book.rule(id)).map(Flag::of_rule).collect()
    }

    /// What two records tell otherwise when they are merged, by item.
    pub(super) fn contradictions(
        &mut self,
        tellings: &[Telling],
    ) -> Result<Vec<&'static str>, NotRecorded> {
        let mut differing = self.acts().differing(tellings)?;
        if let [own, aside, ..] = tellings
            && own.kind == Kind::PersonMerge
            && let (Some(own), Some(other)) = (
                self.standing(own.person, Standing::default())?,
                self.standing(aside.person, Standing::default())?,
            )
        {
            let items = own.row.archive.contradictions(&other.row.archive);
            differing.extend(items.into_iter().map(domain::Item::name));
        }
        Ok(differing)
    }

    /// Reads what stands about a person, up to the newest event that was decided, into the place of
    /// something else; none where it cannot be had.
    fn standing(
        &mut self,
        person: PersonId,
        mut standing: Standing,
    ) -> Result<Option<Standing>, NotRecorded> {
        let known = self.memory.known(person)?;
        let newest = known.newest();
        if newest == Position(0) {
            return Ok(Some(Standing::default()));
        }
        let at_hand = known.standing.as_ref().filter(|standing| standing.version() == newest);
        let read = match at_hand {
            Some(packed) => packed.unpack(&mut standing).map(|()| true),
            None => standing.read((&self.views.people, &mut self.rooms.read), person, newest),
        };
        let is_read = read.unwrap_or_else(|error| {
            tracing::error!(error = %replay::chain(&error), "a row could not be read");
            false
        });
        if is_read {
            return Ok(Some(standing));
        }
        let life = decided_life(&self.memory, self.ahead(), person)?;
        let is_whole = life.last().is_some_and(|event| event.envelope.position == newest);
        let mut row = Row::default();
        let events: Vec<_> = life.iter().collect();
        let folded = row.fold(person, &events, &Whole(&life));
        let is_made = is_whole && folded.is_ok();
        Ok(is_made.then(|| Standing::unjudged(row)))
    }
}

/// Everything decided of the stream of a person whom the memory was just asked for: from the log,
/// as far as it is there, and what was decided since.
pub(super) fn decided_life(
    memory: &Memory,
    ahead: Ahead<'_>,
    person: PersonId,
) -> Result<Vec<Recorded>, replay::ReplayError> {
    let log = memory.log();
    let mut life = match log.journal().stream_head(person.into())? {
        Some(_) => log.stream(person.into())?,
        None => Vec::new(),
    };
    let newest = life.last().map_or(Position(0), |event| event.envelope.position);
    let places = memory.places(person).iter().filter(|place| **place > newest);
    life.extend(places.filter_map(|place| Some(ahead.at(*place)?.recorded())));
    Ok(life)
}

/// A life that was read already.
struct Whole<'a>(&'a [Recorded]);

impl Lives for Whole<'_> {
    fn life(
        &self,
        _: PersonId,
        up_to: Position,
    ) -> Result<Cow<'_, [Recorded]>, Box<dyn std::error::Error + Send + Sync>> {
        let events = self.0.partition_point(|event| event.envelope.position <= up_to);
        Ok(Cow::Borrowed(&self.0[..events]))
    }
}
