//! Of how many persons each holder was told lately. Counted in memory while reads go by, and from
//! the envelopes of the log of reads at the start, so it is neither lost nor written twice.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use domain::days::day_number;
use domain::recorded::Envelope;
use domain::{Kind, PersonId, Position};
use jiff::civil::Date;
use journal::{Journal, ReadError};
use rustc_hash::FxHashMap;

use super::OVERSIGHT;
use crate::access::{APPROVED_MAX, ReadingLimit, WINDOW_DAYS};

/// Records looked at together.
const BATCH_RECORDS: usize = 4_000;

/// Who was told of how many.
#[derive(Default)]
pub(super) struct Counts(RwLock<FxHashMap<String, Arc<Mutex<Holder>>>>);

/// Of whom one holder was told, each with the day on which that was last: half of the person's id,
/// which is a keyed hash.
#[derive(Default)]
struct Holder {
    told: FxHashMap<u64, i32>,
    /// The day on which who was long ago was last left out.
    swept: i32,
}

/// What comes of a read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// It may be answered; the holder was then told of so many persons.
    Told(u32),
    /// It would be one more than the ceiling.
    Beyond,
}

impl Counts {
    /// Counts a read of some persons by a holder; one that leads beyond the ceiling is not counted.
    /// Whoever was told of already is no new person.
    pub fn count(
        &self,
        holder: &str,
        persons: impl Iterator<Item = PersonId> + Clone,
        ceiling: Option<u32>,
        today: Date,
    ) -> Counted {
        let holder = self.holder(holder);
        let mut holder = holder.lock().unwrap_or_else(PoisonError::into_inner);
        let today = day_number(today);
        holder.sweep(today);
        let new = persons.clone().filter(|person| !holder.told.contains_key(&half(*person)));
        let count = holder.told.len() + new.count();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        if ceiling.is_some_and(|ceiling| count > ceiling && count as usize > holder.told.len()) {
            return Counted::Beyond;
        }
        persons.for_each(|person| holder.add(person, today));
        Counted::Told(count)
    }

    /// Counts what the log of reads holds of the days that are looked at.
    pub fn fill(
        &self,
        journal: &dyn Journal,
        from: Position,
        today: Date,
    ) -> Result<(), ReadError> {
        let first = day_number(today) - WINDOW_DAYS;
        let (mut at, mut broken) = (from.0.max(1), None);
        while at <= journal.head().0 && broken.is_none() {
            let before = at;
            journal.show_all(Position(at), BATCH_RECORDS, &mut |position, bytes| {
                at = at.max(position.0 + 1);
                match journal::record::decode(bytes) {
                    Ok((envelope, _)) => self.add(&envelope, first),
                    Err(source) => {
                        broken.get_or_insert(ReadError::Record { position: position.0, source });
                    }
                }
            })?;
            if at == before {
                break;
            }
        }
        broken.map_or(Ok(()), Err)
    }

    fn add(&self, envelope: &Envelope, first: i32) {
        let id = envelope.stream.id;
        let day = day_number(envelope.clocks.occurred_on);
        let is_read = envelope.event_type.number == Kind::PersonRead as u16;
        if is_read && !id.is_nil() && id != OVERSIGHT && day > first {
            let holder = self.holder(&envelope.actor);
            let mut holder = holder.lock().unwrap_or_else(PoisonError::into_inner);
            holder.add(PersonId::from_uuid(id), day);
        }
    }

    fn holder(&self, subject: &str) -> Arc<Mutex<Holder>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = known.get(subject) {
            return Arc::clone(holder);
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(subject.to_owned()).or_default())
    }

    /// Forgets whom nobody counts, such as a machine of an office whose reads were found in the log.
    pub fn forget(&self, subject: &str) {
        let is_known = {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            known.contains_key(subject)
        };
        if is_known {
            self.0.write().unwrap_or_else(PoisonError::into_inner).remove(subject);
        }
    }
}

impl Holder {
    fn add(&mut self, person: PersonId, day: i32) {
        // Nobody is allowed more, so more need not be told apart.
        if self.told.len() <= APPROVED_MAX as usize || self.told.contains_key(&half(person)) {
            let last = self.told.entry(half(person)).or_insert(day);
            *last = (*last).max(day);
        }
    }

    fn sweep(&mut self, today: i32) {
        if self.swept != today {
            self.told.retain(|_, day| *day > today - WINDOW_DAYS);
            self.swept = today;
        }
    }
}

/// The alarms of a limit that so many persons raise.
pub(super) fn alarms(limit: &ReadingLimit, persons: u32) -> impl Iterator<Item = u32> + use<> {
    limit.alarms.into_iter().filter(move |threshold| persons >= *threshold)
}

fn half(person: PersonId) -> u64 {
    person.as_uuid().as_u64_pair().1
}
