//! Broken glass over HTTP, with a clock that is put forward: who sees what through it and until
//! when, who is told, and who looks into it.

use std::fs;

use serde_json::{Value, json};

use crate::openapi::Document;
use crate::process::caller::Caller;
use crate::process::events::{VILLAGE, citizen, event};
use crate::process::faults::shim;
use crate::process::server::{Directory, Server, told};

const ADDRESS: &str = "新居秘路77号";

struct Ground {
    directory: Directory,
    clock: String,
    server: Option<Server>,
    _beside: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let beside = tempfile::tempdir().expect("a folder");
        let clock = beside.path().join("clock").to_str().expect("UTF-8").to_owned();
        fs::write(&clock, "0").expect("a file");
        let mut ground =
            Self { directory: Directory::make(), clock, server: None, _beside: beside };
        ground.start();
        ground
    }

    fn start(&mut self) {
        let variables = [("LD_PRELOAD", shim()), ("FAULT_CLOCK", self.clock.as_str())];
        self.server = Some(self.directory.serve_with(&variables));
    }

    fn restart(&mut self) {
        self.server.take().expect("a server").stop();
        self.start();
    }

    fn put_forward(&self, seconds: i64) {
        fs::write(&self.clock, seconds.to_string()).expect("a file");
    }

    /// A caller with a new token.
    fn token(&self, role: &str, subject: &str, more: &[&str]) -> String {
        let words =
            ["--role", role, "--subject", subject, "--purposes", "verification,audit,service"];
        self.directory.token(&[&words[..], more].concat())
    }

    fn caller(&self, token: &str) -> Caller {
        self.server.as_ref().expect("a server").caller(token)
    }
}

/// Somebody whose whereabouts are protected; gives the path.
async fn protected(ground: &Ground, [upstream, admin]: [&str; 2], number: u32) -> String {
    let items = json!({"full_name": "陈小明", "residence_code": VILLAGE, "hukou_code": VILLAGE,
        "residence_address": ADDRESS});
    let id = format!("r-{number}");
    let sent = event(&id, "registration", &citizen(number), "2026-03-01", json!({"items": items}));
    let receipt = ground.caller(upstream).record(&sent).await;
    let path = format!("/v1/persons/{}", receipt["person_id"].as_str().expect("an id"));
    let order = json!({"order": "P-1", "approved_by": "chief", "until": "2044-05-01"});
    let admin = ground.caller(admin);
    let at = receipt["position"].as_u64().expect("a place");
    admin.get_at("/v1/rejections", at).await.with(200);
    let order = admin.ask(&format!("{path}/protection"), &order).await.with(201);
    admin.get_at("/v1/rejections", order["position"].as_u64().expect("a place")).await.with(200);
    path
}

async fn sees(caller: &Caller, path: &str) -> bool {
    let history = caller.get(&format!("{path}/history")).await.with(200);
    let archive = caller.get(path).await.with(200);
    let [history, archive] = [history, archive].map(|told| told.to_string().contains(ADDRESS));
    assert_eq!(history, archive);
    archive
}

fn asked(path: &str, minutes: i64) -> Value {
    let person = path.rsplit('/').next().expect("an id");
    json!({"person": person, "ticket": "110-2026-00417", "reason": "入室救助", "minutes": minutes})
}

async fn listed(auditor: &Caller, state: &str) -> Vec<Value> {
    let list = auditor.get(&format!("/v1/audit/break-glass?state={state}")).await.with(200);
    list["break_glass"].as_array().expect("a list").clone()
}

async fn operations(caller: &Caller, path: &str) -> Vec<(String, Value)> {
    let told = caller.get(&format!("{path}/accesses")).await.with(200);
    let document = Document::read();
    let schema = &document.0["components"]["schemas"]["Accesses"];
    assert_eq!(document.check(schema, &told), Ok(()));
    let all = told["accesses"].as_array().expect("accesses").iter();
    let operation = |one: &Value| one["operation"].as_str().unwrap_or("-").to_owned();
    all.map(|one| (operation(one), one["break_glass"].clone())).collect()
}

