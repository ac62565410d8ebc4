//! Which values an answer tells of a person, by the events that they come from: what the record of
//! the read keeps, so that after a correction it is known who was told the old value.

use domain::life_event::ItemsTold;
use domain::{Item, Place, Topic};
use projections::{Archive, Row};

use crate::access::{Part, Show, Sight};

/// Of an archive of which the fields by these names are wanted, all when there are none: what is
/// shown in full. A masked value is not told.
pub(super) fn of_archive(archive: &Archive, wanted: Option<&[&str]>, sight: Sight) -> ItemsTold {
    let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted.contains(&name));
    let all_items = is_wanted("items");
    let mut told = ItemsTold::default();
    for (item, _, origin) in archive.values() {
        let is_asked = all_items || is_wanted(item.name());
        let is_told = is_asked && sight.show_item(item) == Show::Full
            || part_with(item, sight).is_some_and(is_wanted);
        if is_told {
            told.add(item, origin.position);
        }
    }
    if is_wanted("beside") {
        let beside = archive.beside().filter(|(item, ..)| sight.show_item(*item) == Show::Full);
        beside.for_each(|(item, _, origin)| told.add(item, origin.position));
    }
    told
}

/// The part of an archive that tells an item once more, where it does so in full.
fn part_with(item: Item, sight: Sight) -> Option<&'static str> {
    let (part, show) = match item {
        Item::CitizenId => ("documents", sight.show(Part::Number)),
        Item::HouseholdId | Item::HouseholdKind | Item::RelationToHead => {
            ("households", sight.show(Part::Household))
        }
        _ => {
            let (topic, at) = Topic::telling(item)?;
            ("topics", sight.show_field_at(topic, at))
        }
    };
    (show == Show::Full).then_some(part)
}

/// Of a person in the answer to a search, where numbers are masked for everybody.
pub(super) fn of_hit(row: &Row, sight: Sight) -> ItemsTold {
    let mut told = ItemsTold::default();
    let shown = [Item::FullName, Item::Sex, Item::BirthDate].into_iter();
    for item in shown.filter(|item| sight.show_item(*item) == Show::Full) {
        if let Some((_, origin)) = row.archive.stated(item) {
            told.add(item, origin.position);
        }
    }
    if let Some(place) = row.place().filter(|_| sight.show(Part::Place) == Show::Full) {
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
pub(super) fn of_member(archive: &Archive, sight: Sight) -> ItemsTold {
    let mut told = ItemsTold::default();
    let shown = archive
        .values()
        .filter(|(item, ..)| OF_HOUSEHOLDS.contains(item) && sight.show_item(*item) == Show::Full);
    for (item, _, origin) in shown {
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
