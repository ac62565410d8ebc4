//! A batch of which all or nothing is recorded; what is refused is kept, and cleared later.

use api::registry::Receipt;
use domain::{Item, Payload};
use serde_json::{Value, json};

use super::desk::{Desk, Event, by, citizen, data, fault, faults, number, recorded};

fn seen(person: &Value, on: &str, phone: &str) -> Value {
    data(person, on, json!({"items": {"phone": phone}}))
}

#[test]
fn a_refusal_in_an_atomic_batch_leaves_everybody_as_they_were() {
    let desk = Desk::new();
    let (ann, ben) = (citizen(&number("19900101", 2)), citizen(&number("19900101", 1)));
    let child = by("birth_certificate", "X990000001");
    let card = number("20200101", 2);
    let id = desk.record("r-1", "registration", seen(&ann, "2020-01-01", "1")).person_id;
    let before = (desk.life(id).len(), desk.archive(id), desk.head());
    let batch: Vec<Event<'_>> = vec![
        ("m-1", "marry_first", data(&ann, "2020-05-01", json!({"spouse": ben}))),
        (
            "b-1",
            "birth",
            data(&child, "2020-06-01", json!({"mother": ann, "items": {"citizen_id": card}})),
        ),
        ("d-1", "death", data(&ann, "2021-01-01", json!({}))),
        ("o-1", "observation", seen(&ann, "2021-01-02", "2")),
    ];
    let receipts = desk.send_atomic(&batch);
    assert_eq!(receipts[..3], [Receipt::Withheld, Receipt::Withheld, Receipt::Withheld]);
    assert_eq!(faults(&receipts[3]), fault("after_death", "/data/occurred_on"));
    assert_eq!((desk.life(id).len(), &desk.archive(id)), (before.0, &before.1));
    assert_eq!(desk.waiting().len(), 1, "the refusal alone is kept");
    for nobody in [desk.stream_of_citizen(&number("19900101", 1)), desk.stream_of_citizen(&card)] {
        assert!(desk.life(nobody).is_empty());
    }
    // Each by itself: nothing of the batch is remembered, neither its keys nor its death.
    let receipt = desk.record("o-2", "observation", seen(&ann, "2021-01-02", "3"));
    assert_eq!(receipt.person_id, id);
    let alone: Vec<_> = batch.into_iter().filter(|(id, ..)| *id != "d-1").collect();
    assert!(desk.send(&alone).iter().all(|receipt| recorded(receipt).position > before.2));
    let died = desk.refuse(
        "d-2",
        "death",
        data(&ann, "1989-01-01", json!({"items": {"birth_date": "1990-01-01"}})),
    );
    assert_eq!(died, fault("death_before_birth", "/data/occurred_on"));
    desk.close();
}

#[test]
fn an_atomic_batch_without_a_refusal_is_recorded_whole() {
    let mut desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let batch = [
        ("r-1", "registration", seen(&ann, "2020-01-01", "1")),
        ("o-1", "observation", seen(&ann, "2020-01-02", "2")),
    ];
    let first = desk.send_atomic(&batch);
    let places: Vec<_> = first.iter().map(|receipt| recorded(receipt).position.0).collect();
    assert_eq!(places, [1, 2]);
    desk.reopen();
    let again = desk.send_atomic(&batch);
    assert!(again.iter().all(|receipt| matches!(receipt, Receipt::Duplicate(_))), "{again:?}");
    let conflict = [("r-2", "registration", seen(&ann, "2020-01-03", "3")), {
        ("o-1", "observation", seen(&ann, "2020-01-02", "4"))
    }];
    let conflict = desk.send_atomic(&conflict);
    assert!(matches!(conflict[..], [Receipt::Withheld, Receipt::Conflict(_)]), "{conflict:?}");
    desk.close();
}

#[test]
fn atomic_batches_take_back_their_own_and_nothing_of_others() {
    let desk = Desk::new();
    let people: Vec<_> = (1..20).map(|serial| citizen(&number("19900101", serial))).collect();
    for (round, person) in people.iter().enumerate() {
        let id = |name: &str| format!("{name}-{round}");
        let [first, good, bad] = ["a", "b", "c"].map(id);
        let birth = json!({"items": {"birth_date": "1990-01-01"}});
        let known = desk.record(&first, "registration", data(person, "2020-01-01", birth));
        let fails = round % 2 == 0;
        let on = if fails { "1989-12-31" } else { "2020-01-03" };
        let receipts = desk.send_atomic(&[
            (&good, "observation", seen(person, "2020-01-02", "2")),
            (&bad, "observation", seen(person, on, "3")),
        ]);
        assert_eq!(matches!(receipts[0], Receipt::Withheld), fails, "{receipts:?}");
        assert_eq!(desk.life(known.person_id).len(), if fails { 1 } else { 3 });
    }
    desk.close();
}