async fn gauge(admin: &Caller, name: &str) -> u64 {
    let text = admin.get("/metrics").await.body;
    let text = text.as_str().expect("a text").to_owned();
    let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("a gauge")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_breaks_glass_sees_one_person_for_some_minutes_and_is_looked_into() {
    let mut ground = Ground::new();
    let police = ["--department", "pol"];
    let upstream = ground.token("upstream", "hlt-1", &[]);
    let admin = ground.token("admin", "root", &[]);
    let clerk = ground.token("verifier", "clerk-7", &police);
    let colleague = ground.token("verifier", "clerk-8", &police);
    let auditor = ground.token("auditor", "auditor-1", &[]);
    let himself = ground.token("auditor", "clerk-7", &[]);
    ground.restart();
    let path = protected(&ground, [&upstream, &admin], 1).await;
    let other = protected(&ground, [&upstream, &admin], 2).await;
    let grant = ["--person", path.rsplit('/').next().expect("an id")];
    let words = ["--role", "citizen", "--purposes", "own_record"];
    let own = ground.directory.token(&[&words[..], &grant].concat());
    ground.restart();
    let by_clerk = ground.caller(&clerk);
    assert!(!sees(&by_clerk, &path).await);

    let bad = [
        (json!({"minutes": 61}), "/minutes"),
        (json!({"minutes": 0}), "/minutes"),
        (json!({"reason": " "}), "/reason"),
        (json!({"ticket": ""}), "/ticket"),
    ];
    for (wrong, pointer) in bad {
        let mut question = asked(&path, 30);
        for (name, value) in wrong.as_object().expect("an object") {
            question[name] = value.clone();
        }
        let refused = by_clerk.ask("/v1/break-glass", &question).await.problem(400, "bad_request");
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    let nobody = asked("/v1/persons/7b0d3c52-94a1-8e6f-9c1d-2f5a60b7e811", 30);
    by_clerk.ask("/v1/break-glass", &nobody).await.problem(404, "not_found");
    let purposeless = by_clerk.purpose("");
    purposeless.ask("/v1/break-glass", &asked(&path, 30)).await.problem(400, "purpose_required");
    for token in [&upstream, &auditor, &admin] {
        let caller = ground.caller(token).purpose("verification");
        caller.ask("/v1/break-glass", &asked(&path, 30)).await.problem(403, "not_allowed");
    }

    let broken = by_clerk.ask("/v1/break-glass", &asked(&path, 30)).await.with(201);
    let id = broken["id"].as_u64().expect("an id");
    for reopened in [false, true] {
        if reopened {
            ground.restart();
        }
        assert!(sees(&ground.caller(&clerk), &path).await, "{reopened}");
        // Masks are lifted, as that of addresses for this purpose.
        assert!(sees(&ground.caller(&clerk).purpose("service"), &path).await, "{reopened}");
        assert!(!sees(&ground.caller(&clerk), &other).await, "one person alone");
        assert!(!sees(&ground.caller(&colleague), &path).await, "one holder alone");
    }
    ground.put_forward(31 * 60);
    assert!(!sees(&ground.caller(&clerk), &path).await, "the minutes are over");
    ground.restart();
    assert!(!sees(&ground.caller(&clerk), &path).await);

    // Every read through it is marked, and the person is told.
    let own = ground.caller(&own).purpose("own_record");
    let told = operations(&own, &path).await;
    let glass = json!(id);
    let through = told.iter().filter(|(_, through)| *through == glass);
    let through: Vec<_> = through.map(|(operation, _)| operation.as_str()).collect();
    let mut due = ["read_person", "read_history"].repeat(4);
    due.push("break_glass");
    assert_eq!(through, due);

    let auditor = ground.caller(&auditor).purpose("audit");
    let himself = ground.caller(&himself).purpose("audit");
    let admin = ground.caller(&admin);
    assert!(
        listed(&auditor, "open").await.is_empty() && listed(&auditor, "overdue").await.is_empty()
    );
    let due = listed(&auditor, "unreviewed").await;
    assert_eq!(due.len(), 1);
    assert_eq!(
        (&due[0]["holder"], &due[0]["ticket"], &due[0]["reason"], &due[0]["id"]),
        (&json!("clerk-7"), &json!("110-2026-00417"), &json!("入室救助"), &glass)
    );
    ground.put_forward(25 * 3_600);
    assert_eq!(listed(&auditor, "overdue").await.len(), 1);
    assert_eq!(gauge(&admin, "renkou_glass_overdue").await, 1);
    let review = format!("/v1/audit/break-glass/{id}/review");
    let found = json!({"justified": false, "note": "无接警记录"});
    ground.caller(&clerk).ask(&review, &found).await.problem(403, "not_allowed");
    let refused = himself.ask(&review, &found).await.problem(422, "rejected");
    assert_eq!(refused["errors"][0]["code"], "reviewer_is_holder");
    auditor.ask("/v1/audit/break-glass/1/review", &found).await.problem(404, "not_found");
    let reviewed = auditor.ask(&review, &found).await.with(201);
    assert_eq!(
        (&reviewed["review"]["reviewer"], &reviewed["review"]["justified"]),
        (&json!("auditor-1"), &json!(false))
    );
    let again = auditor.ask(&review, &found).await.problem(422, "rejected");
    assert_eq!(again["errors"][0]["code"], "already_reviewed");
    assert_eq!(gauge(&admin, "renkou_glass_overdue").await, 0);
    ground.restart();
    let auditor = ground.caller(auditor.token()).purpose("audit");
    let all = listed(&auditor, "reviewed").await;
    assert_eq!((all.len(), &all[0]["review"]["note"]), (1, &json!("无接警记录")));
    assert!(listed(&auditor, "unreviewed").await.is_empty());
    ground.server.take().expect("a server").stop();
    let check = ground.directory.check();
    assert!(check.status.success(), "{}", told_of(&check));
}

fn told_of(output: &std::process::Output) -> String {
    told(output)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_stays_so_what_is_hidden_is_not_told_and_what_is_erased_goes() {
    let mut ground = Ground::new();
    let upstream = ground.token("upstream", "hlt-1", &[]);
    let admin = ground.token("admin", "root", &[]);
    let clerk = ground.token("verifier", "clerk-7", &["--department", "pol"]);
    let auditor = ground.token("auditor", "auditor-1", &[]);
    ground.restart();
    let path = protected(&ground, [&upstream, &admin], 1).await;
    let sealed = protected(&ground, [&upstream, &admin], 2).await;
    let grant = ["--person", path.rsplit('/').next().expect("an id")];
    let words = ["--role", "citizen", "--purposes", "own_record"];
    let own = ground.directory.token(&[&words[..], &grant].concat());
    ground.restart();
    let (admin, clerk) = (ground.caller(&admin), ground.caller(&clerk));
    let auditor = ground.caller(&auditor).purpose("audit");
    let seal = json!({"order": "S-1", "approved_by": "chief", "until": "2044-05-01"});
    let at = admin.ask(&format!("{sealed}/sealing"), &seal).await.with(201);
    clerk.get_at(&path, at["position"].as_u64().expect("a place")).await.with(200);
    clerk.ask("/v1/break-glass", &asked(&sealed, 30)).await.problem(404, "not_found");

    let until = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(96)).to_string();
    let request = clerk.request(reqwest::Method::POST, "/v1/break-glass");
    let request = request.header("hidden-until", &until[..10]);
    let request = request.header("legal-basis", "criminal_investigation");
    let answer = request.json(&asked(&path, 5)).send().await.expect("an answer");
    assert_eq!(answer.status(), 201);
    let own = ground.caller(&own).purpose("own_record");
    let told = operations(&own, &path).await;
    assert!(!told.iter().any(|(operation, _)| operation == "break_glass"), "{told:?}");
    assert_eq!(
        operations(&auditor, &path).await.iter().filter(|one| one.0 == "break_glass").count(),
        1
    );

    let erase = json!({"order": "E-1", "approved_by": "chief"});
    admin.ask(&format!("{path}/erasure"), &erase).await.with(201);
    for reopened in [false, true] {
        if reopened {
            ground.restart();
        }
        let auditor = ground.caller(auditor.token()).purpose("audit");
        let left = listed(&auditor, "all").await;
        assert_eq!((left.len(), &left[0]["holder"]), (1, &json!("clerk-7")));
        assert!(left[0]["reason"].is_null(), "what was said goes with the key: {reopened}");
    }
}
