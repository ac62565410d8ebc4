//! What is kept in memory of everybody: a map of very many ids, and a list that grows in place.
//!
//! A map that doubles when it is full has room for twice as many as it holds just then, and while
//! it is moved for three times as many. Here only four bytes of each are doubled: the entries stand
//! behind one another and are never moved. Nothing is taken out again.

use std::hash::{BuildHasher, Hash};
use std::ops;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// Items that room is made for at once.
const CHUNK: usize = 1 << 10;

/// A list that is never moved to grow.
#[derive(Clone, Debug)]
pub struct List<T> {
    chunks: Vec<Vec<T>>,
    length: usize,
}

/// A map by id.
#[derive(Clone, Debug)]
pub struct ById<K, V> {
    /// Places in the list, by the hash of the id there.
    places: HashTable<u32>,
    entries: List<(K, V)>,
}

impl<T> List<T> {
    /// How many items there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds an item behind the others.
    pub fn push(&mut self, item: T) {
        if self.length.is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        self.length += 1;
        self.chunks.last_mut().expect("made just now").push(item);
    }

    /// The items in their order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), length: 0 }
    }
}

impl<T> ops::Index<u32> for List<T> {
    type Output = T;

    fn index(&self, at: u32) -> &T {
        &self.chunks[at as usize / CHUNK][at as usize % CHUNK]
    }
}

impl<T> ops::IndexMut<u32> for List<T> {
    fn index_mut(&mut self, at: u32) -> &mut T {
        &mut self.chunks[at as usize / CHUNK][at as usize % CHUNK]
    }
}

impl<K: Copy + Eq + Hash, V> ById<K, V> {
    /// What stands under an id.
    pub fn get(&self, id: &K) -> Option<&V> {
        let at = self.places.find(hash(id), |at| self.entries[*at].0 == *id)?;
        Some(&self.entries[*at].1)
    }

    /// Shows what stands under some ids. Asked for together, they wait for memory together.
    pub fn show_each(&self, ids: &[K], mut show: impl FnMut(&V)) {
        self.find_each(ids, |_, found| found.into_iter().for_each(&mut show));
    }

    /// Gives what stands under each of some ids, by its place among them, in that order. Asked for
    /// together, they wait for memory together: first for where an entry is by the hash alone, then
    /// for whose it is; no look waits for the one before.
    pub fn find_each<'a>(&'a self, ids: &[K], mut give: impl FnMut(usize, Option<&'a V>)) {
        let likely: Vec<_> =
            ids.iter().map(|id| self.places.find(hash(id), |_| true).copied()).collect();
        let is_of = |id: &K, at: &u32| self.entries[*at].0 == *id;
        let is_found: Vec<_> = ids
            .iter()
            .zip(&likely)
            .map(|(id, at)| at.as_ref().is_some_and(|at| is_of(id, at)))
            .collect();
        for (of, ((id, likely), is_found)) in ids.iter().zip(likely).zip(is_found).enumerate() {
            give(
                of,
                match likely {
                    Some(at) if is_found => Some(&self.entries[at].1),
                    // Another id of nearly the same hash came before it.
                    Some(_) => self.get(id),
                    None => None,
                },
            );
        }
    }

    /// Brings what stands under some ids out of memory, since each is looked for next.
    pub fn bring_near(&self, ids: &[K]) {
        let mut known = 0_usize;
        self.find_each(ids, |_, found| known += usize::from(found.is_some()));
        std::hint::black_box(known);
    }

    /// What stands under an id, to be changed.
    pub fn get_mut(&mut self, id: &K) -> Option<&mut V> {
        // Written out each time: of many looks one behind the other as many as fit wait together, and
        // a call between them halves that.
        let at = self.places.find(hash(id), |at| self.entries[*at].0 == *id)?;
        Some(&mut self.entries[*at].1)
    }

    /// The place of an id, which is the same for ever: who remembers it need not look again.
    pub fn find(&self, id: &K) -> Option<u32> {
        self.places.find(hash(id), |at| self.entries[*at].0 == *id).copied()
    }

    /// What stands at a place.
    ///
    /// # Panics
    /// When the place is none of this map.
    pub fn at(&self, place: u32) -> &V {
        &self.entries[place].1
    }

    /// What stands at a place, to be changed.
    ///
    /// # Panics
    /// When the place is none of this map.
    pub fn at_mut(&mut self, place: u32) -> &mut V {
        &mut self.entries[place].1
    }

    /// Puts something under an id; gives what stood there.
    pub fn insert(&mut self, id: K, value: V) -> Option<V> {
        if let Some(known) = self.get_mut(&id) {
            return Some(std::mem::replace(known, value));
        }
        let at = u32::try_from(self.entries.len()).expect("there are not so many people");
        self.entries.push((id, value));
        let entries = &self.entries;
        self.places.insert_unique(hash(&id), at, |at| hash(&entries[*at].0));
        None
    }

    /// How many ids there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every id with what stands under it, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(id, value)| (id, value))
    }
}

impl<K, V> Default for ById<K, V> {
    fn default() -> Self {
        Self { places: HashTable::new(), entries: List::default() }
    }
}

fn hash(id: &impl Hash) -> u64 {
    FxBuildHasher.hash_one(id)
}
