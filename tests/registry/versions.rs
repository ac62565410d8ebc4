//! Events in the forms of older and of newer programs: what was posted or stored in an older
//! version reads as the newest one, fields that nobody knows yet are kept and shown, and what only
//! a newer program can read stops this one at its place.

use api::http::event_json;
use api::registry::Receipt;
use domain::Kind;
use domain::recorded::EventType;
use projections::Archive;
use serde_json::{Value, json};

use super::desk::{Desk, citizen, data, faults, number, recorded};

const ENROL: EventType = EventType { number: Kind::SocinsEnrol as u16, version: 1 };

fn insured(archive: &Archive) -> Value {
    let mut told = json!({});
    for (topic, field, value, _) in archive.topics() {
        if topic == "employment" && field.starts_with("insurance_kinds") {
            told[field] = serde_json::from_str(value).expect("JSON");
        }
    }
    told
}

fn enrolled(kinds: Value) -> Value {
    let ann = citizen(&number("19900101", 2));
    data(&ann, "2020-01-01", json!({"insurance_kinds": kinds, "insurance_place": "990101"}))
}

/// What version 1 let people write, and what it is in version 2.
fn older_texts() -> [(&'static str, Value); 6] {
    [
        ("pension,medical", json!({"insurance_kinds": ["pension", "medical"]})),
        (
            "养老保险、医疗;工伤/ Maternity",
            json!({"insurance_kinds": ["pension", "medical", "work_injury", "maternity"]}),
        ),
        ("失业,失业保险", json!({"insurance_kinds": ["unemployment"]})),
        (
            "基本医疗保险,长期护理保险",
            json!({"insurance_kinds": ["medical"], "insurance_kinds_other": "长期护理保险"}),
        ),
        ("新农合", json!({"insurance_kinds": [], "insurance_kinds_other": "新农合"})),
        (
            "Pension; top-up A，top-up B",
            json!({"insurance_kinds": ["pension"], "insurance_kinds_other": "top-up A、top-up B"}),
        ),
    ]
}

#[test]
fn the_older_type_is_taken_for_ever_and_recorded_as_the_newest() {
    let desk = Desk::new();
    for (at, (text, due)) in older_texts().into_iter().enumerate() {
        let id = format!("s-{at}");
        let sent = ("socins_enrol.v1", enrolled(json!(text)));
        let accepted = recorded(&desk.send(&[(&id, sent.0, sent.1.clone())])[0]).clone();
        let told = desk.life(accepted.person_id).pop().expect("an event");
        assert_eq!(told.envelope.event_type, EventType { version: 2, ..ENROL });
        let details = &told.payload.as_ref().unwrap().life().unwrap().details;
        for (field, value) in due.as_object().unwrap() {
            assert_eq!(&details[field], value, "{text}");
        }
        assert_eq!(
            insured(&desk.archive(accepted.person_id))["insurance_kinds"],
            details["insurance_kinds"]
        );
        let again = desk.send(&[(&id, sent.0, sent.1)]);
        assert!(matches!(again[..], [Receipt::Duplicate(_)]), "{again:?}");
    }
    let newest = desk.record("s-new", "socins_enrol.v2", enrolled(json!(["maternity"])));
    assert_eq!(insured(&desk.archive(newest.person_id))["insurance_kinds"], json!(["maternity"]));
    desk.close();
}

#[test]
fn each_version_is_held_to_its_own_form_and_other_versions_do_not_exist() {
    let desk = Desk::new();
    let refused = [
        ("socins_enrol.v2", json!("pension"), "not_a_list", "/data/insurance_kinds"),
        ("socins_enrol.v2", json!(["gold"]), "not_a_value", "/data/insurance_kinds"),
        ("socins_enrol.v2", json!(["medical", "medical"]), "not_a_value", "/data/insurance_kinds"),
        ("socins_enrol.v2", json!(null), "missing", "/data/insurance_kinds"),
        ("socins_enrol.v1", json!(" , "), "not_a_list", "/data/insurance_kinds"),
        ("socins_enrol.v1", json!(7), "not_a_list", "/data/insurance_kinds"),
        ("socins_enrol.v3", json!(["medical"]), "no_such_event", "/type"),
        ("socins_enrol.v0", json!("medical"), "no_such_event", "/type"),
        ("socins_enrol.v01", json!("medical"), "no_such_event", "/type"),
        ("socins_enrol.v+1", json!("medical"), "no_such_event", "/type"),
        ("observation.v2", json!("medical"), "no_such_event", "/type"),
    ];
    for (at, (kind, kinds, code, pointer)) in refused.into_iter().enumerate() {
        let receipt = desk.send(&[(&format!("f-{at}"), kind, enrolled(kinds.clone()))]).remove(0);
        assert_eq!(faults(&receipt), [(code.to_owned(), pointer.to_owned())], "{kind} {kinds}");
    }
    desk.close();
}

#[test]
fn a_refusal_of_an_older_type_is_kept_as_sent_and_cleared_by_the_newer() {
    let desk = Desk::new();
    let mut wrong = enrolled(json!("pension"));
    wrong["insurance_place"] = json!("x");
    recorded(&desk.send(&[("s-0", "socins_enrol", enrolled(json!(["pension"])))])[0]);
    assert_eq!(faults(&desk.send(&[("s-1", "socins_enrol.v1", wrong)])[0]).len(), 1);
    let waiting = desk.waiting();
    let kept = desk.registry().log().event(waiting[0]).unwrap().unwrap();
    let Some(domain::Payload::Rejection(kept)) = kept.payload else { panic!("no rejection") };
    assert_eq!(kept.event_type, "renkou.socins_enrol.v1");
    desk.record("s-2", "socins_enrol.v2", enrolled(json!(["pension"])));
    assert!(desk.waiting().is_empty());
    desk.close();
}

/// Written by an older program, with a field that only a newer one would know.
const STORED: &str = r#"{"id":"s-old","details":{"insurance_kinds":"医疗,补充险"},"zz_new":{"b":[1,null],"a":"张"}}"#;

#[test]
fn a_stored_event_of_an_older_version_reads_as_the_newest_and_keeps_what_nobody_knows() {
    let mut desk = Desk::new();
    let first = desk.record("s-1", "socins_enrol", enrolled(json!(["pension"])));
    desk.write(first.person_id, ENROL, STORED);
    desk.try_reopen().expect("it opens");
    let due = json!({"insurance_kinds": ["medical"], "insurance_kinds_other": "补充险"});
    assert_eq!(insured(&desk.archive(first.person_id)), due);
    let history = replay::history::history(desk.registry().log(), first.person_id).unwrap();
    let shown = event_json(&history[1]);
    assert_eq!(
        (&shown["type"], &shown["recorded_version"]),
        (&json!("renkou.socins_enrol.v2"), &json!(1))
    );
    assert_eq!(shown["details"], due);
    assert_eq!(shown["later"], json!({"zz_new": {"b": [1, null], "a": "张"}}));
    // Written anew, as a copy would be, it is the same event.
    let payload = history[1].event.payload.as_ref().unwrap();
    let newest = Kind::SocinsEnrol.event_type(false);
    let again = domain::Payload::read(newest, &payload.to_json()).expect("its own words");
    assert!(again == *payload);
    let text: Value = serde_json::from_slice(&payload.to_json()).unwrap();
    assert_eq!(text["zz_new"], shown["later"]["zz_new"]);
    desk.close();
}

#[test]
fn a_correction_that_was_told_in_the_older_form_corrects_still() {
    let mut desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let first = desk.record("s-1", "socins_enrol", enrolled(json!(["pension"])));
    let correct = |desk: &Desk, id: &str, kinds: Value| {
        let told = json!({"corrects": "s-1", "reason": "核对原件", "insurance_kinds": kinds});
        desk.record(id, "correction", data(&ann, "2020-02-01", told));
        insured(&desk.archive(first.person_id))
    };
    let due = json!({"insurance_kinds": ["work_injury"]});
    assert_eq!(correct(&desk, "c-1", json!("工伤")), due);
    assert_eq!(correct(&desk, "c-2", json!(["gold"])), due, "no value of the field");
    let due = json!({"insurance_kinds": ["medical", "maternity"]});
    assert_eq!(correct(&desk, "c-3", json!(["medical", "maternity"])), due);
    desk.reopen();
    assert_eq!(insured(&desk.archive(first.person_id)), due);
    desk.close();
}

#[test]
fn an_event_of_a_newer_program_stops_the_start_and_is_named() {
    let unknown = [
        (EventType { version: 3, ..ENROL }, "event type 59 in version 3 is not known"),
        (EventType { number: 70, version: 1 }, "event type 70 in version 1 is not known"),
        (EventType { number: 1_070, version: 1 }, "event type 1070 in version 1 is not known"),
    ];
    for (event_type, due) in unknown {
        let mut desk = Desk::new();
        let first = desk.record("s-1", "socins_enrol", enrolled(json!(["pension"])));
        let position = desk.write(first.person_id, event_type, STORED);
        let told = desk.try_reopen().expect_err("it must not open");
        assert!(told.contains(due) && told.contains("newer version"), "{told}");
        assert!(told.contains(&format!("position {}", position.0)), "{told}");
        assert!(!told.contains('张'), "{told}");
    }
}
