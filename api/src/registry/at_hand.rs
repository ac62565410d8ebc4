//! The persons of the moment, in two generations: who was not asked for during a whole one is at hand
//! no longer. Each has a place, and the memory of who leaves is that of who comes next.

use domain::PersonId;
use rustc_hash::FxHashMap;

use super::known::Known;

/// Persons in one generation: those of a few dozen submissions, so that the memory which the next one
/// takes over is near. Hardly anybody is asked for again within thousands.
const GENERATION: usize = 128;

/// The persons at hand.
#[derive(Default)]
pub(super) struct AtHand {
    places: Vec<Known>,
    free: Vec<usize>,
    young: FxHashMap<PersonId, usize>,
    old: FxHashMap<PersonId, usize>,
    /// Who was asked for last: of one person much is asked in a row.
    last: Option<(PersonId, usize)>,
}

impl AtHand {
    /// Whether somebody is at hand.
    pub fn has(&self, id: PersonId) -> bool {
        self.young.contains_key(&id) || self.old.contains_key(&id)
    }

    /// Somebody, should they be at hand.
    pub fn get(&self, id: PersonId) -> Option<&Known> {
        let place = self.young.get(&id).or_else(|| self.old.get(&id))?;
        Some(&self.places[*place])
    }

    /// Where somebody is, who then stays for another generation. Room is made by
    /// [`AtHand::make_room`].
    pub fn find(&mut self, id: PersonId) -> Option<usize> {
        if let Some((_, place)) = self.last.filter(|(last, _)| *last == id) {
            return Some(place);
        }
        let young = self.young.get(&id).copied();
        let place = young.or_else(|| {
            let place = self.old.remove(&id)?;
            self.young.insert(id, place);
            Some(place)
        })?;
        self.last = Some((id, place));
        Some(place)
    }

    /// Who is at a place.
    pub fn at(&mut self, place: usize) -> &mut Known {
        &mut self.places[place]
    }

    /// A place for somebody who is not at hand, with whoever was there before.
    pub fn add(&mut self, id: PersonId) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Known::empty());
            self.places.len() - 1
        });
        self.young.insert(id, place);
        self.last = Some((id, place));
        place
    }

    /// Ends a generation that is over, and shows everybody who leaves.
    pub fn make_room(&mut self, mut leaves: impl FnMut(PersonId, &Known)) {
        if self.young.len() < GENERATION {
            return;
        }
        self.last = None;
        for (id, place) in self.old.drain() {
            let known = &mut self.places[place];
            leaves(id, known);
            known.leave();
            self.free.push(place);
        }
        std::mem::swap(&mut self.young, &mut self.old);
    }

    /// Forgets somebody.
    pub fn forget(&mut self, id: PersonId) {
        self.last = None;
        if let Some(place) = self.young.remove(&id).or_else(|| self.old.remove(&id)) {
            self.places[place] = Known::empty();
            self.free.push(place);
        }
    }
}
