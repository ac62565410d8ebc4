//! Who looked at whom, from the real service: what the person is told of the reads about them, what
//! who audits the readers is told.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::openapi::Document;
use crate::process::caller::{Answer, Caller};
use crate::process::events::{VILLAGE, certificate, citizen, event, registration};
use crate::process::server::{Directory, Server, done, run, told};

const COUNTY: &str = "990101";

/// A service with a sender, a clerk of the police of the county and an auditor.
pub struct Ground {
    pub directory: Directory,
    pub server: Server,
    pub upstream: Caller,
    pub clerk: Caller,
    pub auditor: Caller,
}

pub fn ground_with(variables: &[(&str, &str)]) -> Ground {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let clerk = ["--role", "verifier", "--department", "pol", "--place", COUNTY];
    let clerk = [&clerk[..], &["--purposes", "verification", "--subject", "clerk-7"]].concat();
    let clerk = directory.token(&clerk);
    let auditor = ["--role", "auditor", "--purposes", "audit", "--subject", "auditor-1"];
    let auditor = directory.token(&auditor);
    let server = directory.serve_with(variables);
    let caller = |token: &str| server.caller(token);
    let (upstream, clerk) = (caller(&upstream), caller(&clerk));
    let auditor = caller(&auditor).purpose("audit");
    Ground { directory, server, upstream, clerk, auditor }
}

impl Ground {
    /// Registers somebody; gives their path.
    pub async fn person(&self, number: u32, name: &str) -> String {
        let sent = registration(&format!("r-{number}"), &citizen(number), name, VILLAGE);
        let receipt = self.upstream.record(&sent).await;
        let path = format!("/v1/persons/{}", receipt["person_id"].as_str().expect("an id"));
        // Not read about: only the views are waited for.
        let head = receipt["position"].as_u64().expect("a position");
        self.upstream.get_at("/v1/rejections", head).await.with(200);
        path
    }

    /// The persons of paths as themselves. A running service takes new tokens within a second.
    pub async fn citizens<const N: usize>(&self, paths: [&str; N]) -> [Caller; N] {
        let callers = paths.map(|path| {
            let id = path.strip_prefix("/v1/persons/").expect("a path of a person");
            let grant = ["--role", "citizen", "--purposes", "own_record", "--person", id];
            self.server.caller(&self.directory.token(&grant)).purpose("own_record")
        });
        tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
        callers
    }
}

/// GET with further headers.
pub async fn get_with(caller: &Caller, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = caller.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::read(request.send().await.expect("an answer")).await
}

pub async fn accesses(caller: &Caller, path: &str) -> Vec<Value> {
    let answer = caller.get(&format!("{path}/accesses")).await.with(200);
    let schema = &Document::read().0["components"]["schemas"]["Accesses"].clone();
    assert_eq!(Document::read().check(schema, &answer), Ok(()));
    answer["accesses"].as_array().expect("accesses").clone()
}

