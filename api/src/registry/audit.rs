//! What the audit rules say of the subject's record after an event, for the receipt.
//!
//! The record is the row of the view of people with the event folded into it by the same code, so
//! a receipt says what the archive will show. Who is at hand keeps their row; of others it is read
//! from the view or, where the view is behind their stream, made from the log. Of rules that look
//! at other persons' records nothing is said here.

use std::sync::Arc;
use std::time::Duration;

use domain::clocks::day_in_china;
use domain::recorded::{Envelope, Recorded};
use domain::rules::{RuleBook, RuleSet};
use domain::{Payload, PersonId, Position};
use jiff::civil::Date;
use projections::quality::{audit_alone, changed};
use projections::{Lives, Row};
use replay::LogReader;

use super::acts::Telling;
use super::decide::{Decided, Decider, NotRecorded};
use super::receipt::Flag;

/// How long events that were decided may be on their way to the disk.
const ON_THEIR_WAY: Duration = Duration::from_secs(5);

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
    /// The row that the subject will have after an event that may be recorded, and the rules by
    /// which something is wrong with it: of a record that begins all, of another one those that
    /// read what the event changed. No row where it could not be made; nothing is flagged then.
    pub(super) fn audited(
        &mut self,
        telling: &Telling,
        envelope: Envelope,
    ) -> Result<(Option<Box<Row>>, Vec<Flag>), NotRecorded> {
        let today = day_in_china(envelope.clocks.recorded_at);
        let event = Recorded {
            envelope,
            payload: Some(Payload::Life(Arc::clone(&telling.life))),
            target: None,
        };
        let is_merged = self.memory.known(telling.person)?.person.is_merged();
        if telling.kind.joins_or_parts() || is_merged {
            return Ok((None, self.audited_over_streams(telling, &event)?));
        }
        let Some(mut row) = self.standing(telling.person)? else { return Ok((None, Vec::new())) };
        let before = (row.events > 0).then(|| row.archive.clone());
        let (log, group, place) = (self.memory.log(), &self.group.events[..], self.next);
        let lives = Life { log, group, place, next: &event };
        if let Err(error) = row.fold(telling.person, &[&event], &lives) {
            tracing::error!(error = %replay::chain(&error), "a record could not be judged");
            return Ok((None, Vec::new()));
        }
        let book = self.book.of(today);
        let asked = match before.filter(|before| before.is_registered == row.archive.is_registered)
        {
            Some(before) => book.touching(changed(&before, &row.archive)),
            None => RuleSet::EVERY,
        };
        let findings = audit_alone(book, &row.archive, today, asked);
        let flags = findings.fired.iter().filter_map(|id| book.rule(id)).map(Flag::of_rule);
        Ok((Some(row), flags.collect()))
    }

    /// The row of a person up to the newest event that was decided.
    fn standing(&mut self, person: PersonId) -> Result<Option<Box<Row>>, NotRecorded> {
        let known = self.memory.known(person)?;
        let newest = known.newest();
        let at_hand = known.standing.take();
        if newest == Position(0) {
            return Ok(Some(Box::default()));
        }
        if let Some(row) = at_hand.filter(|row| row.version == newest) {
            return Ok(Some(row));
        }
        let seen = self.views.people.row(person).unwrap_or_else(|error| {
            tracing::error!(error = %replay::chain(&error), "a row could not be read");
            None
        });
        if let Some(row) = seen.filter(|row| row.version == newest) {
            return Ok(Some(Box::new(Arc::unwrap_or_clone(row))));
        }
        let life = decided_life(self.memory.log(), &self.group.events, self.next, person)?;
        let is_whole = life.last().is_some_and(|event| event.envelope.position == newest);
        let mut row = Box::<Row>::default();
        let events: Vec<_> = life.iter().collect();
        let folded = row.fold(person, &events, &Whole(&life));
        Ok(Some(row).filter(|_| is_whole && folded.is_ok()))
    }
}

/// Everything decided of a person's stream: from the log, once it holds the groups before, and
/// from the group at hand.
pub(super) fn decided_life(
    log: &LogReader,
    group: &[Decided],
    next: Position,
    person: PersonId,
) -> Result<Vec<Recorded>, replay::ReplayError> {
    let first = next.0 - group.len() as u64;
    if let Some(before) = first.checked_sub(2) {
        log.journal().wait_beyond(Position(before), ON_THEIR_WAY);
    }
    let mut life = match log.journal().stream_head(person.into())? {
        Some(_) => log.stream(person.into())?,
        None => Vec::new(),
    };
    let of_group = group.iter().filter(|event| event.envelope.stream == person.into());
    life.extend(of_group.map(|event| Recorded {
        envelope: event.envelope.clone(),
        payload: Some(event.payload.clone()),
        target: None,
    }));
    Ok(life)
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A life that was read already.
struct Whole<'a>(&'a [Recorded]);

impl Lives for Whole<'_> {
    fn life(&self, _: PersonId, up_to: Position) -> Result<Vec<Recorded>, Failed> {
        let life = self.0.iter().filter(|event| event.envelope.position <= up_to);
        Ok(life.cloned().collect())
    }
}

/// The life that was decided, and the event that is next.
struct Life<'a> {
    log: &'a LogReader,
    group: &'a [Decided],
    place: Position,
    next: &'a Recorded,
}

impl Lives for Life<'_> {
    fn life(&self, person: PersonId, _: Position) -> Result<Vec<Recorded>, Failed> {
        let mut life = decided_life(self.log, self.group, self.place, person)?;
        life.push(self.next.clone());
        Ok(life)
    }
}
