//! Households over HTTP, from the real service: found from a person, read by whom the grant
//! reaches, each member's read on record, and what the rules doubt.

use api::registry::Home;
use domain::{StreamId, StreamKind};
use serde_json::{Value, json};

use crate::process::caller::Caller;
use crate::process::events::{OTHER_VILLAGE, VILLAGE, citizen, event};
use crate::process::server::{Directory, Server};

pub(crate) struct Ground {
    pub(crate) directory: Directory,
    pub(crate) server: Server,
    pub(crate) upstream: Caller,
    pub(crate) verifier: Caller,
    pub(crate) village: Caller,
}

pub(crate) fn ground() -> Ground {
    let directory = Directory::make();
    let token = |words: &[&str]| directory.token(&[&["--role"], words].concat());
    let upstream = token(&["upstream"]);
    let verifier = token(&["verifier", "--purposes", "verification"]);
    let village = token(&["verifier", "--purposes", "verification", "--place", OTHER_VILLAGE]);
    let server = directory.serve();
    let caller = |token: &str| server.caller(token);
    let (upstream, verifier, village) = (caller(&upstream), caller(&verifier), caller(&village));
    Ground { directory, server, upstream, verifier, village }
}

/// A first load of the police into a household; `at` is where the person is registered and lives.
pub(crate) async fn enrol(
    upstream: &Caller,
    number: u32,
    relation: &str,
    sex: &str,
    at: &str,
) -> Value {
    let items = json!({"household_id": "990101001001010001", "household_kind": "family",
        "relation_code": relation, "sex": sex, "birth_date": "1970-01-01", "hukou_code": at,
        "hukou_address": "一路1号", "residence_code": at, "residence_address": "一路1号",
        "door_plate": "1号"});
    let more = json!({"items": items, "place": at});
    let sent = event(&format!("r{number}"), "registration", &citizen(number), "2026-03-01", more);
    upstream.record(&sent).await
}

pub(crate) fn id(receipt: &Value) -> &str {
    receipt["person_id"].as_str().expect("an id")
}

pub(crate) fn position(receipt: &Value) -> u64 {
    receipt["position"].as_u64().expect("a position")
}

/// The ids of a person's households of registration and of living.
pub(crate) async fn households(caller: &Caller, receipt: &Value, head: u64) -> [String; 2] {
    let path = format!("/v1/persons/{}?fields=households", id(receipt));
    let archive = caller.get_at(&path, head).await.with(200);
    ["hukou", "living"].map(|basis| {
        let all = archive["households"].as_array().expect("households");
        let one = all.iter().find(|one| one["basis"] == basis).expect("a household");
        format!("/v1/households/{}", one["household_id"].as_str().expect("an id"))
    })
}

