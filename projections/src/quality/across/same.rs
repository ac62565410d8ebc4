//! Whether a row tells the rules across records what it told before. Most events do not change
//! that: somebody was seen again, or got a service. Then nobody need read the row again and look at
//! those around it.

use domain::Item;
use domain::rules::{Field, FieldSet};

use crate::archive::Archive;
use crate::household::{HEAD, is_registered_there};
use crate::people::Row;

/// The items and ties that [`super::Seen`] is made of, but for those that only say whether a record by
/// itself is without an error of logic: that is told by how it counts.
const READ: FieldSet = FieldSet::of(&[
    Field::FullName,
    Field::CitizenId,
    Field::Sex,
    Field::BirthDate,
    Field::DeathDate,
    Field::Phone,
    Field::MaritalStatus,
    Field::MaritalChangeDate,
    Field::Residence,
    Field::Hukou,
    Field::HukouStatus,
    Field::HouseholdId,
    Field::HouseholdKind,
    Field::RelationToHead,
    Field::MotherId,
    Field::FatherId,
    Field::SpouseId,
    Field::Children,
]);

/// Whether everything that [`super::Seen`] is made of, but how a record counts, is the same in a row
/// before and after an event that `changed` something. What may change with the day alone is not
/// looked at.
pub(crate) fn tells_same(old: &Row, new: &Row, changed: FieldSet) -> bool {
    let stands = |row: &Row| (row.owner, row.archive.is_dead, row.archive.is_registered);
    stands(old) == stands(new)
        && !changed.meets(READ)
        && words_of_household(&old.archive) == words_of_household(&new.archive)
}

/// Of who is called head, and of which kind a household is, the newest word counts.
fn words_of_household(archive: &Archive) -> impl PartialEq {
    let newest = |item| {
        let (text, origin) = archive.stated(item)?;
        let order = (origin.occurred_on, origin.position);
        (item != Item::RelationToHead || HEAD.contains(&text)).then_some(order)
    };
    let words = [Item::RelationToHead, Item::HouseholdKind].map(newest);
    (words, is_registered_there(archive))
}
