//! Merges and splits over HTTP, from the real service, and what `renkou replay check` says of a
//! registry that has many.

use serde_json::{Value, json};

use crate::openapi::Document;
use crate::process::caller::Caller;
use crate::process::events::{OTHER_VILLAGE, VILLAGE, certificate, citizen, event, registration};
use crate::process::server::{Directory, Server, done, told};

struct Ground {
    directory: Directory,
    server: Server,
    upstream: Caller,
    verifier: Caller,
    analyst: Caller,
    village: Caller,
}

fn ground() -> Ground {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let verifying = ["--role", "verifier", "--purposes", "verification"];
    let verifier = directory.token(&verifying);
    let village = directory.token(&[&verifying[..], &["--place", OTHER_VILLAGE]].concat());
    let analyst = directory.token(&["--role", "analyst", "--purposes", "statistics"]);
    let server = directory.serve();
    let caller = |token: &str| server.caller(token);
    let (upstream, verifier) = (caller(&upstream), caller(&verifier));
    let (analyst, village) = (caller(&analyst).purpose("statistics"), caller(&village));
    Ground { directory, server, upstream, verifier, analyst, village }
}

/// A merge or split of a citizen and the holder of a birth certificate.
fn join(id: &str, kind: &str, number: u32) -> Value {
    let more = json!({"absorbed": {"document": certificate(number)}, "reason": "同一人重复建档",
        "approved_by": "chief-1"});
    event(id, kind, &citizen(number), "2026-03-05", more)
}

fn position(receipt: &Value) -> u64 {
    receipt["position"].as_u64().expect("a position")
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} of {value}"))
}

async fn registered(ground: &Ground) -> [Value; 2] {
    let one = registration("r-1", &citizen(1), "陈小明", VILLAGE);
    let two = registration("r-2", &certificate(1), "陈晓明", OTHER_VILLAGE);
    [ground.upstream.record(&one).await, ground.upstream.record(&two).await]
}

/// The positions that `renkou replay person` prints of somebody.
fn printed(ground: &Ground, id: &str, more: &[&str]) -> Vec<u64> {
    let words = ["replay", "person", id, "--data", ground.directory.data(), "--purpose", "audit"];
    let lines = done(&[&words[..], more].concat());
    let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    events.map(|event| position(&event)).collect()
}

