//! Who is tied to whom, as the one who decides knows it, beside what the archive shows.

use cqrs_es::Aggregate;
use domain::recorded::Recorded;
use domain::{Person, Role};
use projections::Archive;
use proptest::prelude::*;

use crate::archive_lives::{drawn, lives, person, recorded};
use crate::archive_naive::day;
use crate::merged_lives::told;

/// The same events, as the one who decides takes them.
fn known(life: &[Recorded]) -> Person {
    let mut person = Person::default();
    life.iter().for_each(|event| person.apply(told(event)));
    person
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3_000) })]

    #[test]
    fn who_decides_knows_the_husbands_and_wives_of_the_archive(
        drawn in drawn(40),
        days in prop::collection::vec((0..26_u8).prop_map(day), 3),
    ) {
        for (number, life) in lives(&drawn).iter().enumerate() {
            let recorded = recorded(life, person(number));
            let known = known(&recorded);
            for day in &days {
                let archive = Archive::of(&recorded, Some(*day), None);
                let open = archive.links().iter().filter(|link| link.ended.is_none());
                let open = open.filter(|link| link.role == Role::Spouse).map(|link| link.person);
                prop_assert_eq!(known.married_to_on(*day), open.collect::<Vec<_>>());
            }
        }
    }
}
