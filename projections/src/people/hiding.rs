//! What is hidden of a record by order. The row keeps everything: rules and counts go on as if
//! nothing were hidden, and who reads is told less.

use domain::order::Sealing;
use domain::{HouseholdId, Order, PersonId, Topic};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;

use super::households::Belongs;
use super::indexed::Indexed;
use super::{HIDDEN, People, Row, SHELTERED};
use crate::ViewsError;
use crate::archive::Archive;
use crate::index::Index;

/// One sealing that was ordered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hidden {
    /// The day on which it is seen again.
    #[serde(with = "domain::days")]
    until: Date,
    /// Numbers of the topics that are hidden; none for the whole record.
    topics: Vec<u8>,
}

/// The day up to which whereabouts are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Protected(#[serde(with = "domain::days")] Date);

impl Row {
    /// Follows an order.
    pub(super) fn hide(&mut self, order: Order) {
        match order {
            Order::Seal(Sealing { until, topics }) => {
                let topics = topics.into_iter().map(Topic::number).collect();
                let hidden = Hidden { until, topics };
                // A merged record is told of it in each of its streams.
                if !self.hidden.contains(&hidden) {
                    self.hidden.push(hidden);
                }
            }
            Order::Unseal => self.hidden.clear(),
            Order::Protect { until } => {
                self.protected = self.protected.max(Some(Protected(until)));
            }
            Order::Unprotect => self.protected = None,
            Order::Erase => {}
        }
    }

    /// The day up to which the whole record is hidden; none where that was never ordered.
    pub fn hidden_until(&self) -> Option<Date> {
        let whole = self.hidden.iter().filter(|hidden| hidden.topics.is_empty());
        whole.map(|hidden| hidden.until).max()
    }

    /// The day up to which the person's whereabouts are protected; none where they are not.
    pub fn protected_until(&self) -> Option<Date> {
        self.protected.map(|Protected(until)| until)
    }

    /// The topics that are hidden on a day, each with the day on which it is seen again.
    pub fn topics_hidden_on(&self, day: Date) -> Vec<(Topic, Date)> {
        let until = |topic: Topic| {
            let theirs =
                self.hidden.iter().filter(|hidden| hidden.topics.contains(&topic.number()));
            theirs.map(|hidden| hidden.until).max()
        };
        let all = Topic::ALL.iter().filter_map(|row| Some((row.0, until(row.0)?)));
        all.filter(|(_, until)| day < *until).collect()
    }
}

/// Up to when something is withheld of somebody who stands by themselves.
#[derive(Default)]
pub(super) struct Withheld {
    hidden_until: Option<Date>,
    protected_until: Option<Date>,
}

impl Withheld {
    /// Of a row; nothing of what belongs to another one.
    pub(super) fn of(row: &Row) -> Self {
        if row.owner.is_some() {
            return Self::default();
        }
        let (hidden_until, protected_until) = (row.hidden_until(), row.protected_until());
        Self { hidden_until, protected_until }
    }
}

impl People {
    /// Whether the whole record of a person is hidden on a day.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn is_hidden(&self, person: PersonId, day: Date) -> Result<bool, ViewsError> {
        let until = self.index.get(&[&[HIDDEN], &person.as_uuid().as_bytes()[..]].concat())?;
        let until = until.and_then(|until| std::str::from_utf8(&until).ok()?.parse().ok());
        Ok(until.is_some_and(|until: Date| day < until))
    }

    /// Whether the whereabouts of a person are protected on a day, by an order about them or about
    /// somebody of one of their households: who knows where one of them is knows where all are.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn is_sheltered(&self, person: PersonId, row: &Row, day: Date) -> Result<bool, ViewsError> {
        if row.protected_until().is_some_and(|until| day < until) {
            return Ok(true);
        }
        // Nearly everywhere nobody is, and every read asks.
        if !self.has_sheltered() {
            return Ok(false);
        }
        Ok(self.is_under(&shelter_of(person), day)? || self.is_sheltered_in(&row.archive, day)?)
    }

    /// Whether somebody is protected on a day who is in one of the households of an archive.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn is_sheltered_in(&self, archive: &Archive, day: Date) -> Result<bool, ViewsError> {
        if !self.has_sheltered() {
            return Ok(false);
        }
        for (_, household) in self.households_of(archive) {
            if self.is_sheltered_household(household, day)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether somebody of a household is protected on a day.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn is_sheltered_household(
        &self,
        household: HouseholdId,
        day: Date,
    ) -> Result<bool, ViewsError> {
        Ok(self.has_sheltered() && self.is_under(&shelter_under(household), day)?)
    }

    /// Whether anybody's whereabouts are protected, or were since the view was opened: before
    /// anything that would cost every reader.
    pub fn has_sheltered(&self) -> bool {
        self.shelters.load(Ordering::Acquire)
    }

    /// Whether one of the entries under a prefix reaches beyond a day.
    fn is_under(&self, prefix: &[u8], day: Date) -> Result<bool, ViewsError> {
        let entries = self.index.scan(prefix, None, usize::MAX)?;
        let until = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse::<Date>().ok();
        Ok(entries.iter().any(|(_, bytes)| until(bytes).is_some_and(|until| day < until)))
    }

    /// Whether anybody was protected when the view was closed.
    pub(super) fn has_shelters(index: &Index) -> Result<bool, ViewsError> {
        Ok(!index.scan(&[SHELTERED], None, 1)?.is_empty())
    }

    /// Index entries of what is withheld of a person.
    pub(super) fn withheld_changes(
        &self,
        person: PersonId,
        before: &Indexed,
        after: &Indexed,
        changes: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) {
        let (stood, stands) = (&before.withheld, &after.withheld);
        if stood.hidden_until != stands.hidden_until {
            let until = stands.hidden_until.map(|day| day.to_string().into_bytes());
            let key = [&[HIDDEN], &person.as_uuid().as_bytes()[..]].concat();
            changes.push((key, until));
        }
        let (stood, stands) = (stood.protected_until, stands.protected_until);
        self.shelter_changes(person, (stood, &before.belongs), (stands, &after.belongs), changes);
    }

    /// Entries under which a protected person is found: their own, and one for each household.
    fn shelter_changes(
        &self,
        person: PersonId,
        before: (Option<Date>, &Belongs),
        after: (Option<Date>, &Belongs),
        changes: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) {
        if before == after || before.0.is_none() && after.0.is_none() {
            return;
        }
        let entries = |(until, belongs): (Option<Date>, &Belongs)| {
            let until = until?.to_string().into_bytes();
            let households = belongs.ids(&*self.seals).map(|(_, id)| shelter_under(id));
            let prefixes = std::iter::once(shelter_of(person)).chain(households);
            let key = |prefix: Vec<u8>| [&prefix[..], person.as_uuid().as_bytes()].concat();
            Some(prefixes.map(|prefix| (key(prefix), until.clone())).collect::<Vec<_>>())
        };
        let gone = entries(before).into_iter().flatten().map(|(key, _)| (key, None));
        changes.extend(gone);
        let new = entries(after).into_iter().flatten().map(|(key, until)| (key, Some(until)));
        changes.extend(new);
        self.shelters.store(true, Ordering::Release);
    }
}

/// Persons and households share the prefix: both are ids of 128 bits, of different versions.
fn shelter_of(person: PersonId) -> Vec<u8> {
    [&[SHELTERED], &person.as_uuid().as_bytes()[..]].concat()
}

fn shelter_under(household: HouseholdId) -> Vec<u8> {
    [&[SHELTERED], &household.as_uuid().as_bytes()[..]].concat()
}
