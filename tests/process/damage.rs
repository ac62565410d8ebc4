//! Bytes that are not what was written: found and named in the log, never served, and harmless in
//! the views, which are made anew.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde_json::{Value, json};

use super::caller::Caller;
use super::events::{VILLAGE, certificate, event, registration};
use super::server::{Directory, done, told};

const PEOPLE: u32 = 120;
/// Places at which each file is damaged, in turn, on copies of the registry.
const PLACES: u64 = 16;

/// A registry that was used and ended cleanly, the token of a verifier, and the head of its log.
pub async fn used() -> (Directory, String, u64) {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let verifier = directory.token(&["--role", "verifier", "--purposes", "verification"]);
    let server = directory.serve();
    let mut lines = String::new();
    for number in 0..PEOPLE {
        let id = format!("r-{number}");
        lines += &registration(&id, &certificate(number), "赵钱孙", VILLAGE).to_string();
        lines.push('\n');
        let more = json!({"items": {"health_code": "20", "employer": "丰田汽车有限公司"}});
        let seen =
            event(&format!("o-{number}"), "observation", &certificate(number), "2026-03-02", more);
        lines += &format!("{seen}\n");
    }
    let (_, summary) = server.caller(&upstream).stream(lines).await;
    assert_eq!(summary["recorded"], 2 * PEOPLE);
    answers(&server.caller(&verifier), 2 * u64::from(PEOPLE)).await;
    server.stop();
    (directory, verifier, 2 * u64::from(PEOPLE))
}

/// What a reader is told of everybody, and of the measures.
pub async fn answers(reader: &Caller, head: u64) -> Vec<Value> {
    let list = reader.get_at("/v1/places/990101/people?limit=1000", head).await.with(200);
    let people = list["people"].as_array().expect("people").clone();
    assert_eq!(people.len(), PEOPLE as usize);
    let mut told = vec![list];
    for person in people {
        let path = format!("/v1/persons/{}", person["person_id"].as_str().expect("an id"));
        told.push(reader.get(&path).await.with(200));
    }
    told
}

/// Flips a bit.
pub fn flip(path: &Path, offset: u64) {
    let file = File::options().read(true).write(true).open(path).expect("a file");
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).expect("a byte");
    file.write_all_at(&[byte[0] ^ 0x10], offset).expect("a byte");
}

