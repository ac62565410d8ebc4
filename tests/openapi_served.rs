//! `openapi.json` against the running service: the routes, the roles, the events and the answers are
//! those that it describes.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use api::access::{NewGrant, PURPOSES, ROLES, Role, TokenStore};
use api::http::{self, Limits};
use api::registry::{Home, Registry};
use domain::{PersonId, Place};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::openapi::{Document, Operation};
use crate::process::caller::Answer;

/// A registry behind the whole service, and a token for each role.
struct Service {
    url: String,
    tokens: HashMap<Role, String>,
    _folder: TempDir,
}

async fn start() -> Service {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let home = Home::init(&data, true).unwrap();
    let registry = Arc::new(Registry::open(&data).unwrap());
    let store = Arc::new(TokenStore::open(home.access()).unwrap());
    let token = |role| {
        let person = (role == Role::Citizen).then(|| PersonId::from_uuid(uuid::Uuid::nil()));
        let grant = NewGrant {
            subject: format!("tester-{}", Role::name(role)),
            role,
            department: None,
            place: Some(Place::parse("99").unwrap()),
            purposes: PURPOSES.iter().map(|purpose| (*purpose).to_owned()).collect(),
            expires_at: None,
            person,
        };
        (role, store.create(grant).unwrap().0)
    };
    let tokens = ROLES.iter().map(|(role, _)| token(*role)).collect();
    let listener = http::listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = http::service(&registry, store);
    tokio::spawn(http::serve(listener, router, Limits::default(), std::future::pending()));
    Service { url, tokens, _folder: folder }
}

impl Service {
    /// A request as the document's examples show it, without a token.
    fn request(&self, document: &Document, operation: &Operation<'_>, id: &str) -> RequestBuilder {
        let parameters = operation.told["parameters"].as_array().unwrap().iter();
        let parameters: Vec<_> = parameters.map(|one| document.resolve(one)).collect();
        let mut path = operation.path.replace("{id}", id);
        for parameter in parameters.iter().filter(|one| one["in"] == "path") {
            let example = text(&parameter["example"]);
            path = path.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap()), &example);
        }
        for (one, mark) in parameters
            .iter()
            .filter(|one| one["in"] == "query" && one["required"] == true)
            .zip(["?", "&", "&"])
        {
            let (name, value) = (one["name"].as_str().unwrap(), text(&one["example"]));
            path += &format!("{mark}{name}={value}");
        }
        let method = Method::from_bytes(operation.method.to_uppercase().as_bytes()).unwrap();
        let mut request = Client::new().request(method, format!("{}{path}", self.url));
        for one in parameters.iter().filter(|one| one["in"] == "header" && one["required"] == true)
        {
            let (name, value) = (one["name"].as_str().unwrap(), one["example"].as_str().unwrap());
            request = request.header(name, value);
        }
        let bodies = operation.told["requestBody"]["content"].as_object();
        match bodies.and_then(|bodies| bodies.iter().next()) {
            Some((media_type, body)) => {
                request.header("content-type", media_type).body(text(example(body)))
            }
            None => request,
        }
    }
}

/// The example of a body.
fn example(body: &Value) -> &Value {
    let named = || &body["examples"].as_object().unwrap().values().next().unwrap()["value"];
    body.get("example").unwrap_or_else(named)
}

fn text(example: &Value) -> String {
    example.as_str().map_or_else(|| example.to_string(), str::to_owned)
}

async fn answer(request: RequestBuilder) -> Answer {
    Answer::read(request.send().await.unwrap()).await
}

