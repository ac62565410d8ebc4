//! Who is packed by the deciding thread and read back into the memory of somebody else is who they
//! were.

use cqrs_es::Aggregate;
use domain::catalogue::CATALOGUE;
use domain::packing::{Packing, Unpacking};
use domain::{Item, Person, Role};
use proptest::prelude::*;

use crate::person_told::{ANN, BEN, OWN, Told, aside, told};

/// One event of any kind, told in any way.
fn any_told() -> impl Strategy<Value = Told> {
    let kind = (0..CATALOGUE.len()).prop_map(|at| CATALOGUE[at].kind);
    let related = prop::collection::vec((any::<prop::sample::Index>(), 0..3_usize), 0..4);
    let day = (1900..2100_i32, 1..13_i32, 1..29_i32);
    let told_how = (any::<bool>(), prop::option::of(0..40_u32), any::<bool>(), 0..4_usize);
    (kind, day, related, told_how).prop_map(|(kind, (year, month, day), related, how)| {
        let (is_aside, target, is_approved, status) = how;
        let on = format!("{year:04}-{month:02}-{day:02}");
        let mut event = if is_aside { aside(kind, &on) } else { told(kind, &on) };
        for (role, person) in related {
            event = event.with(*role.get(&Role::ALL), [OWN, ANN, BEN][person]);
        }
        event = target.into_iter().fold(event, Told::of);
        if is_approved {
            event = event.approved("chief");
        }
        let status = ["", "10", "20", "40"][status];
        if status.is_empty() { event } else { event.item(Item::MaritalStatus, status) }
    })
}

proptest! {
    #[test]
    fn who_is_packed_is_who_comes_back_in_the_memory_of_somebody_else(
        lives in prop::collection::vec(prop::collection::vec(any_told(), 0..30), 2..6),
    ) {
        let (mut packed, mut memory) = (Vec::new(), Person::default());
        for life in lives {
            let mut person = Person::default();
            life.iter().for_each(|told| person.apply(told.event()));
            packed.clear();
            person.pack(&mut Packing(&mut packed));
            let mut from = Unpacking(&packed);
            memory.unpack(&mut from);
            prop_assert_eq!(&memory, &person);
            prop_assert!(from.0.is_empty());
        }
    }
}
