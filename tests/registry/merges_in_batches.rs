//! A merge, what follows it and its undoing in one batch: each sees what came before it.

use domain::{Item, Sequence};
use serde_json::json;

use super::desk::{data, recorded};
use super::merges::{join, twice};

#[test]
fn a_merge_and_what_follows_it_may_come_in_one_batch() {
    let twice = twice();
    let (card, passport) = (&twice.card, &twice.passport);
    let seen = |day: &str, phone: &str| data(passport, day, json!({"items": {"phone": phone}}));
    let receipts = twice.desk.send(&[
        ("m-1", "person_merge", join(card, passport, json!({}))),
        ("o-1", "observation", seen("2026-05-02", "2")),
        ("s-1", "person_split", join(card, passport, json!({"undoes": "m-1"}))),
        ("o-2", "observation", seen("2026-05-03", "3")),
    ]);
    let persons: Vec<_> = receipts.iter().map(|receipt| recorded(receipt).person_id).collect();
    let [one, two] = twice.ids;
    assert_eq!(persons, [one, one, one, two]);
    let phones = twice.ids.map(|id| twice.desk.archive(id).get(Item::Phone).map(str::to_owned));
    assert_eq!(phones, [Some("2".to_owned()), Some("3".to_owned())]);
    let failed = twice.desk.send_atomic(&[
        ("m-2", "person_merge", join(card, passport, json!({}))),
        ("s-2", "person_split", join(passport, card, json!({}))),
    ]);
    assert!(matches!(failed[1], api::registry::Receipt::Rejected(_)), "{failed:?}");
    assert_eq!(twice.desk.life(two).last().unwrap().envelope.sequence, Sequence(3));
    assert_eq!(twice.rows()[1].owner, None);
    twice.desk.close();
}
