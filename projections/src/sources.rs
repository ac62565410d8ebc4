//! The view of the sources: when each was last heard of, what it sent in vain, and which of its
//! rejections still wait for a corrected event.
//!
//! It names nobody: the rejected submissions themselves stay sealed in the log, and their
//! positions lead to them.

mod joined;
mod tally;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::life_event::Rejection;
use domain::recorded::{ContentTag, Envelope, Recorded};
use domain::{Kind, Payload, PersonId, Position, StreamKind, order};
use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::ViewsError;
use crate::table::{Rewriting, Table};

pub use tally::Tally;

use joined::Joined;

const VERSION: &str = "sources.5";
/// `s` source text → [`Tally`].
const SOURCE: u8 = b's';
/// `r` source text, 0, position → [`Waiting`].
const REJECTION: u8 = b'r';
/// `k` source text, 0, person, kind, position → nothing: finds what a corrected event clears. Not
/// there for an unknown kind: no event clears it, and the type as sent could name somebody.
const CLEARED_BY: u8 = b'k';
/// `o` person, source text, 0, position → the month that it is counted in: a conflict whose envelope does not say that it
/// is one, as older programs recorded it. Once erased it is counted as a rejection like others.
const UNMARKED: u8 = b'o';

/// A rejection that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// When it was recorded, in microseconds since 1970.
    pub recorded_micros: i64,
    /// Whom it was about, when that could be told.
    pub person: Option<PersonId>,
}

/// The view of the sources. Folded by one thread, flushed by one thread, read by any.
pub struct Sources {
    table: Table,
    folded: AtomicU64,
    tallies: Mutex<Tallies>,
}

/// Every source's tally, and which changed since the last flush. They are few and change with
/// every event, so they are kept here and written when flushed.
#[derive(Default)]
struct Tallies {
    all: Vec<Told>,
    /// Where in them each source stands.
    places: FxHashMap<String, usize>,
    /// Where those stand that changed.
    changed: Vec<usize>,
    /// Persons about whom a rejection waits or waited: the others need no look into the table.
    rejected: FxHashSet<PersonId>,
    joined: Joined,
}

/// What is told of a source.
struct Told {
    source: String,
    tally: Tally,
    is_changed: bool,
}

impl Tallies {
    fn of(&mut self, envelope: &Envelope) -> &mut Tally {
        let tally = self.changed(&envelope.source);
        tally.last_seen_micros = envelope.clocks.recorded_at.as_microsecond();
        tally
    }

    /// The tally of a source, which is changed.
    fn changed(&mut self, source: &str) -> &mut Tally {
        let at = match self.places.get(source) {
            Some(at) => *at,
            None => self.add(source.to_owned(), Tally::default()),
        };
        let told = &mut self.all[at];
        if !told.is_changed {
            told.is_changed = true;
            self.changed.push(at);
        }
        &mut told.tally
    }

    fn add(&mut self, source: String, tally: Tally) -> usize {
        let at = self.all.len();
        self.places.insert(source.clone(), at);
        self.all.push(Told { source, tally, is_changed: false });
        at
    }
}

