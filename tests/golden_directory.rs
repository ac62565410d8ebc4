//! Directories that earlier programs wrote, as they lay there when they were stopped: each opens
//! for ever, and says what it said. Views are not among them; they are made of the log.
//!
//! `RENKOU_GOLDEN=directory-v4 cargo test -p tests make_a_golden_directory -- --ignored` makes the
//! next one, with the program of the day; nothing ever changes one that is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::process::caller::Caller;
use crate::process::events::{VILLAGE, certificate, event, registration};
use crate::process::server::{Directory, Server, done, root, run, told};

/// Persons whose archives and lives are kept, all over the county.
const KEPT_PERSONS: usize = 10;

fn golden() -> PathBuf {
    root().join("tests/golden")
}

/// A question and what was answered, as far as it must be answered so for ever.
fn questions(persons: &[String]) -> Vec<(String, &'static str, &'static str)> {
    let mut asked: Vec<_> = [
        "timeliness?group_by=event",
        "timeliness?group_by=event,department,month",
        "timeliness?group_by=place,channel",
    ]
    .map(|query| (format!("/v1/metrics/{query}"), "analyst", ""))
    .to_vec();
    asked.push(("/v1/audit/break-glass".to_owned(), "auditor", "audit"));
    asked.push(("/v1/places/990101/people?limit=1000".to_owned(), "verifier", "verification"));
    for person in persons {
        let path = format!("/v1/persons/{person}");
        for query in ["", "?known_at=2024-06-01T00:00:00Z", "?valid_on=2023-03-01"] {
            asked.push((format!("{path}{query}"), "verifier", "verification"));
        }
        asked.push((format!("{path}/history"), "auditor", "audit"));
    }
    asked
}

