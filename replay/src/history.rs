//! A person's life event by event, and the archive as of any day and any instant.

use std::collections::HashMap;

use domain::recorded::Recorded;
use domain::{Item, PersonId, Position};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::Archive;
use projections::archive;

use crate::log_reader::{LogReader, ReplayError};

/// One event of a life, and what it changed when it was recorded.
pub struct Entry {
    /// The event.
    pub event: Recorded,
    /// Items that stand otherwise since it was recorded, with the values before and after.
    pub changes: Vec<Change>,
    /// The events that correct or annul it, in order.
    pub acted_on_by: Vec<Position>,
    /// Whether a standing annulment acts on it.
    pub is_annulled: bool,
}

/// An item before and after an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which item.
    pub item: Item,
    /// Its value before; none when there was none.
    pub before: Option<String>,
    /// Its value after; none when there is none any more.
    pub after: Option<String>,
}

/// Every event of a person's stream in the order in which it was recorded.
///
/// # Errors
/// [`ReplayError`].
pub fn history(log: &LogReader, person: PersonId) -> Result<Vec<Entry>, ReplayError> {
    let life = log.stream(person.into())?;
    let mut acted_on: HashMap<Position, Vec<Position>> = HashMap::new();
    for event in &life {
        let envelope = &event.envelope;
        if envelope.corrects != Position(0) {
            acted_on.entry(envelope.corrects).or_default().push(envelope.position);
        }
    }
    let annulled: Vec<bool> = archive::standing(&life).map(|stands| !stands).collect();
    let changes = changes(&life);
    Ok(life
        .into_iter()
        .zip(changes)
        .zip(annulled)
        .map(|((event, changes), is_annulled)| Entry {
            acted_on_by: acted_on.remove(&event.envelope.position).unwrap_or_default(),
            event,
            changes,
            is_annulled,
        })
        .collect())
}

/// The archive as true on a day and as known at an instant; none when nothing was known then.
/// With neither it is what the live view shows.
///
/// # Errors
/// [`ReplayError`].
pub fn as_of(
    log: &LogReader,
    person: PersonId,
    valid_on: Option<Date>,
    known_at: Option<Timestamp>,
) -> Result<Option<Archive>, ReplayError> {
    let life = log.stream(person.into())?;
    let known =
        life.first().is_some_and(|e| known_at.is_none_or(|at| e.envelope.clocks.recorded_at <= at));
    Ok(known.then(|| Archive::of(&life, valid_on, known_at)))
}

/// For each event in order, the difference between the archives without and with it.
fn changes(life: &[Recorded]) -> Vec<Vec<Change>> {
    let mut before = Archive::default();
    (1..=life.len())
        .map(|known| {
            let after = Archive::of(&life[..known], None, None);
            let changes = difference(&before, &after);
            before = after;
            changes
        })
        .collect()
}

fn difference(before: &Archive, after: &Archive) -> Vec<Change> {
    let change = |item| {
        let (before, after) = (before.get(item), after.get(item));
        (before != after).then(|| Change {
            item,
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        })
    };
    Item::all().filter_map(change).collect()
}
