//! Which values an answer tells of a person, by the events that they come from: what the record of
//! the read keeps, so that after a correction it is known who was told the old value.

use domain::life_event::ItemsTold;
use domain::{Item, Place, Topic};
use projections::{Archive, Row};
use replay::history::Entry;

/// Of an archive of which the fields by these names are wanted; all when there are none.
pub(super) fn of_archive(archive: &Archive, wanted: Option<&[&str]>) -> ItemsTold {
    let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted.contains(&name));
    let all_items = is_wanted("items");
    let mut told = ItemsTold::default();
    for (item, _, origin) in archive.values() {
        if all_items || is_wanted(item.name()) || part_with(item).is_some_and(is_wanted) {
            told.add(item, origin.position);
        }
    }
    if is_wanted("beside") {
        archive.beside().for_each(|(item, _, origin)| told.add(item, origin.position));
    }
    told
}

/// The part of an archive that tells an item once more.
fn part_with(item: Item) -> Option<&'static str> {
    match item {
        Item::CitizenId => Some("documents"),
        Item::HouseholdId | Item::HouseholdKind | Item::RelationToHead => Some("households"),
        _ => {
            let is_field = |topic: &Topic| topic.fields().iter().any(|f| f.item == Some(item));
            Topic::ALL.iter().map(|row| row.0).find(is_field).map(|_| "topics")
        }
    }
}

/// Of a person in the answer to a search.
pub(super) fn of_hit(row: &Row) -> ItemsTold {
    let mut told = ItemsTold::default();
    for item in [Item::FullName, Item::Sex, Item::BirthDate, Item::CitizenId] {
        if let Some((_, origin)) = row.archive.stated(item) {
            told.add(item, origin.position);
        }
    }
    if let Some(place) = row.place() {
        add_place(&mut told, row, place);
    }
    told
}

/// Of a person in the list of a place.
pub(super) fn of_resident(row: &Row, place: Place) -> ItemsTold {
    let mut told = ItemsTold::default();
    add_place(&mut told, row, place);
    told
}

fn add_place(told: &mut ItemsTold, row: &Row, place: Place) {
    for item in [Item::Residence, Item::Hukou] {
        match row.archive.stated(item) {
            Some((text, origin)) if Place::parse(text) == Ok(place) => {
                told.add(item, origin.position);
            }
            _ => {}
        }
    }
}

/// Of a member in the answer about a household.
pub(super) fn of_member(archive: &Archive) -> ItemsTold {
    let mut told = ItemsTold::default();
    for (item, _, origin) in archive.values().filter(|(item, ..)| OF_HOUSEHOLDS.contains(item)) {
        told.add(item, origin.position);
    }
    told
}

/// What the answer about a household tells of its members.
const OF_HOUSEHOLDS: [Item; 8] = [
    Item::HouseholdId,
    Item::HouseholdKind,
    Item::RelationToHead,
    Item::Hukou,
    Item::HukouAddress,
    Item::Residence,
    Item::ResidenceAddress,
    Item::DoorPlate,
];

/// Of a history: the values before and after each event, by the events that they came from.
pub fn of_history(entries: &[Entry]) -> ItemsTold {
    let mut told = ItemsTold::default();
    for change in entries.iter().flat_map(|entry| &entry.changes) {
        change.from.iter().flatten().for_each(|position| told.add(change.item, *position));
    }
    told
}
