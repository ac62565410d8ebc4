//! Rows of persons in append-only files, with the place of each in memory.
//!
//! Nearly every event changes one row somewhere among very many. A tree on disk rewrites a page for
//! it, and at a million persons that took two thirds of the CPU; a file that only grows takes the
//! row alone. What is obsolete is left behind when it outweighs what stands.
//!
//! What was appended counts only up to the [`End`] that the caller keeps with its checkpoint:
//! whatever lies behind it is cut when the files are opened.

mod appending;
mod laid;
mod pieces;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::{ById, PersonId};

use self::pieces::{HEADER_BYTES, parse};

pub(crate) use self::appending::Appending;
pub use self::laid::Laid;

/// A file that has reached so many bytes is followed by the next, unless it is said otherwise. So
/// much may be obsolete beside twice what stands.
pub const FILE_BYTES: u64 = 16 << 20;

/// Why rows could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RowLogError {
    /// The file system refused.
    #[error("the file of rows {path} cannot be used")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A row does not carry what was written.
    #[error("the row at byte {offset} of {path} is damaged")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where its header begins.
        offset: u64,
    },
}

/// Up to where rows count: every file by number, with its length in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End(Vec<(u32, u32)>);

impl End {
    /// As the caller keeps it: eight bytes a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let pairs = self.0.iter();
        pairs.flat_map(|(file, bytes)| [file.to_be_bytes(), bytes.to_be_bytes()].concat()).collect()
    }

    /// What [`End::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let number = |at: &[u8]| u32::from_be_bytes(at.try_into().expect("four bytes"));
        Self(bytes.chunks_exact(8).map(|pair| (number(&pair[..4]), number(&pair[4..]))).collect())
    }
}

/// The rows. One thread writes, any read.
pub struct RowLog {
    folder: PathBuf,
    file_bytes: u64,
    state: RwLock<State>,
    /// Held by who writes: files whose rows all stand elsewhere, to be removed when that is durable.
    retired: Mutex<Vec<u32>>,
}

#[derive(Default)]
struct State {
    rows: ById<PersonId, Place>,
    files: BTreeMap<u32, RowFile>,
}

/// Where a row is. A removed one stays known, without bytes, and so hides its older forms.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    file: u32,
    offset: u32,
    row_bytes: u32,
}

impl Place {
    /// Of a row with its header.
    fn of(file: u32, offset: u64, all_bytes: u32) -> Self {
        Self { file, offset: offset as u32, row_bytes: all_bytes - HEADER_BYTES as u32 }
    }

    fn all_bytes(self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.row_bytes)
    }
}

struct RowFile {
    file: Arc<File>,
    bytes: u64,
    standing_bytes: u64,
}