#[test]
fn a_refusal_is_kept_with_what_was_sent_until_a_corrected_event_clears_it() {
    let mut desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    desk.record("b-1", "birth", data(&ann, "1990-01-01", json!({})));
    let early = data(&ann, "1989-12-31", json!({}));
    let refused = desk.refuse("d-1", "death", early.clone());
    assert_eq!(refused, fault("death_before_birth", "/data/occurred_on"));
    let unreadable = desk.refuse("d-2", "death", data(&ann, "1990-13-01", json!({})));
    assert_eq!(unreadable, fault("not_a_date", "/data/occurred_on"));
    let unknown = desk.refuse("x-1", "moon_landing", data(&ann, "1990-01-01", json!({})));
    assert_eq!(unknown, fault("no_such_event", "/type"));
    let waiting = desk.waiting();
    assert_eq!(waiting.len(), 3);
    let kept = desk.registry().log().event(waiting[0]).unwrap().unwrap();
    assert!(kept.envelope.sealed_for.is_some(), "sealed for the person whom it is about");
    let Some(Payload::Rejection(kept)) = kept.payload else { panic!("a rejection") };
    assert_eq!((kept.id.as_str(), kept.event_type.as_str()), ("d-1", "renkou.death.v1"));
    assert_eq!(serde_json::from_str::<Value>(&kept.received).unwrap(), early);
    assert_eq!(kept.faults[0].code, "death_before_birth");
    desk.reopen();
    assert_eq!(desk.waiting(), waiting, "rejections outlive the process");
    desk.record("o-1", "observation", seen(&ann, "2020-01-01", "1"));
    assert_eq!(desk.waiting(), waiting, "another kind of event clears nothing");
    desk.record("d-3", "death", data(&ann, "2020-01-01", json!({})));
    assert_eq!(desk.waiting(), waiting[2..], "both reports of the death are cleared");
    desk.close();
}

#[test]
fn what_waits_for_an_absorbed_record_is_cleared_by_an_event_for_the_survivor() {
    let mut desk = Desk::new();
    let named = |serial: u32| by("passport", &format!("E9900{serial:04}"));
    let join = |id: &str, kind: &str, absorbed: u32| {
        let more = json!({"absorbed": named(absorbed), "reason": "同一人", "approved_by": "chief"});
        desk.record(id, kind, data(&named(1), "2026-05-01", more));
    };
    for serial in 1..=3 {
        let id = format!("b-{serial}");
        desk.record(&id, "birth", data(&named(serial), "1990-01-01", json!({})));
        desk.refuse(&format!("d-{serial}"), "death", data(&named(serial), "1989-12-31", json!({})));
    }
    let waiting = desk.waiting();
    assert_eq!(waiting.len(), 3);
    join("m-2", "person_merge", 2);
    join("m-3", "person_merge", 3);
    join("s-3", "person_split", 3);
    desk.reopen();
    assert_eq!(desk.waiting(), waiting, "a merge clears nothing");
    desk.record("d-4", "death", data(&named(1), "2020-01-01", json!({})));
    assert_eq!(desk.waiting(), waiting[2..], "who was let go again is another one");
    desk.close();
}

#[test]
fn a_refused_event_may_be_sent_again_under_its_own_id() {
    let desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let death = desk.record("d-1", "death", data(&ann, "2020-01-01", json!({})));
    let late = seen(&ann, "2020-01-02", "1");
    desk.refuse("o-1", "observation", late.clone());
    let annuls = json!({"annuls": death.position, "reason": "同名", "approved_by": "chief"});
    desk.record("a-1", "annulment", data(&ann, "2026-01-01", annuls));
    assert_eq!(desk.record("o-1", "observation", late).person_id, death.person_id);
    assert_eq!(desk.archive(death.person_id).get(Item::Phone), Some("1"));
    assert!(desk.waiting().is_empty());
    desk.close();
}

#[test]
fn a_batch_about_more_persons_than_are_at_hand_leaves_them_as_they_were_or_tells_of_each() {
    let desk = Desk::new();
    let persons: Vec<_> = (1..=600).map(|serial| citizen(&number("19900101", serial))).collect();
    let keys: Vec<_> = (0..2_400).map(|at| format!("k-{at}")).collect();
    let told = |from: usize, kind: &'static str, on: &str, phone: &str| -> Vec<Event<'_>> {
        let each = persons.iter().enumerate();
        each.map(|(at, one)| (keys[from + at].as_str(), kind, seen(one, on, phone))).collect()
    };
    let mut batch = told(0, "registration", "2020-01-01", "1");
    batch.extend(told(600, "observation", "2020-01-02", "2"));
    let ids: Vec<_> =
        desk.send_atomic(&batch).iter().map(|receipt| recorded(receipt).person_id).collect();
    let head = desk.head();
    // The last one is refused, when everybody before was decided about and most have left.
    let mut refused = told(1_200, "observation", "2020-01-03", "3");
    let before_birth = json!({"items": {"birth_date": "1990-01-01"}});
    refused.push((keys[1_800].as_str(), "death", data(&persons[0], "1989-01-01", before_birth)));
    let receipts = desk.send_atomic(&refused);
    assert!(receipts[..600].iter().all(|receipt| *receipt == Receipt::Withheld));
    assert!(matches!(receipts[600], Receipt::Rejected(_)));
    assert_eq!(desk.waiting().len() as u64, desk.head().0 - head.0, "the refusal alone is kept");
    let again = desk.send(&told(1_200, "observation", "2020-01-03", "4"));
    assert!(again.iter().zip(&ids).all(|(receipt, id)| recorded(receipt).person_id == *id));
    for id in &ids[..600] {
        assert_eq!(desk.archive(*id).get(Item::Phone), Some("4"));
        assert_eq!(desk.life(*id).len(), 3);
    }
    let live = desk.digests();
    assert_eq!(desk.differing(live), Vec::<&str>::new());
    desk.close();
}