pub fn all<'a>(entries: &'a [Value], name: &str) -> Vec<&'a str> {
    entries.iter().map(|entry| entry[name].as_str().unwrap_or("-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looked_is_told_to_the_person_and_to_who_audits() {
    let ground = ground_with(&[]);
    let path = ground.person(1, "陈小明").await;
    let other = ground.person(2, "李清照").await;
    let [own, stranger] = ground.citizens([&path, &other]).await;
    let clerk = &ground.clerk;
    let narrow = format!("{path}?fields=full_name&valid_on=2026-03-02");
    get_with(clerk, &narrow, &[("on-behalf-of", "window-3")]).await.with(200);
    clerk.get(&format!("{path}/history")).await.with(200);
    clerk.get(&format!("{path}/flags")).await.with(200);
    clerk.ask("/v1/persons/search", &json!({"full_name": "陈小明"})).await.with(200);
    clerk.get(&format!("/v1/places/{VILLAGE}/people")).await.with(200);
    clerk.look_up(&citizen(1)).await.expect("a person");
    // What tells of nobody is nobody's read.
    clerk.ask("/v1/persons/search", &json!({"full_name": "苏轼"})).await.with(200);
    assert_eq!(clerk.look_up(&citizen(9)).await, None);

    let of_clerk = [
        "look_up_person",
        "list_people",
        "search_persons",
        "read_flags",
        "read_history",
        "read_person",
    ];
    let told = accesses(&own, &path).await;
    assert_eq!(all(&told, "operation"), of_clerk);
    for entry in &told {
        let who = (&entry["department"], &entry["role"], &entry["place"], &entry["purpose"]);
        assert_eq!(
            who,
            (&json!("pol"), &json!("verifier"), &json!(COUNTY), &json!("verification"))
        );
        for secret in ["subject", "grant", "on_behalf_of", "query", "act", "hidden_now"] {
            assert!(entry.get(secret).is_none(), "{secret}: {entry}");
        }
    }
    let of_archive = told.last().expect("the first read");
    assert_eq!(of_archive["fields"], json!(["person_id", "status", "full_name"]));
    assert_eq!(of_archive["as_of"]["valid_on"], "2026-03-02");
    assert_eq!((&of_archive["position"], &of_archive["count"]), (&json!(2), &json!(1)));
    let of_list = &told[1];
    assert_eq!(of_list["count"], 2, "both live there");
    let items = ["person_id", "place", "residence_code", "hukou_code"];
    assert_eq!(of_list["fields"], json!(items));
    let of_search = told[2]["fields"].as_array().expect("fields");
    for item in ["full_name", "residence_code"] {
        assert!(of_search.contains(&json!(item)), "{item}: {}", told[2]);
    }
    // Of the number a search shows the end: it is told that it was masked, and not that it was told.
    assert!(!of_search.contains(&json!("citizen_id")));
    assert_eq!(told[2]["masked"], json!(["number"]));

    // The other one was on the list alone.
    assert_eq!(all(&accesses(&stranger, &other).await, "operation"), ["list_people"]);
    stranger.get(&format!("{path}/accesses")).await.problem(404, "not_found");
    clerk.get(&format!("{path}/accesses")).await.problem(403, "not_allowed");
    own.purpose("").get(&format!("{path}/accesses")).await.problem(400, "purpose_required");

    // Who audits is told the holder of the token, and is on record with it.
    let audited = accesses(&ground.auditor, &path).await;
    assert_eq!(all(&audited, "operation"), [&["read_accesses"], &of_clerk[..]].concat());
    assert_eq!(all(&audited, "subject")[1..], ["clerk-7"; 6]);
    assert_eq!(audited[6]["on_behalf_of"], "window-3");
    assert_eq!(audited[6]["read_position"], of_archive["read_position"]);
    let again = accesses(&ground.auditor, &path).await;
    assert_eq!(all(&again, "role")[..2], ["auditor", "citizen"]);
    assert_eq!(again[1..], audited[..]);

    // Page by page it is the same, and after a crash.
    let last = again.last().expect("a read")["read_position"].clone();
    ground.server.kill();
    let server = ground.directory.serve();
    // What was not flushed is folded again behind the start.
    server.caller(ground.upstream.token()).get_at("/v1/rejections", 2).await.with(200);
    let auditor = server.caller(ground.auditor.token()).purpose("audit");
    let (mut paged, mut before) = (Vec::new(), String::new());
    loop {
        let page = auditor.get(&format!("{path}/accesses?limit=3{before}")).await.with(200);
        let entries = page["accesses"].as_array().expect("accesses").clone();
        assert!(entries.len() <= 3);
        paged.extend(entries);
        if page["next"].is_null() {
            break;
        }
        before = format!("&before={}", page["next"]);
    }
    assert_eq!(paged[1..], again[..], "the read of the last listing came on top");
    assert_eq!(paged.last().expect("a read")["read_position"], last);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_audits_finds_reads_by_reader_place_and_time() {
    let ground = ground_with(&[]);
    let path = ground.person(1, "陈小明").await;
    let clerk = &ground.clerk;
    let begun = Timestamp::now();
    for _ in 0..2 {
        clerk.ask("/v1/persons/search", &json!({"full_name": "苏轼"})).await.with(200);
    }
    clerk.ask("/v1/persons/search", &json!({"full_name": "苏洵"})).await.with(200);
    assert_eq!(clerk.look_up(&certificate(5)).await, None);
    let ended = Timestamp::now();
    clerk.get(&path).await.with(200);
    let audit = async |query: String| {
        let answer = ground.auditor.get(&format!("/v1/audit/accesses?{query}")).await.with(200);
        let schema = &Document::read().0["components"]["schemas"]["AuditedAccesses"].clone();
        assert_eq!(Document::read().check(schema, &answer), Ok(()));
        answer
    };
    let listed =
        async |query: String| audit(query).await["accesses"].as_array().expect("accesses").clone();
    let found = listed("actor=clerk-7".to_owned()).await;
    let due =
        ["search_persons", "search_persons", "search_persons", "look_up_person", "read_person"];
    assert_eq!(all(&found, "operation"), due);
    let counts: Vec<_> = found.iter().map(|one| one["count"].clone()).collect();
    assert_eq!(counts, [0, 0, 0, 0, 1]);
    assert!(found[..4].iter().all(|one| one["person_id"].is_null()), "nobody was found");
    assert_eq!(format!("/v1/persons/{}", found[4]["person_id"].as_str().expect("an id")), path);
    // Equal questions are told from others, and no name is told.
    let queries = all(&found, "query");
    assert_eq!(queries[0], queries[1]);
    assert!(queries[0] != queries[2] && queries[0].len() == 32);
    assert!(!json!(found).to_string().contains("苏"));

    for (query, count) in [
        (format!("actor=clerk-7&place={COUNTY}"), 5),
        ("actor=clerk-7&place=990102".to_owned(), 0),
        ("actor=nobody".to_owned(), 0),
        (format!("actor=clerk-7&to={ended}"), 4),
        (format!("actor=clerk-7&from={begun}&to={ended}"), 4),
        (format!("actor=clerk-7&from={ended}"), 1),
        ("actor=clerk-7&from=2020-01-01&to=2099-12-31".to_owned(), 5),
        ("from=2020-01-01&to=2020-12-31".to_owned(), 0),
    ] {
        assert_eq!(listed(query.clone()).await.len(), count, "{query}");
    }
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = audit(format!("actor=clerk-7&limit=2{after}")).await;
        paged.extend(page["accesses"].as_array().expect("accesses").clone());
        if page["next"].is_null() {
            break;
        }
        after = format!("&after={}", page["next"]);
    }
    assert_eq!(paged, found);
    // The audit itself is on record, with what was asked.
    let own = listed("actor=auditor-1".to_owned()).await;
    assert!(own.iter().all(|one| one["operation"] == "audit_accesses"));
    assert_eq!(own[0]["as_of"], json!({"actor": "clerk-7"}));
    ground.clerk.get("/v1/audit/accesses").await.problem(403, "not_allowed");
    ground.auditor.purpose("").get("/v1/audit/accesses").await.problem(400, "purpose_required");
    ground.auditor.get("/v1/audit/accesses?from=soon").await.problem(400, "bad_request");
    ground.server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_values_told_follow_records_through_a_merge_and_a_split() {
    let ground = ground_with(&[]);
    let one = registration("r-1", &citizen(1), "陈小明", VILLAGE);
    let two = registration("r-2", &certificate(1), "陈晓明", VILLAGE);
    let mut paths = Vec::new();
    for sent in [one, two] {
        let receipt = ground.upstream.record(&sent).await;
        paths.push(format!("/v1/persons/{}", receipt["person_id"].as_str().expect("an id")));
    }
    let join = |id: &str, kind: &str| {
        let more = json!({"absorbed": {"document": certificate(1)}, "reason": "同一人重复建档",
            "approved_by": "chief-1"});
        event(id, kind, &citizen(1), "2026-03-05", more)
    };
    let read = async |path: &str, head: u64, label: &str| {
        let request = ground.clerk.request(Method::GET, path).header("at-least", head);
        let request = request.header("on-behalf-of", label);
        Answer::read(request.send().await.expect("an answer")).await.with(200)
    };
    read(&paths[0], 2, "one-alone").await;
    read(&paths[1], 2, "two-alone").await;
    let merged = ground.upstream.record(&join("m-1", "person_merge")).await;
    let head = merged["position"].as_u64().expect("a position") + 1;
    read(&format!("{}/history", paths[1]), head, "both").await;
    let labels = async |path: &str| {
        let told = accesses(&ground.auditor, path).await;
        let labels = all(&told, "on_behalf_of").into_iter().filter(|label| *label != "-");
        labels.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(labels(&paths[0]).await, ["both", "two-alone", "one-alone"]);
    let split = ground.upstream.record(&join("s-1", "person_split")).await;
    let head = split["position"].as_u64().expect("a position") + 1;
    read(&paths[1], head, "two-again").await;
    assert_eq!(labels(&paths[1]).await, ["two-again", "two-alone"]);
    // While they were one, the history of the first told the name of the second too.
    for (path, value_at, due) in [
        (&paths[1], 2, vec!["two-again", "both", "two-alone"]),
        (&paths[0], 1, vec!["both", "one-alone"]),
    ] {
        let query = format!("{path}/disclosures?item=full_name&value_at={value_at}");
        let told = ground.auditor.get(&query).await.with(200);
        let told = told["disclosures"].as_array().expect("disclosures").clone();
        assert_eq!(all(&told, "on_behalf_of"), due, "{query}");
    }
    ground.server.stop();
}

/// What a sender is shown of its own mistakes is somebody's data, and that nothing was known of
/// somebody at a time is an answer about them.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_rejections_and_an_empty_past_are_reads_too() {
    let ground = ground_with(&[]);
    let path = ground.person(1, "陈小明").await;
    let [own] = ground.citizens([&path]).await;
    let before = "2020-01-01T00:00:00Z";
    let none = ground.clerk.get(&format!("{path}?known_at={before}")).await;
    none.problem(404, "not_found");
    let wrong = json!({"items": {"sex": "7"}});
    let wrong = event("x-1", "observation", &citizen(1), "2026-03-05", wrong);
    ground.upstream.post(&wrong).await.problem(422, "rejected");
    let list = ground.upstream.get_at("/v1/rejections", 2).await.with(200);
    assert_eq!(list["rejections"].as_array().expect("rejections").len(), 1);
    let told = accesses(&own, &path).await;
    assert_eq!(all(&told, "operation"), ["list_rejections", "read_person"]);
    assert_eq!((&told[0]["role"], &told[0]["department"]), (&json!("upstream"), &json!(null)));
    assert_eq!((&told[1]["count"], &told[1]["fields"]), (&json!(0), &json!([])));
    assert_eq!(told[1]["as_of"]["known_at"], before);
    ground.server.stop();
}

/// Whoever has the machine asks as who audits, whether a service runs or not, and is on record.
#[tokio::test(flavor = "multi_thread")]
async fn a_life_printed_at_the_machine_is_on_record() {
    let ground = ground_with(&[]);
    let path = ground.person(1, "陈小明").await;
    let id = path.strip_prefix("/v1/persons/").expect("a path of a person");
    let data = ground.directory.data();
    let words = ["replay", "person", id, "--data", data];
    let refused = run(&words);
    assert_eq!(refused.status.code(), Some(2), "{}", told(&refused));
    assert!(refused.stdout.is_empty() && told(&refused).contains("--purpose"));
    let with_purpose = [&words[..], &["--purpose", "audit"]].concat();
    let served = done(&with_purpose);
    let lines: Vec<Value> =
        served.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(all(&lines, "event"), ["registration"]);
    ground.server.stop();
    assert_eq!(done(&with_purpose), served, "the same without the service");
    let nobody = uuid::Uuid::from_u128(7).to_string();
    let other = run(&["replay", "person", &nobody, "--data", data, "--purpose", "audit"]);
    assert!(!other.status.success() && told(&other).contains("no such person"));
    let check = ground.directory.check();
    assert!(told(&check).contains("1 events, 2 reads"), "{}", told(&check));

    let server = ground.directory.serve();
    let auditor = server.caller(ground.auditor.token()).purpose("audit");
    let found = accesses(&auditor, &path).await;
    assert_eq!(all(&found, "operation"), ["read_history"; 2]);
    assert_eq!(all(&found, "role"), ["auditor"; 2]);
    assert_eq!(all(&found, "subject"), ["replay-person"; 2]);
    for entry in &found {
        assert!(entry["fields"].as_array().expect("fields").contains(&json!("full_name")));
    }
    server.stop();
}
