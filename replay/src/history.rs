//! A person's life event by event, and the archive as of any day and any instant.

use std::collections::HashMap;

use domain::recorded::Recorded;
use domain::{Basis, Item, PersonId, Position};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::Archive;
use projections::archive::Course;
use projections::{archive, household};

use crate::log_reader::{LogReader, ReplayError};
use crate::merged::{Cut, stream, with_absorbed};

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
    /// The events that the two values came from. An annulment brings back what an older one said.
    pub from: [Option<Position>; 2],
}

/// Every event of a person's stream, and of those that are absorbed into it, in the order in which
/// it was recorded.
///
/// # Errors
/// [`ReplayError`].
pub fn history(log: &LogReader, person: PersonId) -> Result<Vec<Entry>, ReplayError> {
    entries(log, person, Cut::None)
}

/// As [`history`], of what had been recorded at an instant, when other records may have been
/// absorbed than are now.
///
/// # Errors
/// [`ReplayError`].
pub fn history_then(
    log: &LogReader,
    person: PersonId,
    known_at: Timestamp,
) -> Result<Vec<Entry>, ReplayError> {
    entries(log, person, Cut::Instant(known_at))
}

fn entries(log: &LogReader, person: PersonId, cut: Cut) -> Result<Vec<Entry>, ReplayError> {
    let life = with_absorbed(log, stream(log, person, cut)?, cut)?;
    let mut acted_on: HashMap<Position, Vec<Position>> = HashMap::new();
    for event in &life {
        let envelope = &event.envelope;
        if envelope.corrects != Position(0) {
            acted_on.entry(envelope.corrects).or_default().push(envelope.position);
        }
    }
    let annulled: Vec<bool> = archive::standing(&life).map(|stands| !stands).collect();
    let changes = changes(&life, person);
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
    let cut = known_at.map_or(Cut::None, Cut::Instant);
    let life = with_absorbed(log, stream(log, person, cut)?, cut)?;
    Ok((!life.is_empty()).then(|| Archive::of(&life, valid_on, None)))
}

/// Since which day, and by which event, a person has belonged without a break to the household of a
/// kind that is theirs on a day, as known at an instant; none when they belong to none.
///
/// # Errors
/// [`ReplayError`].
pub fn member_since(
    log: &LogReader,
    person: PersonId,
    basis: Basis,
    valid_on: Option<Date>,
    known_at: Option<Timestamp>,
) -> Result<Option<(Date, Position)>, ReplayError> {
    let cut = known_at.map_or(Cut::None, Cut::Instant);
    let life = with_absorbed(log, stream(log, person, cut)?, cut)?;
    Ok(household::member_since(&life, basis, valid_on))
}

/// Whose life a stream told at an instant, and which records were absorbed into theirs: the
/// person's own, or that of whom the document was claimed for or who absorbed the record. None
/// when the stream told nothing then.
///
/// # Errors
/// [`ReplayError`].
pub fn known_then(
    log: &LogReader,
    person: PersonId,
    known_at: Option<Timestamp>,
) -> Result<Option<(PersonId, Vec<PersonId>)>, ReplayError> {
    let cut = known_at.map_or(Cut::None, Cut::Instant);
    let mut person = person;
    let mut own = stream(log, person, cut)?;
    while let Some(owner) = archive::owner(&own) {
        person = owner;
        own = stream(log, person, cut)?;
    }
    if own.is_empty() {
        return Ok(None);
    }
    let life = with_absorbed(log, own, cut)?;
    Ok(Some((person, archive::all_absorbed(person, &life))))
}

/// A person, and everybody whose record was ever one with theirs.
///
/// # Errors
/// [`ReplayError`].
pub fn ever_one_with(log: &LogReader, person: PersonId) -> Result<Vec<PersonId>, ReplayError> {
    let mut all = vec![person];
    let mut met = 0;
    while let Some(one) = all.get(met).copied() {
        let ever = archive::ever_joined(&stream(log, one, Cut::None)?);
        all.extend(ever.into_iter().filter(|other| !all.contains(other)).collect::<Vec<_>>());
        met += 1;
    }
    Ok(all)
}

/// For each event in order, the difference between the archives without and with it: of the person,
/// or before a merge of the record that told it.
fn changes(life: &[Recorded], person: PersonId) -> Vec<Vec<Change>> {
    let of = |event: &Recorded| PersonId::from_uuid(event.envelope.stream.id);
    let is_alone = life.iter().all(|event| of(event) == person);
    let mut known: HashMap<PersonId, Archive> = HashMap::new();
    let mut course = Course::default();
    let mut changes = Vec::with_capacity(life.len());
    for (at, event) in life.iter().enumerate() {
        let so_far = &life[..=at];
        let (whose, after) = match is_alone {
            true => (person, course.fold(&archive::facts(so_far, None, None), |_| {})),
            false => {
                let whose = whose(so_far, of(event));
                let absorbed = archive::all_absorbed(whose, so_far);
                let is_theirs = |stream| stream == whose || absorbed.contains(&stream);
                let events = so_far.iter().filter(|event| is_theirs(of(event)));
                (whose, Archive::of(&events.cloned().collect::<Vec<_>>(), None, None))
            }
        };
        let before = known.remove(&whose).unwrap_or_default();
        changes.push(difference(&before, &after));
        known.insert(whose, after);
    }
    changes
}

/// Whose life a stream tells by the events so far: its own person's, or that of the last one who
/// absorbed them, among those who are one in the end.
fn whose(so_far: &[Recorded], stream: PersonId) -> PersonId {
    let mut whose = stream;
    loop {
        let own = |who: PersonId| {
            so_far.iter().filter(move |event| event.envelope.stream.id == who.as_uuid())
        };
        match archive::owner(own(whose)) {
            Some(owner) if own(owner).next().is_some() => whose = owner,
            _ => return whose,
        }
    }
}

fn difference(before: &Archive, after: &Archive) -> Vec<Change> {
    let of = (before, after);
    let origin = |archive: &Archive, item| archive.stated(item).map(|(_, from)| from.position);
    let change = |item| {
        let (before, after) = (before.get(item), after.get(item));
        (before != after).then(|| Change {
            item,
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
            from: [origin(of.0, item), origin(of.1, item)],
        })
    };
    Item::all().filter_map(change).collect()
}
