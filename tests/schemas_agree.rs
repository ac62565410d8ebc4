//! What `GET /v1/catalogue/events` publishes and what is taken are one: every field of every event,
//! with every kind of wrong value, is refused by the schema where the service refuses it and the
//! other way round. Only what no schema can say is refused beyond it, and is listed here.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use domain::submission::Reader;
use domain::{Divisions, Fault, Kind};
use serde_json::{Value, json};

use crate::catalogue::{DAY, VILLAGE, number, samples};
use crate::schemas::is_of;

/// Whether only the service can refuse it: a schema knows no calendar of today, no divisions, no
/// check characters, and not what another field says. Control characters are left out of it for
/// brevity.
fn is_beyond(fault: &Fault, value: &Value) -> bool {
    let is_place = value.as_str().is_some_and(|text| {
        text.len() >= 3 && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    });
    match &*fault.code {
        "in_future" | "not_a_place" | "not_a_citizen_number" => true,
        "number_differs_from_document" => true,
        "not_a_value" => is_place,
        "empty" => value.as_str().is_some_and(|text| text.chars().any(char::is_control)),
        // What is left of a number without its blanks and hyphens.
        "not_a_number" => fault.pointer.ends_with("/document/number"),
        _ => false,
    }
}

/// Wrong, odd and right values, put in the place of every field.
fn values() -> Vec<Value> {
    let long = |characters: usize| json!("长".repeat(characters));
    let person = json!({"document": {"kind": "citizen_id", "number": number(901)}});
    let odd_persons = [
        json!({"document": {"kind": "citizen_id"}}),
        json!({"document": {"kind": "library_card", "number": "1"}}),
        json!({"document": {"kind": "passport", "number": 7}}),
        json!({"document": {"kind": "passport", "number": ""}}),
        json!({"document": {"kind": "passport", "number": "E9", "more": 1}}),
        json!({"document": {"kind": "none", "number": "E9"}}),
        json!({"document": {"kind": "none"}}),
        json!({"document": {"kind": "none", "number": null}}),
        json!({"document": "E9"}),
        json!({"document": null}),
        json!({"person_id": "9cdba7525f3c88da8aaffcfe2a617580"}),
        json!({"person_id": "9cdba752-5f3c-88da-8aaf-fcfe2a617580"}),
        json!({"person_id": "9cdba752-5f3c-88da-8aaf-fcfe2a617580", "document": null}),
        json!({"person_id": "9cdba752-5f3c-88da-8aaf-fcfe2a617580",
            "document": {"kind": "passport", "number": "E9"}}),
        json!({"person_id": 7, "document": {"kind": "passport", "number": "E9"}}),
        json!({"person_id": null, "document": {"kind": "passport", "number": "E9"}}),
        json!([person, person]),
        json!([person, null]),
        json!([person, person, person]),
        json!([{"person": person}]),
        json!([{"person": person, "items": {"sex": "1"}}]),
        json!([{"person": person, "items": {"sex": "7"}}, {"person": person, "items": null}]),
        json!([{"items": {"sex": "1"}}]),
        person,
    ];
    let texts = [
        "",
        " ",
        "x",
        " 1",
        "1 ",
        "1",
        "01",
        "10",
        "999",
        "xyz",
        "CHN",
        "POL",
        "DX",
        "true",
        "2024-02-29",
        "2023-02-29",
        "2024-13-01",
        "2024-1-1",
        "20240229",
        "2024-02-29T00:00:00Z",
        " 2024-02-29",
        "1799-12-31",
        "0000-00-00",
        "2999-01-01",
        "990101",
        "990101001",
        "990101001002",
        "99010",
        "9901010010",
        "123456",
        "９９０１０１",
        "full_name",
        "FULL_NAME",
        "appointment",
        "11010519491231002X",
        "a\u{7}b",
        "甲\u{0}",
    ];
    let mut values: Vec<Value> = texts.iter().map(|text| json!(text)).collect();
    values.extend(odd_persons);
    values.extend([50, 51, 200, 201, 2_000].map(long));
    values.extend([
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(2.0),
        json!(1.5),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
        json!(9_007_199_254_740_992_u64),
        json!([]),
        json!({}),
        json!(["x"]),
        json!([null]),
        json!({"x": 1}),
    ]);
    values
}

