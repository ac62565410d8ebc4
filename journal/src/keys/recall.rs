//! Unwrapping very many keys at once, for whoever is about to ask for nearly all of them: looked up
//! one by one, each is a read of the file.

use super::recent::PLACES_MAX;
use super::slot::{self, SLOT_BYTES, Slot, offset};
use super::{KeyError, KeySlots, SLOTS_AT_ONCE};
use crate::storage::{Storage, StorageFile};

impl<S: Storage> KeySlots<S> {
    /// Has as many keys at hand as are ever kept, in the order in which they were issued.
    ///
    /// # Errors
    /// [`KeyError::MasterKey`] or [`KeyError::Io`]. A slot that is just being overwritten is left
    /// to who asks for its key.
    pub fn recall(&self) -> Result<(), KeyError> {
        let count = (*self.turn()).min(PLACES_MAX as u32);
        let mut bytes = vec![0; SLOTS_AT_ONCE * SLOT_BYTES];
        for first in (0..count).step_by(SLOTS_AT_ONCE) {
            let some = SLOTS_AT_ONCE.min((count - first) as usize);
            let bytes = &mut bytes[..some * SLOT_BYTES];
            self.file.read_exact_at(bytes, offset(first))?;
            for (number, slot) in (first..).zip(bytes.chunks_exact(SLOT_BYTES)) {
                if matches!(slot::judge(slot, number), Slot::Whole)
                    && let Some(key) = self.unwrap(slot, number)?
                {
                    self.recent.keep(number, &key);
                }
            }
        }
        Ok(())
    }
}
