//! Unwrapping very many keys at once, for whoever is about to ask for nearly all of them: looked up
//! one by one, each is a read of the file.

use super::recent::PLACES_MAX;
use super::slot::{self, Slot};
use super::{KeyError, KeySlots};
use crate::storage::Storage;

impl<S: Storage> KeySlots<S> {
    /// Has as many keys at hand as are ever kept, in the order in which they were issued.
    ///
    /// # Errors
    /// [`KeyError::MasterKey`] or [`KeyError::Io`]. A slot that is just being overwritten is left
    /// to who asks for its key.
    pub fn recall(&self) -> Result<(), KeyError> {
        let count = (*self.turn()).min(PLACES_MAX as u32);
        self.each_slot(count, |number, slot| {
            if matches!(slot::judge(slot, number), Slot::Whole)
                && let Some(key) = self.unwrap(slot, number)?
            {
                self.recent.keep(number, &key);
            }
            Ok(())
        })
    }
}
