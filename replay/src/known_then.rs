//! Figures as they were known at an instant: the log folded again up to it. For timeliness nothing
//! is opened; the measures of quality need every record as it stood.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;

use domain::Position;
use domain::clocks::day_in_china;
use jiff::Timestamp;
use jiff::civil::Date;
use projections::deadlines::Deadlines;
use projections::quality::MonthEnd;
use projections::timeliness::Timeliness;
use projections::{RowSeals, Views};

use crate::log_reader::{LogReader, ReplayError, Seals};

/// Envelopes read at once.
const BATCH_EVENTS: usize = 20_000;
/// Events opened at once.
const OPENED_EVENTS: usize = 4_000;
/// Changed rows that are kept in memory.
const ROWS_MAX: usize = 200_000;

/// The timeliness cube over what was recorded up to `known_at`, and the newest position in it.
///
/// # Errors
/// [`ReplayError`].
pub fn timeliness(
    log: &LogReader,
    deadlines: Arc<Deadlines>,
    known_at: Timestamp,
) -> Result<(Timeliness, Position), ReplayError> {
    let mut cube = Timeliness::new(deadlines);
    let mut last = Position(0);
    loop {
        let events = log.envelopes(Position(last.0 + 1), BATCH_EVENTS)?;
        let known = events.partition_point(|event| event.envelope.clocks.recorded_at <= known_at);
        for event in &events[..known] {
            cube.apply(&event.envelope, event.target.as_deref());
            last = event.envelope.position;
        }
        if known < events.len() || events.is_empty() {
            return Ok((cube, last));
        }
    }
}

/// The measures of quality as they were known at an instant, judged on its day.
pub struct Quality {
    /// The instant.
    pub known_at: Timestamp,
    /// The measures.
    pub then: MonthEnd,
}

/// The last instant of a day on the calendar of China: what was recorded by then was known on it.
pub fn end_of(day: Date) -> Option<Timestamp> {
    let midnight = day.tomorrow().ok()?.at(0, 0, 0, 0);
    let end = jiff::tz::offset(8).to_timestamp(midnight).ok()?;
    Timestamp::from_microsecond(end.as_microsecond() - 1).ok()
}

/// The measures of quality at each of some instants, which come in order: every record is folded
/// again, in one pass for all of them, in an empty `folder` of which nothing is of use afterwards.
///
/// # Errors
/// [`ReplayError`].
pub fn quality(
    log: &LogReader,
    folder: &Path,
    instants: &[Timestamp],
) -> Result<Vec<Quality>, ReplayError> {
    // Nobody looks a name up in these views, so their secret may be any.
    let secret = RandomState::new();
    let words: [u8; 32] = std::array::from_fn(|at| secret.hash_one(at) as u8);
    let seals: Arc<dyn RowSeals> = Arc::new(Seals::new(Arc::clone(log.keys()), words));
    let views = Views::open_as_it_is(folder, &seals, &Arc::new(Deadlines::embedded()))?;
    let people = &views.people;
    let mut told = Vec::with_capacity(instants.len());
    while told.len() < instants.len() {
        let events = log.events(Position(people.folded().0 + 1), OPENED_EVENTS)?;
        let mut rest = &events[..];
        while let Some(known_at) = instants.get(told.len()) {
            let known = rest.partition_point(|e| e.envelope.clocks.recorded_at <= *known_at);
            people.fold(&rest[..known], &[], log)?;
            rest = &rest[known..];
            if rest.is_empty() && !events.is_empty() {
                break;
            }
            people.go_on_to(day_in_china(*known_at))?;
            people.look_across(|| true)?;
            let (measures, across) = (people.measures().as_they_are(), people.across());
            let then = MonthEnd { measures, across: across.cells().clone() };
            told.push(Quality { known_at: *known_at, then });
        }
        if people.pending() > ROWS_MAX {
            views.flush()?;
        }
    }
    Ok(told)
}