impl RowLog {
    /// Opens the rows in `folder`, or makes it, and reads every row up to `end`. Files grow to
    /// `file_bytes`.
    ///
    /// # Errors
    /// [`RowLogError`], also for a file that is missing or shorter than `end` says.
    pub fn open(folder: &Path, end: End, file_bytes: u64) -> Result<Self, RowLogError> {
        let error = |source| RowLogError::Io { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(error)?;
        let mut numbers: Vec<u32> = Vec::new();
        for entry in fs::read_dir(folder).map_err(error)? {
            let name = entry.map_err(error)?.file_name();
            numbers
                .extend(name.to_str().and_then(|n| n.strip_suffix(".rows")?.parse::<u32>().ok()));
        }
        let (state, retired) = (RwLock::default(), Mutex::default());
        let rows = Self { folder: folder.to_owned(), file_bytes, state, retired };
        for number in numbers {
            if !end.0.iter().any(|(file, _)| *file == number) {
                let path = rows.path(number);
                fs::remove_file(&path).map_err(|source| RowLogError::Io { path, source })?;
            }
        }
        for (number, bytes) in end.0 {
            rows.open_file(number, bytes)?;
        }
        Ok(rows)
    }

    fn path(&self, file: u32) -> PathBuf {
        self.folder.join(format!("{file:08}.rows"))
    }

    /// Cuts a file to its length and reads it into the state.
    fn open_file(&self, number: u32, length: u32) -> Result<(), RowLogError> {
        let path = self.path(number);
        let error = |source| RowLogError::Io { path: path.clone(), source };
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(error)?;
        if file.metadata().map_err(error)?.len() > u64::from(length) {
            file.set_len(u64::from(length)).map_err(error)?;
        }
        let file = Arc::new(file);
        let made = RowFile { file: Arc::clone(&file), bytes: u64::from(length), standing_bytes: 0 };
        let mut state = self.write();
        state.files.insert(number, made);
        pieces::each_piece(&path, &file, u64::from(length), &mut |rows| {
            let place = |row: &[u8], offset| Place::of(number, offset, row.len() as u32);
            let places = rows.iter().map(|(person, row, offset)| (*person, place(row, *offset)));
            state.set(&places.collect::<Vec<_>>());
            Ok(())
        })
    }

    /// Reads the row of a person into `room` and gives it; none without one.
    ///
    /// # Errors
    /// [`RowLogError`].
    pub fn get<'a>(
        &self,
        person: PersonId,
        room: &'a mut Vec<u8>,
    ) -> Result<Option<&'a mut [u8]>, RowLogError> {
        let (place, file) = {
            let state = self.read();
            let Some(place) = state.rows.get(&person).filter(|place| place.row_bytes > 0) else {
                return Ok(None);
            };
            (*place, Arc::clone(&state.files[&place.file].file))
        };
        room.resize(HEADER_BYTES + place.row_bytes as usize, 0);
        file.read_exact_at(room, u64::from(place.offset))
            .map_err(|source| RowLogError::Io { path: self.path(place.file), source })?;
        if parse(room).is_none_or(|(of, row)| of != person || row.len() != place.row_bytes as usize)
        {
            let (path, offset) = (self.path(place.file), u64::from(place.offset));
            return Err(RowLogError::Damaged { path, offset });
        }
        Ok(Some(&mut room[HEADER_BYTES..]))
    }

    /// Brings the places of some rows, which are asked for next, out of memory together.
    pub fn foresee(&self, persons: &[PersonId]) {
        let mut bytes = 0;
        self.read().rows.show_each(persons, |place| bytes += u64::from(place.row_bytes));
        std::hint::black_box(bytes);
    }

    /// The persons who have a row, in the order of their ids.
    pub fn persons(&self) -> Vec<PersonId> {
        let state = self.read();
        let standing = state.rows.iter().filter(|(_, place)| place.row_bytes > 0);
        let mut persons: Vec<_> = standing.map(|(person, _)| *person).collect();
        persons.sort_unstable();
        persons
    }

    /// Appends rows, or with none removals, and makes them durable. They count for good once the
    /// caller has kept the end that is given.
    ///
    /// # Errors
    /// [`RowLogError`].
    pub fn append(
        &self,
        rows: impl IntoIterator<Item = (PersonId, Option<Vec<u8>>)>,
    ) -> Result<End, RowLogError> {
        let mut appending = self.begin()?;
        for (person, row) in rows {
            appending.gather(|laid| laid.add(person, |to| to.extend(row.iter().flatten())))?;
        }
        appending.finish()
    }

    /// Begins to append. What is appended counts as [`RowLog::append`] says.
    ///
    /// # Errors
    /// [`RowLogError`].
    pub(crate) fn begin(&self) -> Result<Appending<'_>, RowLogError> {
        Appending::begin(self)
    }

    /// Makes the next file, durable in its folder.
    fn make_file(&self, number: u32) -> Result<Arc<File>, RowLogError> {
        let path = self.path(number);
        let make = || {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create_new(true).open(&path)?;
            File::open(&self.folder)?.sync_all()?;
            Ok(Arc::new(file))
        };
        let file = make().map_err(|source| RowLogError::Io { path: path.clone(), source })?;
        let made = RowFile { file: Arc::clone(&file), bytes: 0, standing_bytes: 0 };
        self.write().files.insert(number, made);
        Ok(file)
    }

    /// The file to leave behind next, when obsolete rows outweigh those that stand.
    fn most_obsolete(&self, current: u32) -> Option<u32> {
        let retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.read();
        let all = state.files.iter().filter(|(number, _)| !retired.contains(number));
        let (mut bytes, mut standing) = (0, 0);
        let mut most: Option<(u64, u32)> = None;
        for (number, file) in all {
            bytes += file.bytes;
            standing += file.standing_bytes;
            if *number < current && most.is_none_or(|(least, _)| file.standing_bytes < least) {
                most = Some((file.standing_bytes, *number));
            }
        }
        most.filter(|_| bytes > 2 * standing + self.file_bytes).map(|(_, number)| number)
    }

    fn end(&self) -> End {
        let retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.read();
        let files = state.files.iter().filter(|(number, _)| !retired.contains(number));
        End(files.map(|(number, file)| (*number, file.bytes as u32)).collect())
    }

    /// To be called when the newest end is durable: what was left behind is removed.
    ///
    /// # Errors
    /// [`RowLogError`].
    pub fn remove_obsolete(&self) -> Result<(), RowLogError> {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        for number in retired.drain(..) {
            self.write().files.remove(&number);
            let path = self.path(number);
            fs::remove_file(&path).map_err(|source| RowLogError::Io { path, source })?;
        }
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Says where rows lie. Where they lay before is looked at in the end: it comes from anywhere in
    /// memory, which is asked for many at a time where nothing is made of it in between.
    fn set(&mut self, places: &[(PersonId, Place)]) {
        let mut before = Vec::with_capacity(places.len());
        self.rows.bring_near(&places.iter().map(|(person, _)| *person).collect::<Vec<_>>());
        for (person, place) in places.iter().copied() {
            self.files.get_mut(&place.file).expect("rows lie in files").standing_bytes +=
                place.all_bytes();
            before.push(self.rows.insert(person, place));
        }
        for place in before.into_iter().flatten() {
            if let Some(file) = self.files.get_mut(&place.file) {
                file.standing_bytes -= place.all_bytes();
            }
        }
    }
}
