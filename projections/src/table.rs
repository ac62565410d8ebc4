//! A table of bytes on sled, with what was changed since the last flush in memory over it.
//!
//! Rows go to sled in the order of their keys and one by one: measured beside `apply_batch`, that
//! is three times as fast and takes a twentieth of the memory. What a transaction would give is
//! kept otherwise: the checkpoint is written last, after a flush, so a cut flush is found at open
//! by its marker. A table whose rows can be written twice without harm just goes on from the older
//! checkpoint; any other is emptied and rebuilt from the log.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::Position;
use sha2::{Digest, Sha256};

use crate::ViewsError;

const CHECKPOINT: &[u8] = b"\0checkpoint";
const FLUSHING: &[u8] = b"\0flushing";

type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;
/// A row with its key.
pub type KeyedRow = (Vec<u8>, Vec<u8>);

/// A table by name and version; keys must not begin with a zero byte.
pub struct Table {
    tree: sled::Tree,
    layers: RwLock<Layers>,
}

#[derive(Default)]
struct Layers {
    pending: Changes,
    flushing: Arc<Changes>,
}

/// Whether writing the same rows twice does harm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rewriting {
    /// A cut flush is simply repeated.
    Harmless,
    /// After a cut flush the table is emptied.
    Harmful,
}

/// Opens the tree of a view, named `view.version`. A view whose version was raised is rebuilt, and
/// nobody reads what older versions left: it goes.
///
/// # Errors
/// [`ViewsError`].
pub(crate) fn open_tree(db: &sled::Db, name: &str) -> Result<sled::Tree, ViewsError> {
    drop_outdated(db, name)?;
    Ok(db.open_tree(name)?)
}

/// Drops the trees of other versions of a view.
pub(crate) fn drop_outdated(db: &sled::Db, name: &str) -> Result<(), ViewsError> {
    for other in db.tree_names() {
        if is_outdated(&String::from_utf8_lossy(&other), name) {
            db.drop_tree(other)?;
        }
    }
    Ok(())
}

/// Whether a name is that of the same view in another version.
pub(crate) fn is_outdated(name: &str, current: &str) -> bool {
    let view = |name| str::split_once(name, '.').map(|(view, _)| view);
    name != current && view(name).is_some() && view(name) == view(current)
}

impl Table {
    /// Opens the table, or makes it; what stands under its older names goes.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn open(db: &sled::Db, name: &str, rewriting: Rewriting) -> Result<Self, ViewsError> {
        let tree = open_tree(db, name)?;
        if rewriting == Rewriting::Harmful && tree.contains_key(FLUSHING)? {
            tracing::warn!(table = name, "a flush was cut; the view is rebuilt");
            tree.clear()?;
        }
        Ok(Self { tree, layers: RwLock::default() })
    }

    /// The position up to which the rows on disk are folded.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn checkpoint(&self) -> Result<Position, ViewsError> {
        let stored = self.tree.get(CHECKPOINT)?;
        let bytes = stored.and_then(|bytes| bytes.as_ref().try_into().ok());
        Ok(Position(bytes.map_or(0, u64::from_be_bytes)))
    }

    /// The row of a key.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ViewsError> {
        let layers = self.read();
        if let Some(row) = layers.pending.get(key).or_else(|| layers.flushing.get(key)) {
            return Ok(row.clone());
        }
        drop(layers);
        Ok(self.tree.get(key)?.map(|row| row.to_vec()))
    }

    /// Sets or, with none, removes rows.
    pub fn change(&self, changes: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>) {
        self.write().pending.extend(changes);
    }

    /// How many changed rows wait to be flushed.
    pub fn pending(&self) -> usize {
        self.read().pending.len()
    }

    /// The rows whose keys begin with `prefix` and come after `after`, in order, at most `limit`.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<KeyedRow>, ViewsError> {
        let start = after.map_or(Bound::Included(prefix), Bound::Excluded);
        let mut over = Changes::new();
        {
            let layers = self.read();
            for layer in [&*layers.flushing, &layers.pending] {
                let range = layer.range::<[u8], _>((start, Bound::Unbounded));
                over.extend(
                    range
                        .take_while(|(key, _)| key.starts_with(prefix))
                        .map(|(key, row)| (key.clone(), row.clone())),
                );
            }
        }
        let mut rows = Vec::new();
        let mut over = over.into_iter().peekable();
        let stored = self.tree.range::<&[u8], _>((start, Bound::Unbounded));
        for row in stored {
            let (key, value) = row?;
            if !key.starts_with(prefix) {
                break;
            }
            while let Some((changed, row)) = over.next_if(|(changed, _)| **changed < *key) {
                rows.extend(row.map(|row| (changed, row)));
            }
            match over.next_if(|(changed, _)| **changed == *key) {
                Some((changed, row)) => rows.extend(row.map(|row| (changed, row))),
                None => rows.push((key.to_vec(), value.to_vec())),
            }
            if rows.len() >= limit {
                break;
            }
        }
        rows.extend(over.filter_map(|(key, row)| Some((key, row?))));
        rows.truncate(limit);
        Ok(rows)
    }

    /// Sets the changes up to now apart, to be written by [`Table::finish_flush`]. The caller sees
    /// to it that they are those up to the checkpoint.
    pub fn begin_flush(&self) {
        let mut layers = self.write();
        let taken = std::mem::take(&mut layers.pending);
        // What an earlier, failed flush left is still due.
        let mut all = (*layers.flushing).clone();
        all.extend(taken);
        layers.flushing = Arc::new(all);
    }

    /// Writes what was set apart and then the checkpoint. Only one thread may flush a table.
    ///
    /// # Errors
    /// [`ViewsError`]; the changes stay readable.
    pub fn finish_flush(&self, checkpoint: Position) -> Result<(), ViewsError> {
        let changes = Arc::clone(&self.read().flushing);
        if !changes.is_empty() {
            self.tree.insert(FLUSHING, &[1])?;
            self.tree.flush()?;
            for (key, row) in &*changes {
                match row {
                    Some(row) => drop(self.tree.insert(key.as_slice(), row.as_slice())?),
                    None => drop(self.tree.remove(key)?),
                }
            }
            self.tree.flush()?;
        }
        self.tree.insert(CHECKPOINT, &checkpoint.0.to_be_bytes())?;
        self.tree.remove(FLUSHING)?;
        self.write().flushing = Arc::default();
        Ok(())
    }

    /// SHA-256 over every flushed row in order of the keys, the table's own marks left out.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn digest(&self) -> Result<[u8; 32], ViewsError> {
        let mut hash = Sha256::new();
        for row in self.tree.range::<&[u8], _>((Bound::Included(&[1_u8][..]), Bound::Unbounded)) {
            let (key, value) = row?;
            hash.update((key.len() as u32).to_be_bytes());
            hash.update(&key);
            hash.update((value.len() as u32).to_be_bytes());
            hash.update(&value);
        }
        Ok(hash.finalize().into())
    }

    fn read(&self) -> RwLockReadGuard<'_, Layers> {
        self.layers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Layers> {
        self.layers.write().unwrap_or_else(PoisonError::into_inner)
    }
}
