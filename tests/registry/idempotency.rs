//! The same submission twice is recorded once; the same key with other content is a conflict.

use api::registry::Receipt;
use serde_json::json;

use super::desk::{Desk, citizen, data, number, recorded};

#[test]
fn the_same_event_twice_is_recorded_once_and_has_one_receipt() {
    let mut desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let first = data(&ann, "2020-01-01", json!({"items": {"full_name": "甲"}}));
    let in_one_batch = desk
        .send(&[("r-1", "registration", first.clone()), ("r-1", "registration", first.clone())]);
    let receipt = recorded(&in_one_batch[0]).clone();
    let again = Receipt::Duplicate(receipt.clone());
    assert_eq!(in_one_batch[1], again);
    assert_eq!(
        desk.send(&[("r-1", "registration", first.clone())])[..],
        *std::slice::from_ref(&again)
    );
    desk.reopen();
    assert_eq!(desk.send(&[("r-1", "registration", first)])[..], *std::slice::from_ref(&again));
    assert_eq!(desk.life(receipt.person_id).len(), 1);
    assert_eq!(desk.head(), receipt.position);
    assert!(desk.waiting().is_empty());
    desk.close();
}

#[test]
fn a_receipt_given_again_has_the_flags_of_the_first() {
    let mut desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let moved = ("m-1", "temp_stay_reg", data(&ann, "2020-01-01", json!({})));
    let receipts = desk.send(&[moved.clone(), moved.clone()]);
    let first = recorded(&receipts[0]).clone();
    assert_eq!(first.flags[0].rule, "first_known_by_this_event");
    let again = Receipt::Duplicate(first);
    assert_eq!(receipts[1], again, "while it is on its way to the disk");
    assert_eq!(desk.send(std::slice::from_ref(&moved))[0], again);
    desk.reopen();
    assert_eq!(desk.send(&[moved])[0], again);
    desk.close();
}

#[test]
fn fields_in_another_order_are_the_same_content() {
    let desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let one = r#"{"items":{"full_name":"甲","sex":"2"},"note":{"a":1,"b":2}}"#;
    let two = r#"{"note":{"b":2,"a":1},"items":{"sex":"2","full_name":"甲"}}"#;
    let data = |more: &str| data(&ann, "2020-01-01", serde_json::from_str(more).unwrap());
    desk.record("r-1", "registration", data(one));
    let again = desk.send(&[("r-1", "registration", data(two))]);
    assert!(matches!(again[..], [Receipt::Duplicate(_)]), "{again:?}");
    desk.close();
}

#[test]
fn the_same_key_with_other_content_is_a_conflict_and_changes_nothing() {
    let mut desk = Desk::new();
    let (ann, ben) = (citizen(&number("19900101", 2)), citizen(&number("19910101", 1)));
    let named =
        |person, name: &str| data(person, "2020-01-01", json!({"items": {"full_name": name}}));
    let first = desk.record("r-1", "registration", named(&ann, "甲"));
    desk.record("r-2", "registration", named(&ben, "丙"));
    let due = Receipt::Conflict(first.clone());
    assert_eq!(
        desk.send(&[("r-1", "registration", named(&ann, "乙"))])[..],
        *std::slice::from_ref(&due)
    );
    // Another kind of event, or another person: the key is used already.
    assert_eq!(
        desk.send(&[("r-1", "observation", named(&ann, "甲"))])[..],
        *std::slice::from_ref(&due)
    );
    assert_eq!(
        desk.send(&[("r-1", "registration", named(&ben, "甲"))])[..],
        *std::slice::from_ref(&due)
    );
    assert_eq!(desk.waiting().len(), 3, "conflicts are kept");
    desk.reopen();
    assert_eq!(
        desk.send(&[("r-1", "registration", named(&ann, "乙"))])[..],
        *std::slice::from_ref(&due)
    );
    assert_eq!(
        desk.send(&[("r-1", "registration", named(&ben, "甲"))])[..],
        *std::slice::from_ref(&due)
    );
    assert_eq!(desk.archive(first.person_id).get(domain::Item::FullName), Some("甲"));
    assert_eq!(desk.life(first.person_id).len(), 1);
    let tally = &desk.registry().views.sources.list(super::desk::SOURCE)[0].1;
    assert_eq!((tally.recorded, tally.conflicts), (2, 5));
    desk.close();
}

#[test]
fn an_act_of_two_persons_is_one_submission_in_both_records() {
    let mut desk = Desk::new();
    let (ann, ben) = (citizen(&number("19900101", 2)), citizen(&number("19900101", 1)));
    let act = data(&ann, "2020-01-01", json!({"spouse": ben}));
    let first = desk.record("m-1", "marry_first", act.clone());
    let again = |desk: &Desk| desk.send(&[("m-1", "marry_first", act.clone())]);
    assert!(
        matches!(&again(&desk)[..], [Receipt::Duplicate(one)] if one.position == first.position)
    );
    desk.reopen();
    assert!(matches!(again(&desk)[..], [Receipt::Duplicate(_)]));
    let turned = data(&ben, "2020-01-01", json!({"spouse": ann}));
    let turned = desk.send(&[("m-1", "marry_first", turned)]);
    assert!(matches!(turned[..], [Receipt::Conflict(_)]), "{turned:?}");
    desk.close();
}
