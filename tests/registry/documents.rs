//! Which documents lead to which person.

use domain::{DocumentKind, Item, Kind};
use serde_json::json;

use super::desk::{Desk, by, citizen, data, doubts, number};

#[test]
fn a_number_learnt_after_the_birth_certificate_leads_to_the_same_person() {
    let mut desk = Desk::new();
    let child = by("birth_certificate", "X990000001");
    let card = number("20260101", 2);
    let born = desk.record("b-1", "birth", data(&child, "2026-01-01", json!({}))).person_id;
    let told = json!({"items": {"citizen_id": card}});
    let told = desk.record("o-1", "observation", data(&child, "2026-02-01", told));
    assert!(doubts(&told).is_empty());
    let claimed = desk.stream_of_citizen(&card);
    assert_ne!(claimed, born);
    let claim = desk.life(claimed);
    let kinds: Vec<_> =
        claim.iter().map(|event| Kind::from_number(event.envelope.event_type.number)).collect();
    assert_eq!(kinds, [Some((Kind::DocumentClaimed, false))]);
    // The same number again is no second claim.
    let again = json!({"items": {"citizen_id": card}});
    desk.record("o-2", "observation", data(&child, "2026-02-02", again));
    assert_eq!(desk.life(claimed).len(), 1);
    for (id, person) in [("o-3", citizen(&card)), ("o-4", child.clone())] {
        let seen = data(&person, "2026-03-01", json!({"items": {"phone": id}}));
        assert_eq!(desk.record(id, "observation", seen).person_id, born);
    }
    desk.reopen();
    let by_card = data(&citizen(&card), "2026-03-02", json!({"items": {"phone": "5"}}));
    assert_eq!(desk.record("o-5", "observation", by_card).person_id, born);
    let archive = desk.archive(born);
    assert_eq!(archive.get(Item::Phone), Some("5"));
    let kinds: Vec<_> = archive.documents().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [DocumentKind::BirthCertificate, DocumentKind::CitizenId]);
    assert_eq!(desk.row(claimed).unwrap().owner, Some(born));
    desk.close();
}

#[test]
fn a_birth_that_states_a_number_claims_it_at_once_and_in_one_batch() {
    let desk = Desk::new();
    let child = by("birth_certificate", "X990000001");
    let card = number("20260101", 2);
    let events = [
        ("b-1", "birth", data(&child, "2026-01-01", json!({"items": {"citizen_id": card}}))),
        (
            "o-1",
            "observation",
            data(&citizen(&card), "2026-01-02", json!({"items": {"phone": "1"}})),
        ),
    ];
    let receipts = desk.send(&events);
    let persons: Vec<_> =
        receipts.iter().map(|receipt| super::desk::recorded(receipt).person_id).collect();
    assert_eq!(persons[0], persons[1]);
    assert_eq!(desk.life(persons[0]).len(), 2);
    desk.close();
}

#[test]
fn a_number_of_somebody_else_is_flagged_and_leads_to_them_still() {
    let desk = Desk::new();
    let (card, passport) = (number("19900101", 2), by("passport", "E99000001"));
    let owner = desk.record("o-1", "registration", data(&citizen(&card), "2020-01-01", json!({})));
    let other = json!({"items": {"citizen_id": card}});
    let other = desk.record("o-2", "registration", data(&passport, "2020-01-01", other));
    assert_eq!(doubts(&other), ["X01"]);
    assert_ne!(other.person_id, owner.person_id);
    let seen = desk.record("o-3", "observation", data(&citizen(&card), "2020-01-02", json!({})));
    assert_eq!(seen.person_id, owner.person_id);
    // A number that belongs to the person under another document is another's for anybody else.
    let third = by("passport", "E99000003");
    let third = data(&third, "2020-01-01", json!({"items": {"citizen_id": card}}));
    assert_eq!(doubts(&desk.record("o-4", "registration", third)), ["X01"]);
    desk.close();
}

#[test]
fn a_number_that_the_same_act_uses_for_the_mother_is_not_the_childs() {
    let desk = Desk::new();
    let mother = number("19900101", 2);
    let child = by("birth_certificate", "X990000001");
    let birth = json!({"items": {"citizen_id": mother}, "mother": citizen(&mother)});
    let born = desk.record("b-1", "birth", data(&child, "2026-01-01", birth));
    assert_eq!(doubts(&born), ["X01", "L01"]);
    let seen = desk.record("o-1", "observation", data(&citizen(&mother), "2026-01-02", json!({})));
    assert_ne!(seen.person_id, born.person_id);
    desk.close();
}

#[test]
fn a_wrong_number_is_corrected_and_both_lead_to_the_person() {
    let desk = Desk::new();
    let (wrong, right) = (number("19900101", 2), number("19900102", 2));
    let named = json!({"items": {"birth_date": "1990-01-01"}});
    let ann = desk.record("r-1", "registration", data(&citizen(&wrong), "2020-01-01", named));
    let change = json!({"corrects": "r-1", "reason": "重号", "approved_by": "chief",
        "items": {"citizen_id": right, "birth_date": "1990-01-02"}});
    let change = data(&citizen(&wrong), "2026-01-01", change);
    desk.record("c-1", "correction", change);
    let seen = desk.record("o-1", "observation", data(&citizen(&right), "2026-01-02", json!({})));
    assert_eq!(seen.person_id, ann.person_id);
    let archive = desk.archive(ann.person_id);
    assert_eq!(archive.get(Item::CitizenId), Some(&right[..]));
    desk.close();
}

#[test]
fn somebody_without_documents_is_one_person_per_submission() {
    let desk = Desk::new();
    let nobody = by("none", "");
    let seen = |id| desk.record(id, "registration", data(&nobody, "2020-01-01", json!({})));
    let (one, other) = (seen("r-1").person_id, seen("r-2").person_id);
    assert_ne!(one, other);
    let known = json!({"person_id": one});
    let found = desk.record("o-1", "observation", data(&known, "2020-01-02", json!({})));
    assert_eq!(found.person_id, one);
    let card = number("19900101", 2);
    let told = json!({"items": {"citizen_id": card}});
    desk.record("o-2", "observation", data(&known, "2020-01-03", told));
    let found = desk.record("o-3", "observation", data(&citizen(&card), "2020-01-04", json!({})));
    assert_eq!(found.person_id, one);
    desk.close();
}
