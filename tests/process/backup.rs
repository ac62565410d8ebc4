//! Drills: a registry is backed up under load, lost, and restored, to its end and to a point.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::caller::Caller;
use super::events::{VILLAGE, certificate, event, registration};
use super::server::{Directory, Server, done, run, told};

/// A registry, and the places of its backups beside it.
pub struct Drill {
    /// The registry.
    pub directory: Directory,
    /// A token of somebody who sends.
    pub upstream: String,
    /// A token of somebody who reads.
    pub verifier: String,
}

impl Drill {
    /// A fictional registry.
    pub fn make() -> Self {
        let directory = Directory::make();
        let upstream = directory.token(&["--role", "upstream"]);
        let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
        Self { directory, upstream, verifier }
    }

    /// The name of something beside it.
    pub fn beside(&self, name: &str) -> String {
        self.directory.beside(name).to_str().expect("UTF-8").to_owned()
    }

    /// Backs up; gives up to which position of the events.
    pub fn back_up(&self) -> u64 {
        back_up(&self.directory, &self.beside("backup"), &self.beside("keys"))
    }

    /// `renkou backup verify`: whether the backup is whole, and what was told.
    pub fn verify(&self) -> (bool, String) {
        verify(&self.directory.beside("backup"), &[])
    }

    /// Restores into a directory beside; gives it and what was told.
    pub fn restore(&self, more: &[&str]) -> (Directory, String) {
        let (restored, output) = self.try_restore(more);
        assert!(output.0, "{}", output.1);
        (restored, output.1)
    }

    /// The same where it may fail; gives whether it was done too.
    pub fn try_restore(&self, more: &[&str]) -> (Directory, (bool, String)) {
        let restored = Directory::unmade();
        let (from, keys) = (self.beside("backup"), self.beside("keys"));
        let told = restore(&self.directory, &from, &keys, &restored, more);
        (restored, told)
    }
}

/// `renkou backup`; gives up to which position of the events.
fn back_up(directory: &Directory, to: &str, keys: &str) -> u64 {
    let output = run(&["backup", "--data", directory.data(), "--to", to, "--keys-to", keys]);
    assert!(output.status.success(), "{}", told(&output));
    assert!(!Path::new(to).join("master.key").exists());
    manifest(Path::new(to))["events"]["position"].as_u64().expect("a position")
}

/// `renkou restore` with the master key of a directory; gives whether it was done, and what was
/// told.
fn restore(
    directory: &Directory,
    from: &str,
    keys: &str,
    to: &Directory,
    more: &[&str],
) -> (bool, String) {
    let master = directory.path().join("master.key");
    let words = ["restore", "--from", from, "--keys-from", keys, "--data", to.data()];
    let words = [&words[..], &["--master-key", master.to_str().unwrap()], more].concat();
    let output = run(&words);
    (output.status.success(), told(&output))
}

/// The manifest of a backup; its first line is the hash of the rest.
pub fn manifest(target: &Path) -> Value {
    let text = fs::read_to_string(target.join("manifest")).expect("a manifest");
    serde_json::from_str(text.split_once('\n').expect("two parts").1).expect("JSON")
}

/// `renkou backup verify`.
pub fn verify(target: &Path, more: &[&str]) -> (bool, String) {
    let words = [&["backup", "verify", target.to_str().unwrap()], more].concat();
    let output = run(&words);
    (output.status.success(), told(&output))
}

/// Registers people in one stream of lines.
pub async fn send(server: &Server, upstream: &str, numbers: std::ops::Range<u32>) {
    let lines: String =
        numbers.clone().map(|number| registered(number).to_string() + "\n").collect();
    let (_, summary) = server.caller(upstream).stream(lines).await;
    assert_eq!(summary["recorded"], numbers.len(), "{summary}");
}

fn registered(number: u32) -> Value {
    registration(&format!("r-{number}"), &certificate(number), "赵钱孙", VILLAGE)
}

/// What a client was told: the number of the person, the position, the person.
type Acknowledged = (u32, u64, String);

