//! The timeliness cube as a view: kept in memory whole, its changed cells written when flushed, to
//! sorted files as index entries are ([`crate::index`]). A cell changes with nearly every event, and
//! in sled each was an insert at a random place: as much work as counting the events.
//!
//! The list of the files is kept together with the checkpoint, so a flush that was cut leaves what
//! stood before it.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use domain::Position;
use domain::recorded::Recorded;

use crate::ViewsError;
use crate::deadlines::Deadlines;
use crate::index::Index;
use crate::table::{is_outdated, open_tree};
use crate::timeliness::Timeliness;

/// Raise it when cells change their form or meaning. The version of the deadline rules is part of
/// the table's name too: other rules count otherwise, so the view is then rebuilt.
const VERSION: &str = "timeliness.2";
/// In the tree of the version: the position up to which cells are written, in eight bytes, and the
/// list of their files.
const WRITTEN: &[u8] = b"written";

/// The view of timeliness. Folded by one thread, flushed by one thread, read by any.
pub struct TimelinessView {
    cube: RwLock<Timeliness>,
    cells: Index,
    written: sled::Tree,
    folded: AtomicU64,
}

impl TimelinessView {
    /// Opens the view, or makes it: cells in `folder`, the rest in `db`.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn open(
        db: &sled::Db,
        folder: &Path,
        deadlines: Arc<Deadlines>,
    ) -> Result<Self, ViewsError> {
        let name = format!("{VERSION}.{}", deadlines.rules_version());
        for entry in fs::read_dir(folder).map_err(ViewsError::Folder)? {
            let entry = entry.map_err(ViewsError::Folder)?;
            if is_outdated(&entry.file_name().to_string_lossy(), &name) {
                fs::remove_dir_all(entry.path()).map_err(ViewsError::Folder)?;
            }
        }
        let written = open_tree(db, &name)?;
        let kept = written.get(WRITTEN)?.unwrap_or_default();
        let (checkpoint, list) = kept.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let cells = Index::open(&folder.join(&name), list)?;
        let rows = cells.scan(&[], None, usize::MAX)?;
        let cube = Timeliness::load(deadlines, rows).map_err(|_| ViewsError::Row(VERSION))?;
        let folded = AtomicU64::new(u64::from_be_bytes(*checkpoint));
        Ok(Self { cube: RwLock::new(cube), cells, written, folded })
    }

    /// The position up to which events are folded and counted.
    pub fn folded(&self) -> Position {
        Position(self.folded.load(Ordering::Acquire))
    }

    /// Folds recorded events, in order; those at or before [`TimelinessView::folded`] are passed
    /// over.
    pub fn fold(&self, batch: &[Recorded]) {
        let mut cube = self.cube.write().unwrap_or_else(PoisonError::into_inner);
        let done = self.folded();
        let due = batch.iter().filter(|event| event.envelope.position > done);
        cube.apply_each(due.map(|event| (&event.envelope, event.target.as_deref())));
        if let Some(last) = batch.last() {
            self.folded.fetch_max(last.envelope.position.0, Ordering::AcqRel);
        }
    }

    /// The cube, to be asked.
    pub fn cube(&self) -> RwLockReadGuard<'_, Timeliness> {
        self.cube.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what was folded up to now apart, to be written by [`TimelinessView::finish_flush`].
    pub fn begin_flush(&self) {
        let mut cube = self.cube.write().unwrap_or_else(PoisonError::into_inner);
        self.cells.change(cube.take_dirty());
        self.cells.begin_flush();
    }

    /// Writes what was set apart, then the checkpoint. Only one thread may write.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn finish_flush(&self, checkpoint: Position) -> Result<(), ViewsError> {
        let list = self.cells.write()?;
        self.written.insert(WRITTEN, [&checkpoint.0.to_be_bytes()[..], &list].concat())?;
        Ok(())
    }

    /// To be called when what [`TimelinessView::finish_flush`] wrote is durable.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn remove_obsolete(&self) -> Result<(), ViewsError> {
        Ok(self.cells.remove_obsolete()?)
    }

    /// SHA-256 over the flushed cells.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn digest(&self) -> Result<[u8; 32], ViewsError> {
        Ok(self.cells.digest()?)
    }
}
