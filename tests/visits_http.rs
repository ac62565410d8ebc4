//! A household visit over HTTP, from the real service: one submission about several persons, each
//! accepted or refused by themselves, all under one correlation.

use serde_json::{Value, json};

use crate::process::caller::{BATCH, Caller};
use crate::process::events::{VILLAGE, certificate, event, registration};
use crate::process::server::{Directory, Server};

struct Ground {
    _directory: Directory,
    server: Server,
    upstream: Caller,
    verifier: Caller,
}

fn ground() -> Ground {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
    let server = directory.serve();
    let (upstream, verifier) = (server.caller(&upstream), server.caller(&verifier));
    Ground { _directory: directory, server, upstream, verifier }
}

/// A visit in which each of these is seen with a telephone number and a door plate.
fn visit(id: &str, day: &str, seen: &[u32]) -> Value {
    let see = |number: &u32| {
        let items = json!({"phone": format!("990{number}"), "door_plate": "12号"});
        json!({"person": {"document": certificate(*number)}, "items": items})
    };
    let seen: Vec<Value> = seen.iter().map(see).collect();
    event(id, "household_visit", &Value::Null, day, json!({"channel": "HV", "observations": seen}))
}

/// Of each person of a visit what became of them.
fn told(receipt: &Value) -> Vec<(&str, bool)> {
    let all = receipt["observations"].as_array().expect("observations").iter();
    all.map(|one| (one["status"].as_str().expect("a status"), one["position"].is_u64())).collect()
}

/// The events of somebody's history under one source's id, each with its correlation.
async fn correlations(verifier: &Caller, person: &Value, head: u64) -> Vec<(String, String)> {
    let path = format!("/v1/persons/{}/history", person.as_str().expect("an id"));
    let history = verifier.get_at(&path, head).await.with(200);
    let events = history["events"].as_array().expect("events").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events.map(|event| (text(&event["id"]), text(&event["correlation"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_person_of_a_visit_has_their_own_answer_and_all_one_correlation() {
    let ground = ground();
    let upstream = &ground.upstream;
    let known = registration("r", &certificate(1), "陈小明", VILLAGE);
    upstream.record(&known).await;
    upstream.record(&event("d", "death", &certificate(3), "2026-02-01", json!({}))).await;
    let sent = visit("v", "2026-03-05", &[1, 2, 3, 2]);
    let receipt = upstream.record(&sent).await;
    let due = [("recorded", true), ("recorded", true), ("rejected", false), ("rejected", false)];
    assert_eq!(told(&receipt), due, "{receipt}");
    let people = receipt["observations"].as_array().expect("observations");
    let error = |at: usize| (&people[at]["errors"][0]["code"], &people[at]["errors"][0]["pointer"]);
    assert_eq!(error(2), (&json!("after_death"), &json!("/data/observations/2/occurred_on")));
    assert_eq!(error(3), (&json!("named_twice"), &json!("/data/observations/3/person")));
    let flags = |at: usize| -> Vec<&str> {
        let flags = people[at]["flags"].as_array().into_iter().flatten();
        flags.map(|flag| flag["rule"].as_str().expect("a rule")).collect()
    };
    // Of somebody never heard of the register doubts more than of who is known.
    assert!(flags(1).contains(&"first_known_by_this_event"), "{receipt}");
    assert!(!flags(0).contains(&"first_known_by_this_event"), "{receipt}");

    let head = people[1]["position"].as_u64().expect("a position");
    let mut all = Vec::new();
    for (at, person) in people.iter().enumerate().take(2) {
        let theirs = correlations(&ground.verifier, &person["person_id"], head).await;
        let (of_visit, others): (Vec<_>, Vec<_>) = theirs.into_iter().partition(|e| e.0 == "v");
        assert_eq!(of_visit.len(), 1);
        assert!(others.iter().all(|other| other.1 != of_visit[0].1));
        all.extend(of_visit);
        let path = format!("/v1/persons/{}", person["person_id"].as_str().expect("an id"));
        let archive = ground.verifier.get(&path).await.with(200);
        let item = |name: &str| archive["items"][name]["value"].clone();
        assert_eq!(
            (item("phone"), item("door_plate")),
            (json!(format!("990{}", at + 1)), json!("12号"))
        );
    }
    assert_eq!(all[0].1, all[1].1, "one correlation");

    // Sent again: the same places, and nothing new but that it is a duplicate.
    let again = upstream.post(&sent).await.with(200);
    assert_eq!(again["status"], "duplicate");
    let due = [("duplicate", true), ("duplicate", true), ("rejected", false), ("rejected", false)];
    assert_eq!(told(&again), due, "{again}");
    let places = |receipt: &Value| -> Vec<Value> {
        let all = receipt["observations"].as_array().expect("observations").iter();
        all.map(|one| one["position"].clone()).collect()
    };
    assert_eq!(places(&again), places(&receipt));
    upstream.post(&visit("v", "2026-03-05", &[1, 2])).await.problem(409, "conflict");
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_in_an_atomic_batch_is_withheld_when_another_event_is_refused() {
    let ground = ground();
    let send = async |batch: Value| {
        let request = ground.upstream.request(reqwest::Method::POST, "/v1/events?atomic=true");
        let request = request.header("content-type", BATCH).body(batch.to_string());
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
    };
    ground.upstream.record(&event("d", "death", &certificate(3), "2026-02-01", json!({}))).await;
    let partly = visit("v", "2026-03-05", &[1, 3]);
    let nobody = visit("w", "2026-03-05", &[3]);
    let (status, body) = send(json!([partly, nobody])).await;
    assert_eq!((status, &body["recorded"]), (422, &json!(0)), "{body}");
    assert_eq!(
        (&body["items"][0]["status"], &body["items"][1]["status"]),
        (&json!("withheld"), &json!("rejected"))
    );
    let pointer = &body["items"][1]["problem"]["errors"][0]["pointer"];
    assert_eq!(pointer, "/data/observations/0/occurred_on");
    assert_eq!(ground.verifier.look_up(&certificate(1)).await, None, "nothing was recorded");
    // A person who is refused is no reason to withhold the others of the visit.
    let (status, body) = send(json!([partly, visit("x", "2026-03-06", &[2])])).await;
    assert_eq!((status, &body["recorded"]), (200, &json!(2)), "{body}");
    assert_eq!(told(&body["items"][0]), [("recorded", true), ("rejected", false)]);
    ground.server.stop();
}
