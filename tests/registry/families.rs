//! What one person's events do to others whom nobody names: widowhood, its end, and households.

use api::registry::Accepted;
use domain::{Kind, PersonId, Role};
use serde_json::{Value, json};

use super::desk::{Desk, citizen, data, doubts, fault, items, number};

const ANN: (&str, u32) = ("19900101", 2);
const BEN: (&str, u32) = ("19900101", 1);
const EVE: (&str, u32) = ("19910101", 2);

fn named((born, serial): (&str, u32)) -> Value {
    citizen(&number(born, serial))
}

fn id(desk: &Desk, (born, serial): (&str, u32)) -> PersonId {
    desk.stream_of_citizen(&number(born, serial))
}

/// Marital status, the day of its change, and the standing husband or wife.
fn marital(desk: &Desk, person: (&str, u32)) -> (String, String, Option<PersonId>) {
    let archive = desk.archive(id(desk, person));
    let items = items(&archive);
    let text = |name: &str| items.get(name).cloned().unwrap_or_default();
    let spouses = archive.links().iter().filter(|l| l.role == Role::Spouse && l.ended.is_none());
    (text("marital_code"), text("marital_change_date"), spouses.map(|l| l.person).next_back())
}

fn is(code: &str, since: &str, spouse: Option<PersonId>) -> (String, String, Option<PersonId>) {
    (code.to_owned(), since.to_owned(), spouse)
}

fn wed(desk: &Desk, id: &str, one: (&str, u32), other: (&str, u32), on: &str) -> Accepted {
    desk.record(id, "marry_first", data(&named(one), on, json!({"spouse": named(other)})))
}

fn dies(desk: &Desk, id: &str, who: (&str, u32), on: &str) -> Accepted {
    desk.record(id, "death", data(&named(who), on, json!({})))
}

fn annul(desk: &Desk, id: &str, who: (&str, u32), what: &str) {
    let more = json!({"annuls": what, "reason": "登记错误", "approved_by": "chief"});
    desk.record(id, "annulment", data(&named(who), "2026-01-01", more));
}

#[test]
fn a_death_widows_whom_the_register_knows_as_husband_or_wife_and_its_annulment_undoes_that() {
    let desk = Desk::new();
    wed(&desk, "m-1", ANN, BEN, "2012-05-01");
    let (ann, ben) = (id(&desk, ANN), id(&desk, BEN));
    dies(&desk, "d-1", BEN, "2020-01-01");
    assert_eq!(marital(&desk, ANN), is("30", "2020-01-01", None));
    let aside = desk.life(ann).pop().unwrap().envelope;
    assert_eq!(Kind::from_number(aside.event_type.number), Some((Kind::Death, true)));
    // A second report of the same death changes nothing, and is told again.
    let again = dies(&desk, "d-2", BEN, "2020-01-01");
    assert_eq!(doubts(&again), ["second_report"]);
    annul(&desk, "a-1", BEN, "d-1");
    assert_eq!(marital(&desk, ANN), is("30", "2020-01-01", None), "the other report stands");
    annul(&desk, "a-2", BEN, "d-2");
    assert_eq!(marital(&desk, ANN), is("21", "2012-05-01", Some(ben)));
    desk.close();
}

#[test]
fn who_was_divorced_or_died_before_is_not_widowed() {
    let desk = Desk::new();
    wed(&desk, "m-1", ANN, BEN, "2012-05-01");
    let split = data(&named(ANN), "2014-05-01", json!({"spouse": named(BEN)}));
    desk.record("l-1", "divorce_reg", split);
    dies(&desk, "d-1", BEN, "2020-01-01");
    assert_eq!(marital(&desk, ANN), is("40", "2014-05-01", None));
    // A divorce that is told late, of a day before the death.
    wed(&desk, "m-2", EVE, ("19920101", 1), "2012-05-01");
    dies(&desk, "d-2", ("19920101", 1), "2020-01-01");
    assert_eq!(marital(&desk, EVE).0, "30");
    let late = data(&named(EVE), "2019-05-01", json!({"spouse": named(("19920101", 1))}));
    desk.record("l-2", "divorce_court", late);
    assert_eq!(marital(&desk, EVE), is("40", "2019-05-01", None));
    desk.close();
}

