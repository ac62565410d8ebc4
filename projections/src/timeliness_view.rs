//! The timeliness cube as a view: kept in memory whole, its changed cells written when flushed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use domain::Position;
use domain::recorded::Recorded;

use crate::ViewsError;
use crate::deadlines::Deadlines;
use crate::table::{Rewriting, Table};
use crate::timeliness::Timeliness;

/// Raise it when cells change their form or meaning. The version of the deadline rules is part of
/// the table's name too: other rules count otherwise, so the view is then rebuilt.
const VERSION: &str = "timeliness.1";
/// Before each key of the cube, since a table's keys do not begin with a zero byte.
const CELL: u8 = b'c';

/// The view of timeliness. Folded by one thread, flushed by one thread, read by any.
pub struct TimelinessView {
    cube: RwLock<Timeliness>,
    table: Table,
    folded: AtomicU64,
}

impl TimelinessView {
    /// Opens the view, or makes it.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn open(db: &sled::Db, deadlines: Arc<Deadlines>) -> Result<Self, ViewsError> {
        let name = format!("{VERSION}.{}", deadlines.rules_version());
        let table = Table::open(db, &name, Rewriting::Harmful)?;
        let rows = table.scan(&[CELL], None, usize::MAX)?;
        let rows = rows.into_iter().map(|(key, row)| (key[1..].to_vec(), row));
        let cube = Timeliness::load(deadlines, rows).map_err(|_| ViewsError::Row(VERSION))?;
        let folded = AtomicU64::new(table.checkpoint()?.0);
        Ok(Self { cube: RwLock::new(cube), table, folded })
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
        for event in batch.iter().filter(|event| event.envelope.position > done) {
            cube.apply(&event.envelope, event.target.as_deref());
        }
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
        let changed = cube.take_dirty().into_iter();
        self.table.change(changed.map(|(key, row)| ([&[CELL], &key[..]].concat(), row)));
        self.table.begin_flush();
    }

    /// Writes what was set apart, then the checkpoint.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn finish_flush(&self, checkpoint: Position) -> Result<(), ViewsError> {
        self.table.finish_flush(checkpoint)
    }

    /// SHA-256 over the flushed cells.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn digest(&self) -> Result<[u8; 32], ViewsError> {
        self.table.digest()
    }
}