impl Sources {
    /// Opens the view, or makes it.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn open(db: &sled::Db) -> Result<Self, ViewsError> {
        let table = Table::open(db, VERSION, Rewriting::Harmful)?;
        let folded = AtomicU64::new(table.checkpoint()?.0);
        let mut tallies = Tallies::default();
        for (key, row) in table.scan(&[SOURCE], None, usize::MAX)? {
            let tally = postcard::from_bytes(&row).map_err(|_| ViewsError::Row(VERSION))?;
            tallies.add(String::from_utf8_lossy(&key[1..]).into_owned(), tally);
        }
        for (_, row) in table.scan(&[REJECTION], None, usize::MAX)? {
            let waiting: Waiting =
                postcard::from_bytes(&row).map_err(|_| ViewsError::Row(VERSION))?;
            tallies.rejected.extend(waiting.person);
        }
        tallies.joined = Joined::load(&table)?;
        Ok(Self { table, folded, tallies: Mutex::new(tallies) })
    }

    /// The position up to which events are folded and readable.
    pub fn folded(&self) -> Position {
        Position(self.folded.load(Ordering::Acquire))
    }

    /// Folds recorded events, in order; those at or before [`Sources::folded`] are passed over.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn fold(&self, batch: &[Recorded]) -> Result<(), ViewsError> {
        let mut tallies = self.tallies();
        let done = self.folded();
        for event in batch.iter().filter(|event| event.envelope.position > done) {
            let envelope = &event.envelope;
            let kind = Kind::from_number(envelope.event_type.number);
            if let Some((kind, is_aside)) = kind
                && let Some(row) = tallies.joined.take(envelope, kind, is_aside)
            {
                self.table.change([row]);
            }
            match (kind, &event.payload) {
                (Some((Kind::SubmissionRejected, _)), Some(Payload::Rejection(rejection))) => {
                    tallies.rejected.extend(rejection.person);
                    self.reject(envelope, rejection, tallies.of(envelope))?;
                }
                (Some((Kind::SubmissionRejected, _)), None) => {
                    let tally = tallies.of(envelope);
                    let is_conflict = envelope.content == ContentTag::CONFLICT;
                    match is_conflict {
                        true => tally.conflicts += 1,
                        false => tally.rejected += 1,
                    }
                    tally.count(envelope, if is_conflict { 2 } else { 1 });
                }
                (Some((Kind::Erased, _)), _) => self.erase(event, &mut tallies)?,
                (Some((kind, _)), _) if kind.is_order() => {}
                (Some((kind, false)), _) if envelope.stream.kind == StreamKind::Person => {
                    let person = PersonId::from_uuid(envelope.stream.id);
                    let tally = tallies.of(envelope);
                    tally.recorded += 1;
                    tally.count(envelope, 0);
                    if tallies.rejected.contains(&person) {
                        self.clear(envelope, person, kind, tallies.of(envelope))?;
                    }
                    // Whoever was absorbed is told of in the survivor's stream.
                    for absorbed in tallies.joined.absorbed(person) {
                        if tallies.rejected.contains(&absorbed) {
                            self.clear(envelope, absorbed, kind, tallies.of(envelope))?;
                        }
                    }
                }
                _ => {}
            }
        }
        if let Some(last) = batch.last() {
            self.folded.fetch_max(last.envelope.position.0, Ordering::AcqRel);
        }
        Ok(())
    }

    /// A corrected event clears what the same source sent in vain about the same person.
    fn clear(
        &self,
        envelope: &Envelope,
        person: PersonId,
        kind: Kind,
        tally: &mut Tally,
    ) -> Result<(), ViewsError> {
        let prefix = cleared_by(&envelope.source, person, kind.code());
        let cleared = self.table.scan(&prefix, None, usize::MAX)?;
        tally.waiting -= cleared.len() as u64;
        let removed = cleared.into_iter().flat_map(|(key, _)| {
            let position = key[key.len() - 8..].to_vec();
            let rejection = [&row_prefix(REJECTION, &envelope.source)[..], &position].concat();
            [(key, None), (rejection, None)]
        });
        self.table.change(removed);
        Ok(())
    }

    /// What was sent in vain about somebody who is erased, or names them, waits no more: nobody can
    /// read or correct it.
    fn erase(&self, event: &Recorded, tallies: &mut Tallies) -> Result<(), ViewsError> {
        let person = PersonId::from_uuid(event.envelope.stream.id);
        let words = event.payload.as_ref().and_then(|payload| payload.life());
        let positions = words.map(|life| order::rejections(life)).unwrap_or_default();
        let is_gone = |key: &[u8]| positions.contains(&position_of(key));
        if tallies.rejected.contains(&person) || !positions.is_empty() {
            for (key, row) in self.table.scan(&[REJECTION], None, usize::MAX)? {
                let waiting: Waiting =
                    postcard::from_bytes(&row).map_err(|_| ViewsError::Row(VERSION))?;
                if waiting.person == Some(person) || is_gone(&key) {
                    tallies.changed(&source_of(&key[1..])).waiting -= 1;
                    self.table.change([(key, None)]);
                }
            }
            for (key, _) in self.table.scan(&[CLEARED_BY], None, usize::MAX)? {
                let behind = key.iter().position(|byte| *byte == 0).map_or(key.len(), |at| at + 1);
                if key[behind..].starts_with(person.as_uuid().as_bytes()) || is_gone(&key) {
                    self.table.change([(key, None)]);
                }
            }
        }
        let unmarked = [&[UNMARKED], &person.as_uuid().as_bytes()[..]].concat();
        for (key, month) in self.table.scan(&unmarked, None, usize::MAX)? {
            let tally = tallies.changed(&source_of(&key[unmarked.len()..]));
            tally.conflicts -= 1;
            tally.rejected += 1;
            let counted = tally.months.iter_mut().find(|(one, _)| one.to_be_bytes() == month[..]);
            if let Some((_, [_, rejected, conflicts])) = counted {
                *conflicts -= 1;
                *rejected += 1;
            }
            self.table.change([(key, None)]);
        }
        Ok(())
    }

    fn reject(
        &self,
        envelope: &Envelope,
        rejection: &Rejection,
        tally: &mut Tally,
    ) -> Result<(), ViewsError> {
        tally.waiting += 1;
        if rejection.conflict {
            tally.conflicts += 1;
        } else {
            tally.rejected += 1;
        }
        tally.count(envelope, if rejection.conflict { 2 } else { 1 });
        let waiting = Waiting {
            recorded_micros: envelope.clocks.recorded_at.as_microsecond(),
            person: rejection.person,
        };
        let position = envelope.position.0.to_be_bytes();
        let key = [&row_prefix(REJECTION, &envelope.source)[..], &position].concat();
        let row = postcard::to_stdvec(&waiting).map_err(|_| ViewsError::Row(VERSION))?;
        self.table.change([(key, Some(row))]);
        if let Some(person) = rejection.person
            && rejection.conflict
            && envelope.content != ContentTag::CONFLICT
        {
            let theirs = [&[UNMARKED], &person.as_uuid().as_bytes()[..]].concat();
            let key = [&theirs[..], envelope.source.as_bytes(), &[0], &position].concat();
            let month = tally.months.last().map(|(month, _)| month.to_be_bytes());
            self.table.change([(key, Some(month.unwrap_or_default().to_vec()))]);
        }
        let kind = Kind::of_type(&rejection.event_type);
        if let (Some(person), Some((kind, _))) = (rejection.person, kind) {
            let key = [&cleared_by(&envelope.source, person, kind.code())[..], &position].concat();
            self.table.change([(key, Some(Vec::new()))]);
        }
        Ok(())
    }

    /// Every source whose text begins with `prefix`, with its tally, in order.
    pub fn list(&self, prefix: &str) -> Vec<(String, Tally)> {
        let tallies = self.tallies();
        let found = tallies.all.iter().filter(|told| told.source.starts_with(prefix));
        let mut found: Vec<_> =
            found.map(|told| (told.source.clone(), told.tally.clone())).collect();
        found.sort_by(|(one, _), (next, _)| one.cmp(next));
        found
    }

    /// The rejections of a source that wait, oldest first, recorded at or after `since`: their
    /// positions, at most `limit` after `after`.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn waiting(
        &self,
        source: &str,
        since: Option<Timestamp>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Position>, ViewsError> {
        let prefix = row_prefix(REJECTION, source);
        let after = [&prefix[..], &after.0.to_be_bytes()].concat();
        let mut found = Vec::new();
        for (key, row) in self.table.scan(&prefix, Some(&after), usize::MAX)? {
            let waiting: Waiting =
                postcard::from_bytes(&row).map_err(|_| ViewsError::Row(VERSION))?;
            if since.is_none_or(|since| waiting.recorded_micros >= since.as_microsecond()) {
                found.push(position_of(&key));
            }
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    /// How many changed rows wait to be flushed.
    pub fn pending(&self) -> usize {
        self.table.pending()
    }

    /// Sets what was folded up to now apart, to be written by [`Sources::finish_flush`].
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn begin_flush(&self) -> Result<(), ViewsError> {
        let mut tallies = self.tallies();
        for at in std::mem::take(&mut tallies.changed) {
            let Told { source, tally, is_changed } = &mut tallies.all[at];
            *is_changed = false;
            let row = postcard::to_stdvec(tally).map_err(|_| ViewsError::Row(VERSION))?;
            self.table.change([([&[SOURCE], source.as_bytes()].concat(), Some(row))]);
        }
        self.table.begin_flush();
        Ok(())
    }

    /// Writes what was set apart, then the checkpoint.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn finish_flush(&self, checkpoint: Position) -> Result<(), ViewsError> {
        self.table.finish_flush(checkpoint)
    }

    /// SHA-256 over the flushed rows.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn digest(&self) -> Result<[u8; 32], ViewsError> {
        self.table.digest()
    }

    fn tallies(&self) -> MutexGuard<'_, Tallies> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn position_of(key: &[u8]) -> Position {
    let position = key[key.len() - 8..].try_into().expect("keys end with a position");
    Position(u64::from_be_bytes(position))
}

/// The source text that bytes begin with, up to the 0 behind it.
fn source_of(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

/// A source text holds no byte 0, so no source's rows lie among another's.
fn row_prefix(kind: u8, source: &str) -> Vec<u8> {
    [&[kind], source.as_bytes(), &[0]].concat()
}

fn cleared_by(source: &str, person: PersonId, kind: &str) -> Vec<u8> {
    let prefix = row_prefix(CLEARED_BY, source);
    [&prefix[..], person.as_uuid().as_bytes(), kind.as_bytes(), &[0]].concat()
}
