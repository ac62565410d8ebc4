//! The view of people: one sealed row a person, and two indexes made from the same rows — names
//! (by keyed hash) and places.
//!
//! A row carries the position of the newest event folded into it, and events at or before it are
//! passed over; so folding the same events again changes nothing, and a cut flush is repeated.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::recorded::Recorded;
use domain::{Item, Kind, PersonId, Place, Position, Role, StreamKind};
use jiff::civil::Date;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::archive::{self, Archive};
use crate::table::{Rewriting, Table};
use crate::{Lives, RowSeals, ViewsError};

/// Raise it when rows change their form or meaning: the view is then rebuilt.
const VERSION: &str = "people.2";
const INDEX_VERSION: &str = "people_index.3";
const NAME: u8 = b'n';
const PLACE: u8 = b'p';

/// What the view knows of one stream of a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Position of the newest event of the stream.
    pub version: Position,
    /// The day of the newest fact that was applied, in days since 1970-01-01.
    newest_day: i32,
    /// How many events the stream holds.
    pub events: u32,
    /// Code and digits of the place that the newest event was reported for.
    reported_for: (u64, u8),
    /// The person to whom the stream's document belongs, when it is another one.
    pub owner: Option<PersonId>,
    /// What stands.
    pub archive: Archive,
}

impl Row {
    /// Where the person lives or, when that is not known, is registered.
    pub fn place(&self) -> Option<Place> {
        self.places().next()
    }

    /// The divisions that the person belongs to: of residence and of registration, or while
    /// neither is known that of the newest report.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        let code = |item| Place::parse(self.archive.get(item)?).ok();
        let known = [code(Item::Residence), code(Item::Hukou)];
        let (code, digits) = self.reported_for;
        let reported = known.iter().all(Option::is_none).then(|| Place::from_code(code, digits));
        known.into_iter().flatten().chain(reported.flatten())
    }
}

/// The view of people. Folded by one thread, flushed by one thread, read by any.
pub struct People {
    rows: sled::Tree,
    index: Table,
    seals: Arc<dyn RowSeals>,
    layers: RwLock<Layers>,
    folded: AtomicU64,
}

type Rows = FxHashMap<PersonId, Arc<Row>>;

#[derive(Default)]
struct Layers {
    pending: Rows,
    flushing: Arc<Rows>,
}

