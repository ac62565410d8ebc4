//! What opening does for slots that a power loss tore, so that the file is whole again.

use std::io;

use uuid::Uuid;

use super::slot::{self, SLOT_BYTES, offset};
use crate::storage::StorageFile;

/// More slots are never unsynced at once: each group is synced before its events are, and while one
/// syncs only the next is decided. A missing slot further from the end was lost, not torn.
pub(super) const UNSYNCED_SLOTS_MAX: u32 = 1 << 16;

/// A slot that a power loss tore.
pub(super) struct Torn {
    pub(super) number: u32,
    /// Whose key was being destroyed; none when the slot was never written.
    pub(super) of: Option<Uuid>,
}

/// Ends what was begun in `torn` of `count` slots and makes all durable; gives how many remain.
///
/// A slot that was never written goes when no other comes after it, else it becomes that of nobody:
/// later ones may be in use. The slots that may not have been synced are written again as they are,
/// because a system whose sync failed shows bytes that it will not write by itself.
pub(super) fn repair<F: StorageFile>(file: &F, count: u32, torn: &[Torn]) -> io::Result<u32> {
    let mut left = count;
    let mut missing: Vec<_> = torn.iter().filter(|torn| torn.of.is_none()).collect();
    while missing.pop_if(|torn| torn.number + 1 == left).is_some() {
        left -= 1;
    }
    if !torn.is_empty() {
        tracing::warn!(slots = torn.len(), "keys that were torn in mid-write are set right");
    }
    file.set_length(offset(left))?;
    for torn in &missing {
        // Zeros first: a slot of nobody over half a key would be neither when it is torn itself.
        file.write_all_at(&[0; SLOT_BYTES], offset(torn.number))?;
    }
    file.sync_all()?;
    for torn in torn.iter().filter(|torn| torn.number < left) {
        let id = match torn.of {
            Some(id) => id,
            None => nobody()?,
        };
        file.write_all_at(&slot::destroyed(id), offset(torn.number))?;
    }
    let first = left.saturating_sub(UNSYNCED_SLOTS_MAX);
    let mut bytes = vec![0; (left - first) as usize * SLOT_BYTES];
    file.read_exact_at(&mut bytes, offset(first))?;
    file.write_all_at(&bytes, offset(first))?;
    file.sync_all()?;
    Ok(left)
}

fn nobody() -> io::Result<Uuid> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    Ok(Uuid::from_bytes(id))
}
