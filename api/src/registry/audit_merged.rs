//! What the audit rules say, for the receipt, of a record that is told in several streams: of
//! somebody who was merged, or is just being merged or split.
//!
//! Such a row is made from all its streams, before and with the event, since no row at hand holds
//! them all. They are few, so nothing is kept for it.

use std::sync::Arc;

use domain::recorded::{Envelope, Recorded};
use domain::rules::RuleSet;
use domain::{Payload, PersonId};
use projections::Row;
use projections::archive;
use projections::quality::{audit_alone, changed};

use super::acts::Telling;
use super::audit::decided_life;
use super::decide::{Decider, NotRecorded};
use super::receipt::Flag;

impl Decider {
    /// The rules by which something is wrong with the survivor's record after an event: those that
    /// read what the event changed. None of somebody who is told in one stream.
    pub(super) fn flags_over_streams(
        &mut self,
        telling: &Telling,
        envelope: &Envelope,
    ) -> Result<Vec<Flag>, NotRecorded> {
        let is_merged = self.memory.known(telling.person)?.person.is_merged();
        let rejoins = telling.kind.joins_or_parts() || self.memory.acts_on_join(telling)?;
        if !is_merged && !rejoins {
            return Ok(Vec::new());
        }
        let payload = Some(Payload::Life(Arc::clone(&telling.life)));
        let event = Recorded { envelope: envelope.clone(), payload, target: None };
        let survivor = self.memory.behind(telling.person)?;
        let before = self.row_over_streams(survivor, None)?;
        let after = self.row_over_streams(survivor, Some(&event))?;
        let today = domain::clocks::day_in_china(envelope.clocks.recorded_at);
        let book = self.book.of(today);
        let asked = match before.archive.is_registered == after.archive.is_registered {
            true => book.touching(changed(&before.archive, &after.archive)),
            false => RuleSet::EVERY,
        };
        let findings = audit_alone(book, &after.archive, today, asked);
        let flags = findings.fired.iter().filter_map(|id| book.rule(id)).map(Flag::of_rule);
        Ok(flags.collect())
    }

    /// The row of a survivor over everything decided, and one more event.
    fn row_over_streams(
        &mut self,
        survivor: PersonId,
        next: Option<&Recorded>,
    ) -> Result<Row, NotRecorded> {
        let mut whole = self.life_and_next(survivor, next)?;
        let mut absorbed = archive::absorbed(&whole);
        while let Some(one) = absorbed.pop() {
            let life = self.life_and_next(one, next)?;
            absorbed.extend(archive::absorbed(&life));
            whole.extend(life);
        }
        whole.sort_unstable_by_key(|event| event.envelope.position);
        Ok(Row::of(survivor, &whole))
    }

    fn life_and_next(
        &mut self,
        person: PersonId,
        next: Option<&Recorded>,
    ) -> Result<Vec<Recorded>, NotRecorded> {
        self.memory.known(person)?;
        let mut life = decided_life(&self.memory, self.ahead(), person)?;
        let next = next.filter(|event| event.envelope.stream == person.into());
        life.extend(next.cloned());
        Ok(life)
    }
}