/// How many reads of a person are on record.
pub(crate) fn reads(directory: &Directory, receipt: &Value) -> u32 {
    let home = Home::open(directory.path()).expect("a registry");
    let logs = home.logs_read_only().expect("logs");
    let id = id(receipt).parse().expect("a UUID");
    let stream = StreamId { kind: StreamKind::Reads, id };
    let head = logs.reads.stream_head(stream).expect("readable");
    head.map_or(0, |(newest, _)| newest.0 + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_is_read_from_a_person_and_every_member_is_on_record() {
    let ground = ground();
    let head = enrol(&ground.upstream, 1, "02", "1", VILLAGE).await;
    let wife = enrol(&ground.upstream, 2, "12", "2", VILLAGE).await;
    let away = enrol(&ground.upstream, 4, "20", "1", OTHER_VILLAGE).await;
    let last = position(&away);
    let verifier = &ground.verifier;
    let [registered, living] = households(verifier, &head, last).await;
    assert_ne!(registered, living);
    assert_eq!(households(verifier, &wife, last).await, [registered.clone(), living.clone()]);
    let answer = verifier.get(&registered).await;
    assert!(answer.position.is_some_and(|at| at >= last), "Registry-Position");
    let told = answer.with(200);
    let member = |receipt: &Value, relation: &str| {
        json!({"person_id": receipt["person_id"], "relation_code": relation,
            "relation_position": receipt["position"], "status": "member", "since": "2026-03-01",
            "position": receipt["position"], "until": null})
    };
    assert_eq!(
        told,
        json!({
            "household_id": registered.rsplit('/').next(), "basis": "hukou", "kind": "family",
            "household_no": "990101001001010001", "place": VILLAGE, "place_name": null,
            "address": "一路1号", "door_plate": null,
            "head": {"person_id": head["person_id"], "since": "2026-03-01",
                "position": head["position"]},
            "members": [member(&head, "02"), member(&wife, "12"), member(&away, "20")],
            "tasks": [], "more": false,
            "as_of": {"valid_on": null, "known_at": null, "position": told["as_of"]["position"]},
        })
    );
    let home = verifier.get(&living).await.with(200);
    let at = |name: &str| home[name].clone();
    assert_eq!(
        [at("basis"), at("place"), at("door_plate")],
        [json!("living"), json!(VILLAGE), json!("1号")]
    );
    assert_eq!(home["members"].as_array().expect("members").len(), 2, "one lives elsewhere");

    // A grant sees whom it reaches, and nothing says that there are others.
    let seen = ground.village.get(&registered).await.with(200);
    assert_eq!(seen["members"], json!([member(&away, "20")]));
    assert_eq!((&seen["head"], &seen["place"]), (&Value::Null, &json!(OTHER_VILLAGE)));
    let outside = ground.village.get(&living).await.problem(404, "not_found");
    let absent = format!("/v1/households/{}", uuid::Uuid::from_u128(7));
    assert_eq!(verifier.get(&absent).await.problem(404, "not_found"), outside);
    verifier.get("/v1/households/nobody").await.problem(404, "not_found");
    verifier.get(&format!("{registered}?on=2026-03-01")).await.problem(400, "bad_request");
    verifier.purpose("").get(&registered).await.problem(400, "purpose_required");
    ground.server.stop();
    // The archive, the household of registration, for the two at home that of living.
    assert_eq!(reads(&ground.directory, &head), 3);
    assert_eq!(reads(&ground.directory, &wife), 3);
    assert_eq!(reads(&ground.directory, &away), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_who_died_is_to_be_replaced_and_the_rules_count_the_living() {
    let ground = ground();
    let head = enrol(&ground.upstream, 1, "02", "1", VILLAGE).await;
    let wife = enrol(&ground.upstream, 2, "12", "1", VILLAGE).await;
    let (verifier, last) = (&ground.verifier, position(&wife));
    let [registered, living] = households(verifier, &head, last).await;
    let rules = |flags: &Value| -> Vec<String> {
        let flags = flags.as_array().expect("flags").iter();
        flags.map(|flag| flag["rule"].as_str().expect("a rule").to_owned()).collect()
    };
    let of = |receipt: &Value| format!("/v1/persons/{}/flags", id(receipt));
    let own = verifier.get_at(&of(&wife), last).await.with(200);
    let found = rules(&own["flags"]);
    // Both are men by their records, and the head is not said to be married.
    assert!(found.contains(&"X05".to_owned()) && !found.contains(&"X03".to_owned()), "{own}");
    let all = verifier.get(&format!("{registered}/flags")).await.with(200);
    assert_eq!(rules(&all["flags"]), ["X05"], "{all}");
    assert_eq!(all["flags"][0]["persons"], json!([wife["person_id"]]));
    let listed: Vec<_> = all["members"].as_array().expect("members").iter().collect();
    assert_eq!(
        [&listed[0]["person_id"], &listed[1]["person_id"]],
        [&head["person_id"], &wife["person_id"]]
    );
    assert_eq!(listed[1]["flags"], own["flags"]);
    let home = verifier.get(&format!("{living}/flags")).await.with(200);
    assert_eq!(home["flags"], json!([]), "of a living household the rules say nothing");

    let death = event("d", "death", &citizen(1), "2026-03-05", json!({}));
    let died = position(&ground.upstream.record(&death).await);
    let told = verifier.get_at(&registered, died).await.with(200);
    assert_eq!(told["head"], Value::Null);
    let task = json!({"task": "name_head", "reason": "dead", "since": "2026-03-05",
        "former_head": head["person_id"]});
    assert_eq!(told["tasks"], json!([task]));
    let status: Vec<_> = told["members"].as_array().unwrap().iter().map(|m| &m["status"]).collect();
    assert_eq!(status, ["member", "dead"]);
    let all = verifier.get(&format!("{registered}/flags")).await.with(200);
    assert!(rules(&all["flags"]).contains(&"X03".to_owned()), "no head is alive: {all}");
    let more = json!({"household_id": "990101001001010001"});
    let named = event("h", "head_change", &citizen(2), "2026-03-08", more);
    let named = ground.upstream.record(&named).await;
    let told = verifier.get_at(&registered, position(&named)).await.with(200);
    assert_eq!((&told["head"]["person_id"], &told["tasks"]), (&wife["person_id"], &json!([])));
    assert_eq!(told["members"][0]["since"], "2026-03-01", "they were there before");
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_on_a_page_of_a_place_is_on_record() {
    let ground = ground();
    let one = enrol(&ground.upstream, 1, "02", "1", VILLAGE).await;
    let two = enrol(&ground.upstream, 2, "12", "2", VILLAGE).await;
    let away = enrol(&ground.upstream, 4, "20", "1", OTHER_VILLAGE).await;
    let path = format!("/v1/places/{VILLAGE}/people");
    let list = ground.verifier.get_at(&path, position(&away)).await.with(200);
    assert_eq!(list["people"].as_array().expect("people").len(), 2);
    ground.verifier.get("/v1/places/990101/people?limit=1000").await.with(200);
    ground.server.stop();
    let counts = [&one, &two, &away].map(|receipt| reads(&ground.directory, receipt));
    assert_eq!(counts, [2, 2, 1]);
}
