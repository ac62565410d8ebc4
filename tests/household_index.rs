//! Membership of households in the index is that of all archives, told a second time from the
//! definitions, however the events were folded; whoever left stands there no longer, and is found
//! as one who stood there on whatever day as known at whatever instant.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use domain::{HouseholdId, Item, PersonId};
use projections::Archive;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::archive_axes::{Whole, fold_in_batches};
use crate::archive_lives::{PERSONS, drawn, instant, lives, person, recorded};
use crate::archive_naive::{Step, day, truth};

/// More than there are persons.
const ALL: usize = 100;

/// What makes the households of a life one: the number of registration, then the home.
fn belongs(life: &[Step]) -> Vec<String> {
    let truth = truth(life, None, None);
    let text = |item: Item| truth.items.get(&item).map(|held| held.text.clone());
    let mut belongs = Vec::new();
    belongs.extend(text(Item::HouseholdId));
    let home = [Item::Residence, Item::ResidenceAddress, Item::DoorPlate].map(text);
    if let [Some(village), address, Some(plate)] = home.clone()
        && !truth.is_dead
    {
        belongs.push(format!("{village} {} {plate}", address.unwrap_or_default()));
    }
    belongs
}

#[test]
fn membership_in_the_index_is_that_of_all_archives() {
    let mut runner =
        TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let cuts = prop::collection::vec((1..8_u8, 0..6_u8), 1..6);
    let asked = prop::collection::vec((0..26_u8, -1..60_i64), 20);
    let (shared, left, stood) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let tested = runner.run(&(drawn(60), cuts, asked), |(drawn, cuts, asked)| {
        let lives = lives(&drawn);
        let told = lives.iter().enumerate().map(|(n, life)| recorded(life, person(n)));
        let whole = Whole(told.collect());
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("views");
        let mut seen: BTreeSet<HouseholdId> = BTreeSet::new();
        let views = fold_in_batches(&folder, &whole.in_order(), &whole, &cuts, |views, _| {
            for row in (0..PERSONS).filter_map(|n| views.people.row(person(n)).expect("readable")) {
                let households = views.people.households_of(&row.archive).into_iter();
                seen.extend(households.map(|(_, household)| household));
            }
        });
        let mut due: BTreeMap<String, BTreeSet<PersonId>> = BTreeMap::new();
        for (number, life) in lives.iter().enumerate() {
            for household in belongs(life) {
                due.entry(household).or_default().insert(person(number));
            }
        }
        for (number, life) in lives.iter().enumerate() {
            let Some(row) = views.people.row(person(number)).expect("readable") else { continue };
            let (names, ids) = (belongs(life), views.people.households_of(&row.archive));
            prop_assert_eq!(names.len(), ids.len());
            for (name, (_, id)) in names.iter().zip(ids) {
                let members = views.people.in_household(id, ALL).expect("readable");
                prop_assert_eq!(&BTreeSet::from_iter(members), &due[name]);
                shared.set(shared.get() + usize::from(due[name].len() > 1));
                seen.remove(&id);
            }
        }
        for (number, life) in whole.0.iter().enumerate() {
            for (on, at) in &asked {
                let then = Archive::of(life, Some(day(*on)), Some(instant(*at)));
                for (_, household) in views.people.households_of(&then) {
                    let ever = views.people.ever_in_household(household, ALL).expect("readable");
                    prop_assert!(ever.contains(&person(number)), "on {} at {}", day(*on), at);
                    let now = views.people.in_household(household, ALL).expect("readable");
                    stood.set(stood.get() + usize::from(!now.contains(&person(number))));
                }
            }
        }
        for household in seen {
            prop_assert!(views.people.in_household(household, ALL).expect("readable").is_empty());
            left.set(left.get() + 1);
        }
        Ok(())
    });
    tested.unwrap_or_else(|error| panic!("{error}"));
    assert!(shared.get() > 20 && left.get() > 50, "{} {}", shared.get(), left.get());
    assert!(stood.get() > 200, "{}", stood.get());
}
