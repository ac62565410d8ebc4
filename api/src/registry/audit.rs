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
use domain::rules::{Findings, RuleBook, RuleSet};
use domain::{Kind, Payload, PersonId, Position};
use jiff::civil::Date;
use projections::{Lives, Row, Standing, Step};

use super::acts::Telling;
use super::decide::{Decider, NotRecorded};
use super::group::Ahead;
use super::known::Memory;
use super::long_lives::Deciding;
use super::receipt::Flag;

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

/// The step over an event that may be recorded, and what the rules find after it.
pub(super) struct Stepped {
    before: Arc<Standing>,
    pub(super) after: Arc<Standing>,
    findings: Findings,
}

impl Stepped {
    /// The step, for the view.
    pub(super) fn step(&self) -> Option<Step> {
        Step::over(Arc::clone(&self.before), Arc::clone(&self.after))
    }
}

impl Decider {
    /// Folds the event of a telling into what stands about the person, and judges it. Gives the
    /// envelope back; no step where none could be made.
    pub(super) fn stepped(
        &mut self,
        telling: &Telling,
        envelope: Envelope,
    ) -> Result<(Envelope, Option<Stepped>), NotRecorded> {
        // A row over several streams is the view's; for the receipt it is made in `audit_merged.rs`.
        let is_merged = self.memory.known(telling.person)?.person.is_merged();
        let is_claim = telling.kind == Kind::DocumentClaimed;
        let rejoins = telling.kind.joins_or_parts() || self.memory.acts_on_join(telling)?;
        if is_merged || is_claim || rejoins {
            return Ok((envelope, None));
        }
        let before = match self.standing(telling.person) {
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
        let mut row = before.row.clone();
        let kept = self.memory.take_long_life(telling.person);
        let lives = Deciding::new(&self.memory, self.ahead(), &event, kept);
        let folded = row.fold(telling.person, &[&event], &lives);
        let looked = lives.looked();
        self.memory.keep_long_life(telling.person, looked);
        if let Err(error) = folded {
            tracing::error!(error = %replay::chain(&error), "a record could not be judged");
            return Ok((event.envelope, None));
        }
        let (after, findings) = Standing::judge(row, &before, self.book.of(today), today);
        let after = Arc::new(after);
        Ok((event.envelope, Some(Stepped { before, after, findings })))
    }

    /// The rules by which something is wrong with a record after an event: of one that begins all,
    /// of another one those that read what the event changed.
    pub(super) fn flags(&self, stepped: &Stepped) -> Vec<Flag> {
        let Stepped { before, after, findings } = stepped;
        let (book, changed) = (&self.book.rules, after.changed);
        let (before, after) = (&before.row, &after.row);
        if findings.fired.is_empty() {
            return Vec::new();
        }
        let begins =
            before.events == 0 || before.archive.is_registered != after.archive.is_registered;
        let asked = match begins {
            true => RuleSet::EVERY,
            false => book.touching(changed),
        };
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
            && let (Some(own), Some(other)) =
                (self.standing(own.person)?, self.standing(aside.person)?)
        {
            let items = own.row.archive.contradictions(&other.row.archive);
            differing.extend(items.into_iter().map(domain::Item::name));
        }
        Ok(differing)
    }

    /// What stands about a person up to the newest event that was decided.
    fn standing(&mut self, person: PersonId) -> Result<Option<Arc<Standing>>, NotRecorded> {
        let known = self.memory.known(person)?;
        let newest = known.newest();
        if newest == Position(0) {
            return Ok(Some(Arc::default()));
        }
        let at_hand = known.standing.as_ref().filter(|standing| standing.row.version == newest);
        if let Some(standing) = at_hand {
            return Ok(Some(Arc::clone(standing)));
        }
        let seen = self.views.people.row(person).unwrap_or_else(|error| {
            tracing::error!(error = %replay::chain(&error), "a row could not be read");
            None
        });
        if let Some(row) = seen.filter(|row| row.version == newest) {
            return Ok(Some(Arc::new(Standing::unjudged(Arc::unwrap_or_clone(row)))));
        }
        let life = decided_life(&self.memory, self.ahead(), person)?;
        let is_whole = life.last().is_some_and(|event| event.envelope.position == newest);
        let mut row = Row::default();
        let events: Vec<_> = life.iter().collect();
        let folded = row.fold(person, &events, &Whole(&life));
        let is_made = is_whole && folded.is_ok();
        Ok(is_made.then(|| Arc::new(Standing::unjudged(row))))
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