/// What of an answer may never be otherwise: facts and where they come from. More may be added.
fn lasting(answer: &Value) -> Value {
    const KEPT: [&str; 27] = [
        "person_id",
        "status",
        "items",
        "documents",
        "kind",
        "number",
        "occurred_on",
        "known_on",
        "recorded_at",
        "position",
        "events",
        "event",
        "place",
        "department",
        "channel",
        "actor",
        "corrects",
        "people",
        "rows",
        "numerator",
        "denominator",
        "month",
        "merged_into",
        "break_glass",
        "ticket",
        "review",
        "justified",
    ];
    match answer {
        Value::Array(all) => all.iter().map(lasting).collect(),
        Value::Object(fields) if fields.contains_key("value") => {
            json!({"value": fields["value"], "position": fields["position"]})
        }
        Value::Object(fields) => {
            let kept = |name: &str| KEPT.contains(&name) || domain::Item::from_name(name).is_some();
            let kept = fields.iter().filter(|(name, _)| kept(name));
            kept.map(|(name, value)| (name.clone(), lasting(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// Whether everything that is due stands in what was found.
fn holds(due: &Value, found: &Value) -> Result<(), String> {
    match (due, found) {
        (Value::Object(due), Value::Object(found)) => due.iter().try_for_each(|(name, due)| {
            let found = found.get(name).unwrap_or(&Value::Null);
            holds(due, found).map_err(|why| format!("{name}: {why}"))
        }),
        (Value::Array(due), Value::Array(found)) if due.len() == found.len() => {
            let mut each = due.iter().zip(found).enumerate();
            each.try_for_each(|(at, (due, found))| {
                holds(due, found).map_err(|why| format!("{at}: {why}"))
            })
        }
        (due, found) if due == found => Ok(()),
        (due, found) => Err(format!("{found} instead of {due}")),
    }
}

async fn ask(caller: &Caller, path: &str, head: u64) -> Value {
    caller.get_at(path, head).await.with(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_an_earlier_program_opens_and_says_what_it_said() {
    let mut found = 0;
    for entry in fs::read_dir(golden()).expect("a folder") {
        let folder = entry.expect("an entry").path();
        if folder.join("expected.json").exists() {
            says_what_it_said(&folder).await;
            found += 1;
        }
    }
    assert!(found >= 1, "no directory was kept");
}

async fn says_what_it_said(folder: &Path) {
    let text = fs::read(folder.join("expected.json")).expect("what is due");
    let due: Value = serde_json::from_slice(&text).expect("JSON");
    let directory = Directory::unmade();
    copy(&folder.join("data"), directory.path());
    let head = due["head"].as_u64().expect("a position");
    let kept = directory.beside("kept");
    fs::write(&kept, due["checkpoint"].as_str().expect("a note")).expect("a file");

    let server = directory.serve();
    let caller = |role: &str| server.caller(due["tokens"][role].as_str().expect("a token"));
    for (path, due) in due["answers"].as_object().expect("answers") {
        let asked = caller(due["as"].as_str().expect("a role"));
        let purpose = due["purpose"].as_str().expect("a purpose").to_owned();
        let answer = ask(&asked.purpose(purpose.leak()), path, head).await;
        if let Err(why) = holds(&due["answer"], &answer) {
            panic!("{}: {path}: {why}", folder.display());
        }
    }
    // What was sent before is known to have been: keys and tags are computed as they were.
    for sent in due["sent"].as_array().expect("events") {
        let again = caller("upstream").post(&sent["event"]).await.with(200);
        assert_eq!(again["status"], "duplicate", "{again}");
        assert_eq!(again["position"], sent["position"], "{again}");
        assert_eq!(again["person_id"], sent["person_id"], "{again}");
    }
    // And it goes on.
    let next = registration("golden-next", &certificate(77_000_001), "钱孙李", VILLAGE);
    let next = caller("upstream").record(&next).await;
    assert_eq!(next["position"], head + 1);
    server.stop();
    let against = kept.to_str().expect("UTF-8");
    let check = run(&["replay", "check", "--data", directory.data(), "--against", against]);
    assert!(check.status.success(), "{}", told(&check));
    let events = due["checkpoint"].as_str().and_then(|note| note.lines().next());
    assert!(
        told(&check).contains(&format!("{} signed at {head} records", events.expect("a name")))
    );
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").args([from, to]).status();
    assert!(copied.expect("cp").success());
}

/// A generated county of few people, and what the generator does not tell: acts upon other acts.
async fn tell(directory: &Directory, tokens: &Value) -> Vec<Value> {
    let county =
        ["generate", "--people", "24", "--years", "6", "--seed", "11", "--end", "2025-10-31"];
    let county = done(&county);
    let everything = directory.token(&["--role", "upstream"]);
    let server = directory.serve();
    let upstream = server.caller(tokens["upstream"].as_str().expect("a token"));
    let (_, summary) = server.caller(&everything).stream(county).await;
    assert_eq!(summary["rejected"], 0, "{summary}");
    let (first, second) = (certificate(77_000_010), certificate(77_000_011));
    let act = |id: &str, kind: &str, more: Value| event(id, kind, &first, "2026-03-02", more);
    let acts = [
        registration("g-1", &first, "赵钱孙", VILLAGE),
        registration("g-2", &second, "赵钱孙", VILLAGE),
        act("g-3", "observation", json!({"items": {"phone": "99010001", "health_code": "20"}})),
        act(
            "g-4",
            "correction",
            json!({"corrects": "g-1", "items": {"full_name": "赵钱李"},
            "reason": "笔误", "approved_by": "chief"}),
        ),
        act("g-5", "annulment", json!({"annuls": "g-3", "reason": "错报", "approved_by": "chief"})),
        act("g-6", "marry_first", json!({"spouse": {"document": certificate(77_000_012)}})),
    ];
    let mut sent = Vec::new();
    for act in acts {
        let receipt = upstream.record(&act).await;
        sent.push(json!({"event": act, "position": receipt["position"],
            "person_id": receipt["person_id"]}));
    }
    let at = sent[sent.len() - 1]["position"].as_u64().expect("a position");
    oversee(&server, tokens, sent[1]["person_id"].as_str().expect("an id"), at).await;
    server.stop();
    sent
}

/// Somebody is protected, glass is broken for them, and somebody else looks into that. Who broke it
/// is not asked again: they see more for some minutes only.
async fn oversee(server: &Server, tokens: &Value, person: &str, told_at: u64) {
    let caller = |role: &str| server.caller(tokens[role].as_str().expect("a token"));
    let order = json!({"order": "P-1", "approved_by": "chief", "until": "2990-01-01"});
    let path = format!("/v1/persons/{person}/protection");
    ask(&caller("verifier"), &format!("/v1/persons/{person}"), told_at).await;
    let done = caller("admin").ask(&path, &order).await.with(201);
    let at = done["position"].as_u64().expect("a position");
    ask(&caller("verifier"), &format!("/v1/persons/{person}"), at).await;
    let asked = json!({"person": person, "ticket": "T-1", "reason": "走失", "minutes": 30});
    let broken = caller("clerk").ask("/v1/break-glass", &asked).await.with(201);
    let review = format!("/v1/audit/break-glass/{}/review", broken["id"]);
    let found = json!({"justified": true, "note": "属实"});
    let auditor = caller("auditor").purpose("audit");
    auditor.ask(&review, &found).await.with(201);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes the directory of the program of the day"]
async fn make_a_golden_directory() {
    let name = std::env::var("RENKOU_GOLDEN").expect("RENKOU_GOLDEN names the new directory");
    let folder = golden().join(name);
    assert!(!folder.exists(), "what was kept is never made again");
    let directory = Directory::make();
    let tokens = json!({
        "upstream": directory.token(&["--role", "upstream", "--department", "hlt", "--place", "99"]),
        "verifier": directory.token(&["--role", "verifier", "--purposes", "verification"]),
        "auditor": directory.token(&["--role", "auditor", "--purposes", "audit"]),
        "analyst": directory.token(&["--role", "analyst", "--purposes", "statistics"]),
        "admin": directory.token(&["--role", "admin"]),
        "clerk": directory.token(&["--role", "verifier", "--subject", "clerk", "--purposes", "verification"]),
    });
    let sent = tell(&directory, &tokens).await;
    let checkpoint = fs::read_to_string(directory.path().join("trees/events/checkpoint")).unwrap();
    let head: u64 = checkpoint.lines().nth(1).unwrap().parse().unwrap();

    let server = directory.serve();
    let caller = |role: &str| server.caller(tokens[role].as_str().expect("a token"));
    let list = ask(&caller("verifier"), "/v1/places/990101/people?limit=1000", head).await;
    let people = list["people"].as_array().expect("people");
    let person = |person: &Value| person["person_id"].as_str().expect("an id").to_owned();
    let every = people.len().div_ceil(KEPT_PERSONS - 2);
    let mut persons: Vec<_> = people.iter().step_by(every).map(person).collect();
    persons.extend(sent.iter().take(2).map(person));
    persons.sort();
    persons.dedup();
    let mut answers = Map::new();
    for (path, role, purpose) in questions(&persons) {
        let asked = caller(role).purpose(purpose).get_at(&path, head).await;
        if asked.status != 200 {
            continue;
        }
        let answer = lasting(&asked.body);
        answers.insert(path, json!({"as": role, "purpose": purpose, "answer": answer}));
    }
    server.stop();
    let due = json!({"head": head, "checkpoint": checkpoint, "tokens": tokens, "sent": sent,
        "answers": answers});
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("expected.json"), serde_json::to_string(&due).unwrap()).unwrap();
    let data = folder.join("data");
    copy(directory.path(), &data);
    fs::remove_dir_all(data.join("views")).unwrap();
    for lock in ["journal/lock", "reads/lock", "access.lock"] {
        let _ = fs::remove_file(data.join(lock));
    }
}
