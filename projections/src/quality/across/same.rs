//! Whether a row tells the rules across records what it told before. Most events do not change
//! that: somebody was seen again, or got a service. Then nobody need read the row again and look at
//! those around it.

use domain::{Item, PersonId, Role};

use crate::archive::Archive;
use crate::household::{HEAD, is_registered_there};
use crate::people::Row;

/// The roles whose ties these rules follow.
const FOLLOWED: [Role; 4] = [Role::Mother, Role::Father, Role::Spouse, Role::Child];

/// Whether everything that [`super::Seen`] is made of is the same in a row before and after some
/// events, but for items and how somebody counts. What may change with the day alone is not looked
/// at.
pub(crate) fn tells_same_beside_items(old: &Row, new: &Row) -> bool {
    let stands = |row: &Row| (row.owner, row.archive.is_dead, row.archive.is_registered);
    stands(old) == stands(new)
        && words_of_household(&old.archive) == words_of_household(&new.archive)
        && ties(&old.archive).eq(ties(&new.archive))
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

fn ties(archive: &Archive) -> impl Iterator<Item = (Role, PersonId, bool)> {
    let followed = archive.links().iter().filter(|link| FOLLOWED.contains(&link.role));
    followed.map(|link| (link.role, link.person, link.ended.is_some()))
}