/// Sends one event after the other until the service is gone or enough were sent.
async fn load(
    caller: Caller,
    numbers: std::ops::Range<u32>,
    sent: Arc<AtomicU64>,
) -> Vec<Acknowledged> {
    let mut known = Vec::new();
    for number in numbers {
        let sending = caller.try_send(super::caller::STRUCTURED, registered(number).to_string());
        let Ok(answer) = sending.await else { break };
        assert_eq!(answer.status, 201, "{}", answer.body);
        let position = answer.body["position"].as_u64().expect("a position");
        known.push((number, position, answer.body["person_id"].as_str().unwrap().to_owned()));
        sent.fetch_add(1, Ordering::Relaxed);
    }
    known
}

async fn until(sent: &AtomicU64, least: u64) {
    while sent.load(Ordering::Relaxed) < least {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The person of a certificate, once the views are at a position.
pub async fn person(reader: &Caller, number: u32, at_least: u64) -> String {
    reader.get_at("/v1/places/99/people?limit=1", at_least).await.with(200);
    reader.look_up(&certificate(number)).await.expect("a person")
}

/// The archive of a person, without how far the view was.
pub async fn archive(reader: &Caller, person: &str) -> Value {
    archive_of(reader, person, "").await
}

async fn archive_of(reader: &Caller, person: &str, query: &str) -> Value {
    let mut archive = reader.get(&format!("/v1/persons/{person}{query}")).await.with(200);
    archive.as_object_mut().expect("an object").remove("as_of").expect("how far it was");
    archive
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_was_lost_comes_back_from_its_backup() {
    let drill = Drill::make();
    let server = drill.directory.serve();
    send(&server, &drill.upstream, 0..2_000).await;
    let sent = Arc::new(AtomicU64::new(0));
    let clients = (0..4).map(|client| {
        let first = 10_000 * (client + 1);
        tokio::spawn(load(server.caller(&drill.upstream), first..first + 9_000, Arc::clone(&sent)))
    });
    let clients: Vec<_> = clients.collect();
    until(&sent, 50).await;
    let full = drill.back_up();
    assert!(full >= 2_000, "{full}");
    until(&sent, sent.load(Ordering::Relaxed) + 200).await;
    let end = drill.back_up();
    assert!(end >= full + 150, "{full} {end}");
    let (is_whole, said) = drill.verify();
    assert!(is_whole && said.contains(&format!("{end} events")), "{said}");
    until(&sent, sent.load(Ordering::Relaxed) + 50).await;
    server.kill();
    let mut known = Vec::new();
    for client in clients {
        known.extend(client.await.expect("a client"));
    }
    let newest = known.iter().map(|(_, position, _)| *position).max().expect("some");
    assert!(newest > end, "nothing came after the backup: {newest} {end}");

    let (restored, said) = drill.restore(&[]);
    assert!(said.contains(&format!("{end} events")) && said.contains('~'), "{said}");
    let checked = restored.check();
    assert!(checked.status.success(), "{}", told(&checked));
    assert!(told(&checked).contains(&format!("The log is whole: {end} events")));

    // What lies there still when nobody serves it is backed up to the last that was acknowledged.
    assert!(drill.back_up() >= newest);
    // The original goes on as it did, to be compared with.
    let (old, new) = (drill.directory.serve(), restored.serve());
    let (old_reader, new_reader) = (old.caller(&drill.verifier), new.caller(&drill.verifier));
    old_reader.get_at("/v1/places/99/people?limit=1", newest).await.with(200);
    let mut compared = 0;
    for (number, position, person) in &known {
        let again = new.caller(&drill.upstream).post(&registered(*number)).await;
        if *position <= end {
            // There, at its place; a re-sending is told so.
            let again = again.with(200);
            assert_eq!(
                (&again["status"], &again["position"]),
                (&json!("duplicate"), &json!(position))
            );
            if number % 7 == 0 {
                assert_eq!(archive(&new_reader, person).await, archive(&old_reader, person).await);
                compared += 1;
            }
        } else {
            // Gone with the machine; who sends it again has it recorded again.
            let again = again.with(201);
            assert_eq!(again["person_id"], json!(person));
        }
    }
    assert!(compared > 10, "{compared}");
    old.stop();
    new.stop();
    assert!(restored.check().status.success());
}

/// Checks a directory against the text of a checkpoint.
fn check_against(directory: &Directory, note: &str) -> (bool, String) {
    let file = directory.beside("kept");
    fs::write(&file, note).unwrap();
    let words = ["replay", "check", "--data", directory.data(), "--against"];
    let output = run(&[&words[..], &[file.to_str().unwrap()]].concat());
    (output.status.success(), told(&output))
}

/// The newest checkpoint of the events.
pub fn checkpoint(directory: &Directory) -> String {
    fs::read_to_string(directory.path().join("trees/events/checkpoint")).unwrap()
}

/// An instant as clients write it, in the query of a URL.
fn now() -> String {
    jiff::Timestamp::now().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_to_a_point_is_what_was_known_then_on_a_line_of_its_own() {
    let drill = Drill::make();
    let server = drill.directory.serve();
    send(&server, &drill.upstream, 0..120).await;
    server.stop();
    let early = checkpoint(&drill.directory);
    let server = drill.directory.serve();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let point = now();
    tokio::time::sleep(Duration::from_millis(5)).await;
    // Afterwards half of them move and some come.
    for number in (0..120).step_by(2) {
        let items = json!({"items": {"full_name": "李周吴", "phone": "99"}});
        let id = format!("o-{number}");
        let more = event(&id, "observation", &certificate(number), "2026-03-02", items);
        server.caller(&drill.upstream).record(&more).await;
    }
    send(&server, &drill.upstream, 200..230).await;
    server.stop();
    let late = checkpoint(&drill.directory);
    assert_eq!(drill.back_up(), 210);

    let (restored, said) = drill.restore(&["--to-time", &point]);
    assert!(said.contains("120 events"), "{said}");
    // By position it is the same, and a position inside a group takes what lies before the group.
    let (by_position, said) = drill.restore(&["--to-position", "120"]);
    assert!(said.contains("120 events"), "{said}");
    assert!(by_position.check().status.success());
    let checked = restored.check();
    assert!(checked.status.success(), "{}", told(&checked));
    let (old, new) = (drill.directory.serve(), restored.serve());
    let (old_reader, new_reader) = (old.caller(&drill.verifier), new.caller(&drill.verifier));
    new_reader.get_at("/v1/places/99/people?limit=1", 120).await.with(200);
    let then = point.replace(':', "%3A");
    for number in 0..120 {
        let person = person(&old_reader, number, 210).await;
        let was = archive_of(&old_reader, &person, &format!("?known_at={then}")).await;
        let is = archive(&new_reader, &person).await;
        assert_eq!(is, was, "{number}");
    }
    assert!(new_reader.look_up(&certificate(205)).await.is_none());
    send(&new, &drill.upstream, 300..340).await;
    old.stop();
    new.stop();

    // What was signed stays true: nothing else is ever signed under the old key, a checkpoint of
    // what is still there can be held against the new line, and one of what is not says so.
    let own = checkpoint(&restored);
    let log_keys = |directory: &Directory| done(&["log-key", "--data", directory.data()]);
    assert!(own.contains("~120-") && !late.contains('~'), "{own}");
    assert_ne!(log_keys(&restored), log_keys(&drill.directory));
    for (note, is_good) in [(&own, true), (&early, true), (&late, false)] {
        let (found, said) = check_against(&restored, note);
        assert_eq!(found, is_good, "{said}");
    }
    assert!(check_against(&restored, &late).1.contains("with the first 120 of them"));
    // A backup of the new line knows the lines before it, whichever way it goes on.
    let (to, keys) = (drill.beside("backup-2"), drill.beside("keys-2"));
    assert_eq!(back_up(&restored, &to, &keys), 160);
    let kept = drill.directory.beside("own");
    fs::write(&kept, &own).unwrap();
    for more in [&["--continues", kept.to_str().unwrap()][..], &[], &["--to-position", "130"]] {
        let again = Directory::unmade();
        let (is_done, said) = restore(&restored, &to, &keys, &again, more);
        assert!(is_done, "{said}");
        let goes_as_far = more != ["--to-position", "130"];
        for (note, is_good) in [(&early, true), (&own, goes_as_far), (&late, false)] {
            let (found, said) = check_against(&again, note);
            assert_eq!(found, is_good, "{more:?}: {said}");
        }
    }
    // The old backup is not continued by the new line.
    let (to, keys) = (drill.beside("backup"), drill.beside("keys"));
    let output = run(&["backup", "--data", restored.data(), "--to", &to, "--keys-to", &keys]);
    assert!(told(&output).contains("another registry, or of one before it was restored"));
}

/// Only who shows what was published last goes on under the key that signed it.
#[tokio::test(flavor = "multi_thread")]
async fn the_old_line_goes_on_only_with_all_that_it_signed() {
    let drill = Drill::make();
    let server = drill.directory.serve();
    send(&server, &drill.upstream, 0..50).await;
    server.stop();
    let kept = drill.directory.beside("kept");
    fs::write(&kept, checkpoint(&drill.directory)).unwrap();
    drill.back_up();
    let continues = ["--continues", kept.to_str().unwrap()];
    let (restored, said) = drill.restore(&continues);
    assert!(!said.contains('~'), "{said}");
    let server = restored.serve();
    send(&server, &drill.upstream, 50..60).await;
    server.stop();
    let (is_good, said) = check_against(&restored, &fs::read_to_string(&kept).unwrap());
    assert!(is_good, "{said}");
    let server = drill.directory.serve();
    send(&server, &drill.upstream, 50..80).await;
    server.stop();
    fs::write(&kept, checkpoint(&drill.directory)).unwrap();
    for more in [&continues[..], &["--continues", kept.to_str().unwrap(), "--to-position", "20"]] {
        let (_, (is_done, said)) = drill.try_restore(more);
        assert!(!is_done && said.contains("cannot go on under the same key"), "{said}");
    }
}

/// Neither a copy of the keys that is older than an erasure, nor a point before it, brings back
/// whom the backup says to be erased.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_erased_stays_erased_when_an_earlier_point_is_restored() {
    let drill = Drill::make();
    let admin = drill.directory.token(&["--role", "admin"]);
    let server = drill.directory.serve();
    let upstream = server.caller(&drill.upstream);
    // Nobody is read about: the keys of before are those of every read.
    let [erased, other] = [
        upstream.record(&registered(1)).await["person_id"].clone(),
        upstream.record(&registered(2)).await["person_id"].clone(),
    ];
    let (erased, other) = (erased.as_str().expect("an id"), other.as_str().expect("an id"));
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    let before = drill.back_up();
    assert_eq!(before, 2);
    let order = json!({"order": "K-1", "approved_by": "chief"});
    let path = format!("/v1/persons/{erased}/erasure");
    let asked = server.caller(&admin).request(reqwest::Method::POST, &path).json(&order);
    assert_eq!(asked.send().await.expect("an answer").status(), 201);
    server.stop();
    // The log goes on in the same backup, the keys in another one: those of before are left as
    // they were.
    let newer = back_up(&drill.directory, &drill.beside("backup"), &drill.beside("newer-keys"));
    assert!(newer > before, "{newer}");
    let (restored, _) = drill.restore(&["--to-position", &before.to_string()]);
    let server = restored.serve();
    let reader = server.caller(&drill.verifier);
    archive(&reader, other).await;
    let gone = reader.get(&format!("/v1/persons/{erased}")).await;
    assert!([404, 410].contains(&gone.status), "{}", gone.body);
    assert_eq!(reader.look_up(&certificate(1)).await, None);
    server.stop();
    let checked = restored.check();
    assert!(checked.status.success(), "{}", told(&checked));
}
