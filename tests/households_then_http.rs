//! A household of another day over HTTP: who stood under it then, as known then, what the rules
//! doubted of it, and what became of it; every read of everybody on record.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::households_http::{enrol, ground, households, id, position, reads};
use crate::process::caller::BATCH;
use crate::process::events::{OTHER_VILLAGE, VILLAGE, certificate, citizen, event};

fn members(household: &Value) -> Vec<(&str, &str)> {
    let all = household["members"].as_array().expect("members").iter();
    let word = |member: &'_ Value, name: &str| member[name].as_str().expect("a word").to_owned();
    let all = all.map(|member| (word(member, "person_id"), word(member, "status")));
    all.map(|(person, status)| (&*person.leak(), &*status.leak())).collect()
}

fn rules(flags: &Value) -> Vec<&str> {
    let flags = flags["flags"].as_array().expect("flags").iter();
    flags.map(|flag| flag["rule"].as_str().expect("a rule")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_is_told_as_it_was_on_a_day_as_known_at_an_instant() {
    let ground = ground();
    let verifier = &ground.verifier;
    let head = enrol(&ground.upstream, 1, "02", "1", VILLAGE).await;
    let wife = enrol(&ground.upstream, 2, "12", "2", VILLAGE).await;
    let [registered, living] = households(verifier, &head, position(&wife)).await;
    let before = Timestamp::now();
    // The head died, the wife leads and goes to another household; all of it is told later.
    let more = json!({"household_id": "990101001001010001"});
    let moved = json!({"items": {"household_id": "990101001001010002", "relation_code": "02"}});
    for (name, kind, who, day, more) in [
        ("d", "death", 1, "2026-03-05", json!({})),
        ("h", "head_change", 2, "2026-03-08", more),
        ("m", "hukou_in", 2, "2026-04-01", moved),
    ] {
        ground.upstream.record(&event(name, kind, &citizen(who), day, more)).await;
    }
    let last = event("l", "observation", &citizen(2), "2026-04-02", json!({"items": {}}));
    let last = position(&ground.upstream.record(&last).await);
    let [man, woman] = [id(&head), id(&wife)];
    let now = verifier.get_at(&registered, last).await.with(200);
    assert_eq!(members(&now), [(man, "dead")]);

    let on = |day: &str| format!("{registered}?valid_on={day}");
    verifier.get(&on("2026-02-28")).await.problem(404, "not_found");
    let first = verifier.get(&on("2026-03-01")).await.with(200);
    assert_eq!(members(&first), [(man, "member"), (woman, "member")]);
    assert_eq!(first["head"]["person_id"], json!(man));
    assert_eq!(first["as_of"]["valid_on"], json!("2026-03-01"));
    let widowed = verifier.get(&on("2026-03-06")).await.with(200);
    assert_eq!(members(&widowed), [(woman, "member"), (man, "dead")]);
    let task = json!({"task": "name_head", "reason": "dead", "since": "2026-03-05",
        "former_head": man});
    assert_eq!(widowed["tasks"], json!([task]));
    assert_eq!(widowed["members"][0]["relation_code"], json!("12"), "as it was");
    let led = verifier.get(&on("2026-03-09")).await.with(200);
    assert_eq!((&led["head"]["person_id"], &led["tasks"]), (&json!(woman), &json!([])));
    assert_eq!(led["members"][0]["since"], json!("2026-03-01"), "there before");
    let home = verifier.get(&format!("{living}?valid_on=2026-03-04")).await.with(200);
    assert_eq!(members(&home).len(), 2, "both lived there");

    // What was known before is told as it was known, whatever day is asked for.
    let then = format!("{registered}?known_at={before}");
    let known = verifier.get(&then).await.with(200);
    assert_eq!(members(&known), members(&first));
    assert_eq!(known["as_of"]["known_at"], json!(before));
    let flags = verifier.get(&format!("{registered}/flags?known_at={before}")).await.with(200);
    assert!(!rules(&flags).contains(&"X03"), "a head is alive: {flags}");
    assert_eq!(flags["as_of"]["counts_position"], Value::Null);
    let flags = verifier.get(&format!("{registered}/flags?valid_on=2026-03-06")).await.with(200);
    assert!(rules(&flags).contains(&"X03"), "no head is alive: {flags}");
    assert_eq!(flags["as_of"]["day"], json!("2026-03-06"));

    let history = verifier.get(&format!("{registered}/history")).await.with(200);
    let told = history["entries"].as_array().expect("entries").iter().map(|entry| {
        let word = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
        let person = if entry["person_id"] == json!(man) { "man" } else { "woman" };
        let person = if entry["person_id"].is_null() { "-" } else { person };
        format!("{} {person} {} {}", word("day"), word("what"), word("relation_code"))
    });
    let due = [
        "2026-03-01 man came 02",
        "2026-03-01 woman came 12",
        "2026-03-01 man head -",
        "2026-03-05 man died -",
        "2026-03-05 - no_head -",
        "2026-03-08 woman relation 02",
        "2026-03-08 woman head -",
        "2026-04-01 woman left -",
        "2026-04-01 - no_head -",
    ];
    assert_eq!(told.collect::<Vec<_>>(), due);
    let then = verifier.get(&format!("{registered}/history?known_at={before}")).await.with(200);
    assert_eq!(then["entries"].as_array().expect("entries").len(), 3);

    // A grant sees whom it reaches, and a wrong question is no answer.
    ground.village.get(&on("2026-03-01")).await.problem(404, "not_found");
    ground.village.get(&format!("{registered}/history")).await.problem(404, "not_found");
    verifier.get(&on("2026-3-1")).await.problem(400, "bad_request");
    verifier
        .get(&format!("{registered}/history?valid_on=2026-03-01"))
        .await
        .problem(400, "bad_request");
    verifier.purpose("").get(&on("2026-03-01")).await.problem(400, "purpose_required");
    ground.server.stop();
    // The archive of the man, then each answer that told of them: six of households, two of flags,
    // two of histories; of the man the household of now too.
    assert_eq!(reads(&ground.directory, &wife), 9);
    assert_eq!(reads(&ground.directory, &head), 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_of_another_day_count_those_whom_the_grant_does_not_reach() {
    let ground = ground();
    let head = enrol(&ground.upstream, 1, "02", "1", VILLAGE).await;
    let away = enrol(&ground.upstream, 4, "20", "1", OTHER_VILLAGE).await;
    let [registered, _] = households(&ground.verifier, &head, position(&away)).await;
    let then = format!("{registered}?valid_on=2026-03-02");
    let told = ground.village.get_at(&then, position(&away)).await.with(200);
    assert_eq!((members(&told), &told["head"]), (vec![(id(&away), "member")], &Value::Null));
    let flags = format!("{registered}/flags?valid_on=2026-03-02");
    let flags = ground.village.get(&flags).await.with(200);
    assert_eq!(flags["members"].as_array().expect("members").len(), 1);
    assert!(!rules(&flags).contains(&"X03"), "there is a head: {flags}");
    let history = ground.village.get(&format!("{registered}/history")).await.with(200);
    assert_eq!(history["entries"].as_array().expect("entries").len(), 1, "the child came");
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_under_which_too_many_ever_stood_is_told_of_now_alone() {
    let ground = ground();
    let head = enrol(&ground.upstream, 1, "02", "1", VILLAGE).await;
    let others: Vec<_> = (0..2_000)
        .map(|at| {
            let items = json!({"household_id": "990101001001010001", "hukou_code": VILLAGE});
            event(
                &format!("m{at}"),
                "registration",
                &certificate(at),
                "2026-03-01",
                json!({"items": items}),
            )
        })
        .collect();
    let sent = ground.upstream.send(BATCH, Value::from(others).to_string()).await.with(200);
    let last = sent["items"].as_array().expect("receipts").last().expect("one").clone();
    let [registered, living] = households(&ground.verifier, &head, position(&last)).await;
    let now = ground.verifier.get(&registered).await.with(200);
    assert_eq!((members(&now).len(), &now["more"]), (500, &json!(true)));
    let flags = ground.verifier.get(&format!("{registered}/flags")).await.with(200);
    assert_eq!(flags["members"].as_array().expect("members").len(), 500);
    for asked in ["?valid_on=2026-03-02", "/flags?valid_on=2026-03-02", "/history"] {
        let told = ground.verifier.get(&format!("{registered}{asked}")).await;
        told.problem(422, "household_too_large");
    }
    ground.verifier.get(&format!("{living}?valid_on=2026-03-02")).await.with(200);
    ground.server.stop();
}
