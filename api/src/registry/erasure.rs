//! What follows an erasure: the event is the promise, and the key is destroyed after it. Whatever
//! ends the process in between, the next opening destroys every key whose erasure the log tells;
//! so does the opening with an older copy of the keys.
//!
//! The views take the person out before the key goes, since afterwards nothing tells what they
//! held. An erasure does not wait for them for ever: views that are behind find another way.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use domain::{Kind, Position, order};
use replay::{LogReader, ReplayError};
use uuid::Uuid;

use super::commit::{Answer, die};
use super::decide::Decided;
use super::erasure_list::ErasureList;
use super::naming::is_sealed_alone;

/// How long the views may keep a key that is to be destroyed.
const WAIT_FOR_VIEWS: Duration = Duration::from_secs(20);
/// How often it is looked whether the views have passed the erasure.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Erasures that are in the log, and who is told when the keys are gone.
#[derive(Default)]
pub(super) struct Erasing {
    ids: Vec<Uuid>,
    /// What was sent in vain and goes with them.
    rejections: Vec<Position>,
    /// Where they stand, in order.
    positions: Vec<Position>,
    pub(super) answers: Vec<Answer>,
}

impl Erasing {
    /// The erasures of a group that is to be appended.
    pub(super) fn of(events: &[Decided]) -> Self {
        let mut erasing = Self::default();
        for event in events {
            let kind = Kind::from_event_type(event.envelope.event_type);
            if kind.is_some_and(|(kind, _)| kind == Kind::Erased) {
                erasing.ids.push(event.envelope.stream.id);
                let words = event.payload.life();
                erasing.rejections.extend(words.iter().flat_map(|life| order::rejections(life)));
                erasing.positions.push(event.envelope.position);
            }
        }
        erasing
    }
}

/// Destroys keys as erasures come; ends when nobody sends any more, and then keeps the list.
/// `has_passed` tells whether the views have folded a position, or never will.
pub(super) fn run(
    erasures: &Receiver<Erasing>,
    log: &LogReader,
    mut list: ErasureList,
    has_passed: impl Fn(Position) -> bool,
) {
    while let Ok(Erasing { ids, rejections, positions, answers }) = erasures.recv() {
        let position = positions.last().copied().unwrap_or_default();
        let since = Instant::now();
        while !has_passed(position) && since.elapsed() < WAIT_FOR_VIEWS {
            std::thread::sleep(LOOK_EVERY);
        }
        if let Err(error) = destroy(log, ids, &rejections) {
            die(&error);
        }
        positions.into_iter().for_each(|position| list.add(position));
        answers.into_iter().for_each(Answer::send);
    }
    list.save(log.journal().head());
}

/// Destroys the key of everybody whose erasure the log tells, as far as it lives.
///
/// # Errors
/// [`ReplayError`]: with a log or keys that cannot be read nothing is served.
pub(super) fn finish(
    log: &LogReader,
    list: &mut ErasureList,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), ReplayError> {
    list.read_on(&**log.journal(), progress)?;
    let mut destroyed = 0;
    for position in list.positions() {
        let Some(event) = log.event(position)? else { continue };
        let kind = Kind::from_event_type(event.envelope.event_type);
        if kind.is_none_or(|(kind, _)| kind != Kind::Erased) {
            continue;
        }
        let words = event.payload.as_ref().and_then(|payload| payload.life());
        let rejections = words.map(|life| order::rejections(life)).unwrap_or_default();
        destroyed += destroy(log, vec![event.envelope.stream.id], &rejections)?;
    }
    if destroyed > 0 {
        tracing::warn!(keys = destroyed, "keys of erased persons were there still; they are gone");
    }
    Ok(())
}

/// Destroys keys by their slots, and those of rejections by their positions, as far as they are not
/// destroyed. Gives how many it were.
fn destroy(
    log: &LogReader,
    mut slots: Vec<Uuid>,
    rejections: &[Position],
) -> Result<usize, ReplayError> {
    for position in rejections {
        let Some(stored) = log.journal().read_at(*position)? else { continue };
        let (envelope, _) = stored.decode()?;
        let slot = envelope.sealed_for.filter(|_| is_sealed_alone(&envelope));
        slots.extend(slot.map(|slot| slot.id));
    }
    slots.retain(|slot| !log.keys().is_destroyed(*slot));
    for slot in &slots {
        log.keys().destroy(*slot)?;
    }
    Ok(slots.len())
}
