//! The index entries of persons: names, places, households. An ordered table of short keys, written
//! as sorted files ([`crate::run`]) that are merged as they gather, with what was changed since the
//! last flush in memory over them.
//!
//! Each event of a registration brings some five entries at random places among very many. In sled
//! they were two fifths of the CPU of a first load, rewrote pages of a cache for each, and took two
//! fifths of the disk that views need; merging sorted files costs a tenth of it.
//!
//! Which files there are is told by a list that the caller keeps with its checkpoint: what is not in
//! it is removed at the next opening. Entries may be written twice without harm.

use std::collections::{BTreeMap, btree_map};
use std::fs;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use sha2::{Digest, Sha256};

use crate::run::{Cursor, Entry, Run, RunError, RunWriter, path};
use crate::table::KeyedRow;

/// A file is merged with what is newer where it has at most so many times its entries: so each
/// entry is written anew some times only, and there are few files to look into.
const MERGED_RATIO: u64 = 2;

type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The entries. One thread writes, any read.
pub struct Index {
    folder: PathBuf,
    state: RwLock<State>,
    /// Held by who writes: files that were merged into others, to be removed when that is durable.
    retired: Mutex<Vec<Arc<Run>>>,
}

#[derive(Default)]
struct State {
    pending: Changes,
    flushing: Arc<Changes>,
    /// The oldest first.
    runs: Vec<Arc<Run>>,
}

impl Index {
    /// Opens the files in `folder`, or makes it: those of a list that [`Index::write`] gave. Others
    /// are removed.
    ///
    /// # Errors
    /// [`RunError`], also for a file that is missing or altered.
    pub fn open(folder: &Path, list: &[u8]) -> Result<Self, RunError> {
        let io = |path: &Path, source| RunError::Io { path: path.to_owned(), source };
        fs::create_dir_all(folder).map_err(|source| io(folder, source))?;
        let listed = read_list(list);
        let paths: Vec<_> = listed.iter().map(|(number, _)| path(folder, *number)).collect();
        for entry in fs::read_dir(folder).map_err(|source| io(folder, source))? {
            let found = entry.map_err(|source| io(folder, source))?.path();
            if !paths.contains(&found) {
                fs::remove_file(&found).map_err(|source| io(&found, source))?;
            }
        }
        let open = |(number, bytes)| Run::open(folder, number, bytes).map(Arc::new);
        let runs = listed.into_iter().map(open).collect::<Result<_, _>>()?;
        let state = RwLock::new(State { runs, ..State::default() });
        Ok(Self { folder: folder.to_owned(), state, retired: Mutex::default() })
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RunError> {
        let runs = {
            let state = self.read();
            if let Some(value) = state.pending.get(key).or_else(|| state.flushing.get(key)) {
                return Ok(value.clone());
            }
            state.runs_of(key)
        };
        for run in runs.iter().rev() {
            let cursor = run.seek(key)?;
            if let Some((_, value)) = cursor.entry().filter(|(found, _)| *found == key) {
                return Ok(value.map(<[u8]>::to_vec));
            }
        }
        Ok(None)
    }

    /// Sets or, with none, removes entries.
    pub fn change(&self, changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>) {
        self.change_state().pending.extend(changes);
    }

    /// The entries whose keys begin with `prefix` and come after `after`, in order, at most `limit`.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<KeyedRow>, RunError> {
        let start = after.map_or(Bound::Included(prefix), Bound::Excluded);
        let mut over = Changes::new();
        let runs = {
            let state = self.read();
            for layer in [&*state.flushing, &state.pending] {
                let range = layer.range::<[u8], _>((start, Bound::Unbounded));
                let theirs = range.take_while(|(key, _)| key.starts_with(prefix));
                over.extend(theirs.map(|(key, value)| (key.clone(), value.clone())));
            }
            state.runs_of(prefix)
        };
        let mut merged = Merged::new(&over, &runs, after.unwrap_or(prefix))?;
        let mut found = Vec::new();
        while let Some((key, value)) = merged.entry().filter(|(key, _)| key.starts_with(prefix)) {
            if found.len() >= limit {
                break;
            }
            if Some(key) != after {
                found.extend(value.map(|value| (key.to_vec(), value.to_vec())));
            }
            merged.step()?;
        }
        Ok(found)
    }

    /// Sets the changes up to now apart, to be written by [`Index::write`].
    pub fn begin_flush(&self) {
        let mut state = self.change_state();
        let taken = std::mem::take(&mut state.pending);
        // What an earlier, failed flush left is still due.
        let flushing = Arc::make_mut(&mut state.flushing);
        if flushing.is_empty() { *flushing = taken } else { flushing.extend(taken) }
    }

