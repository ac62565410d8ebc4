//! What hangs on records that were merged one after another: numbers, what was sent in vain, orders.

use domain::Order;
use serde_json::{Value, json};

use super::desk::{citizen, data, fault, number, recorded};
use super::merge_chains::{Ground, annul, document, told};
use super::merges::join;

/// The first record into the second, and both into the third.
fn chain(ground: &Ground) {
    told(&ground.desk, "m-1", "person_merge", 1, 0);
    told(&ground.desk, "m-2", "person_merge", 2, 1);
}

#[test]
fn a_number_of_the_first_record_is_of_the_last_survivor_and_goes_with_the_first() {
    let ground = Ground::new();
    let (desk, ids) = (&ground.desk, &ground.ids);
    let card = number("19900101", 2);
    let stated = json!({"items": {"citizen_id": card}});
    desk.record("o-1", "observation", data(&document(0), "2026-05-01", stated.clone()));
    chain(&ground);
    let seen = |id: &str| {
        let told = data(&citizen(&card), "2026-05-02", json!({"items": {"phone": id}}));
        desk.record(id, "observation", told).person_id
    };
    assert_eq!(seen("o-2"), ids[2]);
    // It is theirs already, and nobody else's.
    let again = data(&document(2), "2026-05-02", stated);
    let flags = desk.record("o-3", "observation", again).flags;
    assert!(flags.iter().all(|flag| flag.rule != "number_of_another"), "{flags:?}");
    // The number names the record that it was claimed for.
    let split = join(&document(2), &citizen(&card), json!({}));
    assert_eq!(desk.record("s-1", "person_split", split).person_id, ids[2]);
    assert_eq!(desk.row(ids[0]).unwrap().owner, None);
    assert_eq!(desk.row(ids[1]).unwrap().owner, Some(ids[2]));
    assert_eq!(seen("o-4"), ids[0]);
    annul(&ground, "a-1", 2, "s-1");
    assert_eq!(seen("o-5"), ids[2]);
    ground.desk.close();
}

#[test]
fn what_was_sent_in_vain_of_the_first_record_is_made_good_by_the_last_while_they_are_one() {
    let mut ground = Ground::new();
    let enrolled = |more: Value| data(&document(0), "2025-09-01", more);
    ground.desk.refuse("x-1", "school_enrol", enrolled(json!({"stage": "primary"})));
    chain(&ground);
    let good = |ground: &Ground, id: &str| {
        let more = json!({"stage": "primary", "school": "第一小学"});
        ground.desk.record(id, "school_enrol", data(&document(2), "2025-09-01", more));
        ground.desk.waiting().len()
    };
    annul(&ground, "a-1", 1, "m-1");
    ground.desk.reopen();
    assert_eq!(good(&ground, "g-1"), 1, "of another person");
    annul(&ground, "a-2", 1, "a-1");
    ground.desk.reopen();
    assert_eq!(good(&ground, "g-2"), 0);
    ground.desk.close();
}

#[test]
fn records_of_a_chain_are_sealed_and_erased_together() {
    let ground = Ground::new();
    let (desk, ids) = (&ground.desk, &ground.ids);
    chain(&ground);
    let receipt = desk.order(ids[0], Order::Erase, "(2026) 9901-18");
    assert_eq!(recorded(&receipt).person_id, ids[2]);
    for erased in &ids[..3] {
        assert!(desk.row(*erased).is_none());
        assert!(desk.registry().log().keys().is_destroyed(erased.as_uuid()));
    }
    assert!(desk.row(ids[3]).is_some());
    let annulment = json!({"annuls": "m-1", "reason": "误报", "approved_by": "chief"});
    for (id, kind, told) in [
        ("o-1", "observation", data(&document(0), "2026-05-02", json!({}))),
        ("a-1", "annulment", data(&document(1), "2026-05-02", annulment)),
        ("m-3", "person_merge", join(&document(2), &document(3), json!({}))),
    ] {
        let refused = desk.refuse(id, kind, told);
        assert_eq!(refused, fault("person_erased", "/data/person"), "{id}");
    }
    ground.desk.close();
}
