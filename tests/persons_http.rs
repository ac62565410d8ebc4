//! Persons over HTTP, from the real service: the archive on both axes of time, the history, finding
//! people, and what is refused to whom.

use serde_json::{Value, json};

use crate::process::caller::{BATCH, Caller};
use crate::process::events::{
    HOSPITAL, OTHER_VILLAGE, VILLAGE, certificate, citizen, citizen_number, event, registration,
};
use crate::process::server::{Directory, Server, told};

/// A service with a sender, a verifier of everything and one of a single village.
struct Ground {
    directory: Directory,
    server: Server,
    upstream: Caller,
    verifier: Caller,
    village: Caller,
}

fn ground() -> Ground {
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

fn position(receipt: &Value) -> u64 {
    receipt["position"].as_u64().expect("a position")
}

fn path_of(receipt: &Value) -> String {
    format!("/v1/persons/{}", receipt["person_id"].as_str().expect("an id"))
}

/// A change of an earlier event of a person.
fn change(id: &str, kind: &str, document: &Value, more: Value) -> Value {
    let mut sent = event(id, kind, document, "2026-03-20", more);
    sent["data"]["reason"] = json!("核对原始凭证");
    sent
}

/// Registered in one village, moved to another with a wrong day and house, corrected, annulled.
struct Moved {
    document: Value,
    registered: Value,
    moved: Value,
    corrected: Value,
    annulled: Value,
}

async fn somebody_who_moved(upstream: &Caller) -> Moved {
    let document = citizen(1);
    let registered = upstream.record(&registration("r", &document, "陈小明", VILLAGE)).await;
    let items = json!({"residence_code": OTHER_VILLAGE, "door_plate": "12号"});
    let mut sent = event("m", "residence_change", &document, "2026-03-12", json!({"items": items}));
    sent["data"]["place"] = json!(OTHER_VILLAGE);
    let moved = upstream.record(&sent).await;
    let items = json!({"items": {"door_plate": "21号"}, "corrects": "m", "true_day": "2026-03-08"});
    let corrected = upstream.record(&change("c", "correction", &document, items)).await;
    let annulment = json!({"annuls": position(&moved)});
    let annulled = upstream.record(&change("a", "annulment", &document, annulment)).await;
    Moved { document, registered, moved, corrected, annulled }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_archive_is_as_true_then_and_as_known_then() {
    let ground = ground();
    let moved = somebody_who_moved(&ground.upstream).await;
    let head = position(&moved.annulled);
    let path = path_of(&moved.registered);
    let answer = ground.verifier.get_at(&path, head).await;
    assert!(answer.position.is_some_and(|at| at >= head), "Registry-Position");
    let now = answer.with(200);
    assert_eq!(now["as_of"], json!({"valid_on": null, "known_at": null, "position": head}));
    assert_eq!(now["status"], "alive");
    assert_eq!(now["documents"], json!([moved.document]));

    // What was told each time: the day that it is true of, the receipt after which it is known,
    // the village and the house.
    let (first, told, right) = (&moved.registered, &moved.moved, &moved.corrected);
    let house = |number: &str| json!(number);
    let cases = [
        (None, None, VILLAGE, Value::Null),
        (None, Some(first), VILLAGE, Value::Null),
        (None, Some(told), OTHER_VILLAGE, house("12号")),
        (Some("2026-03-11"), Some(told), VILLAGE, Value::Null),
        (Some("2026-03-12"), Some(told), OTHER_VILLAGE, house("12号")),
        (Some("2026-03-11"), Some(right), OTHER_VILLAGE, house("21号")),
        (Some("2026-03-07"), Some(right), VILLAGE, Value::Null),
        (Some("2026-03-30"), Some(&moved.annulled), VILLAGE, Value::Null),
    ];
    for (valid_on, known_after, village, house) in cases {
        let known_at = known_after.map(|receipt| receipt["recorded_at"].as_str().expect("a time"));
        let questions = [("valid_on", valid_on), ("known_at", known_at)];
        let asked =
            questions.iter().filter_map(|(name, value)| Some(format!("{name}={}", (*value)?)));
        let asked = asked.collect::<Vec<_>>().join("&");
        let archive = ground.verifier.get(&format!("{path}?{asked}")).await.with(200);
        assert_eq!(archive["items"]["residence_code"]["value"], village, "{asked}");
        assert_eq!(archive["items"]["door_plate"]["value"], house, "{asked}");
        assert_eq!(archive["as_of"]["valid_on"], json!(valid_on), "{asked}");
    }
    let long_ago = format!("{path}?known_at=2020-01-01T00:00:00%2B08:00");
    ground.verifier.get(&long_ago).await.problem(404, "not_found");
    ground.verifier.get(&format!("{path}?valid_on=2026-02-30")).await.problem(400, "bad_request");
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_names_the_event_that_it_comes_from() {
    let ground = ground();
    let moved = somebody_who_moved(&ground.upstream).await;
    let path = path_of(&moved.registered);
    ground.verifier.get_at(&path, position(&moved.annulled)).await.with(200);
    let known_at = moved.corrected["recorded_at"].as_str().expect("a time");
    let archive = ground.verifier.get(&format!("{path}?known_at={known_at}")).await.with(200);
    let due = [
        ("full_name", "2026-03-01", &moved.registered),
        ("residence_code", "2026-03-08", &moved.moved),
        ("door_plate", "2026-03-08", &moved.corrected),
    ];
    for (item, day, receipt) in due {
        let value = &archive["items"][item];
        let told = [&value["position"], &value["source"], &value["occurred_on"]];
        assert_eq!(told, [&receipt["position"], &json!(HOSPITAL), &json!(day)], "{item}: {value}");
    }
    // Fields narrow the answer to what is asked for.
    let narrow = ground.verifier.get(&format!("{path}?fields=full_name,family")).await.with(200);
    let items: Vec<_> = narrow["items"].as_object().expect("items").keys().collect();
    assert_eq!(items, ["full_name"]);
    let parts: Vec<_> = narrow.as_object().expect("parts").keys().collect();
    assert_eq!(parts, ["as_of", "family", "items", "person_id", "status"]);
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_tells_what_each_event_changed_and_what_acts_on_it() {
    let ground = ground();
    let moved = somebody_who_moved(&ground.upstream).await;
    let path = format!("{}/history", path_of(&moved.registered));
    let answer = ground.verifier.get_at(&path, position(&moved.annulled)).await;
    assert!(answer.position.is_some(), "Registry-Position");
    let events = answer.with(200)["events"].as_array().expect("events").clone();
    let told: Vec<_> = events.iter().map(|e| e["event"].as_str().expect("a kind")).collect();
    assert_eq!(told, ["registration", "residence_change", "correction", "annulment"]);
    let receipts = [&moved.registered, &moved.moved, &moved.corrected, &moved.annulled];
    for (event, receipt) in events.iter().zip(receipts) {
        assert_eq!(event["position"], receipt["position"]);
        assert_eq!(event["sent_at"], "2026-03-10T01:12:00Z");
        assert_eq!((&event["department"], &event["channel"]), (&json!("hlt"), &json!("DX")));
        assert_eq!((&event["source"], &event["actor"]), (&json!(HOSPITAL), &json!("upstream")));
    }
    let change = |item, before, after| json!({"item": item, "before": before, "after": after});
    let changes = |at: usize| events[at]["changes"].as_array().expect("changes");
    assert!(changes(1).contains(&change("residence_code", json!(VILLAGE), json!(OTHER_VILLAGE))));
    assert!(changes(1).contains(&change("door_plate", json!(null), json!("12号"))));
    assert!(changes(2).contains(&change("door_plate", json!("12号"), json!("21号"))));
    assert!(changes(3).contains(&change("residence_code", json!(OTHER_VILLAGE), json!(VILLAGE))));
    let acts = json!([moved.corrected["position"], moved.annulled["position"]]);
    assert_eq!(events[1]["corrected_by"], acts);
    assert_eq!(events[2]["corrects"], moved.moved["position"]);
    assert_eq!(events[3]["corrects"], moved.moved["position"]);
    let annulled: Vec<_> = events.iter().map(|event| event["annulled"] == true).collect();
    assert_eq!(annulled, [false, true, false, false]);
    assert_eq!(events[2]["reason"], "核对原始凭证");
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_number_is_corrected_with_a_second_persons_approval() {
    let ground = ground();
    let (wrong, right) = (citizen(1), citizen(2));
    let receipt = ground.upstream.record(&registration("r", &wrong, "陈小明", VILLAGE)).await;
    let number = json!({"corrects": "r", "items": {"citizen_id": citizen_number(2)}});
    let correction = |id: &str, approved_by: Option<&str>| {
        let mut sent = change(id, "correction", &wrong, number.clone());
        sent["data"]["operator"] = json!("op-1");
        sent["data"]["approved_by"] = json!(approved_by);
        sent
    };
    for (id, approver, code) in
        [("c1", None, "approval_missing"), ("c2", Some("op-1"), "approver_is_actor")]
    {
        let refused = ground.upstream.post(&correction(id, approver)).await;
        assert_eq!(refused.problem(422, "rejected")["errors"][0]["code"], code);
    }
    let nothing = change("c3", "correction", &wrong, json!({"corrects": "r"}));
    let refused = ground.upstream.post(&nothing).await.problem(422, "rejected");
    assert_eq!(refused["errors"][0]["code"], "corrects_nothing");

    let corrected = ground.upstream.record(&correction("c4", Some("op-2"))).await;
    // The new number becomes known as this person's in the event behind the correction.
    let head = position(&corrected) + 1;
    let archive = ground.verifier.get_at(&path_of(&receipt), head).await.with(200);
    assert_eq!(archive["items"]["citizen_id"]["value"], citizen_number(2));
    let person = receipt["person_id"].as_str().map(str::to_owned);
    assert_eq!(ground.verifier.look_up(&right).await, person);
    assert_eq!(ground.verifier.look_up(&wrong).await, person);
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_by_document_name_and_place() {
    let ground = ground();
    let mut head = 0;
    for number in 0..25 {
        let village = if number < 20 { VILLAGE } else { OTHER_VILLAGE };
        let name = if number % 12 == 0 { "欧阳修" } else { "王安石" };
        let sent = registration(&format!("r{number}"), &citizen(number), name, village);
        head = position(&ground.upstream.record(&sent).await);
    }
    let verifier = &ground.verifier;
    verifier.get_at("/v1/places/99/people?limit=1", head).await.with(200);
    let old_form = json!({"kind": "citizen_id", "number": citizen_number(3).to_lowercase()});
    assert_eq!(verifier.look_up(&old_form).await, verifier.look_up(&citizen(3)).await);
    assert!(verifier.look_up(&citizen(3)).await.is_some());
    assert_eq!(verifier.look_up(&citizen(30)).await, None);
    assert_eq!(ground.village.look_up(&citizen(3)).await, None, "outside the division");
    assert!(ground.village.look_up(&citizen(24)).await.is_some());

    let search = |who: &Caller, question: Value| {
        let who = who.clone();
        async move {
            let found = who.ask("/v1/persons/search", &question).await.with(200);
            found["persons"].as_array().expect("persons").clone()
        }
    };
    let found = search(verifier, json!({"full_name": "欧阳修"})).await;
    assert_eq!(found.len(), 3);
    let shown = found[0]["citizen_id"].as_str().expect("a masked number");
    assert!(shown.starts_with("**************") && shown.len() == 18, "{shown}");
    let there = json!({"full_name": "欧阳修", "place": &OTHER_VILLAGE[..9]});
    assert_eq!(search(verifier, there).await.len(), 1);
    assert_eq!(search(&ground.village, json!({"full_name": "欧阳修"})).await.len(), 1);
    assert_eq!(search(verifier, json!({"full_name": "苏轼"})).await.len(), 0);

    let (mut listed, mut path) = (Vec::new(), "/v1/places/9901/people?limit=7".to_owned());
    while !path.is_empty() {
        let page = verifier.get(&path).await.with(200);
        listed.extend(page["people"].as_array().expect("people").clone());
        let next = page["next"]
            .as_str()
            .map(|next| format!("/v1/places/9901/people?limit=7&after={next}"));
        path = next.unwrap_or_default();
    }
    let mut ids: Vec<_> = listed.iter().map(|one| one["person_id"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((listed.len(), ids.len()), (25, 25));
    ground.village.get("/v1/places/9901/people").await.problem(404, "not_found");
    let own = ground.village.get(&format!("/v1/places/{OTHER_VILLAGE}/people")).await.with(200);
    assert_eq!(own["people"].as_array().expect("people").len(), 5);
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_with_two_documents_is_listed_once() {
    let ground = ground();
    let mut sent = registration("r", &certificate(1), "陈小明", VILLAGE);
    sent["data"]["items"]["citizen_id"] = json!(citizen_number(1));
    let receipt = ground.upstream.record(&sent).await;
    // The number becomes known as this person's in the event behind.
    let head = position(&receipt) + 1;
    let path = format!("/v1/places/{VILLAGE}/people");
    let list = ground.verifier.get_at(&path, head).await.with(200);
    let due = json!([{"person_id": receipt["person_id"], "place": VILLAGE}]);
    assert_eq!(list["people"], due);
    let person = receipt["person_id"].as_str().map(str::to_owned);
    assert_eq!(ground.verifier.look_up(&citizen(1)).await, person);
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_is_told_why_and_every_read_is_on_record() {
    let ground = ground();
    let receipt = ground.upstream.record(&registration("r", &citizen(1), "陈小明", VILLAGE)).await;
    let (path, head) = (path_of(&receipt), position(&receipt));
    let verifier = &ground.verifier;
    for path in [path.clone(), format!("{path}/history"), "/v1/places/9901/people".to_owned()] {
        verifier.purpose("").get(&path).await.problem(400, "purpose_required");
        verifier.purpose("curiosity").get(&path).await.problem(400, "purpose_required");
        verifier.purpose("statistics").get(&path).await.problem(403, "purpose_not_granted");
        Caller::new(&ground.server.url, "rk_0_0").get(&path).await.problem(401, "invalid_token");
    }
    // Outside the division and not there at all look alike.
    let outside = ground.village.get_at(&path, head).await.problem(404, "not_found");
    let absent = format!("/v1/persons/{}", uuid::Uuid::from_u128(7));
    assert_eq!(verifier.get(&absent).await.problem(404, "not_found"), outside);
    verifier.get("/v1/persons/nobody").await.problem(404, "not_found");
    ground.upstream.get("/v1/metrics/timeliness").await.problem(403, "not_allowed");
    verifier.get_at(&path, head + 1_000).await.problem(503, "view_behind");

    // Four reads are answered, and no refusal is one.
    verifier.get_at(&path, head).await.with(200);
    verifier.get(&format!("{path}/history")).await.with(200);
    verifier.look_up(&citizen(1)).await.expect("a person");
    verifier.get("/v1/places/9901/people").await.with(200);
    let check = ground.directory.check();
    assert!(told(&check).contains("1 events, 4 reads"), "{}", told(&check));
    ground.server.stop();
    let check = ground.directory.check();
    assert!(
        check.status.success() && told(&check).contains("1 events, 4 reads"),
        "{}",
        told(&check)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_is_recorded_for_those_who_can_be_and_refused_for_the_others() {
    let ground = ground();
    let dead = event("d", "death", &certificate(3), "2026-02-01", json!({}));
    ground.upstream.record(&dead).await;
    let seen = |number| {
        let person = json!({"document": certificate(number)});
        json!({"person": person, "items": {"health_code": "10"}})
    };
    let visit = json!({"channel": "HV", "observations": [seen(1), seen(2), seen(3)]});
    let visit = event("v", "household_visit", &certificate(0), "2026-03-05", visit);
    let receipt = ground.upstream.record(&visit).await;
    let people = receipt["observations"].as_array().expect("observations");
    let recorded: Vec<_> = people.iter().map(|one| one["position"].is_u64()).collect();
    assert_eq!(recorded, [true, true, false], "{receipt}");
    assert_eq!(people[2]["errors"][0]["code"], "after_death");
    assert!(
        people[2]["errors"][0]["pointer"].as_str().unwrap().starts_with("/data/observations/2")
    );
    let head = people[1]["position"].as_u64().expect("a position");
    let listed = ground.verifier.get_at("/v1/rejections", head + 1).await.with(200);
    assert_eq!(listed["rejections"][0]["id"], "v", "{listed}");
    let again = ground.upstream.post(&visit).await.with(200);
    assert_eq!(again["position"], receipt["position"], "{again}");
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_atomic_batch_is_recorded_whole_or_not_at_all() {
    let ground = ground();
    let send = |batch: Value| {
        let request = ground.upstream.request(reqwest::Method::POST, "/v1/events?atomic=true");
        request.header("content-type", BATCH).body(batch.to_string()).send()
    };
    let good = registration("g", &citizen(1), "陈小明", VILLAGE);
    let bad = event("b", "observation", &citizen(2), "2026-03-05", json!({"items": {"sex": "7"}}));
    let refused = send(json!([good, bad])).await.expect("an answer");
    assert_eq!(refused.status(), 422);
    let body: Value = refused.json().await.expect("JSON");
    let told: Vec<_> = body["items"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(told, ["withheld", "rejected"]);
    assert_eq!((&body["errors"], &body["recorded"]), (&json!(true), &json!(0)));
    let head = 1; // The rejection alone.
    ground.verifier.get_at("/v1/places/99/people", head).await.with(200);
    assert_eq!(ground.verifier.look_up(&citizen(1)).await, None, "nothing was recorded");

    let other = registration("o", &citizen(2), "李清照", VILLAGE);
    let taken = send(json!([good, other])).await.expect("an answer");
    assert_eq!(taken.status(), 200);
    let body: Value = taken.json().await.expect("JSON");
    assert_eq!((&body["recorded"], &body["errors"]), (&json!(2), &json!(false)));
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_waits_until_a_corrected_event_clears_it() {
    let ground = ground();
    let sent = |id, sex| {
        event(id, "observation", &citizen(2), "2026-03-05", json!({"items": {"sex": sex}}))
    };
    ground.upstream.post(&sent("x1", "7")).await.problem(422, "rejected");
    let path = format!("/v1/rejections?source={HOSPITAL}");
    let listed = ground.upstream.get_at(&path, 1).await.with(200);
    let rejections = listed["rejections"].as_array().expect("rejections");
    assert_eq!(rejections.len(), 1);
    assert_eq!(
        (&rejections[0]["id"], &rejections[0]["status"]),
        (&json!("x1"), &json!("rejected"))
    );
    assert_eq!(rejections[0]["errors"][0]["pointer"], "/data/items/sex");
    let kept: Value = serde_json::from_str(rejections[0]["received"].as_str().unwrap()).unwrap();
    assert_eq!(kept, sent("x1", "7"), "what was sent is kept as it was sent");

    // Somebody else's event clears nothing.
    ground.upstream.record(&event("x2", "observation", &citizen(3), "2026-03-05", json!({}))).await;
    let waiting = ground.upstream.get_at(&path, 2).await.with(200);
    assert_eq!(waiting["rejections"].as_array().expect("rejections").len(), 1);
    let receipt = ground.upstream.record(&sent("x3", "2")).await;
    let cleared = ground.upstream.get_at(&path, position(&receipt)).await.with(200);
    assert_eq!(cleared["rejections"], json!([]));
    ground.server.stop();
}