impl People {
    /// Opens the view, or makes it.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn open(db: &sled::Db, seals: Arc<dyn RowSeals>) -> Result<Self, ViewsError> {
        let index = Table::open(db, INDEX_VERSION, Rewriting::Harmless)?;
        let folded = AtomicU64::new(index.checkpoint()?.0);
        Ok(Self { rows: db.open_tree(VERSION)?, index, seals, layers: RwLock::default(), folded })
    }

    /// The position up to which events are folded and readable.
    pub fn folded(&self) -> Position {
        Position(self.folded.load(Ordering::Acquire))
    }

    /// The row of a stream.
    ///
    /// # Errors
    /// [`ViewsError`], also for a row that does not open.
    pub fn row(&self, person: PersonId) -> Result<Option<Arc<Row>>, ViewsError> {
        {
            let layers = self.read();
            let fresh = layers.pending.get(&person).or_else(|| layers.flushing.get(&person));
            if let Some(row) = fresh {
                return Ok(Some(Arc::clone(row)));
            }
        }
        let Some(sealed) = self.rows.get(person.as_uuid().as_bytes())? else { return Ok(None) };
        let Some(plain) = self.seals.open(VERSION, person, &sealed) else { return Ok(None) };
        let row = postcard::from_bytes(&plain).map_err(|_| ViewsError::Row(VERSION))?;
        Ok(Some(Arc::new(row)))
    }

    /// Folds recorded events, in order.
    ///
    /// # Errors
    /// [`ViewsError`]; nothing of the batch is folded then.
    pub fn fold(&self, batch: &[Recorded], lives: &dyn Lives) -> Result<(), ViewsError> {
        let Some(last) = batch.last().map(|event| event.envelope.position) else { return Ok(()) };
        let mut order: Vec<PersonId> = Vec::new();
        let mut by_person: HashMap<PersonId, Vec<&Recorded>, rustc_hash::FxBuildHasher> =
            HashMap::default();
        for event in batch.iter().filter(|e| e.envelope.stream.kind == StreamKind::Person) {
            let person = PersonId::from_uuid(event.envelope.stream.id);
            let events = by_person.entry(person).or_default();
            if events.is_empty() {
                order.push(person);
            }
            events.push(event);
        }
        let mut rows = Vec::with_capacity(order.len());
        let mut index = Vec::new();
        for person in order {
            let before = self.row(person)?;
            let after = self.folded_row(before.as_deref(), person, &by_person[&person], lives)?;
            let Some(after) = after else { continue };
            self.index_changes(person, before.as_deref(), &after, &mut index);
            rows.push((person, Arc::new(after)));
        }
        self.index.change(index);
        self.write().pending.extend(rows);
        self.folded.store(last.0, Ordering::Release);
        Ok(())
    }

    /// The row after more events of its stream; none when it holds them all already.
    fn folded_row(
        &self,
        before: Option<&Row>,
        person: PersonId,
        events: &[&Recorded],
        lives: &dyn Lives,
    ) -> Result<Option<Row>, ViewsError> {
        let mut row = before.cloned().unwrap_or_default();
        let mut out_of_order = false;
        for event in events.iter().filter(|e| e.envelope.position > before_version(before)) {
            row.version = event.envelope.position;
            row.events += 1;
            row.reported_for = (event.envelope.place.code(), event.envelope.place.digits());
            let Some(fact) = archive::fact(event) else { continue };
            if fact.kind == Kind::DocumentClaimed {
                row.owner =
                    fact.life.related.iter().find(|r| r.role == Role::Owner).map(|r| r.person);
            }
            let day = day_number(fact.told.occurred_on);
            // Until the events before it are known to be older, a fact cannot just be added.
            out_of_order |= archive::is_change(fact.kind) || day < row.newest_day && row.events > 1;
            if !out_of_order {
                row.newest_day = day;
                row.archive.apply(&fact);
            }
        }
        if row.version == before_version(before) {
            return Ok(None);
        }
        if out_of_order {
            let life = lives.life(person, row.version).map_err(ViewsError::Lives)?;
            let facts = archive::facts(&life, None, None);
            row.newest_day = facts.last().map_or(0, |fact| day_number(fact.told.occurred_on));
            row.archive = Archive::default();
            facts.iter().for_each(|fact| row.archive.apply(fact));
        }
        Ok(Some(row))
    }

    fn index_changes(
        &self,
        person: PersonId,
        before: Option<&Row>,
        after: &Row,
        changes: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) {
        let key = |kind: u8, head: &[u8]| [&[kind], head, person.as_uuid().as_bytes()].concat();
        let name = |row: &Row| {
            let name = row.archive.get(Item::FullName)?;
            Some(key(NAME, &self.seals.blind(name)))
        };
        let place = |row: &Row| {
            // The stream of another document of theirs is not a second person.
            let lives = !row.archive.is_dead && row.owner.is_none();
            let place = row.place().filter(|_| lives)?;
            Some(key(PLACE, &place_key(place)))
        };
        let old = before.map(|row| (name(row), place(row))).unwrap_or_default();
        for (old, new) in [(old.0, name(after)), (old.1, place(after))] {
            if old != new {
                changes.extend(old.map(|key| (key, None)));
                changes.extend(new.map(|key| (key, Some(Vec::new()))));
            }
        }
    }

    /// Persons with exactly this name, at most `limit`.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn named(&self, name: &str, limit: usize) -> Result<Vec<PersonId>, ViewsError> {
        let prefix = [&[NAME], &self.seals.blind(name)[..]].concat();
        Ok(self.index.scan(&prefix, None, limit)?.iter().map(|(key, _)| person_of(key)).collect())
    }

    /// Living persons of a division, ordered by village, then id: at most `limit` after `after`.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn living_in(
        &self,
        place: Place,
        after: Option<(Place, PersonId)>,
        limit: usize,
    ) -> Result<Vec<(Place, PersonId)>, ViewsError> {
        let after = after.map(|(place, person)| {
            [&[PLACE], &place_key(place)[..], person.as_uuid().as_bytes()].concat()
        });
        let prefix = [&[PLACE], place.to_string().as_bytes()].concat();
        let rows = self.index.scan(&prefix, after.as_deref(), limit)?;
        Ok(rows.iter().filter_map(|(key, _)| Some((place_of(key)?, person_of(key)))).collect())
    }

    /// How many changed rows wait to be flushed.
    pub fn pending(&self) -> usize {
        self.read().pending.len()
    }

    /// Sets what was folded up to now apart, to be written by [`People::finish_flush`].
    pub fn begin_flush(&self) {
        let mut layers = self.write();
        let mut all = (*layers.flushing).clone();
        all.extend(std::mem::take(&mut layers.pending));
        layers.flushing = Arc::new(all);
        self.index.begin_flush();
    }

    /// Writes what was set apart: indexes, rows, then the checkpoint.
    ///
    /// # Errors
    /// [`ViewsError`]; what was folded stays readable.
    pub fn finish_flush(&self, checkpoint: Position) -> Result<(), ViewsError> {
        let changed = Arc::clone(&self.read().flushing);
        let mut rows: Vec<_> = changed.iter().collect();
        rows.sort_unstable_by_key(|(person, _)| **person);
        // Indexes first: a row on disk says that its index entries are there too.
        self.index.finish_flush(self.index.checkpoint()?)?;
        for (person, row) in rows {
            let plain = postcard::to_stdvec(row).map_err(|_| ViewsError::Row(VERSION))?;
            let key = person.as_uuid();
            match self.seals.seal(VERSION, *person, row.version, &plain) {
                Some(sealed) => drop(self.rows.insert(key.as_bytes(), sealed)?),
                None => drop(self.rows.remove(key.as_bytes())?),
            }
        }
        self.rows.flush()?;
        self.index.finish_flush(checkpoint)?;
        self.write().flushing = Arc::default();
        Ok(())
    }

    /// SHA-256 over the flushed rows, and over the flushed indexes.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn digests(&self) -> Result<[(&'static str, [u8; 32]); 2], ViewsError> {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        for row in &self.rows {
            let (key, value) = row?;
            hash.update(&key);
            hash.update((value.len() as u32).to_be_bytes());
            hash.update(&value);
        }
        Ok([("archive", hash.finalize().into()), ("names_and_places", self.index.digest()?)])
    }

    fn read(&self) -> RwLockReadGuard<'_, Layers> {
        self.layers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Layers> {
        self.layers.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn before_version(before: Option<&Row>) -> Position {
    before.map_or(Position(0), |row| row.version)
}

fn day_number(day: Date) -> i32 {
    (day - jiff::civil::date(1970, 1, 1)).get_days()
}

/// Twelve digits, so that a prefix of the code is a prefix of the key.
fn place_key(place: Place) -> [u8; 12] {
    let mut key = [b'_'; 12];
    let code = place.to_string();
    key[..code.len()].copy_from_slice(code.as_bytes());
    key
}

fn place_of(key: &[u8]) -> Option<Place> {
    let code = std::str::from_utf8(key.get(1..13)?).ok()?;
    Place::parse(code.trim_end_matches('_')).ok()
}

fn person_of(key: &[u8]) -> PersonId {
    let id = key[key.len() - 16..].try_into().expect("keys end with an id");
    PersonId::from_uuid(uuid::Uuid::from_bytes(id))
}
