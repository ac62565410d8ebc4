//! The view of people: one sealed row a person, and indexes made from the same rows — names, the
//! households of now and of ever (by keyed hash), and places.
//!
//! A row carries the position of the newest event folded into it, and events at or before it are
//! passed over; so folding the same events again changes nothing, and a cut flush is repeated.

mod across;
mod copying;
mod counting;
mod erasing;
mod filling;
mod flushing;
mod folding;
mod hiding;
mod households;
mod indexed;
mod joining;
mod month_ends;
mod packed_row;
mod standing;
mod stood;

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::{Item, PersonId, Place, Position};
use jiff::civil::Date;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::archive::Archive;
use crate::archive::refill::Refill;
use crate::index::Index;
use crate::quality::{Across, Measures};
use crate::row_log::{End, FILE_BYTES, RowLog};
use across::Touched;
use month_ends::MonthEnds;
use packed_row::PackedRow;

use crate::table::{drop_outdated, is_outdated, open_tree};
use crate::{RowSeals, ViewsError};

pub use across::Unseen;
pub use filling::Filled;
pub use hiding::{Hidden, Protected};
pub(crate) use households::household_key;
pub use standing::{Judgement, PackedStanding, Standing, Step};

/// Raise it when rows change their form or meaning: the view is then rebuilt.
const VERSION: &str = "people.12";
const INDEX_VERSION: &str = "people_index.8";
/// In the tree of the version: up to where the rows count.
const END: &[u8] = b"end";
/// In the same tree: the day of the newest event recorded.
const TODAY: &[u8] = b"today";
/// In the same tree: the list of the files of index entries.
const ENTRIES: &[u8] = b"entries";
/// In the same tree: the position up to which rows and entries are written.
const CHECKPOINT: &[u8] = b"checkpoint";
const NAME: u8 = b'n';
const PLACE: u8 = b'p';
const HOUSEHOLD: u8 = b'h';
/// Whoever stood under a household once and does not now, by any day and any instant.
const STOOD: u8 = b's';
/// Of records that are hidden as a whole: the person → the day on which they are seen again.
const HIDDEN: u8 = b'x';
/// Of whose whereabouts are protected: the person or a household of theirs, with the person → the
/// day up to which they are.
const SHELTERED: u8 = b'w';

/// What the view knows of one stream of a person.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Position of the newest event of the stream and of those absorbed into it.
    pub version: Position,
    /// The day of the newest fact that was applied, in days since 1970-01-01.
    newest_day: i32,
    /// How many events the stream holds, with those absorbed into it.
    pub events: u32,
    /// Code and digits of the place that the newest event was reported for.
    pub(crate) reported_for: (u64, u8),
    /// The person to whom the stream's document belongs, or who absorbed the record, when it is
    /// another one.
    pub owner: Option<PersonId>,
    /// The records that are absorbed into this one.
    pub absorbed: Vec<PersonId>,
    /// Every record that was ever one with this one, in the order in which that was told.
    pub(crate) joined: Vec<PersonId>,
    /// What made those households one under which the record stood once and does not now.
    stood: Vec<String>,
    /// What is hidden of the record by order, in the order in which that was recorded.
    pub hidden: Vec<Hidden>,
    /// Up to when it is told to few where the person is.
    pub protected: Option<Protected>,
    /// What stands.
    pub archive: Archive,
}

impl Row {
    /// A row that tells an archive as it stood once, and nothing else.
    pub fn of_archive(archive: Archive) -> Self {
        Self { archive, ..Self::default() }
    }

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
    rows: RowLog,
    /// Holds the end of the rows, the list of the files of index entries, and the checkpoint: what
    /// is behind an end that was not kept is cut at the next opening, as files are that no list has.
    ends: sled::Tree,
    index: Index,
    /// Whether anybody's whereabouts are protected, or were since the view was opened.
    shelters: AtomicBool,
    seals: Arc<dyn RowSeals>,
    layers: RwLock<Layers>,
    /// Counted from the rows after each opening, and kept with them.
    measures: RwLock<Measures>,
    /// Erased persons whose rows could not be opened any more when they were to go, and whether
    /// there was a row.
    lost: Mutex<FxHashMap<PersonId, bool>>,
    /// Judged from the rows by a thread of its own, a little behind them.
    across: RwLock<Across>,
    touched: Mutex<Touched>,
    months: MonthEnds,
    /// Held by who looks across records.
    looking: Mutex<()>,
    /// How many wait to look.
    look_awaited: AtomicUsize,
    folded: AtomicU64,
}

type Rows = FxHashMap<PersonId, PackedRow>;

/// Memory in which rows are read, used again for the next one.
#[derive(Default)]
pub struct Room {
    sealed: Vec<u8>,
    plain: Vec<u8>,
}

thread_local! {
    /// Where rows are read for answers, and one that was read before.
    static READING: RefCell<(Room, Option<Row>)> = RefCell::default();
}

#[derive(Default)]
struct Layers {
    pending: Rows,
    flushing: Arc<Rows>,
}

