//! Keys that were lately unwrapped. An event's key is asked for several times within seconds, by
//! those who seal it, read it back and seal the row that it changes; and whoever makes the views
//! anew asks for each person's key once an event.
//!
//! A key has one place, told by the number of its slot: nothing is searched, and a key that comes
//! to the place of another takes it.

use std::num::NonZeroU32;
use std::sync::{PoisonError, RwLock};

use rustc_hash::FxHashSet;

use crate::seal::PersonKey;

/// A million places of 36 bytes at most.
pub(super) const PLACES_MAX: usize = 1 << 20;
/// Places that are made at once.
const CHUNK: usize = 1 << 12;

#[derive(Default)]
pub(super) struct Recent(RwLock<Places>);

#[derive(Default)]
struct Places {
    /// As many as the greatest number needs that was kept.
    chunks: Vec<Box<[Option<Place>]>>,
    /// Slots whose keys are never kept again, though somebody may still hold one.
    erased: FxHashSet<u32>,
}

#[derive(Clone)]
struct Place {
    /// One more than the number of the slot.
    owner: NonZeroU32,
    key: PersonKey,
}

impl Recent {
    pub(super) fn find(&self, number: u32) -> Option<PersonKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).find(number)
    }

    /// As [`Recent::find`] for each number there is; `found` is emptied before.
    pub(super) fn find_each(&self, numbers: &[Option<u32>], found: &mut Vec<Option<PersonKey>>) {
        let places = self.0.read().unwrap_or_else(PoisonError::into_inner);
        found.clear();
        found.extend(numbers.iter().map(|number| places.find((*number)?)));
    }

    /// Whether a slot was erased, at the opening or since.
    pub(super) fn is_erased(&self, number: u32) -> bool {
        let places = self.0.read().unwrap_or_else(PoisonError::into_inner);
        places.erased.contains(&number)
    }

    /// Keeps a key, unless its slot was erased.
    pub(super) fn keep(&self, number: u32, key: &PersonKey) {
        let mut places = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(owner) = number.checked_add(1).and_then(NonZeroU32::new) else { return };
        if places.erased.contains(&number) {
            return;
        }
        let (chunk, place) = place_of(number);
        while places.chunks.len() <= chunk {
            places.chunks.push(vec![None; CHUNK].into());
        }
        places.chunks[chunk][place] = Some(Place { owner, key: key.clone() });
    }

    /// Forgets a key for good.
    pub(super) fn erase(&self, number: u32) {
        let mut places = self.0.write().unwrap_or_else(PoisonError::into_inner);
        places.erased.insert(number);
        let (chunk, place) = place_of(number);
        if let Some(chunk) = places.chunks.get_mut(chunk) {
            chunk[place] = None;
        }
    }
}

impl Places {
    fn find(&self, number: u32) -> Option<PersonKey> {
        let (chunk, place) = place_of(number);
        let place = self.chunks.get(chunk)?[place].as_ref()?;
        (place.owner.get() - 1 == number).then(|| place.key.clone())
    }
}

fn place_of(number: u32) -> (usize, usize) {
    let place = number as usize % PLACES_MAX;
    (place / CHUNK, place % CHUNK)
}
