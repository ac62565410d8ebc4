//! A disk that refuses, fills up or is slow, and a clock that goes back, under the real service:
//! `shim.c` stands between it and the system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::caller::{Answer, Caller, STRUCTURED};
use super::events::{VILLAGE, certificate, registration};
use super::server::{Directory, Server, root, told};

const EIO: &str = "5";
pub const ENOSPC: &str = "28";
/// Events that one trial sends at most.
const EVENTS: u32 = 40;

/// The shim, compiled once; `cc` is what the product itself needs to be built.
pub fn shim() -> &'static str {
    static SHIM: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = SHIM.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("shim.so");
        let source = root().join("tests/process/shim.c");
        let words = ["-shared", "-fPIC", "-O1", "-o"];
        let built = Command::new("cc").args(words).arg(&path).arg(source).arg("-ldl").status();
        assert!(built.expect("cc").success(), "the shim does not compile");
        (folder, path)
    });
    path.to_str().expect("a name in UTF-8")
}

/// A registry, and tokens of who writes and who reads.
pub struct Trial {
    pub directory: Directory,
    pub upstream: String,
    pub verifier: String,
    /// What was sent and, when it was acknowledged, the receipt.
    pub sent: Vec<(Value, Option<Value>)>,
}

impl Trial {
    pub fn make() -> Self {
        let directory = Directory::make();
        let upstream = directory.token(&["--role", "upstream"]);
        let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
        Self { directory, upstream, verifier, sent: Vec::new() }
    }

    pub fn serve(&self, faults: &[(&str, &str)]) -> Server {
        self.directory.serve_with(&[&[("LD_PRELOAD", shim())], faults].concat())
    }

    /// Sends new events, one after the other, until one is not acknowledged; gives how many were.
    async fn send(&mut self, server: &Server, count: u32) -> u32 {
        let caller = server.caller(&self.upstream);
        for done in 0..count {
            let number = self.sent.len() as u32;
            let event =
                registration(&format!("f-{number}"), &certificate(number), "赵钱孙", VILLAGE);
            let answer = caller.try_send(STRUCTURED, event.to_string()).await;
            let receipt = answer.ok().filter(|answer| answer.status == 201);
            let is_acknowledged = receipt.is_some();
            self.sent.push((event, receipt.map(|answer| answer.body)));
            if !is_acknowledged {
                return done;
            }
        }
        count
    }

