//! The view of the sources: when each was last heard of, what it sent in vain, and which of its
//! rejections still wait for a corrected event.
//!
//! It names nobody: the rejected submissions themselves stay sealed in the log, and their
//! positions lead to them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::clocks::day_in_china;
use domain::life_event::Rejection;
use domain::recorded::{Envelope, Recorded};
use domain::{Kind, Payload, PersonId, Position, StreamKind};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ViewsError;
use crate::table::{Rewriting, Table};
use crate::timeliness::Month;

const VERSION: &str = "sources.3";
/// `s` source text → [`Tally`].
const SOURCE: u8 = b's';
/// `r` source text, 0, position → [`Waiting`].
const REJECTION: u8 = b'r';
/// `k` source text, 0, person, kind, position → nothing: finds what a corrected event clears. Not
/// there for an unknown kind: no event clears it, and the type as sent could name somebody.
const CLEARED_BY: u8 = b'k';

/// What a source has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Events recorded, each person of a household visit counted.
    pub recorded: u64,
    /// Submissions refused.
    pub rejected: u64,
    /// Submissions that came again under the same id with other content.
    pub conflicts: u64,
    /// Rejections that no corrected event has cleared yet.
    pub waiting: u64,
    /// When the newest of them was recorded, in microseconds since 1970.
    pub last_seen_micros: i64,
    /// By month of recording, in order: [`Month::key`], what was recorded, refused, in conflict.
    pub months: Vec<(u32, [u64; 3])>,
}

impl Tally {
    /// What was recorded, refused and in conflict in the months from one to another.
    pub fn between(&self, from: Option<Month>, to: Option<Month>) -> [u64; 3] {
        let (from, to) = (from.map_or(0, Month::key), to.map_or(u32::MAX, Month::key));
        let months = self.months.iter().filter(|(month, _)| (from..=to).contains(month));
        months.fold([0; 3], |sum, (_, counts)| std::array::from_fn(|at| sum[at] + counts[at]))
    }

    /// Counts one more in the month of an event; events come in the order of their recording.
    fn count(&mut self, envelope: &Envelope, what: usize) {
        let month = Month::of(day_in_china(envelope.clocks.recorded_at)).key();
        if self.months.last().is_none_or(|(newest, _)| *newest < month) {
            self.months.push((month, [0; 3]));
        }
        if let Some((_, counts)) = self.months.last_mut() {
            counts[what] += 1;
        }
    }
}

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
    all: BTreeMap<String, Tally>,
    changed: BTreeSet<String>,
    /// Persons about whom a rejection waits or waited: the others need no look into the table.
    rejected: HashSet<PersonId>,
}

impl Tallies {
    fn of(&mut self, envelope: &Envelope) -> &mut Tally {
        if !self.all.contains_key(&envelope.source) {
            self.all.insert(envelope.source.clone(), Tally::default());
        }
        if !self.changed.contains(&envelope.source) {
            self.changed.insert(envelope.source.clone());
        }
        let tally = self.all.get_mut(&envelope.source).expect("put there just now");
        tally.last_seen_micros = envelope.clocks.recorded_at.as_microsecond();
        tally
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
            tallies.all.insert(String::from_utf8_lossy(&key[1..]).into_owned(), tally);
        }
        for (_, row) in table.scan(&[REJECTION], None, usize::MAX)? {
            let waiting: Waiting =
                postcard::from_bytes(&row).map_err(|_| ViewsError::Row(VERSION))?;
            tallies.rejected.extend(waiting.person);
        }
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
            match (kind, &event.payload) {
                (Some((Kind::SubmissionRejected, _)), Some(Payload::Rejection(rejection))) => {
                    tallies.rejected.extend(rejection.person);
                    self.reject(envelope, rejection, tallies.of(envelope))?;
                }
                (Some((kind, false)), _) if envelope.stream.kind == StreamKind::Person => {
                    let person = PersonId::from_uuid(envelope.stream.id);
                    let may_clear = tallies.rejected.contains(&person);
                    let tally = tallies.of(envelope);
                    tally.recorded += 1;
                    tally.count(envelope, 0);
                    if may_clear {
                        self.clear(envelope, person, kind, tallies.of(envelope))?;
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
        let from = tallies.all.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.take_while(|(source, _)| source.starts_with(prefix))
            .map(|(source, tally)| (source.clone(), tally.clone()))
            .collect()
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
                let position = key[key.len() - 8..].try_into().expect("keys end with a position");
                found.push(Position(u64::from_be_bytes(position)));
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
        for source in std::mem::take(&mut tallies.changed) {
            let key = [&[SOURCE], source.as_bytes()].concat();
            let row = postcard::to_stdvec(&tallies.all[&source]);
            let row = row.map_err(|_| ViewsError::Row(VERSION))?;
            self.table.change([(key, Some(row))]);
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

/// A source text holds no byte 0, so no source's rows lie among another's.
fn row_prefix(kind: u8, source: &str) -> Vec<u8> {
    [&[kind], source.as_bytes(), &[0]].concat()
}

fn cleared_by(source: &str, person: PersonId, kind: &str) -> Vec<u8> {
    let prefix = row_prefix(CLEARED_BY, source);
    [&prefix[..], person.as_uuid().as_bytes(), kind.as_bytes(), &[0]].concat()
}