/// Bytes all over what is written of a file, the first and the last among them.
fn places(path: &Path) -> Vec<u64> {
    let bytes = fs::read(path).expect("a file");
    let last =
        bytes.iter().rposition(|byte| *byte != 0).expect("a file that says something") as u64;
    assert!(last > PLACES, "{} has {last} bytes", path.display());
    (0..PLACES).map(|place| last * place / (PLACES - 1)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn check_finds_a_flipped_byte() {
    let (directory, _, _) = used().await;
    assert!(directory.check().status.success());
    for log in ["journal/00000000000000000001.log", "reads/00000000000000000001.log"] {
        for offset in places(&directory.path().join(log)) {
            let copy = directory.copy();
            flip(&copy.path().join(log), offset);
            let check = copy.check();
            let told = told(&check);
            assert_eq!(check.status.code(), Some(1), "{log} at {offset}: {told}");
            let names =
                told.contains(log) && told.contains("at byte ") || told.contains("position ");
            assert!(names, "{log} at {offset}: {told}");
            let (status, log_text) = copy.serve_in_vain(&[]);
            assert_eq!(status.code(), Some(1), "{log} at {offset}: {log_text}");
        }
    }
    for offset in places(&directory.path().join("keys/slots")) {
        let copy = directory.copy();
        flip(&copy.path().join("keys/slots"), offset);
        let check = copy.check();
        let told = told(&check);
        assert_eq!(check.status.code(), Some(1), "slots at {offset}: {told}");
        assert!(told.contains(&format!("at byte {}", offset / 80 * 80)), "{offset}: {told}");
        assert_eq!(copy.serve_in_vain(&[]).0.code(), Some(1), "slots at {offset}");
    }
}

/// The heads only save work: damaged or gone, they are made anew.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_heads_are_made_anew() {
    let (directory, verifier, _) = used().await;
    for offset in places(&directory.path().join("journal/heads")) {
        let copy = directory.copy();
        flip(&copy.path().join("journal/heads"), offset);
        assert!(copy.check().status.success(), "heads at {offset}");
    }
    fs::remove_file(directory.path().join("journal/heads")).expect("a file");
    let server = directory.serve();
    answers(&server.caller(&verifier), 2 * u64::from(PEOPLE)).await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_that_changes_under_a_running_service_is_never_served() {
    let (directory, verifier, _) = used().await;
    let log = directory.path().join("journal/00000000000000000001.log");
    let server = directory.serve();
    let reader = server.caller(&verifier);
    let whole = answers(&reader, 0).await;
    let people: Vec<_> = whole[0]["people"].as_array().expect("people").iter().collect();
    let mut refused = 0;
    for offset in places(&log) {
        flip(&log, offset);
        for person in &people {
            let path = format!("/v1/persons/{}/history", person["person_id"].as_str().expect("id"));
            let answer = reader.get(&path).await;
            if answer.status == 500 {
                answer.problem(500, "internal");
                refused += 1;
                continue;
            }
            let events = answer.with(200)["events"].as_array().expect("events").len();
            assert_eq!(events, 2, "byte {offset}");
        }
        flip(&log, offset);
    }
    assert!(refused as u64 >= PLACES - 2, "{refused} histories were refused");
    assert_eq!(answers(&reader, 0).await, whole);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn views_that_are_gone_or_damaged_are_made_anew() {
    let (directory, verifier, _) = used().await;
    let head = 2 * u64::from(PEOPLE);
    let server = directory.serve();
    let whole = answers(&server.caller(&verifier), head).await;
    server.stop();

    let gone = directory.copy();
    fs::remove_dir_all(gone.path().join("views")).expect("the views");
    let server = gone.serve();
    assert_eq!(answers(&server.caller(&verifier), head).await, whole);
    server.stop();
    assert!(gone.check().status.success());

    let torn = directory.copy();
    for file in ["db", "conf"] {
        fs::write(torn.path().join("views").join(file), "not a store at all").expect("a file");
    }
    let check = torn.check();
    assert_eq!(check.status.code(), Some(1), "{}", told(&check));
    let server = torn.serve();
    assert_eq!(answers(&server.caller(&verifier), head).await, whole);
    server.stop();
    assert!(torn.path().join("views.set-aside-1").exists(), "the damaged store is kept");
    assert!(torn.check().status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_of_the_views_is_never_served() {
    let (directory, verifier, _) = used().await;
    let head = 2 * u64::from(PEOPLE);
    let server = directory.serve();
    let whole = answers(&server.caller(&verifier), head).await;
    server.stop();
    let mut found = 0;
    for offset in places(&directory.path().join("views/db")) {
        let copy = directory.copy();
        flip(&copy.path().join("views/db"), offset);
        let check = copy.check();
        let code = check.status.code();
        assert!(matches!(code, Some(0 | 1)), "views at {offset}: {code:?} {}", told(&check));
        found += u32::from(code == Some(1));
        // Whether a byte of the store matters is its own affair; wrong answers are not.
        let server = copy.serve();
        let reader = server.caller(&verifier);
        for due in &whole[1..] {
            let path = format!("/v1/persons/{}", due["person_id"].as_str().expect("an id"));
            let answer = reader.get_at(&path, head).await;
            if answer.status == 500 || answer.status == 503 {
                break;
            }
            assert_eq!(answer.with(200), *due, "views at {offset}");
        }
        server.kill();
        done(&["replay", "rebuild", "--data", copy.data()]);
        assert!(copy.check().status.success(), "views at {offset}");
    }
    assert!(u64::from(found) >= PLACES / 2, "{found} flipped bytes of the views were found");
}
