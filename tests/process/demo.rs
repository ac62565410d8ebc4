//! `renkou demo`: a county on a bare machine, and tokens that open what their roles may and no more.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use domain::Place;
use serde_json::{Value, json};

use super::caller::{Answer, Caller, LINES};
use super::server::{Directory, Server, command};

const TOKENS: [&str; 8] = [
    "admin",
    "analyst",
    "auditor",
    "citizen",
    "upstream_civ",
    "upstream_hlt",
    "upstream_pol",
    "verifier",
];

/// A demo under way, and what it says of itself.
struct Demo {
    directory: Directory,
    server: Server,
    told: Value,
}

fn demo() -> Demo {
    let directory = Directory::unmade();
    let words = ["demo", "--data", directory.data(), "--people", "300", "--port", "0"];
    let mut server = Server::spawn(command(&words), &directory.beside("stderr"));
    let file = directory.path().join("demo.json");
    if let Err(status) = server.wait_until_it_answers(&file) {
        panic!("the demo ended with {status}: {}", server.log());
    }
    let told = serde_json::from_slice(&fs::read(file).expect("demo.json")).expect("JSON");
    Demo { directory, server, told }
}

/// The callers of all tokens, each with a purpose that it was granted.
fn callers(demo: &Demo) -> HashMap<&'static str, Caller> {
    let caller = |name: &'static str| {
        let token = demo.told["tokens"][name].as_str().expect("a token");
        let purpose = match name {
            "auditor" => "audit",
            "analyst" => "statistics",
            "citizen" => "own_record",
            "verifier" => "verification",
            _ => "registration",
        };
        (name, demo.server.caller(token).purpose(purpose))
    };
    TOKENS.into_iter().map(caller).collect()
}

