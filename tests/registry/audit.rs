//! What receipts say of the record by the audit rules: of one that begins everything, of another
//! one what an event touched; the same when it is given again, however the row was come by.

use api::registry::Receipt;
use domain::rules::RuleId;
use projections::quality::{ALONE, audit_alone};
use serde_json::{Value, json};

use super::desk::{Desk, PLACE, citizen, data, number, recorded, rules};
use domain::clocks::day_in_china;
use domain::rules::{RuleBook, RuleSet};
use jiff::Timestamp;

/// A registration of everything that a grown woman's record ought to hold.
fn complete(number: &str) -> Value {
    let born = format!("{}-{}-{}", &number[6..10], &number[10..12], &number[12..14]);
    json!({"items": {
        "full_name": "陈小明", "citizen_id": number, "sex": "2", "birth_date": born,
        "birth_place_code": "990101", "ethnic_code": "01", "residence_code": PLACE,
        "residence_address": "青石路", "hukou_code": PLACE, "hukou_address": "青石路",
        "door_plate": "12号", "education_code": "61", "hukou_nature": "3", "health_code": "10",
        "marital_code": "10", "relation_code": "01",
    }})
}

fn audit_rules(receipt: &api::registry::Accepted) -> Vec<&str> {
    rules(receipt).filter(|rule| RuleId::parse(rule).is_some()).collect()
}

#[test]
fn a_birth_without_registration_is_flagged_as_the_contract_shows() {
    let desk = Desk::new();
    let birth = json!({"items": {
        "full_name": "张小明", "sex": "1", "birth_place_code": "990101", "ethnic_code": "01",
        "residence_code": PLACE, "residence_address": "青石路", "door_plate": "12号",
        "hukou_nature": "3", "health_code": "10", "relation_code": "20", "birth_date": "2026-05-30",
    }});
    let child = json!({"document": {"kind": "birth_certificate", "number": "X990000123"}});
    let born = desk.record("b", "birth", data(&child, "2026-05-30", birth));
    let flag = born.flags.iter().find(|flag| flag.rule == "C08").expect("flagged");
    assert_eq!((flag.severity, &flag.items[..]), ("error", &["hukou_code"][..]));
    assert_eq!(audit_rules(&born), ["C08"], "a newborn needs no number and no education");
    desk.close();
}

#[test]
fn a_complete_record_is_not_flagged_and_a_change_is_judged_with_what_stood_before() {
    let desk = Desk::new();
    let own = number("20080101", 2);
    let person = citizen(&own);
    let first = desk.record("r", "registration", data(&person, "2026-05-01", complete(&own)));
    assert_eq!(audit_rules(&first), [""; 0]);
    // Married at 18: the birth date was told by the event before.
    let items = json!({"marital_code": "21", "marital_change_date": "2026-05-20"});
    let more = json!({"items": items});
    let seen = desk.record("o", "observation", data(&person, "2026-05-20", more.clone()));
    assert_eq!(audit_rules(&seen), ["L06"]);
    // What was wrong before and is not touched is not said again.
    let more_phone = json!({"items": {"phone": "13900000000"}});
    let phone = desk.record("p", "observation", data(&person, "2026-05-21", more_phone));
    assert_eq!(audit_rules(&phone), [""; 0]);
    let Receipt::Duplicate(again) =
        desk.send(&[("o", "observation", data(&person, "2026-05-20", more))]).remove(0)
    else {
        panic!("it was recorded before")
    };
    assert_eq!(again, seen, "a receipt given again is the same");
    desk.close();
}

#[test]
fn flags_do_not_depend_on_where_the_record_comes_from() {
    let own = number("20080101", 2);
    let person = citizen(&own);
    let observe = |on: &str, items: Value| data(&person, on, json!({"items": items}));
    let events = [
        ("r", "registration", data(&person, "2026-05-01", complete(&own))),
        ("a", "observation", observe("2026-05-20", json!({"education_code": "14"}))),
        // Late: it happened before the one that is on record.
        ("b", "observation", observe("2026-05-10", json!({"employment_status": "80"}))),
        ("c", "observation", observe("2026-05-22", json!({"full_name": "Chen"}))),
        ("d", "observation", observe("2026-05-23", json!({"door_plate": "无"}))),
    ];
    // In one batch, one by one with the row at hand, and with every row read back.
    let of_batch: Vec<_> = {
        let desk = Desk::new();
        let receipts = desk.send(&events);
        let flags = receipts.iter().map(|receipt| recorded(receipt).flags.clone()).collect();
        desk.close();
        flags
    };
    let one_by_one = |reopen: bool| -> Vec<_> {
        let mut desk = Desk::new();
        let mut flags = Vec::new();
        for (id, kind, data) in &events {
            let accepted = desk.record(id, kind, data.clone());
            flags.push(accepted.flags.clone());
            if reopen {
                desk.row(accepted.person_id);
                desk.reopen();
            }
        }
        desk.close();
        flags
    };
    let named = |rules: &[&str], at: usize| {
        assert_eq!(of_batch[at].iter().map(|f| f.rule.as_str()).collect::<Vec<_>>(), rules);
    };
    named(&[], 0);
    named(&["L12"], 1);
    named(&["L16"], 2);
    named(&["N01"], 3);
    named(&["N23"], 4);
    assert_eq!(of_batch, one_by_one(false));
    assert_eq!(of_batch, one_by_one(true));
}

