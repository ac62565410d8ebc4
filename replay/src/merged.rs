//! The life of somebody who was merged: the events of all their streams in the order of the log.

use domain::recorded::Recorded;
use domain::{PersonId, Position};
use jiff::Timestamp;
use projections::archive;

use crate::log_reader::{LogReader, ReplayError};

/// How much of the log is looked at.
#[derive(Clone, Copy)]
pub(crate) enum Cut {
    /// All of it.
    None,
    /// Up to a position.
    Position(Position),
    /// What was recorded up to an instant.
    Instant(Timestamp),
}

impl Cut {
    fn holds(self, event: &Recorded) -> bool {
        match self {
            Self::None => true,
            Self::Position(last) => event.envelope.position <= last,
            Self::Instant(last) => event.envelope.clocks.recorded_at <= last,
        }
    }
}

/// The events of one stream up to a cut.
pub(crate) fn stream(
    log: &LogReader,
    person: PersonId,
    cut: Cut,
) -> Result<Vec<Recorded>, ReplayError> {
    let mut life = log.stream(person.into())?;
    life.retain(|event| cut.holds(event));
    Ok(life)
}

/// Adds to the events of a stream those of the streams that are absorbed into it at the cut, and
/// into these.
pub(crate) fn with_absorbed(
    log: &LogReader,
    mut life: Vec<Recorded>,
    cut: Cut,
) -> Result<Vec<Recorded>, ReplayError> {
    let mut next = archive::absorbed(&life);
    if next.is_empty() {
        return Ok(life);
    }
    // Nobody belongs to two, so nobody is met twice.
    while let Some(person) = next.pop() {
        let theirs = stream(log, person, cut)?;
        next.extend(archive::absorbed(&theirs));
        life.extend(theirs);
    }
    life.sort_unstable_by_key(|event| event.envelope.position);
    Ok(life)
}
