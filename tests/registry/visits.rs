//! A household visit: one submission, many persons, each accepted or refused by themselves.

use api::registry::Receipt;
use domain::Item;
use serde_json::{Value, json};

use super::desk::{Desk, PLACE, by, citizen, fault, faults, number, recorded};

fn visit(on: &str, observations: Value) -> Value {
    json!({"occurred_on": on, "channel": "HV", "place": PLACE, "note": "在家",
        "observations": observations})
}

fn saw(person: &Value, phone: &str) -> Value {
    json!({"person": person, "items": {"phone": phone}})
}

#[test]
fn a_visit_records_whom_it_can_and_keeps_the_refusal_of_the_others() {
    let mut desk = Desk::new();
    let people: Vec<_> = (1..4).map(|serial| citizen(&number("19900101", serial))).collect();
    let dead = super::desk::data(&people[1], "2020-01-01", json!({}));
    let death = desk.record("d-1", "death", dead);
    let seen: Vec<_> = people.iter().map(|person| saw(person, "1")).collect();
    let visited = visit("2021-01-01", json!(seen));
    let receipts = desk.send(&[("v-1", "household_visit", visited.clone())]);
    let receipt = recorded(&receipts[0]).clone();
    let places: Vec<_> = receipt.observations.iter().map(|one| one.position.map(|p| p.0)).collect();
    assert_eq!(places, [Some(2), None, Some(3)]);
    let errors = &receipt.observations[1].errors;
    assert_eq!(errors[0].code, "after_death");
    assert_eq!(errors[0].pointer, "/data/observations/1/occurred_on");
    assert_eq!(desk.waiting().len(), 1);
    assert_eq!(desk.life(death.person_id).len(), 1);
    let first = desk.life(receipt.person_id).remove(0);
    assert_eq!(first.payload.unwrap().life().unwrap().details["note"], "在家");
    // The same visit again, also after the death turned out to be a namesake's.
    desk.reopen();
    let again = desk.send(&[("v-1", "household_visit", visited.clone())]);
    assert!(matches!(again[..], [Receipt::Duplicate(_)]), "{again:?}");
    let annuls = json!({"annuls": "d-1", "reason": "同名", "approved_by": "chief"});
    let annuls = super::desk::data(&people[1], "2026-01-01", annuls);
    desk.record("a-1", "annulment", annuls);
    let again = desk.send(&[("v-1", "household_visit", visited)]);
    let places = recorded(&again[0]).observations.iter().map(|one| one.position.is_some());
    assert_eq!(places.collect::<Vec<_>>(), [true; 3]);
    assert_eq!(desk.archive(death.person_id).get(Item::Phone), Some("1"));
    desk.close();
}

#[test]
fn a_visit_in_which_everybody_is_refused_is_refused() {
    let desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    desk.record("d-1", "death", super::desk::data(&ann, "2020-01-01", json!({})));
    let visited = visit("2021-01-01", json!([saw(&ann, "1")]));
    let refused = desk.refuse("v-1", "household_visit", visited);
    assert_eq!(refused, fault("after_death", "/data/observations/0/occurred_on"));
    let nobody = desk.refuse("v-2", "household_visit", visit("2021-01-01", json!([])));
    assert_eq!(nobody, fault("no_observations", "/data/observations"));
    desk.close();
}

