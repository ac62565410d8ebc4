//! Under what a row stands in the indexes of names, places, households and hidden records, and the
//! entries that change with it.

use domain::{Item, PersonId, Place};
use jiff::civil::Date;

use super::households::Belongs;
use super::{HIDDEN, NAME, PLACE, People, Row, place_key};

/// What a row stands under in the indexes.
#[derive(Default)]
pub(super) struct Indexed {
    name: Option<String>,
    place: Option<Place>,
    belongs: Belongs,
    stood: Vec<String>,
    hidden_until: Option<Date>,
}

impl Indexed {
    pub(super) fn of(row: &Row) -> Self {
        // The stream of another document of theirs is not a second person.
        let lives = !row.archive.is_dead && row.owner.is_none();
        let name = row.archive.get(Item::FullName).filter(|_| row.owner.is_none());
        let name = name.map(str::to_owned);
        let belongs = Belongs::of(&row.archive, row.owner);
        let hidden_until = row.hidden_until().filter(|_| row.owner.is_none());
        let stood = row.stood.clone();
        Self { name, place: row.place().filter(|_| lives), belongs, stood, hidden_until }
    }
}

impl Row {
    /// False where nothing that the indexes are made from is told otherwise: of most events.
    pub(super) fn differs_in_indexes(&self, other: &Self) -> bool {
        let beside_items = |row: &Self| (row.archive.is_dead, row.owner, row.reported_for);
        beside_items(self) != beside_items(other)
            || (&self.hidden, &self.stood) != (&other.hidden, &other.stood)
            || !self.archive.has_items_of(&other.archive)
    }
}

impl People {
    pub(super) fn index_changes(
        &self,
        person: PersonId,
        before: &Indexed,
        after: &Indexed,
        changes: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) {
        let key = |kind: u8, head: &[u8]| [&[kind], head, person.as_uuid().as_bytes()].concat();
        let name = |name: &String| key(NAME, &self.seals.blind(name));
        let place = |place: &Place| key(PLACE, &place_key(*place));
        if before.name != after.name {
            changes.extend(before.name.as_ref().map(|before| (name(before), None)));
            changes.extend(after.name.as_ref().map(|after| (name(after), Some(Vec::new()))));
        }
        if before.place != after.place {
            changes.extend(before.place.as_ref().map(|before| (place(before), None)));
            changes.extend(after.place.as_ref().map(|after| (place(after), Some(Vec::new()))));
        }
        if before.belongs != after.belongs {
            self.household_changes(person, &before.belongs, &after.belongs, changes);
        }
        if before.stood != after.stood {
            self.stood_changes(person, &before.stood, &after.stood, changes);
        }
        if before.hidden_until != after.hidden_until {
            let until = after.hidden_until.map(|day| day.to_string().into_bytes());
            changes.push((key(HIDDEN, &[]), until));
        }
    }
}
