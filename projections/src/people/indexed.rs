//! What the indexes know of a row: entries are changed where it differs before and after.

use domain::{Item, Place};

use super::Row;
use super::hiding::Withheld;
use super::households::Belongs;

/// What a row stands under in the indexes.
#[derive(Default)]
pub(super) struct Indexed {
    pub(super) name: Option<String>,
    pub(super) place: Option<Place>,
    pub(super) belongs: Belongs,
    pub(super) stood: Vec<String>,
    pub(super) withheld: Withheld,
}

impl Indexed {
    pub(super) fn of(row: &Row) -> Self {
        // The stream of another document of theirs is not a second person.
        let lives = !row.archive.is_dead && row.owner.is_none();
        let name = row.archive.get(Item::FullName).filter(|_| row.owner.is_none());
        let name = name.map(str::to_owned);
        let belongs = Belongs::of(&row.archive, row.owner);
        let withheld = Withheld::of(row);
        let (place, stood) = (row.place().filter(|_| lives), row.stood.clone());
        Self { name, place, belongs, stood, withheld }
    }
}