#[test]
fn a_marriage_that_is_told_after_the_death_widows_all_the_same() {
    let desk = Desk::new();
    dies(&desk, "d-1", BEN, "2020-01-01");
    let told = wed(&desk, "m-1", ANN, BEN, "2012-05-01");
    assert_eq!(marital(&desk, ANN), is("30", "2020-01-01", None));
    let again = data(&named(ANN), "2012-05-01", json!({"spouse": named(BEN)}));
    match desk.send(&[("m-1", "marry_first", again)]).remove(0) {
        api::registry::Receipt::Duplicate(first) => assert_eq!(first.position, told.position),
        other => panic!("{other:?}"),
    }
    annul(&desk, "a-1", BEN, "d-1");
    assert_eq!(marital(&desk, ANN), is("21", "2012-05-01", Some(id(&desk, BEN))));
    annul(&desk, "a-2", BEN, "a-1");
    assert_eq!(marital(&desk, ANN), is("30", "2020-01-01", None));
    annul(&desk, "a-3", ANN, "m-1");
    assert_eq!(marital(&desk, ANN), is("", "", None), "there was no marriage");
    desk.close();
}

#[test]
fn a_death_that_names_somebody_not_on_record_as_married_says_that_they_are_widowed() {
    let desk = Desk::new();
    let death = data(&named(BEN), "2020-01-01", json!({"spouse": named(ANN)}));
    desk.record("d-1", "death", death);
    assert_eq!(marital(&desk, ANN), is("30", "2020-01-01", None));
    desk.close();
}

fn declared_dead(desk: &Desk) {
    wed(desk, "m-1", ANN, BEN, "2012-05-01");
    let more = json!({"judgment_no": "J-1"});
    desk.record("d-1", "death_declared", data(&named(BEN), "2020-01-01", more));
    assert_eq!(marital(desk, ANN), is("30", "2020-01-01", None));
}

#[test]
fn who_was_declared_dead_and_is_found_is_married_again_unless_the_other_one_is() {
    let desk = Desk::new();
    declared_dead(&desk);
    let more = json!({"judgment_no": "J-2"});
    desk.record("r-1", "reappear", data(&named(BEN), "2022-01-01", more.clone()));
    assert_eq!(marital(&desk, ANN), is("21", "2012-05-01", Some(id(&desk, BEN))));
    assert_eq!(marital(&desk, BEN), is("21", "2012-05-01", Some(id(&desk, ANN))));
    let archive = desk.archive(id(&desk, BEN));
    assert!(!archive.is_dead && !items(&archive).contains_key("death_date"));
    // The life goes on, and may end.
    wed_refused(&desk);
    dies(&desk, "d-2", BEN, "2024-01-01");
    assert_eq!(marital(&desk, ANN), is("30", "2024-01-01", None));
    desk.close();

    let desk = Desk::new();
    declared_dead(&desk);
    wed(&desk, "m-2", ANN, EVE, "2021-01-01");
    desk.record("r-1", "reappear", data(&named(BEN), "2022-01-01", more));
    assert_eq!(marital(&desk, ANN).2, Some(id(&desk, EVE)));
    assert_eq!(marital(&desk, BEN), is("90", "", None), "to be asked");
    desk.close();
}

/// Both are bound again.
fn wed_refused(desk: &Desk) {
    for (at, one) in [ANN, BEN].into_iter().enumerate() {
        let again = data(&named(one), "2023-01-01", json!({"spouse": named(EVE)}));
        let refused = desk.refuse(&format!("x-{at}"), "marry_again", again);
        assert_eq!(refused, fault("already_married", "/data/spouse"));
    }
}

#[test]
fn a_void_marriage_gives_back_what_stood_before_it_to_both() {
    let desk = Desk::new();
    let known = json!({"items": {"marital_code": "40", "marital_change_date": "2010-01-01"}});
    desk.record("p-1", "registration", data(&named(ANN), "2011-01-01", known));
    wed(&desk, "m-1", ANN, BEN, "2012-05-01");
    let void = data(&named(BEN), "2013-01-01", json!({"judgment_no": "J-1"}));
    desk.record("v-1", "marry_void", void);
    assert_eq!(marital(&desk, ANN), is("40", "2010-01-01", None));
    assert_eq!(marital(&desk, BEN), is("", "", None));
    let none = data(&named(EVE), "2013-01-01", json!({"judgment_no": "J-2"}));
    let accepted = desk.record("v-2", "marry_void", none);
    assert!(doubts(&accepted).contains(&"marriage_not_on_record"), "{:?}", accepted.flags);
    wed(&desk, "m-2", ANN, EVE, "2013-05-01");
    desk.close();
}