/// Checks an answer against the response that the document has for it.
fn check(document: &Document, operation: &Operation<'_>, answer: &Answer) {
    let Operation { path, told, .. } = operation;
    let response = document.resolve(&told["responses"][answer.status.to_string()]);
    let media_type = answer.media_type.split(';').next().unwrap();
    let schema = &response["content"][media_type]["schema"];
    assert!(schema.is_object(), "{path} answers {} {media_type}", answer.status);
    let has_position = response["headers"].get("Registry-Position").is_some();
    assert_eq!(has_position, answer.position.is_some(), "{path} {}", answer.status);
    let lines = answer.body.as_str().filter(|_| media_type == "application/x-ndjson");
    let values: Vec<Value> = match lines {
        Some(text) => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        None => vec![answer.body.clone()],
    };
    for value in values {
        document.check(schema, &value).unwrap_or_else(|fault| panic!("{path} {fault}: {value}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_described_route_is_there_and_asks_for_a_token() {
    let (service, document) = (start().await, Document::read());
    for operation in document.operations() {
        let Operation { path, method, told } = operation;
        let id = PersonId::from_uuid(uuid::Uuid::nil()).to_string();
        let is_open = told["security"].as_array().is_some_and(Vec::is_empty);
        let bare = answer(service.request(&document, &operation, &id)).await;
        if is_open {
            assert!(bare.status == 200 || path == "/readyz", "{path}: {}", bare.body);
            continue;
        }
        assert_eq!(bare.body["code"], "token_required", "{method} {path}");
        check(&document, &operation, &bare);
        // The path is there, for no other methods than those that are described.
        let methods = document.0["paths"][path].as_object().unwrap();
        for other in ["get", "post", "put", "patch", "delete"] {
            if !methods.contains_key(other) {
                let wrong = Operation { method: other, ..operation };
                let request = service.request(&document, &wrong, &id);
                let refused = answer(request.bearer_auth(&service.tokens[&Role::Admin])).await;
                refused.problem(405, "method_not_allowed");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_for_the_roles_that_the_document_names() {
    let (service, document) = (start().await, Document::read());
    let id = PersonId::from_uuid(uuid::Uuid::nil()).to_string();
    for operation in document.operations() {
        let Some(named) = operation.told["x-roles"].as_array() else { continue };
        for (role, token) in &service.tokens {
            let answer =
                answer(service.request(&document, &operation, &id).bearer_auth(token)).await;
            let is_named = named.contains(&json!(role));
            let is_refused = answer.body["code"] == "not_allowed";
            assert_eq!(is_named, !is_refused, "{role:?} {}: {}", operation.path, answer.body);
            check(&document, &operation, &answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_the_document_are_recorded_and_the_answers_are_as_it_says() {
    let (service, document) = (start().await, Document::read());
    let find = |id: &str| document.operations().find(|o| o.told["operationId"] == id).unwrap();
    let token = |role| service.tokens[&role].as_str();
    let collect = find("post_events");
    let url = format!("{}/v1/events", service.url);
    let send = async |media_type: &str, body: String| {
        let mut request = Client::new().post(&url).header("content-type", media_type);
        if media_type == "application/json" {
            for one in collect.told["parameters"].as_array().unwrap() {
                let one = document.resolve(one);
                let name = one["name"].as_str().unwrap();
                if let Some(value) = one["example"].as_str().filter(|_| name.starts_with("ce-")) {
                    request = request.header(name, value);
                }
            }
        }
        let answer = answer(request.body(body).bearer_auth(token(Role::Upstream))).await;
        check(&document, &collect, &answer);
        answer
    };
    let modes = collect.told["requestBody"]["content"].as_object().unwrap();
    assert_eq!(modes.len(), 4);
    for (media_type, body) in modes {
        let answer = send(media_type, text(example(body))).await;
        let told = answer.body.to_string();
        assert!(matches!(answer.status, 200 | 201), "{media_type}: {told}");
        assert!(!told.contains("problem"), "{media_type}: {told}");
    }
    let structured = "application/cloudevents+json";
    let mut sent = example(&modes[structured]).clone();
    assert_eq!(send(structured, sent.to_string()).await.status, 200);
    sent["data"]["items"]["sex"] = json!("2");
    assert_eq!(send(structured, sent.to_string()).await.status, 409);
    sent["id"] = json!("b-2026-000999");
    sent["data"]["items"]["sex"] = json!("7");
    assert_eq!(send(structured, sent.to_string()).await.status, 422);
    assert_eq!(send("text/plain", String::new()).await.status, 415);
    (sent["id"], sent["type"]) = (json!("o-1"), json!("renkou.observation.v1"));
    sent["data"] = json!({"person": sent["data"]["person"], "occurred_on": "2026-11-20",
        "channel": "DX", "place": sent["data"]["place"], "items": {"household_id": "H99-1"}});
    let last = send(structured, sent.to_string()).await.with(201);
    let last = last["position"].as_u64().expect("where the newest event stands");

    let look_up = find("look_up_person");
    let of_birth = json!({"document": sent["data"]["person"]["document"]}).to_string();
    let request = service.request(&document, &look_up, "").bearer_auth(token(Role::Auditor));
    let found = answer(request.body(of_birth).header("at-least", last)).await;
    check(&document, &look_up, &found);
    let person = found.with(200)["person_id"].as_str().unwrap().to_owned();
    let request = service.request(&document, &find("read_person"), &person);
    let archive = answer(request.bearer_auth(token(Role::Auditor))).await.with(200);
    let household = archive["households"][0]["household_id"].as_str().unwrap().to_owned();
    let is_order = |operation: &Operation<'_>| {
        ORDERS.iter().any(|(id, _)| operation.told["operationId"] == *id)
    };
    let is_second = |operation: &Operation<'_>| {
        SECOND.iter().any(|(id, _)| operation.told["operationId"] == *id)
    };
    let others = document.operations().filter(|operation| operation.path != collect.path);
    for operation in others.filter(|operation| !is_order(operation) && !is_second(operation)) {
        let named = operation.told["x-roles"].as_array();
        let role = match named {
            Some(roles) if !roles.contains(&json!(Role::Auditor)) => Role::Admin,
            _ => Role::Auditor,
        };
        let of_household = operation.path.starts_with("/v1/households");
        let id = if of_household { &household } else { &person };
        let request = service.request(&document, &operation, id).bearer_auth(token(role));
        let answer = answer(request.header("at-least", last)).await;
        assert_eq!(answer.status, 200, "{}: {}", operation.path, answer.body);
        check(&document, &operation, &answer);
        let lists = ["events", "persons", "people", "rejections", "rows", "members"];
        let list = lists.iter().find_map(|name| answer.body[*name].as_array());
        assert!(list.is_none_or(|list| !list.is_empty()), "{} is empty", operation.path);
    }
    let mut glass = String::new();
    for (id, role) in SECOND {
        let act = find(id);
        let path = act.path.replace("{glass}", &glass);
        let mut asked = example(&act.told["requestBody"]["content"]["application/json"]).clone();
        if id == "break_glass" {
            asked["person"] = json!(person);
        }
        if id == "approve_reading" {
            asked["until"] = json!(jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24));
        }
        let request = Client::new().post(format!("{}{path}", service.url)).json(&asked);
        let request = request.header("purpose", "verification").bearer_auth(token(role));
        let done = answer(request).await;
        assert_eq!(done.status, 201, "{path}: {}", done.body);
        check(&document, &act, &done);
        glass = done.body["id"].to_string();
    }
    for list in ["list_broken_glass", "list_alarms", "list_approvals"] {
        let list = find(list);
        let request = service.request(&document, &list, &person);
        let told = answer(request.bearer_auth(token(Role::Auditor))).await;
        check(&document, &list, &told);
    }
    for (order, again) in ORDERS {
        let order = find(order);
        for status in [201, again] {
            let request =
                service.request(&document, &order, &person).bearer_auth(token(Role::Admin));
            let answer = answer(request).await;
            assert_eq!(answer.status, status, "{}: {}", order.path, answer.body);
            check(&document, &order, &answer);
        }
    }
    let read = find("read_person");
    let request = service.request(&document, &read, &person).bearer_auth(token(Role::Auditor));
    let gone = answer(request).await;
    assert_eq!(gone.status, 410);
    check(&document, &read, &gone);
}

/// The orders about a record, in the order in which they can be carried out, and what they are
/// answered with when they are sent again.
/// What takes several persons, in this order, and who does it.
const SECOND: [(&str, Role); 3] = [
    ("break_glass", Role::Verifier),
    ("review_broken_glass", Role::Auditor),
    ("approve_reading", Role::SecurityOfficer),
];
const ORDERS: [(&str, u16); 5] = [
    ("seal_person", 200),
    ("unseal_person", 200),
    ("protect_person", 200),
    ("unprotect_person", 200),
    ("erase_person", 200),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_page_needs_no_other_server_and_holds_no_data() {
    let service = start().await;
    let page = reqwest::get(format!("{}/docs", service.url)).await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("connect-src 'self'"));
    let text = page.text().await.unwrap();
    for outside in ["http:", "https:", "src=", "@import", "localStorage", "innerHTML", "cookie"] {
        assert!(!text.contains(outside), "{outside}");
    }
    let request = Client::new().get(format!("{}/openapi.json", service.url));
    let served = request.bearer_auth(&service.tokens[&Role::Upstream]).send().await.unwrap();
    assert_eq!(served.headers()["content-type"], "application/json");
    assert_eq!(served.json::<Value>().await.unwrap(), Document::read().0);
}
