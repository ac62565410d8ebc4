//! Corrections and annulments reach every record in which their act is told.

use domain::{Item, PersonId, Role};
use serde_json::{Value, json};

use super::desk::{Desk, Event, by, citizen, data, fault, number, recorded};

struct Couple {
    desk: Desk,
    ann: Value,
    ids: [PersonId; 2],
}

fn act(person: &Value, on: &str, more: Value) -> Value {
    let mut data = data(person, on, json!({"reason": "核对档案", "approved_by": "chief"}));
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    data
}

/// Both records' marriage dates and whether the link stands.
fn marriages(couple: &Couple) -> [(Option<String>, usize); 2] {
    couple.ids.map(|id| {
        let Some(row) = couple.desk.row(id) else { return (None, 0) };
        let archive = &row.archive;
        let links = archive.links().iter().filter(|l| l.role == Role::Spouse && l.ended.is_none());
        (archive.get(Item::MaritalChangeDate).map(str::to_owned), links.count())
    })
}

fn both(date: Option<&str>) -> [(Option<String>, usize); 2] {
    [(); 2].map(|()| (date.map(str::to_owned), usize::from(date.is_some())))
}

fn couple() -> Couple {
    let desk = Desk::new();
    let (ann, ben) = (number("19900101", 2), number("19900101", 1));
    let ids = [desk.stream_of_citizen(&ann), desk.stream_of_citizen(&ben)];
    let ann = citizen(&ann);
    let wed = data(&ann, "2020-05-01", json!({"spouse": citizen(&ben)}));
    desk.record("m-1", "marry_first", wed);
    Couple { desk, ann, ids }
}

#[test]
fn a_marriage_is_corrected_and_annulled_in_both_records_and_so_are_its_changes() {
    let couple = couple();
    let change = |id: &str, kind: &str, more: Value| {
        couple.desk.record(id, kind, act(&couple.ann, "2026-01-01", more));
        marriages(&couple)
    };
    assert_eq!(marriages(&couple), both(Some("2020-05-01")));
    let moved = json!({"corrects": "m-1", "true_day": "2020-05-02"});
    assert_eq!(change("c-1", "correction", moved), both(Some("2020-05-02")));
    let back = change("a-1", "annulment", json!({"annuls": "c-1"}));
    assert_eq!(back, both(Some("2020-05-01")), "an annulled correction is gone from both");
    assert_eq!(change("a-2", "annulment", json!({"annuls": "m-1"})), both(None));
    let again = change("a-3", "annulment", json!({"annuls": "a-2"}));
    assert_eq!(again, both(Some("2020-05-01")), "an annulled annulment is gone from both");
    assert_eq!(change("a-4", "annulment", json!({"annuls": "a-3"})), both(None));
    for id in couple.ids {
        assert_eq!(couple.desk.life(id).len(), 6);
    }
    couple.desk.close();
}

#[test]
fn an_act_and_its_changes_may_come_in_one_batch() {
    let desk = Desk::new();
    let (ann, ben) = (number("19900101", 2), number("19900101", 1));
    let ids = [desk.stream_of_citizen(&ann), desk.stream_of_citizen(&ben)];
    let (ann, ben) = (citizen(&ann), citizen(&ben));
    let events: Vec<Event<'_>> = vec![
        ("m-1", "marry_first", data(&ann, "2020-05-01", json!({"spouse": ben}))),
        ("a-1", "annulment", act(&ann, "2026-01-01", json!({"annuls": "m-1"}))),
        ("a-2", "annulment", act(&ann, "2026-01-01", json!({"annuls": "a-1"}))),
        (
            "c-1",
            "correction",
            act(&ann, "2026-01-01", json!({"corrects": "m-1", "true_day": "2020-05-03"})),
        ),
    ];
    let places = desk.send(&events);
    assert!(places.iter().all(|receipt| recorded(receipt).position.0 > 0));
    let couple = Couple { desk, ann, ids };
    assert_eq!(marriages(&couple), both(Some("2020-05-03")));
    couple.desk.close();
}

