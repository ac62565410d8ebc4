//! `POST /v1/events` from outside: every mode, every status, every error as a problem.

use std::io::Read;
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::Duration;

use api::access::Role;
use api::http::Limits;
use api::registry::CloudEvent;
use reqwest::Response;
use serde_json::{Value, json};

use crate::collecting::{Service, data, event, grant, start};

const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";
const LINES: &str = "application/x-ndjson";

async fn read(response: Response, status: u16) -> Value {
    assert_eq!(response.status(), status, "{:?}", response.text().await);
    response.json().await.unwrap()
}

/// Checks that an answer is a problem of a code, and gives it.
async fn problem(response: Response, status: u16, code: &str) -> Value {
    let content_type = response.headers().get("content-type").cloned();
    let body = read(response, status).await;
    assert_eq!(content_type.unwrap(), "application/problem+json", "{body}");
    for member in ["type", "title", "detail"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member} of {body}");
    }
    assert_eq!((&body["status"], &body["code"]), (&json!(status), &json!(code)));
    assert!(body["errors"].is_array());
    body
}

async fn send(service: &Service, event: &Value) -> Response {
    service.post(STRUCTURED).body(event.to_string()).send().await.unwrap()
}

fn shown(event: &CloudEvent) -> String {
    format!("{event:?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_is_the_same_in_every_mode() {
    let service = start(Limits::default()).await;
    let mut sent = event("人/张三 1");
    sent["recordedtime"] = json!("2026-11-21T00:00:00Z");
    sent["subject"] = json!("人/张三 1");
    let binary = |media_type: &str| {
        service
            .post(media_type)
            .header("ce-specversion", "1.0")
            .header("ce-id", "%E4%BA%BA%2F%E5%BC%A0%E4%B8%89%201")
            .header("ce-subject", "%E4%BA%BA%2F%E5%BC%A0%E4%B8%89%201")
            .header("CE-Source", "/hlt/990106/hospital-1")
            .header("ce-type", "\"renkou.observation.v1\"")
            .header("ce-time", "2026-11-20T01:12:00Z")
            .header("ce-recordedtime", "2026-11-21T00:00:00Z")
            .body(data().to_string())
    };
    let one = sent.to_string();
    let requests = [
        service.post(STRUCTURED).body(one.clone()),
        service.post("Application/CloudEvents+JSON; charset=UTF-8").body(one.clone()),
        service.post(BATCH).body(format!(" [\n{one} ]")),
        service.post("application/x-ndjson;charset=utf-8").body(format!("\n{one}\r\n")),
        binary("application/json; charset=utf-8"),
        binary("application/vnd.hospital+json"),
    ];
    let count = requests.len();
    for request in requests {
        assert!(request.send().await.unwrap().error_for_status().unwrap().bytes().await.is_ok());
    }
    let events = service.registry.events.lock().unwrap();
    assert_eq!(events.len(), count);
    assert_eq!(events[0].id, "人/张三 1");
    assert_eq!(events[0].data, data());
    assert!(events.iter().all(|event| shown(event) == shown(&events[0])), "{events:#?}");
    assert_eq!(service.registry.decided.lock().unwrap().len(), count);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_says_recorded_duplicate_or_conflict() {
    let service = start(Limits::default()).await;
    let mut sent = event("a");
    let receipt = read(send(&service, &sent).await, 201).await;
    let expected = json!({
        "id": "a", "status": "recorded", "person_id": "00000000-0000-0000-0000-000000000007",
        "position": 1, "recorded_at": "2026-12-01T00:00:00Z",
        "flags": [{"rule": "C08", "severity": "error", "items": ["hukou_code"]}],
    });
    assert_eq!(receipt, expected);
    let again = read(send(&service, &sent).await, 200).await;
    assert_eq!((&again["status"], &again["position"]), (&json!("duplicate"), &json!(1)));
    sent["data"]["items"]["full_name"] = json!("张小红");
    let conflict = problem(send(&service, &sent).await, 409, "conflict").await;
    assert_eq!(conflict["receipt"]["status"], "conflict");
    assert_eq!(conflict["receipt"]["position"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_event_names_every_broken_rule_and_is_kept() {
    let service = start(Limits::default()).await;
    let mut sent = event("b");
    sent["data"]["place"] = json!("nowhere");
    sent["data"]["items"] = json!({"sex": "7"});
    let refused = problem(send(&service, &sent).await, 422, "rejected").await;
    let pointers: Vec<_> = refused["errors"].as_array().unwrap().iter().collect();
    assert_eq!(pointers.len(), 2, "{refused}");
    assert_eq!(pointers[0]["pointer"], "/data/place");
    let kept = service.registry.refused.lock().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&kept[0].received).unwrap(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_or_place_outside_the_grant_is_403_and_kept() {
    let service = start(Limits::default()).await;
    let cases = [
        ("/pol/990106/x", "990106001002", "/source"),
        ("/hlt/990107/x", "990106001002", "/source"),
        ("/hlt/99/x", "990106001002", "/source"),
        ("/hlt/990106/x", "990107001002", "/data/place"),
    ];
    for (source, place, pointer) in cases {
        let mut sent = event(source);
        sent["source"] = json!(source);
        sent["data"]["place"] = json!(place);
        let refused = problem(send(&service, &sent).await, 403, "outside_grant").await;
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    assert_eq!(service.registry.refused.lock().unwrap().len(), cases.len());
    assert!(service.registry.decided.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_envelope_is_400_with_the_place_of_each_fault() {
    let service = start(Limits::default()).await;
    let cases: &[(&str, Value, &[&str])] = &[
        ("specversion", json!("0.3"), &["/specversion"]),
        ("id", json!(""), &["/id"]),
        ("id", json!(5), &["/id"]),
        ("source", Value::Null, &["/source"]),
        ("type", json!(""), &["/type"]),
        ("time", json!("2026-11-20 09:12"), &["/time"]),
        ("time", json!("20261120T091200+0800"), &["/time"]),
        ("time", json!("2026-11-20T09:12:00+08:00[Asia/Shanghai]"), &["/time"]),
        ("time", json!("2026-13-20T09:12:00Z"), &["/time"]),
        ("recordedtime", json!("now"), &["/recordedtime"]),
        ("data", Value::Null, &["/data"]),
        ("data_base64", json!("e30="), &["/data_base64"]),
        ("recordedBy", json!("x"), &["/recordedBy"]),
        ("a/b", json!("x"), &["/a~1b"]),
        ("trace", json!({}), &["/trace"]),
        ("datacontenttype", json!("text/xml"), &["/datacontenttype"]),
    ];
    for (name, value, pointers) in cases {
        let mut sent = event("c");
        sent[*name] = value.clone();
        let refused = problem(send(&service, &sent).await, 400, "bad_envelope").await;
        let found: Vec<_> = refused["errors"].as_array().unwrap().iter().collect();
        let found: Vec<_> = found.iter().map(|e| e["pointer"].as_str().unwrap()).collect();
        assert_eq!(&found, pointers, "{name}");
    }
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for body in ["", "{", "[]", "7", "{} {}", &deep, &format!("{{\"data\":{deep}}}")] {
        let response = service.post(STRUCTURED).body(body.to_owned()).send().await.unwrap();
        problem(response, 400, "bad_envelope").await;
    }
    let response = service.post(STRUCTURED).body(vec![b'"', 0xff, b'"']).send().await.unwrap();
    problem(response, 400, "bad_envelope").await;
    let expected = cases.len() + 8;
    assert_eq!(service.registry.refused.lock().unwrap().len(), expected);
    assert!(service.registry.events.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_answered_in_order_and_may_be_atomic() {
    let service = start(Limits::default()).await;
    let mut broken = event("3");
    broken["data"]["channel"] = json!("??");
    let mut other = event("1");
    other["data"]["items"] = json!({});
    let batch = json!([event("1"), event("2"), broken, 17, event("1"), other]);
    let atomic = service.post_to("/v1/events?atomic=true").header("content-type", BATCH);
    let atomic = read(atomic.body(batch.to_string()).send().await.unwrap(), 422).await;
    assert_eq!((&atomic["errors"], &atomic["recorded"]), (&json!(true), &json!(0)));
    assert_eq!(atomic["items"][0], json!({"id": "1", "status": "withheld"}));
    assert!(service.registry.decided.lock().unwrap().is_empty());

    let post = || service.post(BATCH);
    let answer = read(post().body(batch.to_string()).send().await.unwrap(), 200).await;
    let statuses: Vec<_> = answer["items"].as_array().unwrap().iter().collect();
    let statuses: Vec<_> = statuses.iter().map(|item| item["status"].as_str().unwrap()).collect();
    let expected = ["recorded", "recorded", "rejected", "rejected", "duplicate", "conflict"];
    assert_eq!(statuses, expected);
    assert_eq!(answer["items"][2]["problem"]["errors"][0]["pointer"], "/data/channel");
    assert_eq!(answer["items"][3]["problem"]["code"], "bad_envelope");
    for (count, expected) in [("recorded", 2), ("duplicates", 1), ("conflicts", 1), ("rejected", 2)]
    {
        assert_eq!(answer[count], expected, "{count}");
    }
    let empty = read(post().body("[]").send().await.unwrap(), 200).await;
    assert_eq!((&empty["errors"], &empty["items"]), (&json!(false), &json!([])));
    problem(post().body("{}").send().await.unwrap(), 400, "bad_envelope").await;
    problem(post().body("[{}").send().await.unwrap(), 400, "bad_envelope").await;
    let many = format!("[1{}]", ",1".repeat(10_000));
    let many = problem(post().body(many).send().await.unwrap(), 413, "too_many_events").await;
    assert!(many["detail"].as_str().unwrap().contains("10000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_problem_in_the_readers_language() {
    let service = start(Limits::default()).await;
    let url = |path: &str| format!("http://{}{path}", service.address);
    let client = reqwest::Client::new();
    let (token, _) = service.tokens.create(grant(Role::Analyst)).unwrap();
    let post = |media_type: &str| service.post(media_type);
    let long = "x".repeat((256 << 10) + 1);
    let batch = "x".repeat((16 << 20) + 1);
    let atomic_lines = service.post_to("/v1/events?atomic=true").header("content-type", LINES);
    let events = url("/v1/events");
    let cases = [
        (client.post(&events), 401, "token_required"),
        (client.post(&events).bearer_auth("rk_0_x"), 401, "invalid_token"),
        (client.post(&events).bearer_auth(token), 403, "not_allowed"),
        (client.get(url("/nothing")), 404, "not_found"),
        (client.get(&events).bearer_auth(&service.token), 405, "method_not_allowed"),
        (post(STRUCTURED).body(long.clone()), 413, "body_too_large"),
        (post("application/json").header("ce-id", "1").body(long), 413, "body_too_large"),
        (post(BATCH).body(batch), 413, "body_too_large"),
        (post("text/plain").body("x"), 415, "unknown_media_type"),
        (post("application/json").body("{}"), 415, "unknown_media_type"),
        (atomic_lines.body("x"), 400, "stream_not_atomic"),
        (service.post_to("/v1/events?atomic=perhaps"), 400, "bad_request"),
        (post(STRUCTURED).body(event("panic").to_string()), 500, "internal"),
    ];
    for (request, status, code) in cases {
        let english = request.try_clone().unwrap().header("accept-language", "fr, en-GB;q=0.8");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["content-language"], "zh-CN");
        assert_eq!(response.headers().contains_key("allow"), status == 405);
        assert_eq!(response.headers().contains_key("www-authenticate"), status == 401);
        let chinese = problem(response, status, code).await;
        let english = problem(english.send().await.unwrap(), status, code).await;
        assert!(!chinese["title"].as_str().unwrap().is_ascii(), "{chinese}");
        assert!(english["title"].as_str().unwrap().is_ascii(), "{english}");
        if status == 415 {
            let detail = english["detail"].as_str().unwrap();
            for mode in [STRUCTURED, BATCH, LINES, "application/json"] {
                assert!(detail.contains(mode), "{detail}");
            }
        }
    }
    service.registry.full.store(1, Ordering::SeqCst);
    let full = send(&service, &event("full")).await;
    assert_eq!(full.headers()["retry-after"], "3");
    problem(full, 503, "overloaded").await;
    assert!(client.get(url("/healthz")).send().await.unwrap().status().is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_nothing_or_dribbles_or_idles_is_closed() {
    let short = Duration::from_millis(100);
    let limits = Limits { first_byte: short, headers: short, idle: short, ..Limits::default() };
    let service = start(limits).await;
    let openings: [&[u8]; 3] =
        [b"", b"GET /healthz HTTP/1.1\r\nHost:", b"GET /healthz HTTP/1.1\r\n\r\n"];
    for opening in openings {
        let address = service.address;
        let read = tokio::task::spawn_blocking(move || {
            use std::io::Write;
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(opening).unwrap();
            // Without a limit on the other side this would wait for ever; the bound is for the test.
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).map(|_| answer)
        });
        let answer = read.await.unwrap().expect("the service closes the connection");
        assert_eq!(answer.starts_with(b"HTTP/1.1 200"), opening.ends_with(b"\r\n\r\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_told_to_stop_answers_what_runs_and_ends() {
    let mut service = start(Limits::default()).await;
    assert_eq!(send(&service, &event("1")).await.status(), 201);
    service.stop.take().unwrap().send(()).unwrap();
    service.ended.await.unwrap();
    assert!(TcpStream::connect(service.address).is_err());
}