#[test]
fn members_of_a_household_are_told_what_becomes_of_them() {
    let desk = Desk::new();
    let load = |who, relation: &str| {
        let items = json!({"items": {"relation_code": relation, "household_id": "H99-1"}});
        desk.record(
            &format!("p-{relation}"),
            "registration",
            data(&named(who), "2011-01-01", items),
        )
    };
    load(BEN, "01");
    load(ANN, "12");
    load(EVE, "25");
    // The head dies; the death says who leads now, and what the others are to the new head.
    let members = json!([
        {"person": named(ANN), "items": {"relation_code": "01"}},
        {"person": named(EVE), "items": {"relation_code": "20"}},
    ]);
    let more = json!({"head": named(ANN), "members": members});
    desk.record("d-1", "death", data(&named(BEN), "2020-01-01", more));
    let relation = |who| items(&desk.archive(id(&desk, who)))["relation_code"].clone();
    assert_eq!((relation(ANN), relation(EVE)), ("01".to_owned(), "20".to_owned()));
    let head = |who| {
        let archive = desk.archive(id(&desk, who));
        let heads = archive.links().iter().filter(|l| l.role == Role::Head && l.ended.is_none());
        heads.map(|link| link.person).collect::<Vec<_>>()
    };
    assert_eq!((head(ANN), head(EVE)), (vec![], vec![id(&desk, ANN)]));
    // Eve founds a household of her own.
    let own = json!({"household_id": "H99-2", "old_household_id": "H99-1"});
    desk.record("s-1", "hh_split", data(&named(EVE), "2021-01-01", own));
    let eve = items(&desk.archive(id(&desk, EVE)));
    assert_eq!((&*eve["household_id"], &*eve["relation_code"]), ("H99-2", "02"));
    assert_eq!(head(EVE), vec![]);
    annul(&desk, "a-1", BEN, "d-1");
    assert_eq!(relation(ANN), "12", "the death was an error, and so was what followed");
    // Whoever is dead by then is named in vain.
    dies(&desk, "d-2", ANN, "2021-06-01");
    let members = json!([{"person": named(ANN), "items": {"relation_code": "12"}}]);
    let more = json!({"household_id": "H99-2", "members": members});
    let refused = desk.refuse("s-2", "head_change", data(&named(EVE), "2022-01-01", more));
    assert_eq!(refused, fault("after_death", "/data/members/0/person"));
    desk.close();
}

#[test]
fn adoption_and_guardianship_stand_in_both_records_until_they_end() {
    let desk = Desk::new();
    let more = json!({"adopter": [named(ANN), named(BEN)], "certificate_no": "S-1"});
    desk.record("s-1", "adopt", data(&named(EVE), "2015-01-01", more));
    let ties = |who| {
        let archive = desk.archive(id(&desk, who));
        let ties =
            archive.links().iter().map(|link| (link.role, link.person, link.ended.is_some()));
        ties.collect::<Vec<_>>()
    };
    let eve = id(&desk, EVE);
    assert_eq!(ties(ANN), [(Role::Child, eve, false)]);
    assert_eq!(ties(BEN), [(Role::Child, eve, false)]);
    let end = json!({"adopter": named(BEN), "basis": "judgment"});
    desk.record("s-2", "adopt_end", data(&named(EVE), "2016-01-01", end));
    assert_eq!((ties(ANN)[0].2, ties(BEN)[0].2), (false, true));
    assert_eq!(
        ties(EVE),
        [(Role::Adopter, id(&desk, ANN), false), (Role::Adopter, id(&desk, BEN), true),]
    );
    for (at, guardian) in [ANN, BEN].into_iter().enumerate() {
        let more = json!({"guardian": named(guardian), "basis": "appointment"});
        let on = format!("2017-01-0{}", at + 1);
        desk.record(&format!("g-{at}"), "guardian_set", data(&named(EVE), &on, more));
    }
    assert!(ties(BEN).contains(&(Role::Ward, eve, false)));
    assert!(ties(ANN).contains(&(Role::Ward, eve, true)), "the first guardian is told of the end");
    annul(&desk, "a-1", EVE, "g-1");
    assert!(ties(ANN).contains(&(Role::Ward, eve, false)) && ties(BEN).len() == 1);
    annul(&desk, "a-2", EVE, "a-1");
    let guardians: Vec<_> = ties(EVE).into_iter().filter(|tie| tie.0 == Role::Guardian).collect();
    assert_eq!(guardians.iter().map(|tie| tie.2).collect::<Vec<_>>(), [true, false]);
    desk.close();
}
