//! What follows an erasure: the event is the promise, and the key is destroyed after it. Whatever
//! ends the process in between, the next opening destroys every key whose erasure the log tells;
//! so does the opening with an older copy of the keys.
//!
//! The views take the person out before the key goes, since afterwards nothing tells what they
//! held. An erasure does not wait for them for ever: views that are behind find another way.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use domain::{Kind, Position};
use journal::contract::ReadError;
use journal::{Journal, KeySlots, record};
use replay::ReplayError;
use uuid::Uuid;

use super::commit::{Answer, die};
use super::decide::Decided;

/// How long the views may keep a key that is to be destroyed.
const WAIT_FOR_VIEWS: Duration = Duration::from_secs(20);
/// How often it is looked whether the views have passed the erasure.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Records looked at together when the log is opened.
const RUN_RECORDS: usize = 10_000;

/// Erasures that are in the log, and who is told when the keys are gone.
#[derive(Default)]
pub(super) struct Erasing {
    ids: Vec<Uuid>,
    /// Of the newest of them.
    position: Position,
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
                erasing.position = event.envelope.position;
            }
        }
        erasing
    }
}

/// Destroys keys as erasures come; ends when nobody sends any more. `has_passed` tells whether the
/// views have folded a position, or never will.
pub(super) fn run(
    erasures: &Receiver<Erasing>,
    keys: &KeySlots,
    has_passed: impl Fn(Position) -> bool,
) {
    while let Ok(Erasing { ids, position, answers }) = erasures.recv() {
        let since = Instant::now();
        while !has_passed(position) && since.elapsed() < WAIT_FOR_VIEWS {
            std::thread::sleep(LOOK_EVERY);
        }
        for id in ids {
            if let Err(error) = keys.destroy(id) {
                die(&error);
            }
        }
        answers.into_iter().for_each(Answer::send);
    }
}

/// Destroys the key of everybody whose erasure the log tells, as far as it lives. Gives how many
/// there were.
///
/// # Errors
/// [`ReplayError`]: with a log or keys that cannot be read nothing is served.
pub(super) fn finish(journal: &dyn Journal, keys: &KeySlots) -> Result<usize, ReplayError> {
    let mut destroyed = 0;
    for id in erased(journal)? {
        if !keys.is_destroyed(id) {
            keys.destroy(id)?;
            destroyed += 1;
        }
    }
    if destroyed > 0 {
        tracing::warn!(
            keys = destroyed,
            "keys of erased persons were still there; they are destroyed"
        );
    }
    Ok(destroyed)
}

/// Everybody whose erasure the log tells.
fn erased(journal: &dyn Journal) -> Result<Vec<Uuid>, ReadError> {
    let mut erased = Vec::new();
    let (mut next, head) = (Position(1), journal.head());
    while next <= head {
        let (mut last, mut failed) = (next, None);
        journal.show_all(next, RUN_RECORDS, &mut |position, bytes| {
            last = position;
            match of_erased(bytes) {
                Ok(id) => erased.extend(id),
                Err(source) => {
                    failed =
                        failed.take().or(Some(ReadError::Record { position: position.0, source }));
                }
            }
        })?;
        failed.map_or(Ok(()), Err)?;
        next = Position(last.0 + 1);
    }
    Ok(erased)
}

fn of_erased(bytes: &[u8]) -> Result<Option<Uuid>, record::RecordError> {
    let event_type = record::event_type(bytes)?;
    let kind = Kind::from_number(event_type.number);
    let is_erasure = kind.is_some_and(|(kind, _)| kind == Kind::Erased);
    Ok(is_erasure.then(|| record::standing(bytes)).transpose()?.map(|at| at.stream.id))
}