    /// Writes what was set apart, durable when it returns, and gives the list of the files that
    /// count from then on, for the caller to keep. Only one thread may write.
    ///
    /// # Errors
    /// [`RunError`]; the changes stay readable.
    pub fn write(&self) -> Result<Vec<u8>, RunError> {
        let (changes, mut runs) = {
            let state = self.read();
            (Arc::clone(&state.flushing), state.runs.clone())
        };
        if changes.is_empty() {
            return Ok(write_list(&runs));
        }
        let (mut entries, mut kept) = (changes.len() as u64, runs.len());
        while kept > 0 && runs[kept - 1].entries <= MERGED_RATIO * entries {
            kept -= 1;
            entries += runs[kept].entries;
        }
        let merged = runs.split_off(kept);
        let number = self.next_number(&runs, &merged);
        let mut writer = RunWriter::create(&self.folder, number)?;
        let mut source = Merged::new(&changes, &merged, &[])?;
        while let Some((key, value)) = source.entry() {
            // What was removed need not be told where nothing older tells of it.
            if value.is_some() || kept > 0 {
                writer.add((key, value))?;
            }
            source.step()?;
        }
        runs.push(Arc::new(writer.finish()?));
        let list = write_list(&runs);
        self.retired.lock().unwrap_or_else(PoisonError::into_inner).extend(merged);
        let mut state = self.change_state();
        (state.runs, state.flushing) = (runs, Arc::default());
        Ok(list)
    }

    /// To be called when the newest list is durable: files that were merged into others go.
    ///
    /// # Errors
    /// [`RunError::Io`].
    pub fn remove_obsolete(&self) -> Result<(), RunError> {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        retired.drain(..).try_for_each(|run| run.remove())
    }

    /// SHA-256 over every flushed entry in order of the keys.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn digest(&self) -> Result<[u8; 32], RunError> {
        let runs = self.read().runs.clone();
        let none = Changes::new();
        let mut merged = Merged::new(&none, &runs, &[])?;
        let mut hash = Sha256::new();
        while let Some((key, value)) = merged.entry() {
            if let Some(value) = value {
                hash.update((key.len() as u32).to_be_bytes());
                hash.update(key);
                hash.update((value.len() as u32).to_be_bytes());
                hash.update(value);
            }
            merged.step()?;
        }
        Ok(hash.finalize().into())
    }

    /// A number that no file has which may still be there.
    fn next_number(&self, runs: &[Arc<Run>], merged: &[Arc<Run>]) -> u32 {
        let retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        let all = runs.iter().chain(merged).chain(&*retired);
        1 + all.map(|run| run.number).max().unwrap_or_default()
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_state(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The files that may hold keys with a prefix.
    fn runs_of(&self, prefix: &[u8]) -> Vec<Arc<Run>> {
        let may_hold = |run: &&Arc<Run>| prefix.first().is_none_or(|kind| run.has(*kind));
        self.runs.iter().filter(may_hold).map(Arc::clone).collect()
    }
}

/// Changes over files as one: of entries under one key that of the newest.
struct Merged<'a> {
    changes: btree_map::Iter<'a, Vec<u8>, Option<Vec<u8>>>,
    change: Option<Entry<'a>>,
    /// The newest first.
    cursors: Vec<Cursor>,
    /// Which holds the entry at hand; as many as there are cursors stands for the changes.
    at: Option<usize>,
}

impl<'a> Merged<'a> {
    /// `changes` hold nothing before `from`.
    fn new(changes: &'a Changes, runs: &[Arc<Run>], from: &[u8]) -> Result<Self, RunError> {
        let cursors = runs.iter().rev().map(|run| run.seek(from)).collect::<Result<_, _>>()?;
        let mut merged = Self { changes: changes.iter(), change: None, cursors, at: None };
        merged.next_change();
        merged.find();
        Ok(merged)
    }

    fn next_change(&mut self) {
        self.change = self.changes.next().map(|(key, value)| (&key[..], value.as_deref()));
    }

    fn entry(&self) -> Option<Entry<'_>> {
        self.entry_of(self.at?)
    }

    fn entry_of(&self, source: usize) -> Option<Entry<'_>> {
        match self.cursors.get(source) {
            Some(cursor) => cursor.entry(),
            None => self.change,
        }
    }

    /// Finds the smallest key, and of equal ones the newest.
    fn find(&mut self) {
        let newest_first = std::iter::once(self.cursors.len()).chain(0..self.cursors.len());
        let heads = newest_first.filter_map(|at| Some((self.entry_of(at)?.0, at)));
        self.at = heads.min_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, at)| at);
    }

    /// Goes on to the next key.
    fn step(&mut self) -> Result<(), RunError> {
        let Some(at) = self.at else { return Ok(()) };
        let Some((key, _)) = self.entry_of(at) else { return Ok(()) };
        let has_key = |source: &usize| self.entry_of(*source).is_some_and(|it| it.0 == key);
        let others = (0..=self.cursors.len()).filter(|source| *source != at);
        let same: Vec<usize> = others.filter(has_key).collect();
        for source in same.into_iter().chain([at]) {
            match self.cursors.get_mut(source) {
                Some(cursor) => cursor.step()?,
                None => self.next_change(),
            }
        }
        self.find();
        Ok(())
    }
}

/// Number and length of each file, the oldest first: twelve bytes each.
fn write_list(runs: &[Arc<Run>]) -> Vec<u8> {
    let bytes =
        |run: &Arc<Run>| [&run.number.to_be_bytes()[..], &run.bytes().to_be_bytes()].concat();
    runs.iter().flat_map(bytes).collect()
}

fn read_list(list: &[u8]) -> Vec<(u32, u64)> {
    let read = |one: &[u8]| {
        let (number, bytes) = one.split_at(4);
        let number = u32::from_be_bytes(number.try_into().expect("four bytes"));
        (number, u64::from_be_bytes(bytes.try_into().expect("eight bytes")))
    };
    list.chunks_exact(12).map(read).collect()
}