fn read(kind: Kind, data: &Value) -> Vec<Fault> {
    static DIVISIONS: LazyLock<Divisions> = LazyLock::new(|| Divisions::embedded(true));
    let today = jiff::civil::date(2026, 6, 1);
    match (Reader { divisions: &DIVISIONS, today }).read(kind, data.clone()) {
        Err(faults) => faults,
        // One person of a visit may be refused alone.
        Ok(report) => report.observations.into_iter().filter_map(Result::err).flatten().collect(),
    }
}

/// A good submission of every kind that may be posted.
fn good() -> Vec<(Kind, Value)> {
    let person = json!({"document": {"kind": "citizen_id", "number": number(801)}});
    let other = json!({"document": {"kind": "citizen_id", "number": number(803)}});
    let plain = json!({"person": person, "occurred_on": DAY, "channel": "OW", "place": VILLAGE});
    let with = |more: Value| {
        let mut data = plain.clone();
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        data
    };
    let seen = json!({"observations": [{"person": other, "items": {"sex": "1"}}]});
    let others = [
        (Kind::Registration, with(json!({"items": {"full_name": "甲"}}))),
        (Kind::HouseholdVisit, with(seen)),
        (Kind::ServiceTransaction, plain.clone()),
        (Kind::Observation, plain.clone()),
        (Kind::Correction, with(json!({"corrects": "e-1", "reason": "笔误"}))),
        (Kind::Annulment, with(json!({"annuls": 7, "reason": "误报"}))),
        (
            Kind::PersonMerge,
            with(json!({"absorbed": other, "reason": "重复", "approved_by": "chief"})),
        ),
        (
            Kind::PersonSplit,
            with(json!({"absorbed": other, "reason": "误并", "approved_by": "chief"})),
        ),
    ];
    let samples = samples();
    let life = samples.iter().map(|sample| {
        let person = json!({"document": {"kind": "citizen_id", "number": number(sample.serial)}});
        (sample.kind(), sample.data(&person))
    });
    life.chain(others).collect()
}

#[test]
fn every_wrong_value_of_every_field_is_refused_by_schema_and_service_alike() {
    let (values, mut met) = (values(), [0_usize; 2]);
    let (mut differing, mut tried) = (BTreeSet::new(), BTreeSet::new());
    for (kind, data) in good() {
        let schema = kind.entry().data_schema();
        assert!(is_of(&schema, &schema, &data) && read(kind, &data).is_empty(), "{}", kind.code());
        let required = |name: &str| schema["required"].as_array().unwrap().contains(&json!(name));
        let fields = schema["properties"].as_object().unwrap().iter();
        let fields = fields.map(|(name, of)| (name.clone(), format!("{of} {}", required(name))));
        let items = domain::Item::all().map(|item| format!("items/{}", item.name()));
        let due = &schema["properties"]["items"]["required"];
        let is_due = |item: &str| due.as_array().is_some_and(|due| due.contains(&json!(item)));
        let items = items.map(|item| (item.clone(), is_due(&item["items/".len()..]).to_string()));
        // What many kinds have alike is tried with one of them.
        let is_lenient = kind.entry().is_lenient;
        for (place, _) in fields
            .chain(items)
            .filter(|(place, of)| tried.insert((place.clone(), of.clone(), is_lenient)))
        {
            for value in &values {
                let mut wrong = data.clone();
                match place.split_once('/') {
                    Some((_, item)) => wrong["items"][item] = value.clone(),
                    None => wrong[&place] = value.clone(),
                }
                let (described, faults) = (is_of(&schema, &schema, &wrong), read(kind, &wrong));
                let is_taken = faults.is_empty();
                met[usize::from(is_taken)] += 1;
                // Marriages and divorces ask for the other one by a rule of their own, afterwards.
                let asks = kind.is_marriage() || kind.is_divorce();
                if asks && place == "spouse" && value.is_null() {
                    continue;
                }
                let is_known = described == is_taken
                    || described && faults.iter().all(|fault| is_beyond(fault, value));
                if !is_known {
                    let told = faults.iter().map(|f| format!("{} {}", f.code, f.pointer));
                    let told = told.collect::<Vec<_>>().join("; ");
                    let short: String = value.to_string().chars().take(60).collect();
                    let place = place.replace("items/", "items/… ");
                    let who = if place.starts_with("items/") { "any" } else { kind.code() };
                    differing.insert(format!("{who} {place} {short}: schema {described}, {told}"));
                }
            }
        }
    }
    assert!(met[0] > 10_000 && met[1] > 5_000, "{met:?}");
    let few: Vec<_> = differing.iter().take(60).collect();
    assert!(differing.is_empty(), "{} differ: {few:#?}", differing.len());
}
