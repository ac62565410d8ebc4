//! `kill -9` around erasures, and what is left of erased persons afterwards: nothing that can be
//! read, in a log that still verifies.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::caller::Caller;
use super::events::{VILLAGE, certificate, event, registration};
use super::server::{Directory, done, told};
use super::tampering::{WITNESS, verified};

/// Rounds, unless `RENKOU_KILL_ROUNDS` asks for more.
const ROUNDS: u32 = 6;
const PEOPLE_OF_ROUND: u32 = 24;
const KILLED_AFTER_MILLIS_MAX: u64 = 120;

/// The name of somebody: nobody else has it.
fn name(number: u32) -> String {
    format!("金丝雀㐂{number:05}")
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Records people, each with a second event; gives their ids.
async fn people(upstream: &Caller, numbers: std::ops::Range<u32>) -> Vec<String> {
    let mut ids = Vec::new();
    for number in numbers {
        let sent =
            registration(&format!("r-{number}"), &certificate(number), &name(number), VILLAGE);
        let receipt = upstream.record(&sent).await;
        let more = json!({"items": {"employer": name(number)}});
        let more =
            event(&format!("o-{number}"), "observation", &certificate(number), "2026-03-05", more);
        upstream.record(&more).await;
        ids.push(receipt["person_id"].as_str().expect("an id").to_owned());
    }
    ids
}

/// Erases one after the other until the service is gone; gives those that were acknowledged.
async fn erase(admin: Caller, ids: Vec<String>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for id in ids {
        let order = json!({"order": format!("K-{id}"), "approved_by": "chief"});
        let path = format!("/v1/persons/{id}/erasure");
        let request = admin.request(reqwest::Method::POST, &path).json(&order);
        match request.send().await {
            Ok(response) if response.status() == 201 => acknowledged.push(id),
            Ok(response) => panic!("{}", response.status()),
            Err(_) => break,
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_was_acknowledged_survives_kill_9_and_one_that_began_is_ended() {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let admin = directory.token(&["--role", "admin"]);
    let auditor = directory.token(&["--role", "auditor", "--purposes", "audit"]);
    let rounds = std::env::var("RENKOU_KILL_ROUNDS").ok();
    let rounds = rounds.map_or(ROUNDS, |text| text.parse().expect("a number of rounds"));
    let mut dice = Dice(20_261_124);
    let (mut all, mut acknowledged) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let server = directory.serve();
        let first = round * PEOPLE_OF_ROUND;
        let ids = people(&server.caller(&upstream), first..first + PEOPLE_OF_ROUND).await;
        let erasing = tokio::spawn(erase(server.caller(&admin), ids.clone()));
        tokio::time::sleep(Duration::from_millis(dice.below(KILLED_AFTER_MILLIS_MAX))).await;
        server.kill();
        acknowledged.extend(erasing.await.expect("an answer"));
        all.extend(ids);
    }
    assert!(acknowledged.len() < all.len(), "no erasure was cut off");
    let server = directory.serve();
    let reader = server.caller(&auditor).purpose("audit");
    let mut erased = 0;
    // After a kill the views have some events to read first.
    let head = reader.get("/readyz").await.with(200)["head"].as_u64().expect("a position");
    for id in &all {
        let archive = reader.get_at(&format!("/v1/persons/{id}"), head).await;
        let history = reader.get_at(&format!("/v1/persons/{id}/history"), head).await.with(200);
        let events = history["events"].as_array().expect("events").iter();
        let kinds: Vec<_> = events.map(|event| event["event"].as_str().expect("a kind")).collect();
        // All of it or nothing: the event is there, or the archive is.
        match archive.status {
            410 => assert_eq!(kinds, ["registration", "observation", "erased"]),
            _ => {
                archive.with(200);
                assert_eq!(kinds, ["registration", "observation"]);
                assert!(!acknowledged.contains(id), "an acknowledged erasure was lost");
            }
        }
        erased += usize::from(kinds.len() == 3);
    }
    assert!(erased >= acknowledged.len() && erased > 0);
    server.stop();
    let check = directory.check();
    assert!(check.status.success(), "{}", told(&check));
}

/// Fault F18 of the trust paper: canaries erased, the log verified before and after.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_erased_persons_leave_no_trace_and_every_proof() {
    const CANARIES: u32 = 100;
    let directory = Directory::make();
    let token = |role, purposes: &[&str]| directory.token(&[&["--role", role], purposes].concat());
    let (upstream, admin) = (token("upstream", &[]), token("admin", &[]));
    let auditor = token("auditor", &["--purposes", "audit,verification"]);
    let vkey = done(&["log-key", "--data", directory.data()]);
    let vkey = vkey.lines().next().expect("the log of events");
    fs::write(directory.path().join("witnesses"), WITNESS).expect("written");
    let server = directory.serve();
    let ids = people(&server.caller(&upstream), 0..CANARIES + 20).await;
    let reader = server.caller(&auditor).purpose("audit");
    let size = u64::from(2 * (CANARIES + 20));
    reader.get_at("/v1/log/checkpoint", size).await.with(200);
    let before = verified(&server, &auditor, vkey, None);
    let old = before["checkpoint"].as_str().expect("a checkpoint").to_owned();
    let (canaries, others) = ids.split_at(CANARIES as usize);
    for id in &canaries[..10] {
        reader.get(&format!("/v1/persons/{id}")).await.with(200);
    }
    let erased = erase(server.caller(&admin), canaries.to_vec()).await;
    assert_eq!(erased.len(), canaries.len());
    reader.get_at("/v1/log/checkpoint", size + u64::from(CANARIES)).await.with(200);
    let after = verified(&server, &auditor, vkey, Some(&old));
    assert_eq!(after["size"], json!(size + u64::from(CANARIES)));
    for id in canaries {
        reader.get(&format!("/v1/persons/{id}")).await.problem(410, "erased");
        let history = reader.get(&format!("/v1/persons/{id}/history")).await.with(200);
        let events = history["events"].as_array().expect("events");
        assert!(events[..2].iter().all(|event| event["erased"] == true));
    }
    for (id, number) in others.iter().zip(CANARIES..) {
        let archive = reader.get(&format!("/v1/persons/{id}")).await.with(200);
        assert_eq!(archive["items"]["full_name"]["value"], json!(name(number)));
    }
    let log = server.log();
    server.stop();
    let exported = canaries.iter().map(|id| {
        done(&["replay", "person", id, "--data", directory.data(), "--purpose", "audit"])
    });
    let exported: Vec<String> = exported.collect();
    for number in 0..CANARIES {
        let texts = [name(number), format!("X99{number:08}")];
        for text in &texts {
            assert!(!log.contains(text) && exported.iter().all(|life| !life.contains(text)));
        }
    }
    assert_eq!(reads_of(&directory, &canaries[..10]), 10);
    assert_eq!(found(&directory, "金丝雀") + found(&directory, "X990000"), 0);
    let check = directory.check();
    assert!(check.status.success(), "{}", told(&check));
    let whole: Value = json!(format!("The log is whole: {} events,", size + u64::from(CANARIES)));
    assert!(told(&check).contains(whole.as_str().unwrap()), "{}", told(&check));
}

/// How many reads of some persons are on record still; no read says a value.
fn reads_of(directory: &Directory, persons: &[String]) -> usize {
    let home = api::registry::Home::open(directory.path()).expect("a registry");
    let logs = home.logs_read_only().expect("logs");
    let reads = replay::LogReader::new(logs.reads, logs.log.keys().clone());
    let reads = reads.events(domain::Position(1), 100_000).expect("reads");
    for read in &reads {
        let said = read.payload.as_ref().map(domain::Payload::to_json).unwrap_or_default();
        let said = String::from_utf8(said).expect("JSON");
        assert!(!said.contains("金丝雀") && !said.contains("X990"), "{said}");
    }
    let about = |id: &uuid::Uuid| persons.contains(&id.to_string());
    // What was asked about them afterwards is sealed for the registry itself.
    let is_before = |read: &&domain::recorded::Recorded| read.envelope.sealed_for.is_none();
    let theirs = reads.iter().filter(|read| about(&read.envelope.stream.id)).filter(is_before);
    theirs.inspect(|read| assert!(read.payload.is_none())).count()
}

/// In how many files of the directory a text stands.
fn found(directory: &Directory, text: &str) -> usize {
    let mut folders = vec![directory.path().to_owned()];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(path).expect("readable");
            found += usize::from(bytes.windows(text.len()).any(|part| part == text.as_bytes()));
        }
    }
    found
}