async fn listed(ground: &Ground, head: u64) -> Vec<Value> {
    let list = ground.verifier.get_at("/v1/places/99/people", head).await.with(200);
    list["people"].as_array().expect("people").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absorbed_person_is_answered_with_the_survivor_and_as_two_before() {
    let ground = ground();
    let receipts = registered(&ground).await;
    let ids = [text(&receipts[0], "person_id"), text(&receipts[1], "person_id")];
    let paths = ids.map(|id| format!("/v1/persons/{id}"));
    assert_eq!(listed(&ground, 2).await.len(), 2);
    let measures = "/v1/metrics/timeliness?group_by=event";
    let before = ground.analyst.get(measures).await.with(200)["rows"].clone();
    let merged = ground.upstream.record(&join("m-1", "person_merge", 1)).await;
    assert_eq!(text(&merged, "person_id"), ids[0]);
    let head = position(&merged) + 1;
    let people = listed(&ground, head).await;
    assert_eq!(people, [json!({"person_id": ids[0], "place": OTHER_VILLAGE})]);
    assert_eq!(ground.analyst.get(measures).await.with(200)["rows"], before);
    for document in [citizen(1), certificate(1)] {
        assert_eq!(ground.verifier.look_up(&document).await.as_deref(), Some(ids[0]));
    }
    let document = Document::read();
    for (path, merged_into) in paths.iter().zip([json!(null), json!(ids[0])]) {
        let archive = ground.verifier.get(path).await.with(200);
        let due = (&json!(ids[0]), &json!([ids[1]]), &merged_into);
        assert_eq!((&archive["person_id"], &archive["absorbed"], &archive["merged_into"]), due);
        let schema = &document.0["components"]["schemas"]["Archive"];
        assert_eq!(document.check(schema, &archive), Ok(()));
        let history = ground.verifier.get(&format!("{path}/history")).await.with(200);
        assert_eq!(history["events"].as_array().expect("events").len(), 4);
        assert_eq!(history["person_id"], ids[0]);
    }
    // And on the command line: by either record all of both, and as two before.
    let merged_at = text(&merged, "recorded_at");
    for id in ids {
        assert_eq!(printed(&ground, id, &[]), [1, 2, 3, 4]);
        assert_eq!(printed(&ground, id, &["--known-at", merged_at]), [1, 2, 3, 4]);
        let alone = printed(&ground, id, &["--known-at", text(&receipts[1], "recorded_at")]);
        assert_eq!(alone.len(), 1);
    }
    // The village of the absorbed record reads the survivor, who lives there now.
    ground.village.get(&paths[1]).await.with(200);
    let then = text(&receipts[1], "recorded_at");
    for (path, (id, name)) in paths.iter().zip([(ids[0], "陈小明"), (ids[1], "陈晓明")]) {
        let archive = ground.verifier.get(&format!("{path}?known_at={then}")).await.with(200);
        let shown = (&archive["person_id"], &archive["items"]["full_name"]["value"]);
        assert_eq!(shown, (&json!(id), &json!(name)));
        assert!(archive.get("absorbed").is_none() && archive.get("merged_into").is_none());
    }
    // Of the second record nothing was known when the first one was told.
    let first = format!("{}?known_at={}", paths[1], text(&receipts[0], "recorded_at"));
    ground.verifier.get(&first).await.problem(404, "not_found");
    // As two before, of whom the village may see one.
    let other = ground.village.get(&format!("{}?known_at={then}", paths[1])).await;
    assert_eq!(other.with(200)["person_id"], ids[1]);

    let split = ground.upstream.record(&join("s-1", "person_split", 1)).await;
    assert_eq!(listed(&ground, position(&split) + 1).await.len(), 2);
    let archive = ground.verifier.get(&paths[1]).await.with(200);
    assert_eq!((&archive["person_id"], archive.get("merged_into")), (&json!(ids[1]), None));
    let between = format!("{}?known_at={}", paths[1], text(&merged, "recorded_at"));
    assert_eq!(ground.verifier.get(&between).await.with(200)["merged_into"], ids[0]);
    // Who may read the one that is split out does not read the other by asking for that time.
    ground.village.get(&between).await.problem(404, "not_found");
    assert!(ground.directory.check().status.success(), "beside the running service");
    ground.server.stop();
    assert!(ground.directory.check().status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn records_merged_one_after_another_are_answered_as_one_and_by_link_when_annulled() {
    let ground = ground();
    let auditor = ground.directory.token(&["--role", "auditor", "--purposes", "audit"]);
    let auditor = ground.server.caller(&auditor).purpose("audit");
    let receipts = registered(&ground).await;
    let third = ground.upstream.record(&registration("r-3", &citizen(3), "陈明", VILLAGE)).await;
    let ids = [&receipts[1], &receipts[0], &third].map(|receipt| text(receipt, "person_id"));
    let path = |id: &str| format!("/v1/persons/{id}");
    ground.verifier.get_at(&path(ids[0]), position(&third)).await.with(200);
    let first = ground.upstream.record(&join("m-1", "person_merge", 1)).await;
    let more = json!({"absorbed": {"document": citizen(1)}, "reason": "同一人重复建档",
        "approved_by": "chief-1"});
    let second = event("m-2", "person_merge", &citizen(3), "2026-03-06", more);
    let second = ground.upstream.record(&second).await;
    let head = position(&second) + 1;
    for id in ids {
        let archive = ground.verifier.get_at(&path(id), head).await.with(200);
        let shown = (&archive["person_id"], &archive["absorbed"]);
        assert_eq!(shown, (&json!(ids[2]), &json!([ids[1], ids[0]])));
    }
    for document in [certificate(1), citizen(1), citizen(3)] {
        assert_eq!(ground.verifier.look_up(&document).await.as_deref(), Some(ids[2]));
    }
    assert_eq!(printed(&ground, ids[0], &[]), (1..=head).collect::<Vec<_>>());
    // Between the two the first was the second's.
    let then = format!("{}?known_at={}", path(ids[0]), text(&first, "recorded_at"));
    assert_eq!(ground.verifier.get(&then).await.with(200)["person_id"], ids[1]);
    // Who looked at the first record looked at the person.
    let accesses = auditor.get(&format!("{}/accesses", path(ids[2]))).await.with(200);
    let reads = accesses["accesses"].as_array().expect("accesses").iter();
    assert_eq!(reads.filter(|read| read["operation"] == "read_person").count(), 5);

    let more = json!({"annuls": "m-1", "reason": "两人同名", "approved_by": "chief-1"});
    let annulled = event("a-1", "annulment", &citizen(1), "2026-03-07", more);
    let annulled = ground.upstream.record(&annulled).await;
    let head = position(&annulled) + 1;
    let archive = ground.verifier.get_at(&path(ids[0]), head).await.with(200);
    assert_eq!((&archive["person_id"], archive.get("merged_into")), (&json!(ids[0]), None));
    let archive = ground.verifier.get(&path(ids[1])).await.with(200);
    assert_eq!((&archive["merged_into"], &archive["absorbed"]), (&json!(ids[2]), &json!([ids[1]])));
    assert_eq!(ground.verifier.get(&then).await.with(200)["person_id"], ids[1], "known then");
    let history = ground.verifier.get(&format!("{}/history", path(ids[2]))).await.with(200);
    let events = history["events"].as_array().expect("events").iter();
    let told: Vec<_> = events.map(|event| (text(event, "event"), &event["annulled"])).collect();
    assert!(told.contains(&("person_merge", &json!(true))), "{told:?}");
    assert_eq!(listed(&ground, head).await.len(), 2);
    assert!(ground.directory.check().status.success(), "beside the running service");
    ground.server.stop();
    assert!(ground.directory.check().status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_merged_is_refused_with_a_pointer() {
    let ground = ground();
    registered(&ground).await;
    let mut own = join("m-1", "person_merge", 1);
    own["data"]["operator"] = json!("chief-1");
    let cases = [
        (own, "approver_is_actor", "/data/approved_by"),
        (join("s-1", "person_split", 1), "not_merged", "/data/absorbed"),
        (join("m-2", "person_merge", 7), "person_unknown", "/data/person"),
    ];
    for (sent, code, pointer) in cases {
        let refused = ground.upstream.post(&sent).await.problem(422, "rejected");
        let error = &refused["errors"][0];
        assert_eq!((text(error, "code"), text(error, "pointer")), (code, pointer));
    }
    ground.server.stop();
}

/// So many that a batch is folded in two halves, and merges meet what comes after them in one.
#[tokio::test(flavor = "multi_thread")]
async fn a_registry_with_many_merges_and_splits_equals_its_rebuild() {
    const PEOPLE: u32 = 300;
    let ground = ground();
    let mut lines = Vec::new();
    for number in 0..PEOPLE {
        let card = citizen(number);
        lines.push(registration(&format!("r-{number}"), &card, "赵一", VILLAGE));
        let other = certificate(number);
        lines.push(registration(&format!("c-{number}"), &other, "钱二", OTHER_VILLAGE));
    }
    for number in 0..PEOPLE {
        lines.push(join(&format!("m-{number}"), "person_merge", number));
        let seen = |id: &str, day: &str, document: &Value| {
            let more = json!({"items": {"door_plate": id}});
            event(&format!("{id}-{number}"), "observation", document, day, more)
        };
        lines.push(seen("o", "2026-03-06", &certificate(number)));
        // Late, so that the whole life is folded anew.
        lines.push(seen("l", "2026-02-01", &citizen(number)));
        let more = json!({"corrects": format!("c-{number}"), "reason": "笔误",
            "items": {"hukou_address": "二路2号"}});
        let id = format!("x-{number}");
        lines.push(event(&id, "correction", &certificate(number), "2026-03-07", more));
        if number % 3 == 0 {
            lines.push(join(&format!("s-{number}"), "person_split", number));
            lines.push(seen("p", "2026-03-08", &certificate(number)));
        }
    }
    let sent = lines.len();
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let (answers, summary) = ground.upstream.stream(body).await;
    assert_eq!(
        summary["recorded"],
        sent,
        "{:?}",
        answers.iter().find(|a| a["status"] != "recorded")
    );
    let head = answers.iter().map(position).max().expect("receipts") + 1;
    // The last act may be told once only.
    let head = head - u64::from(answers.last().map(position) == Some(head - 1));
    let list = ground.verifier.get_at("/v1/places/99/people?limit=1000", head).await.with(200);
    let people = list["people"].as_array().expect("people").len();
    assert_eq!(people, (PEOPLE + PEOPLE / 3) as usize);
    let check = ground.directory.check();
    assert!(check.status.success(), "{}", told(&check));
    ground.server.stop();
    let check = ground.directory.check();
    assert!(check.status.success(), "{}", told(&check));
}