    /// On a healthy machine everything that was acknowledged is there, and the rest can be sent.
    pub async fn assert_nothing_lost(&mut self) {
        let server = self.directory.serve();
        let caller = server.caller(&self.upstream);
        for (event, receipt) in &self.sent {
            let mut answer = caller.post(event).await;
            // A receipt that is given again has a proof once the event is in the signed tree.
            answer.body.as_object_mut().map(|told| told.remove("proof"));
            match receipt {
                None => assert!([200, 201].contains(&answer.status), "{}", answer.body),
                Some(receipt) => {
                    let mut due = receipt.clone();
                    due["status"] = json!("duplicate");
                    assert_eq!(answer.with(200), due);
                }
            }
        }
        server.stop();
        let check = self.directory.check();
        assert!(check.status.success(), "{}", told(&check));
        let whole = format!("The log is whole: {} events", self.sent.len());
        assert!(told(&check).contains(&whole), "{whole} is due: {}", told(&check));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_disk_ends_the_process_and_nothing_after_it_is_acknowledged() {
    // A sync that finds no room has failed as any other.
    let calls = [("sync", EIO), ("write", EIO), ("sync", ENOSPC)];
    for (path, (call, error)) in
        ["journal/0", "keys/slots"].into_iter().flat_map(|p| calls.map(|c| (p, c)))
    {
        for after in ["3", "9"] {
            let mut trial = Trial::make();
            let faults = [
                ("FAULT_PATH", path),
                ("FAULT_CALL", call),
                ("FAULT_ERROR", error),
                ("FAULT_AFTER", after),
            ];
            let mut server = trial.serve(&faults);
            let acknowledged = trial.send(&server, EVENTS).await;
            let what = format!("{call} of {path} after {after}");
            assert!(acknowledged < EVENTS, "{what}: the fault never came");
            let status = server.ended();
            assert!(!status.success(), "{what}: ended with {status}");
            let log = server.log();
            assert!(log.contains("the log failed; the process ends"), "{what}: {log}");
            trial.assert_nothing_lost().await;
        }
    }
}

/// All bytes of the log.
fn log_of(directory: &Directory) -> Vec<u8> {
    let folder = fs::read_dir(directory.path().join("journal")).expect("a folder");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "log"));
    files.sort();
    files.iter().flat_map(|file| fs::read(file).expect("a file")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_new_key_sealed_is_not_in_the_log_before_the_key_is_durable() {
    let mut trial = Trial::make();
    let hold = trial.directory.beside("hold");
    let faults = [
        ("FAULT_PATH", "keys/slots"),
        ("FAULT_CALL", "sync"),
        ("FAULT_HOLD", hold.to_str().expect("a name in UTF-8")),
    ];
    let server = trial.serve(&faults);
    assert_eq!(trial.send(&server, 2).await, 2);
    let before = log_of(&trial.directory);
    fs::write(&hold, "").expect("a file");
    let caller = server.caller(&trial.upstream);
    let event = registration("new-key", &certificate(99), "赵钱孙", VILLAGE);
    let mut sending = Box::pin(caller.try_send(STRUCTURED, event.to_string()));
    let waited = tokio::time::timeout(Duration::from_millis(500), &mut sending).await;
    assert!(waited.is_err(), "acknowledged though its key is not durable: {waited:?}");
    assert!(log_of(&trial.directory) == before, "it is in the log, and its key may be lost");
    fs::remove_file(&hold).expect("a file");
    let answer = sending.await.expect("an answer");
    trial.sent.push((event, Some(answer.with(201))));
    server.stop();
    trial.assert_nothing_lost().await;
}

/// Every question that is answered from the record of somebody, or that finds nobody.
fn questions(path: &str) -> Vec<(Method, String, Option<Value>)> {
    let get = |path: &str| (Method::GET, path.to_owned(), None);
    let ask = |path: &str, question| (Method::POST, path.to_owned(), Some(question));
    vec![
        get(path),
        get(&format!("{path}?valid_on=2026-03-02")),
        get(&format!("{path}/history")),
        get(&format!("{path}/flags")),
        get(&format!("{path}/accesses")),
        get(&format!("{path}/disclosures?item=full_name&value_at=1")),
        get("/v1/places/99/people"),
        get("/v1/audit/accesses"),
        ask("/v1/persons/search", json!({"full_name": "赵钱孙"})),
        ask("/v1/persons/search", json!({"full_name": "李四"})),
        ask("/v1/persons/lookup", json!({"document": certificate(0)})),
        ask("/v1/persons/lookup", json!({"document": certificate(99)})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_cannot_be_recorded_ends_the_process_unanswered() {
    let mut trial = Trial::make();
    let auditor = trial.directory.token(&["--role", "auditor", "--purposes", "audit"]);
    let server = trial.serve(&[]);
    trial.send(&server, 1).await;
    server.stop();
    let person = trial.sent[0].1.as_ref().expect("a receipt")["person_id"].clone();
    let path = format!("/v1/persons/{}", person.as_str().expect("an id"));
    let calls = [("sync", EIO), ("write", EIO), ("sync", ENOSPC)].into_iter().cycle();
    for ((method, path, question), (call, error)) in questions(&path).into_iter().zip(calls) {
        let faults = [("FAULT_PATH", "reads/0"), ("FAULT_CALL", call), ("FAULT_ERROR", error)];
        // An opening writes and syncs nothing of a log that is whole; some reads go well before.
        let mut server = trial.serve(&[&faults[..], &[("FAULT_AFTER", "3")]].concat());
        let reader = server.caller(&auditor).purpose("audit");
        let mut answered = 0;
        loop {
            let request = reader.request(method.clone(), &path).header("at-least", 1);
            let request = match &question {
                Some(question) => request.json(question),
                None => request,
            };
            let Ok(response) = request.send().await else { break };
            let answer = Answer::read(response).await;
            assert!([200, 404].contains(&answer.status), "{path}: {}", answer.body);
            answered += 1;
            assert!(answered < 40, "{path}: the fault never came");
        }
        assert!(answered <= 3, "{path}: {answered} answers, and {call} failed after three");
        assert!(!server.ended().success());
        assert!(server.log().contains("the log failed; the process ends"), "{}", server.log());
    }
    trial.assert_nothing_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_before_a_slow_disk_has_it() {
    let mut trial = Trial::make();
    for millis in [20, 150] {
        let delay = millis.to_string();
        let faults = [("FAULT_PATH", "journal/0"), ("FAULT_CALL", "sync"), ("FAULT_DELAY", &delay)];
        let server = trial.serve(&faults);
        for _ in 0..6 {
            let begun = Instant::now();
            assert_eq!(trial.send(&server, 1).await, 1);
            assert!(begun.elapsed() >= Duration::from_millis(millis), "before the sync");
        }
        server.kill();
    }
    trial.assert_nothing_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_recording_never_goes_back_though_the_clock_does() {
    let mut trial = Trial::make();
    let clock = trial.directory.beside("clock");
    let path = clock.to_str().expect("a name in UTF-8").to_owned();
    let set = |seconds: i64| fs::write(Path::new(&path), seconds.to_string()).expect("a file");
    set(0);
    for (now, then) in [(0, -7_200), (-3_600, -90_000), (500, -500)] {
        set(now);
        let server = trial.serve(&[("FAULT_CLOCK", &path)]);
        assert_eq!(trial.send(&server, 2).await, 2);
        set(then);
        assert_eq!(trial.send(&server, 3).await, 3);
        read_first(&server.caller(&trial.verifier), &trial).await;
        server.stop();
    }
    let times: Vec<jiff::Timestamp> = trial
        .sent
        .iter()
        .map(|(_, receipt)| {
            receipt.as_ref().expect("a receipt")["recorded_at"]
                .as_str()
                .expect("an instant")
                .parse()
                .expect("an instant")
        })
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(times.last() > times.first(), "the clock went on in between");
    trial.assert_nothing_lost().await;
}

async fn read_first(reader: &Caller, trial: &Trial) {
    let receipt = trial.sent[0].1.as_ref().expect("a receipt");
    let person = receipt["person_id"].as_str().expect("an id");
    let head = trial.sent.len() as u64;
    reader.get_at(&format!("/v1/persons/{person}"), head).await.with(200);
}
