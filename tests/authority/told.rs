//! What a masked answer looks like, what is left out, and what the record of the read says of it.

use std::collections::BTreeSet;

use api::access::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{Asker, World};
use crate::process::caller::Answer;
use crate::process::events::citizen;

async fn get(world: &World, asker: &Asker, path: &str, purpose: &str) -> Value {
    let request = world.get(asker, path, purpose).header("at-least", world.head);
    Answer::read(request.send().await.unwrap()).await.with(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_archive_keeps_its_shape_and_says_what_is_withheld() {
    let world = World::of(6).await;
    let path = format!("/v1/persons/{}", world.people[0].id);
    let verifier = world.asker(Role::Verifier, None, None, None);
    let whole = get(&world, &verifier, &path, "verification").await;
    assert!(whole.get("withheld").is_none() && !whole.to_string().contains("\"masked\""));
    let masked = get(&world, &verifier, &path, "service").await;
    assert_eq!(masked["items"]["full_name"], whole["items"]["full_name"]);
    let phone = &masked["items"]["phone"];
    assert_eq!((&phone["value"], &phone["masked"]), (&json!("139****7777"), &json!(true)));
    assert_eq!(phone["position"], whole["items"]["phone"]["position"]);
    assert_eq!((&phone["record_id"], phone.get("place_name")), (&Value::Null, None));
    let number = &masked["documents"][0];
    let due = whole["documents"][0]["number"].as_str().unwrap();
    assert_eq!(number["number"], format!("{}****{}", &due[..3], &due[14..]));
    assert_eq!((&number["kind"], &number["masked"]), (&json!("citizen_id"), &json!(true)));
    assert!(masked["topics"].get("medical").is_none() && masked["topics"]["welfare"].is_object());
    let card = &masked["topics"]["welfare"]["disability_certificate_no"];
    assert_eq!((&card["value"], &card["masked"]), (&json!("****7777"), &json!(true)));
    let withheld = masked["withheld"].as_array().unwrap();
    for name in ["medical", "fertility", "military", "health_code"] {
        assert!(withheld.contains(&json!(name)), "{name}: {withheld:?}");
    }
    // Asking for what is not seen is no error, and the same whether there is anything or not.
    let narrow = get(&world, &verifier, &format!("{path}?fields=health_code"), "service").await;
    assert_eq!((&narrow["items"], &narrow["withheld"]), (&json!({}), &json!(["health_code"])));
    // A liaison is told the topics of the own department, and that there are ties.
    let liaison = world.asker(Role::DepartmentLiaison, Some("HLT"), None, None);
    let own = get(&world, &liaison, &path, "service").await;
    let topics: Vec<_> = own["topics"].as_object().unwrap().keys().collect();
    assert_eq!(topics, ["fertility", "medical"]);
    let tie = &own["family"][0];
    assert_eq!(
        (&tie["role"], &tie["masked"], tie.get("person_id")),
        (&json!("spouse"), &json!(true), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_history_tells_no_event_of_an_unseen_topic() {
    let world = World::of(6).await;
    let path = format!("/v1/persons/{}/history", world.people[0].id);
    let kinds = |history: &Value| {
        let events = history["events"].as_array().unwrap().iter();
        events.map(|one| one["event"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let verifier = world.asker(Role::Verifier, None, None, None);
    let whole = get(&world, &verifier, &path, "verification").await;
    let all = kinds(&whole);
    assert!(all.contains(&"need_raised".to_owned()) && all.contains(&"marry_first".to_owned()));
    assert!(whole.get("withheld").is_none());
    let liaison = world.asker(Role::DepartmentLiaison, Some("EDU"), None, None);
    let history = get(&world, &liaison, &path, "service").await;
    assert!(!kinds(&history).contains(&"need_raised".to_owned()), "{history}");
    assert!(history["withheld"].as_array().unwrap().contains(&json!("medical")));
    let events = history["events"].as_array().unwrap();
    let change = |item: &str| {
        let all = events.iter().flat_map(|one| one["changes"].as_array().unwrap());
        all.filter(|change| change["item"] == item).cloned().collect::<Vec<_>>()
    };
    assert_eq!(change("phone")[0]["after"], "139****7777");
    assert_eq!(change("phone")[0]["masked"], true);
    assert!(change("employer").is_empty() && !change("full_name").is_empty());
    // No gap tells that there was something in between; who sees every part is told the places.
    let places = |history: &Value| {
        let events = history["events"].as_array().unwrap();
        events.iter().filter_map(|one| one["sequence"].as_u64()).collect::<Vec<_>>()
    };
    assert!(events.len() < all.len() && places(&history).is_empty(), "{history}");
    assert_eq!(places(&whole), (0..all.len() as u64).collect::<Vec<_>>());
    let known: Vec<_> = events.iter().map(|one| &one["position"]).collect();
    let named = events.iter().flat_map(|one| one["corrected_by"].as_array().unwrap());
    let named = named.chain(events.iter().map(|one| &one["corrects"])).filter(|it| !it.is_null());
    assert!(named.into_iter().all(|position| known.contains(&position)), "{history}");
    let citizen = world.asker(Role::Citizen, None, None, Some(0));
    let own = get(&world, &citizen, &path, "own_record").await;
    assert_eq!(kinds(&own), all, "a person is told everything of their own life");
    assert!(own["events"].as_array().unwrap().iter().all(|one| one["actor"].is_null()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_searches_by_what_they_do_not_see() {
    let world = World::of(6).await;
    let ask = async |role, purpose, body: Value| {
        let asker = world.asker(role, None, None, None);
        let request = world.request(&asker, Method::POST, "/v1/persons/search", purpose);
        Answer::read(request.json(&body).send().await.unwrap()).await
    };
    let by_day = json!({"full_name": "周", "birth_date": "1970-01-01"});
    for (role, purpose, status) in [
        (Role::Verifier, "verification", 200),
        (Role::Auditor, "audit", 200),
        (Role::Verifier, "statistics", 403),
        (Role::VillageClerk, "own_record", 403),
    ] {
        assert_eq!(ask(role, purpose, by_day.clone()).await.status, status, "{role:?} {purpose}");
    }
}

/// A value that was masked was not told, and the person is told that it was masked.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_masked_is_on_record_as_masked_and_not_as_told() {
    let world = World::of(6).await;
    let path = format!("/v1/persons/{}", world.people[0].id);
    let verifier = world.asker(Role::Verifier, None, None, None);
    let auditor = world.asker(Role::Auditor, None, None, None);
    let position = world.people[0].position;
    let told = async |item: &str| {
        let path = format!("{path}/disclosures?item={item}&value_at={position}");
        get(&world, &auditor, &path, "audit").await["disclosures"].as_array().unwrap().len()
    };
    let before = [told("phone").await, told("full_name").await];
    get(&world, &verifier, &path, "service").await;
    assert_eq!([told("phone").await, told("full_name").await], [before[0], before[1] + 1]);
    get(&world, &verifier, &path, "verification").await;
    assert_eq!([told("phone").await, told("full_name").await], [before[0] + 1, before[1] + 2]);
    let accesses = get(&world, &auditor, &format!("{path}/accesses"), "audit").await;
    let reads = accesses["accesses"].as_array().unwrap();
    let of = |purpose: &str| {
        let found =
            reads.iter().find(|r| r["purpose"] == purpose && r["operation"] == "read_person");
        found.unwrap().clone()
    };
    let masked = of("service");
    for name in ["number", "phone", "address", "certificates"] {
        assert!(masked["masked"].as_array().unwrap().contains(&json!(name)), "{name}: {masked}");
    }
    assert!(!masked["fields"].as_array().unwrap().contains(&json!("phone")));
    assert!(of("verification").get("masked").is_none());
}

/// Who runs the service sees what was wrong with what was sent, and nothing of whom it was about.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_in_vain_is_shown_to_who_may_send_it() {
    let world = World::of(6).await;
    let upstream = world.asker(Role::Upstream, None, None, None);
    let sent = json!({"specversion": "1.0", "id": "x-1", "source": "/pol/990101/desk",
        "type": "renkou.observation.v1", "time": "2026-03-10T09:12:00+08:00",
        "data": {"person": {"document": citizen(1)}, "channel": "DX",
            "occurred_on": "2026-03-01", "place": "990101001001", "items": {"sex": "7"}}});
    let request = world.request(&upstream, Method::POST, "/v1/events", "");
    let request = request.header("content-type", "application/cloudevents+json");
    Answer::read(request.body(sent.to_string()).send().await.unwrap()).await.with(422);
    for (role, is_sender, sees_persons) in [
        (Role::Upstream, true, true),
        (Role::Verifier, true, true),
        (Role::Auditor, false, true),
        (Role::Admin, false, false),
    ] {
        let asker = world.asker(role, None, None, None);
        let request = world.get(&asker, "/v1/rejections", "").header("at-least", world.head + 1);
        let answer = Answer::read(request.send().await.unwrap()).await.with(200);
        let one = &answer["rejections"][0];
        assert_eq!(one["errors"][0]["code"], "not_a_value", "{role:?} {answer}");
        assert_eq!(one["received"].is_string(), is_sender, "{role:?}");
        assert_eq!(one["person_id"].is_string(), sees_persons, "{role:?} {one}");
    }
}

/// What the rules doubt of values that a reader does not see is told neither in receipts nor as
/// flags: that one fires says something of the value.
#[tokio::test(flavor = "multi_thread")]
async fn rules_about_unseen_values_are_told_to_nobody_who_does_not_see_them() {
    let world = World::of(6).await;
    let sent = json!({"specversion": "1.0", "id": "f-1", "source": "/edu/990101/school-1",
        "type": "renkou.registration.v1", "time": "2026-03-10T09:12:00+08:00",
        "data": {"person": {"document": citizen(9_000)}, "channel": "DX",
            "occurred_on": "2026-03-01", "place": "990101001001",
            "items": {"full_name": "周", "residence_code": "990101001001"}}});
    let post = async |asker: &Asker| {
        let request = world.request(asker, Method::POST, "/v1/events", "");
        let request = request.header("content-type", "application/cloudevents+json");
        Answer::read(request.body(sent.to_string()).send().await.unwrap()).await
    };
    let items_of = |flags: &Value| {
        let flags = flags.as_array().unwrap().iter();
        let items = flags.flat_map(|flag| flag["items"].as_array().unwrap().clone());
        items.map(|item| item.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let whole = post(&world.asker(Role::Upstream, None, None, None)).await.with(201);
    let school = world.asker(Role::Upstream, Some("EDU"), None, None);
    let narrow = post(&school).await.with(200);
    let [all, seen] = [&whole, &narrow].map(|receipt| items_of(&receipt["flags"]));
    let tells_of_health = |items: &BTreeSet<String>| items.contains("health_code");
    assert!(tells_of_health(&all) && !tells_of_health(&seen), "{all:?} and {seen:?}");
    assert!(seen.is_subset(&all) && seen.contains("hukou_code"), "{seen:?}");

    let path = format!("/v1/persons/{}/flags", whole["person_id"].as_str().unwrap());
    let clerk = world.asker(Role::VillageClerk, None, None, None);
    let verifier = world.asker(Role::Verifier, None, None, None);
    let at_least = whole["position"].to_string();
    let flags = async |asker: &Asker| {
        let request = world.get(asker, &path, "verification").header("at-least", &at_least);
        Answer::read(request.send().await.unwrap()).await.with(200)
    };
    let [all, few] = [flags(&verifier).await, flags(&clerk).await];
    assert!(all.get("withheld").is_none());
    assert!(few["withheld"].as_array().unwrap().contains(&json!("medical")), "{few}");
    let [all, few] = [all, few].map(|answer| items_of(&answer["flags"]));
    assert!(tells_of_health(&all) && !tells_of_health(&few), "{all:?} and {few:?}");
    assert!(few.is_subset(&all) && few.contains("hukou_code"), "{few:?}");
}
