//! Kinship: groups of the relation to the head (GB/T 4761-2008), and who may not marry whom.

use super::subject::{PersonIndex, Subject};

/// The head of the household.
pub const HEAD: [&str; 2] = ["01", "02"];
/// Husband or wife of the head.
pub const SPOUSE_OF_HEAD: [&str; 3] = ["10", "11", "12"];
/// Sons by rank, the eldest first.
pub const SONS_RANKED: [&str; 5] = ["22", "23", "24", "25", "26"];
/// Daughters by rank, the eldest first.
pub const DAUGHTERS_RANKED: [&str; 5] = ["32", "33", "34", "35", "36"];
/// The head's own children: not adopted or step ones (27, 37), not in-laws (28, 38).
pub const OWN_CHILD: [&str; 16] = [
    "20", "21", "22", "23", "24", "25", "26", "29", "30", "31", "32", "33", "34", "35", "36", "39",
];
/// The head's own children but for those of no rank (29, 39).
pub const OWN_CHILD_OF_A_RANK: [&str; 14] =
    ["20", "21", "22", "23", "24", "25", "26", "30", "31", "32", "33", "34", "35", "36"];
/// Father and mother of the head.
pub const PARENT: [&str; 2] = ["51", "52"];
/// Grandparents of the head.
pub const GRANDPARENT: [&str; 4] = ["61", "62", "63", "64"];
/// Elder brother and sister of the head.
pub const ELDER_SIBLING: [&str; 2] = ["71", "75"];
/// Younger brother and sister of the head.
pub const YOUNGER_SIBLING: [&str; 2] = ["73", "77"];

/// Lineal kin may never marry; nobody lives to see more generations than these.
const GENERATIONS_LINEAL: u32 = 5;

/// Whether two persons may not marry as near kin (Civil Code art. 1048): one descends from the
/// other, or a parent or grandparent of the one is the other's too (three generations, counting
/// one's own). Parents that are not on record prove nothing.
pub fn are_near_kin(people: &[Subject<'_>], one: PersonIndex, other: PersonIndex) -> bool {
    let (ours, theirs) = (three_generations(people, one), three_generations(people, other));
    ours.iter().flatten().any(|kin| theirs.contains(&Some(*kin)))
        || descends(people, one, other, GENERATIONS_LINEAL)
        || descends(people, other, one, GENERATIONS_LINEAL)
}

/// The person, the parents, the grandparents, as far as they are on record.
fn three_generations(people: &[Subject<'_>], person: PersonIndex) -> [Option<PersonIndex>; 7] {
    let parents = |of: Option<PersonIndex>| match of {
        Some(of) => [people[of.0 as usize].mother, people[of.0 as usize].father],
        None => [None, None],
    };
    let [mother, father] = parents(Some(person));
    let ([a, b], [c, d]) = (parents(mother), parents(father));
    [Some(person), mother, father, a, b, c, d]
}

fn descends(
    people: &[Subject<'_>],
    person: PersonIndex,
    ancestor: PersonIndex,
    generations: u32,
) -> bool {
    let subject = &people[person.0 as usize];
    generations > 0
        && [subject.mother, subject.father]
            .into_iter()
            .flatten()
            .any(|parent| parent == ancestor || descends(people, parent, ancestor, generations - 1))
}
