//! Which records a stream was merged with, by its own events.

use domain::recorded::Recorded;
use domain::{Item, Kind, PersonId, Role};
use jiff::civil::Date;

use super::Archive;

/// A merge or split, as a stream tells it.
pub(crate) struct Join {
    /// The other record.
    pub(crate) other: PersonId,
    /// Whether it is told here of the record that is absorbed or let go.
    pub(crate) side: bool,
    /// A merge, and not a split.
    pub(crate) merges: bool,
}

/// The merge or split that an event is.
pub(crate) fn join(event: &Recorded) -> Option<Join> {
    let (kind, side) = Kind::from_number(event.envelope.event_type.number)?;
    if !kind.joins_or_parts() {
        return None;
    }
    let role = if side { Role::Survivor } else { Role::Absorbed };
    let life = event.payload.as_ref()?.life()?;
    let other = life.related.iter().find(|related| related.role == role)?.person;
    Some(Join { other, side, merges: kind == Kind::PersonMerge })
}

/// Which records are absorbed into the one that a stream tells of, in the order of their merges.
pub fn absorbed<'a>(stream: impl IntoIterator<Item = &'a Recorded>) -> Vec<PersonId> {
    let mut absorbed = Vec::new();
    for event in stream {
        match join(event) {
            Some(Join { other, side: false, merges: true }) => absorbed.push(other),
            Some(Join { other, side: false, .. }) => absorbed.retain(|known| *known != other),
            _ => {}
        }
    }
    absorbed
}

/// Every record that the one which a stream tells of was ever merged with, each once.
pub fn ever_joined<'a>(stream: impl IntoIterator<Item = &'a Recorded>) -> Vec<PersonId> {
    let mut others: Vec<_> = stream.into_iter().filter_map(join).map(|join| join.other).collect();
    others.sort_unstable();
    others.dedup();
    others
}

/// To whom a stream belongs, when its document was claimed for another person, or it was absorbed.
pub fn owner<'a>(stream: impl IntoIterator<Item = &'a Recorded>) -> Option<PersonId> {
    let mut owner = None;
    for event in stream {
        let kind = Kind::from_number(event.envelope.event_type.number);
        if kind == Some((Kind::DocumentClaimed, false)) {
            let life = event.payload.as_ref().and_then(|payload| payload.life());
            let named = life.and_then(|l| l.related.iter().find(|r| r.role == Role::Owner));
            owner = named.map(|related| related.person);
        }
        if let Some(Join { other, side: true, merges }) = join(event) {
            owner = merges.then_some(other);
        }
    }
    owner
}

impl Archive {
    /// Items by which two records cannot be of one person: the sex, and the marriage where both
    /// were married at one time, to two persons.
    pub fn contradictions(&self, other: &Archive) -> Vec<Item> {
        let sexes = [self, other].map(|archive| archive.get(Item::Sex));
        let differ = matches!(sexes, [Some(one), Some(other)] if one != other);
        let overlap = self.marriages().any(|(spouse, began, ended)| {
            other.marriages().any(|(another, from, to)| {
                let begins_before = |day: Date, end: Option<Date>| end.is_none_or(|end| day < end);
                another != spouse && begins_before(began, to) && begins_before(from, ended)
            })
        });
        let found = [(Item::Sex, differ), (Item::MaritalStatus, overlap)];
        found.into_iter().filter(|(_, is)| *is).map(|(item, _)| item).collect()
    }

    /// To whom, since when and until when.
    fn marriages(&self) -> impl Iterator<Item = (PersonId, Date, Option<Date>)> {
        self.links.iter().filter(|link| link.role == Role::Spouse).map(|link| {
            let day = |origin| self.origin(origin).occurred_on;
            (link.person, day(link.origin), link.ended.map(day))
        })
    }
}
