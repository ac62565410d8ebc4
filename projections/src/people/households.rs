//! Under which households a row stands: an index entry for each, made from the row alone as those
//! of names and places, so that moves, corrections, deaths and merges need no code of their own.
//!
//! The dead stay in their household of registration, since its head may be among them; whoever is
//! dead lives nowhere. The stream of another document of a person stands nowhere.

use domain::household::{hukou_key, living_key};
use domain::{Basis, HouseholdId, Item, PersonId};

use super::{HOUSEHOLD, People, STOOD, person_of};
use crate::archive::Archive;
use crate::{RowSeals, ViewsError};

/// What makes a row a member of households, unhashed: one text, so that keeping it for each row
/// that is folded costs one copy, and hashes are made only where it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Belongs(String);

/// Number of the household; division, address and door plate of the home.
const PARTS: [Item; 4] =
    [Item::HouseholdId, Item::Residence, Item::ResidenceAddress, Item::DoorPlate];

impl Belongs {
    /// What an archive says of it; `owner` is the person to whom the stream belongs, when it is
    /// another one.
    pub(super) fn of(archive: &Archive, owner: Option<PersonId>) -> Self {
        if owner.is_some() {
            return Self::default();
        }
        let length = texts_of(archive).map(|text| text.len() + 1).sum();
        let mut text = String::with_capacity(length);
        for part in texts_of(archive) {
            text.push_str(part);
            text.push('\0');
        }
        Self(text)
    }

    /// Whether it is what an archive says, of a stream that belongs to its own person.
    pub(super) fn is_of(&self, archive: &Archive) -> bool {
        let rest = texts_of(archive)
            .try_fold(&*self.0, |rest, text| rest.strip_prefix(text)?.strip_prefix('\0'));
        rest.is_some_and(str::is_empty)
    }

    /// What makes each household one, at most one of each kind.
    pub(super) fn keys(&self) -> [(Basis, Option<String>); 2] {
        let mut parts = self.0.split('\0');
        let mut part = || parts.next().unwrap_or_default();
        let hukou = hukou_key(part());
        [(Basis::Hukou, hukou), (Basis::Living, living_key(part(), part(), part()))]
    }

    pub(super) fn ids(&self, seals: &dyn RowSeals) -> impl Iterator<Item = (Basis, HouseholdId)> {
        self.keys().into_iter().filter_map(|(basis, key)| {
            Some((basis, HouseholdId::from_custom_bytes(seals.blind(&key?))))
        })
    }
}

/// What an archive says of the parts that make its households.
fn texts_of(archive: &Archive) -> impl Iterator<Item = &str> {
    // The dead live nowhere.
    let parts = if archive.is_dead { 1 } else { PARTS.len() };
    PARTS[..parts].iter().map(|item| archive.get(*item).unwrap_or_default())
}

/// What makes the household of an archive one; equal for all of its members.
pub(crate) fn household_key(archive: &Archive, basis: Basis) -> Option<String> {
    let keys = Belongs::of(archive, None).keys();
    keys.into_iter().find(|(of, _)| *of == basis)?.1
}

impl People {
    /// The households of an archive, at most one of each kind.
    pub fn households_of(&self, archive: &Archive) -> Vec<(Basis, HouseholdId)> {
        Belongs::of(archive, None).ids(&*self.seals).collect()
    }

    /// Whoever stands under a household, ordered by id: at most `limit`.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn in_household(
        &self,
        household: HouseholdId,
        limit: usize,
    ) -> Result<Vec<PersonId>, ViewsError> {
        let rows = self.index.scan(&prefix(HOUSEHOLD, household), None, limit)?;
        Ok(rows.iter().map(|(key, _)| person_of(key)).collect())
    }

    /// Every record that stood under a household on any day as known at any instant, and maybe some
    /// more: at most `limit`. Records that belong to others are among them.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn ever_in_household(
        &self,
        household: HouseholdId,
        limit: usize,
    ) -> Result<Vec<PersonId>, ViewsError> {
        let mut persons = Vec::new();
        // Whoever leaves meanwhile is found at the end, whoever comes back at the beginning.
        for kind in [STOOD, HOUSEHOLD, STOOD] {
            let rows = self.index.scan(&prefix(kind, household), None, limit)?;
            persons.extend(rows.iter().map(|(key, _)| person_of(key)));
        }
        persons.sort_unstable();
        persons.dedup();
        persons.truncate(limit);
        Ok(persons)
    }

    pub(super) fn household_changes(
        &self,
        person: PersonId,
        before: &Belongs,
        after: &Belongs,
        changes: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) {
        let ids = |belongs: &Belongs| belongs.ids(&*self.seals).collect::<Vec<_>>();
        let (before, after) = (ids(before), ids(after));
        let key =
            |household| [&prefix(HOUSEHOLD, household)[..], person.as_uuid().as_bytes()].concat();
        let gone = before.iter().filter(|one| !after.contains(one));
        changes.extend(gone.map(|(_, household)| (key(*household), None)));
        let new = after.iter().filter(|one| !before.contains(one));
        changes.extend(new.map(|(_, household)| (key(*household), Some(Vec::new()))));
    }

    /// Of the households that a record stood under once.
    pub(super) fn stood_changes(
        &self,
        person: PersonId,
        before: &[String],
        after: &[String],
        changes: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) {
        let key = |key: &String| {
            let household = HouseholdId::from_custom_bytes(self.seals.blind(key));
            [&prefix(STOOD, household)[..], person.as_uuid().as_bytes()].concat()
        };
        let gone = before.iter().filter(|one| !after.contains(one));
        changes.extend(gone.map(|one| (key(one), None)));
        let new = after.iter().filter(|one| !before.contains(one));
        changes.extend(new.map(|one| (key(one), Some(Vec::new()))));
    }
}

fn prefix(kind: u8, household: HouseholdId) -> Vec<u8> {
    [&[kind], &household.as_uuid().as_bytes()[..]].concat()
}
