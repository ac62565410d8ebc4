//! A row in one piece, as it is sealed: a third of what it takes unfolded. So rows wait to be written,
//! and so they go from one thread to another.

use std::cell::Cell;
use std::sync::Arc;

use domain::Position;

use super::{Row, VERSION};
use crate::ViewsError;

/// A packed row; an empty one stands for somebody who is erased.
#[derive(Clone)]
pub(super) struct PackedRow {
    pub(super) version: Position,
    pub(super) plain: Arc<[u8]>,
}

thread_local! {
    /// Memory in which rows are packed, used again for the next one.
    static PLAIN: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl PackedRow {
    /// Packs a row.
    pub(super) fn of(row: &Row) -> Self {
        let mut room = PLAIN.take();
        room.clear();
        let room = postcard::to_extend(row, room).expect("a row is plain values");
        let plain = room.as_slice().into();
        PLAIN.set(room);
        Self { version: row.version, plain }
    }

    /// A row that was packed before: its version stands first.
    ///
    /// # Errors
    /// [`ViewsError::Row`] when it is none.
    pub(super) fn of_plain(plain: &[u8]) -> Result<Self, ViewsError> {
        let (version, _) =
            postcard::take_from_bytes(plain).map_err(|_| ViewsError::Row(VERSION))?;
        Ok(Self { version, plain: plain.into() })
    }

    /// In the place of the row of somebody who is erased.
    pub(super) fn erased(version: Position) -> Self {
        Self { version, plain: Arc::default() }
    }

    /// Whether the row is to go. A row that stands is never empty.
    pub(super) fn is_erased(&self) -> bool {
        self.plain.is_empty()
    }
}