impl People {
    /// Opens the view, or makes it: rows in `folder`, the rest in `db`.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn open(
        db: &sled::Db,
        folder: &Path,
        seals: Arc<dyn RowSeals>,
    ) -> Result<Self, ViewsError> {
        for entry in fs::read_dir(folder).map_err(ViewsError::Folder)? {
            let entry = entry.map_err(ViewsError::Folder)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if is_outdated(&name, VERSION) || is_outdated(&name, INDEX_VERSION) {
                fs::remove_dir_all(entry.path()).map_err(ViewsError::Folder)?;
            }
        }
        let ends = open_tree(db, VERSION)?;
        let end = ends.get(END)?.map_or_else(End::default, |bytes| End::from_bytes(&bytes));
        let rows = RowLog::open(&folder.join(VERSION), end, FILE_BYTES)?;
        drop_outdated(db, INDEX_VERSION)?;
        let list = ends.get(ENTRIES)?.unwrap_or_default();
        let index = Index::open(&folder.join(INDEX_VERSION), &list)?;
        let shelters = AtomicBool::new(Self::has_shelters(&index)?);
        let checkpoint = ends.get(CHECKPOINT)?.and_then(|it| it.as_ref().try_into().ok());
        let folded = AtomicU64::new(checkpoint.map_or(0, u64::from_be_bytes));
        let today = ends.get(TODAY)?.and_then(|day| std::str::from_utf8(&day).ok()?.parse().ok());
        let position = Position(folded.load(Ordering::Acquire));
        let today = today.unwrap_or(Date::MIN);
        let measures = match rows.persons().is_empty() {
            true => Measures::new(today, position),
            false => Measures::to_be_counted(today, position),
        };
        let measures = RwLock::new(measures);
        let (layers, months) = (RwLock::default(), MonthEnds::open(db)?);
        let across = RwLock::new(Across::new(today));
        let touched = Mutex::new(Touched::new(position, today));
        let (looking, lost) = (Mutex::default(), Mutex::default());
        Ok(Self {
            rows,
            ends,
            index,
            shelters,
            seals,
            layers,
            measures,
            lost,
            across,
            touched,
            months,
            looking,
            look_awaited: AtomicUsize::new(0),
            folded,
        })
    }

    /// The position up to which events are folded and readable.
    pub fn folded(&self) -> Position {
        Position(self.folded.load(Ordering::Acquire))
    }

    /// The measures of quality of everything that is folded.
    pub fn measures(&self) -> RwLockReadGuard<'_, Measures> {
        self.measures.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row of a stream.
    ///
    /// # Errors
    /// [`ViewsError`], also for a row that does not open.
    pub fn row(&self, person: PersonId) -> Result<Option<Arc<Row>>, ViewsError> {
        let row = READING.with_borrow_mut(|(room, spare)| match spare.take() {
            Some(mut row) => Ok(self.refill_row(person, room, &mut row)?.then_some(row)),
            None => self.read_row(person, room),
        })?;
        Ok(row.map(Arc::new))
    }

    /// Takes a row back that is not needed any more: the next one that this thread asks for is read
    /// in its memory.
    pub fn take_back(&self, row: Arc<Row>) {
        READING.with_borrow_mut(|(_, spare)| *spare = Arc::into_inner(row));
    }

    /// To be told who is asked for next.
    pub fn foresee(&self, persons: &[PersonId]) {
        let layers = self.read();
        let layers = [&layers.pending, &layers.flushing];
        let waits = |id: &&PersonId| layers.iter().any(|layer| layer.contains_key(*id));
        std::hint::black_box(persons.iter().filter(waits).count());
        self.rows.foresee(persons);
    }

    /// As [`People::row`], read in memory that is used again.
    ///
    /// # Errors
    /// As [`People::row`].
    pub fn read_row(&self, person: PersonId, room: &mut Room) -> Result<Option<Row>, ViewsError> {
        self.read_plain(person, room, read_row)
    }

    /// As [`People::read_row`], into a row that is there; false where there is none to be read.
    ///
    /// # Errors
    /// As [`People::row`].
    pub fn refill_row(
        &self,
        person: PersonId,
        room: &mut Room,
        row: &mut Row,
    ) -> Result<bool, ViewsError> {
        Ok(self.read_plain(person, room, |plain| refill_row(plain, row))?.is_some())
    }

    /// As [`People::row`], packed.
    fn packed_row(&self, person: PersonId) -> Result<Option<PackedRow>, ViewsError> {
        READING.with_borrow_mut(|(room, _)| self.read_plain(person, room, PackedRow::of_plain))
    }

    fn read_plain<T>(
        &self,
        person: PersonId,
        room: &mut Room,
        read: impl FnOnce(&[u8]) -> Result<T, ViewsError>,
    ) -> Result<Option<T>, ViewsError> {
        if let Some(waiting) = self.waiting(person) {
            let standing = (!waiting.is_erased()).then_some(&*waiting.plain);
            return standing.map(read).transpose();
        }
        let Some(sealed) = self.rows.get(person, &mut room.sealed)? else { return Ok(None) };
        let is_open = self.seals.open(VERSION, person, sealed, &mut room.plain)?;
        is_open.then(|| read(&room.plain)).transpose()
    }

    fn waiting(&self, person: PersonId) -> Option<PackedRow> {
        let layers = self.read();
        layers.pending.get(&person).or_else(|| layers.flushing.get(&person)).cloned()
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

    fn read(&self) -> RwLockReadGuard<'_, Layers> {
        self.layers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Layers> {
        self.layers.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_row(plain: &[u8]) -> Result<Row, ViewsError> {
    postcard::from_bytes(plain).map_err(|_| ViewsError::Row(VERSION))
}

/// As [`read_row`], into a row that is there.
fn refill_row(plain: &[u8], row: &mut Row) -> Result<(), ViewsError> {
    let mut from = postcard::Deserializer::from_bytes(plain);
    row.refill(&mut from).map_err(|_| ViewsError::Row(VERSION))
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
