//! Acts that concern several persons are told in each one's record, all or none.

use api::registry::Receipt;
use domain::{Item, Kind, Role};
use serde_json::json;

use super::desk::{Desk, by, citizen, data, doubts, fault, items, number};

fn spouses(desk: &Desk, person: domain::PersonId) -> Vec<(domain::PersonId, bool)> {
    let archive = desk.archive(person);
    let spouses = archive.links().iter().filter(|link| link.role == Role::Spouse);
    spouses.map(|link| (link.person, link.ended.is_some())).collect()
}

#[test]
fn a_marriage_and_a_divorce_stand_in_both_records() {
    let desk = Desk::new();
    let (ann, ben) = (citizen(&number("19900101", 2)), citizen(&number("19900101", 1)));
    let wed = desk.record("m-1", "marry_first", data(&ann, "2020-05-01", json!({"spouse": ben})));
    let a = wed.person_id;
    let b = desk.stream_of_citizen(&number("19900101", 1));
    assert_eq!((spouses(&desk, a), spouses(&desk, b)), (vec![(b, false)], vec![(a, false)]));
    for person in [a, b] {
        let items = items(&desk.archive(person));
        assert_eq!(items["marital_code"], "21");
        assert_eq!(items["first_marriage_date"], "2020-05-01");
    }
    let (own, side) = (desk.life(a).remove(0).envelope, desk.life(b).remove(0).envelope);
    assert_eq!((own.key, own.correlation), (side.key, side.correlation));
    assert_eq!(side.causation, own.position);
    assert_eq!(Kind::from_number(side.event_type.number), Some((Kind::MarryFirst, true)));
    // The divorce is told by the other of the two.
    let split = data(&ben, "2022-05-01", json!({"spouse": ann}));
    let split = desk.record("l-1", "divorce_court", split);
    assert_eq!(doubts(&split), ["no_authority"], "the desk of the police is no court");
    assert_eq!((spouses(&desk, a), spouses(&desk, b)), (vec![(b, true)], vec![(a, true)]));
    for person in [a, b] {
        assert_eq!(items(&desk.archive(person))["marital_code"], "40");
    }
    desk.close();
}

#[test]
fn what_is_impossible_for_the_other_one_refuses_the_act_for_both() {
    let desk = Desk::new();
    let (ann, ben) = (citizen(&number("19900101", 2)), citizen(&number("19900101", 1)));
    let eve = citizen(&number("19910101", 2));
    desk.record("d-1", "death", data(&ben, "2020-01-01", json!({})));
    let before = desk.head();
    let wed = data(&ann, "2020-01-02", json!({"spouse": ben}));
    assert_eq!(desk.refuse("m-1", "marry_first", wed), fault("after_death", "/data/spouse"));
    assert_eq!(desk.head().0, before.0 + 1, "the rejection alone");
    assert!(desk.row(desk.stream_of_citizen(&number("19900101", 2))).is_none());
    let wed = data(&ann, "2019-01-02", json!({"spouse": ben}));
    assert_eq!(desk.record("m-2", "marry_first", wed).person_id, {
        desk.stream_of_citizen(&number("19900101", 2))
    });
    // A widow from the day of the death on, and a wife the day before.
    let early = data(&eve, "2019-12-31", json!({"spouse": ann}));
    let refused = desk.refuse("m-3", "marry_first", early);
    assert_eq!(refused, fault("already_married", "/data/spouse"));
    desk.record("m-4", "marry_again", data(&ann, "2020-01-01", json!({"spouse": eve})));
    desk.close();
}

#[test]
fn a_birth_stands_in_the_records_of_mother_and_father() {
    let desk = Desk::new();
    let (ann, ben) = (citizen(&number("19900101", 2)), citizen(&number("19900101", 1)));
    let child = by("birth_certificate", "X990000001");
    let birth = data(
        &child,
        "2026-01-01",
        json!({"items": {"full_name": "小"}, "mother": ann, "father": ben, "head": ben}),
    );
    let born = desk.record("b-1", "birth", birth);
    let child = desk.archive(born.person_id);
    assert_eq!(child.get(Item::BirthDate), Some("2026-01-01"));
    assert!(child.is_registered);
    for (parent, role) in [("19900101", Role::Mother), ("19900101", Role::Father)] {
        let serial = if role == Role::Mother { 2 } else { 1 };
        let parent = desk.stream_of_citizen(&number(parent, serial));
        let archive = desk.archive(parent);
        let links: Vec<_> = archive.links().iter().map(|l| (l.role, l.person)).collect();
        assert_eq!(links, [(Role::Child, born.person_id)]);
        assert_eq!(archive.get(Item::BirthDate), None, "the child's birth is not the parent's");
        assert!(!archive.is_registered, "a mention is no registration");
        assert!(child.links().iter().any(|link| (link.role, link.person) == (role, parent)));
    }
    desk.close();
}

#[test]
fn persons_without_documents_in_one_act_are_different_persons() {
    let desk = Desk::new();
    let nobody = by("none", "");
    let birth = data(&nobody, "2026-01-01", json!({"mother": nobody, "father": nobody}));
    let born = desk.record("b-1", "birth", birth.clone());
    let child = desk.archive(born.person_id);
    let parents: Vec<_> = child.links().iter().map(|link| link.person).collect();
    assert_eq!(parents.len(), 2);
    assert!(parents[0] != parents[1] && !parents.contains(&born.person_id));
    for parent in parents {
        assert_eq!(desk.life(parent).len(), 1);
    }
    assert!(matches!(desk.send(&[("b-1", "birth", birth)])[..], [Receipt::Duplicate(_)]));
    desk.close();
}

#[test]
fn nobody_marries_themselves_or_alone() {
    let desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let own = desk.refuse("m-1", "marry_first", data(&ann, "2020-01-01", json!({"spouse": ann})));
    assert!(own.contains(&("spouse_is_self".to_owned(), "/data/spouse".to_owned())), "{own:?}");
    let alone = desk.refuse("m-2", "marry_first", data(&ann, "2020-01-01", json!({})));
    assert_eq!(alone, fault("spouse_missing", "/data/spouse"));
    let unknown = json!({"person_id": "00000000-0000-8000-8000-000000000000"});
    let stranger =
        desk.refuse("m-3", "marry_first", data(&ann, "2020-01-01", json!({"spouse": unknown})));
    assert_eq!(stranger, fault("person_unknown", "/data/person"));
    desk.close();
}