/// Whether a role let a question pass: it must be answered, or refused for the role.
fn is_let(name: &str, action: &str, answer: Answer) -> bool {
    match (answer.status, answer.body["code"].as_str()) {
        (200, _) => true,
        (403, Some("not_allowed")) => false,
        _ => panic!("{name} asked for {action} and got {}: {}", answer.status, answer.body),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_runs_and_prints_what_to_try() {
    let demo = demo();
    let file = demo.directory.path().join("demo.json");
    let mode = fs::metadata(file).expect("demo.json").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "tokens are their owner's alone");
    let tokens: Vec<_> = demo.told["tokens"].as_object().expect("tokens").keys().collect();
    assert_eq!(tokens, TOKENS);
    let callers = callers(&demo);
    let places = demo.told["places"].as_array().expect("places");
    assert!(places.len() > 3, "{places:?}");
    for place in places {
        let code = place.as_str().expect("a code");
        assert!(Place::parse(code).is_ok_and(|p| p.digits() == 12), "{code}");
        let path = format!("/v1/places/{code}/people?limit=1");
        let people = callers["verifier"].get(&path).await.with(200);
        assert_eq!(people["people"][0]["place"], *place, "somebody lives there");
    }
    let path = "/v1/metrics/timeliness?group_by=event";
    let rows = callers["analyst"].get(path).await.with(200);
    assert!(rows["rows"].as_array().expect("rows").len() > 8, "{rows}");
    let url = demo.told["url"].as_str().expect("an address");
    let mut log = demo.server.log();
    for due in [url, "demo.json", "curl", "events recorded", "Ctrl-C"] {
        // What to try is printed behind the file.
        for _ in 0..400 {
            if log.contains(due) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            log = demo.server.log();
        }
        assert!(log.contains(due), "{due} is due in {log}");
    }
    let Demo { directory, server, .. } = demo;
    server.stop();
    assert!(directory.check().status.success());
    directory.serve().stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_token_of_the_demo_may_what_its_role_may_and_no_more() {
    let demo = demo();
    let callers = callers(&demo);
    let list = callers["verifier"].get("/v1/places/990101/people?limit=2").await.with(200);
    let person = list["people"][1]["person_id"].as_str().expect("an id");
    let path = format!("/v1/persons/{person}");
    let history = format!("{path}/history");
    let archive = callers["verifier"].get(&path).await.with(200);
    let document = json!({"document": archive["documents"][0]});
    let name = json!({"full_name": archive["items"]["full_name"]["value"]});
    // What may be asked, by whom; the citizen, who has one record only, is asked about below.
    let upstream = ["upstream_civ", "upstream_hlt", "upstream_pol"];
    let with = |others: &[&'static str]| [&upstream[..], others].concat();
    let gets = [
        (path.as_str(), with(&["auditor", "verifier"])),
        (history.as_str(), with(&["auditor", "verifier"])),
        ("/v1/places/990101/people", vec!["auditor", "verifier"]),
        ("/v1/rejections", with(&["admin", "auditor", "verifier"])),
        ("/v1/metrics/timeliness", vec!["admin", "analyst", "auditor"]),
        ("/v1/metrics/lag_curve", vec!["admin", "analyst", "auditor"]),
        ("/v1/metrics/sources", vec!["admin", "analyst", "auditor"]),
        ("/metrics", vec!["admin"]),
    ];
    for name in TOKENS.into_iter().filter(|name| *name != "citizen") {
        for (path, who) in &gets {
            let answer = callers[name].get(path).await;
            if name == "admin" && answer.body["code"] == "purpose_not_granted" {
                // Who was granted no purpose is refused before the role is looked at.
                assert!(answer.status == 403 && !who.contains(&name), "{path}");
                continue;
            }
            assert_eq!(is_let(name, path, answer), who.contains(&name), "{name} and {path}");
        }
    }
    for (path, question, who) in [
        ("/v1/persons/lookup", &document, with(&["auditor", "verifier"])),
        ("/v1/persons/search", &name, vec!["auditor", "verifier"]),
    ] {
        for name in TOKENS.into_iter().filter(|name| *name != "admin") {
            let answer = callers[name].ask(path, question).await;
            assert_eq!(is_let(name, path, answer), who.contains(&name), "{name} and {path}");
        }
    }
    for name in TOKENS {
        let answer = callers[name].send(LINES, String::new()).await;
        let may = name.starts_with("upstream") || name == "verifier";
        assert_eq!(answer.status, if may { 200 } else { 403 }, "{name} sends");
    }
    demo.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_citizen_of_the_demo_reads_their_own_record_only() {
    let demo = demo();
    let citizen = &callers(&demo)["citizen"];
    let verifier = &callers(&demo)["verifier"];
    let own = demo.told["citizen_person_id"].as_str().expect("an id");
    let record = citizen.get(&format!("/v1/persons/{own}")).await.with(200);
    assert_eq!(record["person_id"], own);
    citizen.get(&format!("/v1/persons/{own}/history")).await.with(200);
    let list = verifier.get("/v1/places/990101/people?limit=20").await.with(200);
    let people = list["people"].as_array().expect("people");
    let others: Vec<_> = people.iter().filter(|one| one["person_id"] != own).collect();
    assert!(others.len() > 10);
    for other in others {
        let path = format!("/v1/persons/{}", other["person_id"].as_str().expect("an id"));
        citizen.get(&path).await.problem(404, "not_found");
        citizen.get(&format!("{path}/history")).await.problem(404, "not_found");
    }
    for path in ["/v1/places/990101/people", "/v1/rejections", "/v1/metrics/timeliness", "/metrics"]
    {
        citizen.get(path).await.problem(403, "not_allowed");
    }
    demo.server.stop();
}

/// A source outside its grant is refused, whoever asks.
#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_of_the_demo_reports_for_its_department_only() {
    let demo = demo();
    let callers = callers(&demo);
    let document = super::events::certificate(1);
    let mut sent = super::events::registration("x", &document, "张三", super::events::VILLAGE);
    callers["upstream_hlt"].record(&sent).await;
    callers["upstream_pol"].post(&sent).await.problem(403, "outside_grant");
    sent["source"] = json!("/hlt/990201/hospital-1");
    callers["upstream_hlt"].post(&sent).await.problem(403, "outside_grant");
    demo.server.stop();
}