#[test]
fn who_cannot_be_read_in_a_visit_is_no_reason_to_refuse_the_others() {
    let desk = Desk::new();
    let (ann, ben) = (citizen(&number("19900101", 2)), citizen(&number("19900101", 1)));
    let odd = json!({"person": ben, "items": {"sex": "7", "age": "31"}});
    let seen = json!([odd, saw(&ann, "1"), {"items": {"phone": "2"}}, 7]);
    let sent = [("v-1", "household_visit", visit("2021-01-01", seen))];
    let due = [
        ("no_such_item", "/data/observations/0/items/age"),
        ("not_a_value", "/data/observations/0/items/sex"),
        ("missing", "/data/observations/2/person"),
        ("not_an_object", "/data/observations/3"),
    ];
    for status in ["recorded", "duplicate"] {
        let receipts = desk.send(&sent);
        let (Receipt::Recorded(told) | Receipt::Duplicate(told)) = &receipts[0] else {
            panic!("{receipts:?}");
        };
        let statuses: Vec<_> = told.observations.iter().map(|one| one.status).collect();
        assert_eq!(statuses, ["rejected", status, "rejected", "rejected"]);
        let errors = told.observations.iter().flat_map(|one| &one.errors);
        assert_eq!(errors.map(|e| (&*e.code, &*e.pointer)).collect::<Vec<_>>(), due);
    }
    let life = desk.life(desk.stream_of_citizen(&number("19900101", 2)));
    assert_eq!(life[0].payload.as_ref().unwrap().life().unwrap().details["note"], "在家");
    assert_eq!(desk.waiting().len(), 1, "what was refused is kept");
    let nobody = visit("2021-01-01", json!([odd, 7]));
    assert_eq!(desk.refuse("v-2", "household_visit", nobody).len(), 3);
    desk.close();
}

#[test]
fn a_visit_under_a_key_that_was_used_for_another_records_nothing() {
    let desk = Desk::new();
    let people: Vec<_> = (1..4).map(|serial| citizen(&number("19900101", serial))).collect();
    let of = |list: &[usize]| {
        visit("2021-01-01", list.iter().map(|at| saw(&people[*at], "1")).collect())
    };
    desk.send(&[("v-1", "household_visit", of(&[0, 1]))]);
    let head = desk.head();
    for other in [&[2, 0][..], &[2], &[1]] {
        let receipts = desk.send(&[("v-1", "household_visit", of(other))]);
        assert!(matches!(receipts[..], [Receipt::Conflict(_)]), "{receipts:?}");
    }
    assert_eq!(desk.head().0, head.0 + 3, "three conflicts are kept");
    assert!(desk.life(desk.stream_of_citizen(&number("19900101", 3))).is_empty());
    desk.close();
}

#[test]
fn nobody_is_listed_twice_in_a_visit_and_strangers_are_told_apart() {
    let desk = Desk::new();
    let (ann, nobody) = (citizen(&number("19900101", 2)), by("none", ""));
    let seen = json!([saw(&ann, "1"), saw(&nobody, "2"), saw(&nobody, "3"), saw(&ann, "4")]);
    let receipts = desk.send(&[("v-1", "household_visit", visit("2021-01-01", seen))]);
    let receipt = recorded(&receipts[0]);
    let persons: Vec<_> = receipt.observations.iter().map(|one| one.person_id).collect();
    assert_eq!(persons[3], None, "the second word about one person is refused, not lost");
    assert_eq!(receipt.observations[3].errors[0].code, "named_twice");
    let phone = |at: usize| desk.archive(persons[at].unwrap()).get(Item::Phone).map(str::to_owned);
    for (at, due) in ["1", "2", "3"].iter().enumerate() {
        assert_eq!(phone(at).as_deref(), Some(*due));
    }
    desk.close();
}

#[test]
fn a_refused_person_of_an_atomic_visit_is_no_reason_to_withhold_the_others() {
    let desk = Desk::new();
    let (ann, ben) = (citizen(&number("19900101", 2)), citizen(&number("19900101", 1)));
    desk.record("d-1", "death", super::desk::data(&ann, "2020-01-01", json!({})));
    let visited = visit("2021-01-01", json!([saw(&ann, "1"), saw(&ben, "1")]));
    let receipts = desk.send_atomic(&[("v-1", "household_visit", visited)]);
    assert_eq!(recorded(&receipts[0]).observations.len(), 2);
    let bad = visit("2021-01-01", json!([saw(&ann, "1")]));
    let good = visit("2021-01-02", json!([saw(&ann, "1"), saw(&ben, "2")]));
    let receipts =
        desk.send_atomic(&[("v-2", "household_visit", good), ("v-3", "household_visit", bad)]);
    assert_eq!(receipts[0], Receipt::Withheld);
    assert_eq!(faults(&receipts[1]).len(), 1);
    assert_eq!(desk.life(desk.stream_of_citizen(&number("19900101", 1))).len(), 1);
    desk.close();
}
