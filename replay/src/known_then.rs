//! Figures as they were known at an instant: the envelopes folded again up to it. Nothing is
//! opened for that.

use std::sync::Arc;

use domain::Position;
use jiff::Timestamp;
use projections::deadlines::Deadlines;
use projections::timeliness::Timeliness;

use crate::log_reader::{LogReader, ReplayError};

/// Envelopes read at once.
const BATCH_EVENTS: usize = 20_000;

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
