//! Which records a stream was merged with, by its own events.

use domain::recorded::Recorded;
use domain::{Item, Kind, PersonId, Position, Role};
use jiff::civil::Date;

use super::Archive;
use super::life::standing;

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

/// Whether an event is a merge or split, or acts at its root on one; `life` holds what it acts on.
pub(crate) fn is_about_joins(event: &Recorded, life: &[Recorded]) -> bool {
    if is_join(event) {
        return true;
    }
    let target = life.binary_search_by_key(&event.envelope.corrects, |e| e.envelope.position);
    target.is_ok_and(|target| {
        life[target].envelope.position < event.envelope.position
            && is_about_joins(&life[target], life)
    })
}

fn is_join(event: &Recorded) -> bool {
    let kind = Kind::from_number(event.envelope.event_type.number);
    kind.is_some_and(|(kind, _)| kind.joins_or_parts())
}

/// The merges and splits of a stream on which no annulment acts, in their order.
fn standing_joins<'a>(stream: impl IntoIterator<Item = &'a Recorded>) -> Vec<(Position, Join)> {
    let stream: Vec<&Recorded> = stream.into_iter().collect();
    // Nearly nobody was ever merged.
    if !stream.iter().any(|event| is_join(event)) {
        return Vec::new();
    }
    let standing = stream.iter().zip(standing(&stream)).filter(|(_, stands)| *stands);
    standing.filter_map(|(event, _)| Some((event.envelope.position, join(event)?))).collect()
}

/// Which records are absorbed into the one that a stream tells of, in the order of their merges; not
/// those that are absorbed into these.
pub fn absorbed<'a>(stream: impl IntoIterator<Item = &'a Recorded>) -> Vec<PersonId> {
    let mut absorbed = Vec::new();
    for (_, join) in standing_joins(stream) {
        match join {
            Join { other, side: false, merges: true } => absorbed.push(other),
            Join { other, side: false, .. } => absorbed.retain(|known| *known != other),
            _ => {}
        }
    }
    absorbed
}

/// Every record that is absorbed into a person's, those into these too, by the events of all their
/// streams: whoever was absorbed first goes first, each followed by their own.
pub fn all_absorbed(person: PersonId, life: &[Recorded]) -> Vec<PersonId> {
    // Nearly nobody was ever merged.
    if !life.iter().any(is_join) {
        return Vec::new();
    }
    let own =
        |who: PersonId| life.iter().filter(move |event| event.envelope.stream.id == who.as_uuid());
    let mut all = Vec::new();
    let mut next = absorbed(own(person));
    next.reverse();
    while let Some(one) = next.pop() {
        all.push(one);
        next.extend(absorbed(own(one)).into_iter().rev());
    }
    all
}

/// Every record that the one which a stream tells of was ever merged with, each once.
pub fn ever_joined<'a>(stream: impl IntoIterator<Item = &'a Recorded>) -> Vec<PersonId> {
    let mut others: Vec<_> = stream.into_iter().filter_map(join).map(|join| join.other).collect();
    others.sort_unstable();
    others.dedup();
    others
}

/// To whom a stream belongs, when its document was claimed for another person, or it was absorbed:
/// by the newest standing event that says so.
pub fn owner<'a>(stream: impl IntoIterator<Item = &'a Recorded>) -> Option<PersonId> {
    let stream: Vec<&Recorded> = stream.into_iter().collect();
    let claims = stream.iter().filter_map(|event| Some((event.envelope.position, claim(event)?)));
    let claims = claims.map(|(position, owner)| (position, Some(owner)));
    let joins = standing_joins(stream.iter().copied()).into_iter();
    let aside = joins.filter(|(_, join)| join.side);
    let joins = aside.map(|(position, join)| (position, join.merges.then_some(join.other)));
    claims.chain(joins).max_by_key(|(position, _)| *position)?.1
}

/// For whom an event claims the document of its stream.
pub(crate) fn claim(event: &Recorded) -> Option<PersonId> {
    let kind = Kind::from_number(event.envelope.event_type.number);
    let life =
        event.payload.as_ref()?.life().filter(|_| kind == Some((Kind::DocumentClaimed, false)))?;
    life.related.iter().find(|related| related.role == Role::Owner).map(|related| related.person)
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
