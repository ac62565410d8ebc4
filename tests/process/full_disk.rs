//! A disk that is full, and then is not: events are refused, reads go on, nothing that was
//! acknowledged is lost, and nothing has to be started again.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::caller::{Answer, Caller};
use super::events::{VILLAGE, certificate, event, registration};
use super::faults::{ENOSPC, Trial};
use super::server::{Directory, Server, binary, command, told};
use super::small_disk::{MIB, SmallDisk};

const SENDERS: u32 = 6;
const PATIENCE: Duration = Duration::from_secs(120);

/// An event with the receipt that it was acknowledged by.
type Acknowledged = (Value, Value);

/// What senders share.
struct Course {
    is_over: AtomicBool,
    refused: AtomicU32,
    recorded: AtomicU32,
}

impl Course {
    fn begin() -> Arc<Self> {
        let (refused, recorded) = (AtomicU32::new(0), AtomicU32::new(0));
        Arc::new(Self { is_over: AtomicBool::new(false), refused, recorded })
    }

    /// Waits until a count has grown by so many.
    async fn wait_for(&self, count: &AtomicU32, more: u32, server: &Server) {
        let (begun, from) = (Instant::now(), count.load(Ordering::Relaxed));
        while count.load(Ordering::Relaxed) < from + more {
            assert!(begun.elapsed() < PATIENCE, "nothing goes on: {}", server.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The act of a number: somebody is registered, and then twice the telephone changes. So each is
/// decided upon what was decided before.
fn act(sender: u32, number: u32) -> Value {
    let id = format!("full-{sender}-{number}");
    let person = certificate(sender * 10_000 + number / 3 * 3);
    if number.is_multiple_of(3) {
        return registration(&id, &person, "赵钱孙", VILLAGE);
    }
    let items = json!({"items": {"phone": format!("1390000{number:04}")}});
    event(&id, "observation", &person, "2026-03-02", items)
}

/// Sends acts one after the other, each until it is recorded; every refusal must say why.
async fn send(caller: Caller, sender: u32, course: Arc<Course>) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        if course.is_over.load(Ordering::Relaxed) {
            break;
        }
        let act = act(sender, number);
        loop {
            let answer = caller.post(&act).await;
            match answer.status {
                200 | 201 => {
                    course.recorded.fetch_add(1, Ordering::Relaxed);
                    acknowledged.push((act, answer.body));
                    break;
                }
                _ => drop(answer.problem(503, "storage_full")),
            }
            course.refused.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    acknowledged
}

/// Everything stands where its receipt says, once.
async fn assert_all_there(caller: &Caller, acknowledged: &[Acknowledged]) {
    let lines: String = acknowledged.iter().map(|(act, _)| format!("{act}\n")).collect();
    let (answers, summary) = caller.stream(lines).await;
    assert_eq!(answers.len(), acknowledged.len(), "{summary}");
    for ((act, receipt), answer) in acknowledged.iter().zip(&answers) {
        assert_eq!(answer["status"], "duplicate", "{} was lost: {answer}", act["id"]);
        assert_eq!(answer["position"], receipt["position"], "{} stands elsewhere", act["id"]);
    }
}

fn assert_whole(check: &std::process::Output, events: usize) {
    assert!(check.status.success(), "{}", told(check));
    let whole = format!("The log is whole: {events} events");
    assert!(told(check).contains(&whole), "{whole} is due: {}", told(check));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_disk_refuses_is_given_back_whole_and_taken_once_there_is_room() {
    for path in ["journal/0", "keys/slots"] {
        let trial = Trial::make();
        let full = trial.directory.beside("full");
        let when = full.to_str().expect("a name in UTF-8");
        let faults = [
            ("FAULT_PATH", path),
            ("FAULT_CALL", "grow"),
            ("FAULT_ERROR", ENOSPC),
            ("FAULT_WHILE", when),
        ];
        let server = trial.serve(&faults);
        let course = Course::begin();
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| send(server.caller(&trial.upstream), sender, Arc::clone(&course)))
            .map(tokio::spawn)
            .collect();
        let reader = server.caller(&trial.verifier);
        course.wait_for(&course.recorded, 30, &server).await;
        for _ in 0..4 {
            fs::write(&full, "").expect("a file");
            course.wait_for(&course.refused, 20, &server).await;
            assert!(reader.look_up(&certificate(0)).await.is_some(), "reads go on");
            fs::remove_file(&full).expect("a file");
            course.wait_for(&course.recorded, 30, &server).await;
        }
        course.is_over.store(true, Ordering::Relaxed);
        let mut acknowledged = Vec::new();
        for sender in senders {
            acknowledged.extend(sender.await.expect("a sender"));
        }
        assert_all_there(&server.caller(&trial.upstream), &acknowledged).await;
        server.stop();
        assert_whole(&trial.directory.check(), acknowledged.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_there_is_no_room_to_record_is_refused_and_events_go_on() {
    let mut trial = Trial::make();
    let full = trial.directory.beside("full");
    let when = full.to_str().expect("a name in UTF-8").to_owned();
    let faults = [
        ("FAULT_PATH", "reads/0"),
        ("FAULT_CALL", "grow"),
        ("FAULT_ERROR", ENOSPC),
        ("FAULT_WHILE", &when),
    ];
    let server = trial.serve(&faults);
    let (upstream, reader) = (server.caller(&trial.upstream), server.caller(&trial.verifier));
    for number in 0..6 {
        let id = format!("f-{number}");
        let event = registration(&id, &certificate(number), "赵钱孙", VILLAGE);
        let receipt = upstream.record(&event).await;
        trial.sent.push((event, Some(receipt.clone())));
        let path = format!("/v1/persons/{}", receipt["person_id"].as_str().expect("an id"));
        let head = receipt["position"].as_u64().expect("a position");
        reader.get_at(&path, head).await.with(200);
        fs::write(&full, "").expect("a file");
        reader.get(&path).await.problem(503, "storage_full");
        let asked = json!({"document": certificate(number)});
        reader.ask("/v1/persons/lookup", &asked).await.problem(503, "storage_full");
        fs::remove_file(&full).expect("a file");
    }
    server.stop();
    trial.assert_nothing_lost().await;
}

fn on(disk: &SmallDisk, words: &[&str]) -> Command {
    let mut command = command(words);
    command.envs(disk.variables());
    command
}

fn serve(disk: &SmallDisk, log: &Path) -> Server {
    let data = disk.path("data");
    let _ = fs::remove_file(Path::new(&data).join("serve.json"));
    let words = ["serve", "--data", &data, "--listen", "127.0.0.1:0", "--disk-reserve", "16M"];
    let mut server = Server::spawn(on(disk, &words), log);
    let answers = server.wait_until_it_answers(&Path::new(&data).join("serve.json"));
    assert!(answers.is_ok(), "{}", server.log());
    server
}

/// Starts it, waits until it serves or has ended, and kills it: no view may be set aside.
fn start_and_kill(disk: &SmallDisk, log: &Path) {
    let data = disk.path("data");
    let words = ["serve", "--data", &data, "--listen", "127.0.0.1:0", "--disk-reserve", "16M"];
    let _ = fs::remove_file(Path::new(&data).join("serve.json"));
    let mut server = Server::spawn(on(disk, &words), log);
    let answers = server.wait_until_it_answers(&Path::new(&data).join("serve.json"));
    eprintln!("with no room at all: {answers:?}");
    server.kill();
    let names = fs::read_dir(&data).expect("a folder").map(|entry| entry.expect("a file"));
    let names: Vec<_> =
        names.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
    assert!(names.iter().all(|name| !name.starts_with("views.")), "{names:?}");
}

async fn readiness(caller: &Caller) -> Answer {
    caller.get("/readyz").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_takes_no_events_and_answers_reads_from_its_reserve() {
    binary();
    let beside = Directory::unmade();
    let Some(disk) = SmallDisk::mount(&beside.beside("disk"), 64) else {
        // Past what catches the output of tests that pass.
        let line = b"SKIPPED: nobody can mount a file system here; the shim's trial stands alone\n";
        std::io::Write::write_all(&mut std::io::stderr(), line).expect("stderr");
        return;
    };
    fill_up(&beside, &disk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_says_it_is_full_takes_no_events_and_answers_reads_from_its_reserve() {
    let beside = Directory::unmade();
    fill_up(&beside, &SmallDisk::make_believe(&beside.beside("disk"), 64)).await;
}

async fn fill_up(beside: &Directory, disk: &SmallDisk) {
    let data = disk.path("data");
    super::server::done(&["init", &data, "--fictional"]);
    let token = |role: &str| {
        let words = ["token", "create", "--data", &data, "--role", role];
        super::server::done(&[&words[..], &["--purposes", "verification"]].concat())
            .trim()
            .to_owned()
    };
    let tokens = ["upstream", "verifier", "admin"].map(token);
    let log = beside.beside("stderr");
    let mut server = serve(disk, &log);
    let course = Course::begin();
    let mut first = Vec::new();
    let mut acknowledged = Vec::new();
    for is_started_again in [false, true] {
        if is_started_again {
            // With no room at all it may not start, but nothing is taken for damaged.
            server.kill();
            disk.leave(0);
            start_and_kill(disk, &log);
            // It starts while the disk is full.
            disk.leave(8 * MIB);
            server = serve(disk, &log);
            let refused = server.caller(&tokens[0]).post(&act(99, 0)).await;
            refused.problem(503, "storage_full");
            disk.leave(40 * MIB);
        }
        course.is_over.store(false, Ordering::Relaxed);
        let base = if is_started_again { SENDERS } else { 0 };
        let senders: Vec<_> = (base..base + SENDERS)
            .map(|sender| send(server.caller(&tokens[0]), sender, Arc::clone(&course)))
            .map(tokio::spawn)
            .collect();
        let (reader, admin) = (server.caller(&tokens[1]), server.caller(&tokens[2]));
        course.wait_for(&course.recorded, 30, &server).await;
        // The events' share is gone, the reserve is there: who reads is answered.
        disk.leave(8 * MIB);
        course.wait_for(&course.refused, 20, &server).await;
        assert!(reader.look_up(&certificate(base * 10_000)).await.is_some(), "reads go on");
        assert_eq!(readiness(&reader).await.with(200)["events"], "storage_full");
        let gauges = admin.get("/metrics").await.with(200).to_string();
        assert!(gauges.contains("renkou_events_taken 0"), "{gauges}");
        assert!(gauges.contains("renkou_reads_taken 1"), "{gauges}");
        // The reserve is gone too.
        disk.leave(2 * MIB);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let asked = json!({"document": certificate(base * 10_000)});
        reader.ask("/v1/persons/lookup", &asked).await.problem(503, "storage_full");
        readiness(&reader).await.problem(503, "storage_full");
        assert_eq!(reader.get("/healthz").await.with(200)["status"], "ok");
        let gauges = admin.get("/metrics").await.with(200).to_string();
        assert!(gauges.contains("renkou_reads_taken 0"), "{gauges}");
        // There is room again: everything goes on by itself.
        disk.leave(40 * MIB);
        course.wait_for(&course.recorded, 30, &server).await;
        assert!(reader.look_up(&certificate(base * 10_000)).await.is_some());
        assert_eq!(readiness(&reader).await.with(200)["events"], "taken");
        course.is_over.store(true, Ordering::Relaxed);
        for sender in senders {
            acknowledged.extend(sender.await.expect("a sender"));
        }
        first.push(acknowledged.len());
        assert_all_there(&server.caller(&tokens[0]), &acknowledged).await;
    }
    assert!(first[0] < first[1], "both lives recorded something");
    server.stop();
    assert_whole(&super::server::run(&["replay", "check", "--data", &data]), acknowledged.len());
}
