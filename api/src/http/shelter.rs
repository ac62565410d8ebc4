//! Persons whose whereabouts are protected by order. Who may not see where they are is told nothing
//! below the province: no address, no household, no place of any event, old ones included, and
//! nothing of who shares their household. A grant for less than a province does not reach them at
//! all, since being reached would tell where they are.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use domain::clocks::day_in_china;
use domain::recorded::Recorded;
use domain::{HouseholdId, Item, Payload, PersonId, Place, Position, StreamKind};
use jiff::Timestamp;
use journal::Journal;
use projections::{Archive, Row};
use replay::LogReader;
use replay::history::Entry;
use serde_json::{Map, Value, json};

use super::persons::internal;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::who::Who;
use crate::access::{Action, Look, Opening, may};
use crate::registry::Registry;

/// Digits of the division that everybody may be told: those of the province.
const TOLD_DIGITS: u8 = 2;

/// The items that say where somebody is, or when they moved, or lead there.
pub(super) const WHEREABOUTS: [Item; 9] = [
    Item::Residence,
    Item::ResidenceAddress,
    Item::Hukou,
    Item::HukouAddress,
    Item::DoorPlate,
    Item::HouseholdId,
    Item::MigrationDate,
    Item::Employer,
    Item::Phone,
];

/// Fields of topics that do the same, and are no items.
const FIELDS: [&str; 15] = [
    "previous_place",
    "destination",
    "id_card_issuer",
    "residence_permit_no",
    "stay_dwelling",
    "school",
    "student_no",
    "certificate_no",
    "insurance_place",
    "doctor_team",
    "vaccination_clinic",
    "credit_code",
    "household_id",
    "institution",
    "service_place",
];

/// Whether an item is told of somebody whose whereabouts are not.
pub(super) fn is_told(item: &str) -> bool {
    !WHEREABOUTS.iter().any(|hidden| hidden.name() == item)
}

/// Whether a field of a topic is told of them.
pub(super) fn is_field_told(field: &str) -> bool {
    is_told(field) && !FIELDS.contains(&field)
}

/// Whether this reader is not to be told where a person is.
pub(super) fn hides(
    registry: &Registry,
    who: &Who,
    id: PersonId,
    row: &Row,
) -> Result<bool, Problem> {
    if sees(who) || is_behind_broken_glass(registry, who, id) {
        return Ok(false);
    }
    registry.views.people.is_sheltered(id, row, today()).map_err(|error| internal(&error))
}

/// The same of somebody as they were once: whether they shared a household then in which somebody
/// is protected now.
pub(super) fn hides_past(registry: &Registry, who: &Who, id: PersonId, past: &Archive) -> bool {
    let people = &registry.views.people;
    // What cannot be read is not told.
    !sees(who)
        && !is_behind_broken_glass(registry, who, id)
        && people.is_sheltered_in(past, today()).unwrap_or(true)
}

/// Whether this reader is not to be told that somebody was ever in a household, since a protected
/// person is there now.
pub(super) fn hides_home(
    registry: &Registry,
    who: &Who,
    id: PersonId,
    household: HouseholdId,
) -> bool {
    let people = &registry.views.people;
    // What cannot be read is not told.
    !sees(who)
        && people.is_sheltered_household(household, today()).unwrap_or(true)
        && !is_behind_broken_glass(registry, who, id)
}

/// The acts by which ties of an archive to sheltered persons began and ended: who told them from
/// where tells where those are.
pub(super) fn shared_acts(
    registry: &Registry,
    who: &Who,
    archive: &Archive,
) -> Result<Vec<Position>, Problem> {
    let mut acts = Vec::new();
    if sees(who) || !registry.views.people.has_sheltered() {
        return Ok(acts);
    }
    for link in archive.links() {
        if hides_by_id(registry, who, link.person)? {
            acts.push(archive.origin(link.origin).position);
            acts.extend(link.ended.map(|ended| archive.origin(ended).position));
        }
    }
    Ok(acts)
}

/// The same of somebody of whom no row is at hand, such as who is named in a list.
pub(super) fn hides_by_id(registry: &Registry, who: &Who, id: PersonId) -> Result<bool, Problem> {
    let people = &registry.views.people;
    if sees(who) || !people.has_sheltered() {
        return Ok(false);
    }
    match people.row(id).map_err(|error| internal(&error))? {
        Some(row) => match row.owner {
            Some(owner) => hides_by_id(registry, who, owner),
            None => hides(registry, who, id, &row),
        },
        None => Ok(false),
    }
}

/// A look at one person: through broken glass, where there is some, without masks.
pub(super) fn look_at(registry: &Registry, look: Look, id: PersonId) -> Look {
    match registry.oversight.glass(&look.grant.subject, id, Timestamp::now()) {
        Some(glass) => {
            let sight = look.sight.unmasked();
            look.opened(Opening(glass), sight)
        }
        None => look,
    }
}

fn is_behind_broken_glass(registry: &Registry, who: &Who, id: PersonId) -> bool {
    registry.oversight.glass(&who.0.subject, id, Timestamp::now()).is_some()
}

fn sees(who: &Who) -> bool {
    may(who.0.role, Action::SeeProtected)
}

/// 404 for somebody who is sheltered from a reader whose grant is for a part of a province.
pub(super) fn refuse_near(
    registry: &Registry,
    who: &Who,
    id: PersonId,
    row: &Row,
) -> Result<(), Problem> {
    let is_near = who.0.place.is_some_and(|place| place.digits() > TOLD_DIGITS);
    match is_near && hides(registry, who, id, row)? {
        true => Err(Problem::new(&kinds::NOT_FOUND)),
        false => Ok(()),
    }
}

