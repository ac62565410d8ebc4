//! The map and the set of very many against those of the standard library, over more entries than
//! fit into one piece of them.

use std::collections::{BTreeSet, HashMap};

use domain::{ById, List, Pairs, PersonId};
use proptest::prelude::*;

fn person(number: u32) -> PersonId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    PersonId::from_custom_bytes(bytes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_map_by_id_holds_what_was_put_into_it_last(
        puts in prop::collection::vec((0..3_000_u32, any::<u64>()), 0..6_000),
    ) {
        let (mut map, mut expected) = (ById::default(), HashMap::new());
        let mut order = Vec::new();
        for (number, value) in puts {
            let id = person(number);
            let before = expected.insert(id, value);
            prop_assert_eq!(map.insert(id, value), before);
            order.extend(before.is_none().then_some(id));
        }
        prop_assert_eq!(map.len(), expected.len());
        prop_assert_eq!(map.is_empty(), expected.is_empty());
        for number in 0..3_001 {
            let id = person(number);
            prop_assert_eq!(map.get(&id), expected.get(&id));
            prop_assert_eq!(map.get_mut(&id), expected.get_mut(&id));
            let place = map.find(&id);
            prop_assert_eq!(place.map(|place| *map.at(place)), expected.get(&id).copied());
            prop_assert_eq!(place, order.iter().position(|one| *one == id).map(|at| at as u32));
        }
        // So many that entries of nearly the same hash are taken for each other at first.
        let ids: Vec<_> = (0..3_001).map(person).collect();
        let mut found = Vec::new();
        map.find_each(&ids, |of, value| found.push((ids[of], value)));
        let get = |id: &PersonId| (*id, expected.get(id));
        prop_assert_eq!(found, ids.iter().map(get).collect::<Vec<_>>());
        prop_assert_eq!(map.iter().map(|(id, _)| *id).collect::<Vec<_>>(), order);
        prop_assert!(map.iter().all(|(id, value)| expected[id] == *value));
    }

    #[test]
    fn a_set_of_pairs_holds_what_was_put_into_it_and_not_taken_out(
        groups in 1..60_u32,
        puts in prop::collection::vec((any::<u32>(), 0..400_u32), 0..5_000),
        takes in prop::collection::vec((any::<u32>(), 0..400_u32), 0..5_000),
        is_emptied: bool,
    ) {
        let (mut pairs, mut expected) = (Pairs::default(), BTreeSet::new());
        let last = |group: u32, member| match group % groups {
            0 => (u32::MAX, u32::MAX - member),
            group => (group, member),
        };
        let mut put = |(group, member)| {
            let (group, member) = last(group, member);
            pairs.insert(group, member);
            expected.insert((group, member));
        };
        puts.iter().for_each(|pair| put(*pair));
        let emptied = expected.clone().into_iter().filter(|_| is_emptied);
        let taken = takes.iter().map(|(group, member)| last(*group, *member));
        for (group, member) in taken.chain(emptied) {
            pairs.remove(group, member);
            expected.remove(&(group, member));
        }
        for (group, member) in puts.iter().take(700).map(|(group, member)| last(*group, *member)) {
            pairs.insert(group, member);
            expected.insert((group, member));
        }
        for group in (0..61).chain([u32::MAX - 1, u32::MAX]) {
            let members = expected.range((group, 0)..=(group, u32::MAX));
            let members: Vec<_> = members.map(|(_, member)| *member).collect();
            prop_assert_eq!(pairs.of(group).collect::<Vec<_>>(), members);
        }
    }
}

#[test]
fn a_list_keeps_every_item_in_its_place_while_it_grows() {
    let mut list = List::default();
    for number in 0..10_000_u32 {
        list.push(number);
        list[number / 2] += 1;
    }
    assert_eq!(list.len(), 10_000);
    // Each of the first half was raised twice, by the two numbers of which it is the half.
    let expected = (0..10_000).map(|number| if number < 5_000 { number + 2 } else { number });
    assert!(list.iter().copied().eq(expected));
}