#[test]
fn an_annulled_birth_leaves_the_records_of_the_parents() {
    let desk = Desk::new();
    let mother = number("19900101", 2);
    let child = by("birth_certificate", "X990000001");
    let birth = data(&child, "2026-01-01", json!({"mother": citizen(&mother)}));
    let born = desk.record("b-1", "birth", birth);
    let moved = json!({"corrects": "b-1", "items": {"birth_date": "2026-01-03"}});
    desk.record("c-1", "correction", act(&child, "2026-02-01", moved));
    assert_eq!(desk.archive(born.person_id).get(Item::BirthDate), Some("2026-01-03"));
    let life = desk.life(desk.stream_of_citizen(&mother));
    assert_eq!(life[1].envelope.clocks.occurred_on.to_string(), "2026-01-03");
    assert_eq!(life[1].envelope.corrects, life[0].envelope.position);
    let annuls = json!({"annuls": born.position});
    desk.record("a-1", "annulment", act(&child, "2026-02-02", annuls));
    let mother = desk.archive(desk.stream_of_citizen(&mother));
    assert!(mother.links().is_empty());
    assert!(!desk.archive(born.person_id).is_registered);
    desk.close();
}

#[test]
fn an_act_is_changed_in_the_record_of_its_subject_only() {
    let couple = couple();
    let ben = json!({"person_id": couple.ids[1]});
    let refused =
        couple.desk.refuse("a-1", "annulment", act(&ben, "2026-01-01", json!({"annuls": "m-1"})));
    assert_eq!(refused, fault("target_is_side_event", "/data/corrects"));
    let unknown = act(&couple.ann, "2026-01-01", json!({"annuls": "m-9"}));
    let refused = couple.desk.refuse("a-2", "annulment", unknown);
    assert_eq!(refused, fault("target_unknown", "/data/corrects"));
    assert_eq!(marriages(&couple), both(Some("2020-05-01")));
    couple.desk.close();
}

#[test]
fn a_person_named_by_their_card_is_corrected_without_touching_the_number() {
    let desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let seen = data(&ann, "2020-01-01", json!({"items": {"phone": "1", "employer": "甲厂"}}));
    let seen = desk.record("o-1", "observation", seen);
    let plain = |more: Value| {
        let mut data = data(&ann, "2026-01-01", json!({"corrects": "o-1", "reason": "笔误"}));
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        data
    };
    // No second person is asked for a telephone, and a correction of nothing is none.
    desk.record("c-1", "correction", plain(json!({"items": {"phone": "2"}})));
    let nothing = desk.refuse("c-2", "correction", plain(json!({})));
    assert_eq!(nothing, fault("corrects_nothing", "/data/items"));
    let sex = desk.refuse("c-3", "correction", plain(json!({"items": {"sex": "2"}})));
    assert_eq!(sex, fault("approval_missing", "/data/approved_by"));
    let archive = desk.archive(seen.person_id);
    assert_eq!(archive.get(Item::Phone), Some("2"));
    assert_eq!(archive.get(Item::Employer), Some("甲厂"));
    desk.close();
}

#[test]
fn a_corrected_day_of_death_or_birth_is_its_date() {
    let desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let born = data(&ann, "1990-01-02", json!({"items": {"birth_date": "1990-01-02"}}));
    let id = desk.record("b-1", "birth", born).person_id;
    desk.record("d-1", "death", data(&ann, "2020-01-02", json!({})));
    let date = |item| desk.archive(id).get(item).map(str::to_owned);
    let day = json!({"corrects": "b-1", "true_day": "1990-01-01"});
    desk.record("c-1", "correction", act(&ann, "2026-01-01", day));
    assert_eq!(date(Item::BirthDate).as_deref(), Some("1990-01-01"));
    let item = json!({"corrects": "d-1", "items": {"death_date": "2020-01-01"}});
    desk.record("c-2", "correction", act(&ann, "2026-01-01", item));
    assert_eq!(date(Item::DeathDate).as_deref(), Some("2020-01-01"));
    let seen = desk.refuse("o-1", "observation", data(&ann, "2020-01-02", json!({})));
    assert_eq!(seen, fault("after_death", "/data/occurred_on"), "the item moved the death");
    desk.close();
}