/// 403 for stored records of which one tells in the clear where a sheltered person was reported, or
/// from where they were looked at: those of their streams, those of others that name them, and what
/// was sent of them in vain. Their hashes and proofs are for everybody as before.
pub(super) fn refuse_records(
    registry: &Registry,
    who: &Who,
    journal: &Arc<dyn Journal>,
    records: Range<Position>,
) -> Result<(), Problem> {
    if sees(who) || !registry.views.people.has_sheltered() {
        return Ok(());
    }
    let log = LogReader::new(Arc::clone(journal), Arc::clone(registry.log().keys()));
    let mut at = records.start;
    while at < records.end {
        let count = (records.end.0 - at.0) as usize;
        let read = log.events(at, count).map_err(|error| internal(&error))?;
        for event in read.iter().take_while(|event| event.envelope.position < records.end) {
            for person in persons_of(event) {
                if hides_by_id(registry, who, person)? {
                    return Err(Problem::new(&kinds::NOT_ALLOWED).detail(
                        "记录明文载有受保护人员的地点",
                        "a record tells in the clear where a protected person was reported",
                    ));
                }
            }
        }
        let Some(last) = read.last() else { break };
        at = Position(last.envelope.position.0 + 1);
    }
    Ok(())
}

/// Whom a record is about, as far as it can be opened.
fn persons_of(event: &Recorded) -> impl Iterator<Item = PersonId> + '_ {
    let envelope = &event.envelope;
    let streams = [Some(envelope.stream), envelope.sealed_for].into_iter().flatten();
    let streams = streams.filter(|stream| stream.kind != StreamKind::Unit);
    let payload = event.payload.as_ref();
    let named = payload.and_then(|payload| payload.life()).into_iter();
    let named = named.flat_map(|life| life.related.iter().map(|related| related.person));
    let in_vain = payload.and_then(|payload| match payload {
        Payload::Rejection(rejection) => rejection.person,
        _ => None,
    });
    streams.map(|stream| PersonId::from_uuid(stream.id)).chain(named).chain(in_vain)
}

fn today() -> jiff::civil::Date {
    day_in_china(Timestamp::now())
}

/// A place as far as it is told.
fn told_place(place: Place) -> Place {
    if place.digits() > TOLD_DIGITS { place.at_level(TOLD_DIGITS) } else { place }
}

/// Takes out of the events of a history what tells where a sheltered person is: out of all of them
/// when that is whose history it is, else out of those that name one, or tell their address.
pub(super) fn history(
    registry: &Registry,
    who: &Who,
    id: PersonId,
    is_theirs: bool,
    entries: &[&Entry],
    told: &mut [Value],
) -> Result<(), Problem> {
    let sees_all = sees(who) || is_behind_broken_glass(registry, who, id);
    if sees_all || !registry.views.people.has_sheltered() {
        return Ok(());
    }
    let mut addresses = BTreeSet::new();
    let mut sheltered = BTreeSet::new();
    let named: BTreeSet<_> = entries.iter().flat_map(|entry| related(entry)).collect();
    for person in named.into_iter().filter(|_| !is_theirs) {
        if hides_by_id(registry, who, person)? {
            sheltered.insert(person);
            let row = registry.views.people.row(person).map_err(|error| internal(&error))?;
            addresses.extend(row.iter().flat_map(|row| addresses_of(row)));
        }
    }
    for (entry, told) in entries.iter().zip(told) {
        let names_one = || related(entry).any(|person| sheltered.contains(&person));
        let text = if addresses.is_empty() { String::new() } else { told.to_string() };
        let tells_one = || addresses.iter().any(|address| text.contains(address.as_str()));
        if is_theirs || names_one() || tells_one() {
            strip(told, entry.event.envelope.place);
        }
    }
    Ok(())
}

fn related(entry: &Entry) -> impl Iterator<Item = PersonId> + '_ {
    let life = entry.event.payload.as_ref().and_then(|payload| payload.life());
    life.into_iter().flat_map(|life| life.related.iter().map(|related| related.person))
}

/// The addresses of somebody, as they stand in the JSON of an answer.
fn addresses_of(row: &Row) -> impl Iterator<Item = String> + '_ {
    let items = [Item::ResidenceAddress, Item::HukouAddress, Item::HouseholdId];
    let texts = items.into_iter().filter_map(|item| row.archive.get(item));
    // Without the quotes: it may be a part of a longer text.
    texts.map(|text| json!(text).to_string().trim_matches('"').to_owned())
}

/// An event without what tells where it happened, who told it from where, and what it says of
/// whereabouts. Words of the sender go as a whole.
fn strip(told: &mut Value, place: Place) {
    let Value::Object(told) = told else { return };
    for name in ["id", "certificate_no", "reason", "approved_by", "later", "details"] {
        told.remove(name);
    }
    for name in ["place_name", "source", "actor", "correlation"] {
        told.insert(name.to_owned(), Value::Null);
    }
    told.insert("place".to_owned(), json!(told_place(place)));
    if let Some(changes) = told.get_mut("changes").and_then(Value::as_array_mut) {
        changes.retain(|change| change["item"].as_str().is_some_and(is_told));
    }
    told.insert("protected".to_owned(), Value::Bool(true));
}

/// A read about a sheltered person without the reader's place and what was asked for by place: who
/// looks from nearby, and in which list somebody stood, tells where they are.
pub(super) fn access(told: &mut Map<String, Value>, place: Place) {
    told.insert("place".to_owned(), json!(told_place(place)));
    if let Some(as_of) = told.get_mut("as_of").and_then(Value::as_object_mut) {
        as_of.retain(|name, _| !matches!(name.as_str(), "place" | "household"));
    }
}