#[test]
fn a_correction_is_judged_as_the_archive_is_after_it() {
    let desk = Desk::new();
    let own = number("19900101", 2);
    let person = citizen(&own);
    let mut told = complete(&own);
    told["items"]["sex"] = json!("1");
    let first = desk.record("r", "registration", data(&person, "2026-05-01", told));
    assert_eq!(rules(&first).collect::<Vec<_>>(), ["L02"], "told once, as doubt and rule");
    let change = json!({"corrects": "r", "items": {"sex": "2"}, "reason": "核对原始凭证",
        "approved_by": "chief"});
    let corrected = desk.record("c", "correction", data(&person, "2026-05-03", change));
    assert_eq!(audit_rules(&corrected), [""; 0]);
    let archive = desk.archive(corrected.person_id);
    let today = day_in_china(Timestamp::from_second(desk.clock.get()).unwrap());
    let book = RuleBook::in_force(today);
    let findings = audit_alone(&book, &archive, today, RuleSet::EVERY);
    assert!(findings.fired.is_empty(), "{:?}", findings.fired);
    assert!(findings.held.len() > 30 && ALONE.contains(RuleId::parse("L02").unwrap()));
    desk.close();
}

#[test]
fn receipts_of_who_was_merged_flag_what_the_view_shows_of_all_their_records() {
    let desk = Desk::new();
    let own = number("20080101", 2);
    let (card, passport) = (citizen(&own), super::desk::by("passport", "E99000001"));
    let mut told = complete(&own);
    told["items"]["health_code"] = Value::Null;
    told["items"].as_object_mut().unwrap().retain(|_, value| !value.is_null());
    desk.record("r", "registration", data(&card, "2026-05-01", told));
    let items = json!({"items": {"full_name": "陈小明", "education_code": "14", "sex": "2"}});
    desk.record("p", "registration", data(&passport, "2026-05-02", items));
    let join = json!({"absorbed": passport, "reason": "同一人", "approved_by": "chief"});
    // The education of the passport's record comes with it: too high for 18 years.
    let merged = desk.record("m", "person_merge", data(&card, "2026-05-03", join.clone()));
    let check = |accepted: &api::registry::Accepted, expected: &[&str]| {
        assert_eq!(audit_rules(accepted), expected);
        let row = desk.row(merged.person_id).expect("a row");
        let today = day_in_china(accepted.recorded_at);
        let found = audit_alone(&RuleBook::in_force(today), &row.archive, today, RuleSet::EVERY);
        for rule in expected {
            assert!(found.fired.contains(RuleId::parse(rule).unwrap()), "{rule} on the row");
        }
    };
    check(&merged, &["L12"]);
    // Told under either document, the rules look at the record of both.
    let observe =
        |person: &Value, on: &str, items: Value| data(person, on, json!({"items": items}));
    let alias = observe(&passport, "2026-05-20", json!({"full_name": "Chen"}));
    check(&desk.record("a", "observation", alias), &["N01"]);
    let married = json!({"marital_code": "21", "marital_change_date": "2026-05-21"});
    check(&desk.record("b", "observation", observe(&card, "2026-05-21", married)), &["L06"]);
    // In one batch with what was just decided, and what is touched and right is not flagged.
    let schooling = observe(&card, "2026-05-22", json!({"education_code": "61"}));
    let death = observe(&passport, "2026-05-23", json!({"door_plate": "无"}));
    let receipts = desk.send(&[("c", "observation", schooling), ("d", "observation", death)]);
    check(recorded(&receipts[0]), &[]);
    check(recorded(&receipts[1]), &["N23"]);
    let split = desk.record("s", "person_split", data(&card, "2026-05-24", join));
    check(&split, &[]);
    desk.close();
}
