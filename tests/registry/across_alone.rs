//! What is wrong in a record alone counts across records too: whoever is consistent there is without
//! an error of logic in their own record. It changes by fields that no rule across records reads, and
//! with the day.

use domain::Place;
use serde_json::{Value, json};

use super::across::{differing, live, seen};
use super::desk::{Desk, PLACE, citizen, data, number};

#[test]
fn what_is_wrong_in_a_record_alone_counts_across_records_when_it_comes_and_goes() {
    let desk = Desk::new();
    let boy = citizen(&number("20100620", 1));
    let tell = |id: &str, kind, person: &Value, more: Value| {
        desk.send(&[(id, kind, data(person, "2026-05-30", json!({"items": more})))]);
    };
    let consistent = || {
        seen(&desk);
        assert_eq!(differing(&desk), []);
        live(&desk)[&Place::parse(PLACE).expect("a place")].consistent
    };
    // At work before 16, which no rule across records reads.
    let known = json!({"full_name": "王小", "sex": "1", "birth_date": "2010-06-20",
        "residence_code": PLACE, "employment_status": "24"});
    tell("boy", "registration", &boy, known);
    assert_eq!(consistent(), 0);
    tell("school", "observation", &boy, json!({"employment_status": "31"}));
    assert_eq!(consistent(), 1);
    tell("work", "observation", &boy, json!({"employment_status": "24"}));
    assert_eq!(consistent(), 0);
    // Somebody else's event tells that the day has gone on.
    desk.clock.set(desk.clock.get() + 30 * 86_400);
    let other = json!({"full_name": "李大", "sex": "1", "birth_date": "1980-01-01",
        "residence_code": PLACE});
    tell("other", "registration", &citizen(&number("19800101", 3)), other);
    assert_eq!(consistent(), 2);
}
