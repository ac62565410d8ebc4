//! A start that takes long: the service lives meanwhile, reads no sealed file that nobody wrote to
//! since, and reads it after all while it serves.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use journal::Options;
use serde_json::{Value, json};

use super::caller::Caller;
use super::events::{VILLAGE, certificate, registration};
use super::faults::shim;
use super::server::{Directory, Server, command};
use super::tampering::{PEOPLE, rewrite_in, signed};

const PATIENCE: Duration = Duration::from_secs(120);
/// After so long the system tells every write to a file apart from those before.
const SETTLED: Duration = Duration::from_secs(4);
const SMALL: Options = Options { roll_bytes: 40_000, ahead_bytes: 0 };

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_checks_its_log_lives_and_says_how_far_it_is() {
    let (directory, auditor) = signed().await;
    let hold = directory.beside("hold");
    fs::write(&hold, "").expect("a file");
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number");
    let listen = free.to_string();
    let mut serve = command(&["serve", "--data", directory.data(), "--listen", &listen]);
    serve.env("LD_PRELOAD", shim()).envs([
        ("FAULT_PATH", "journal/0"),
        ("FAULT_CALL", "read"),
        ("FAULT_HOLD", hold.to_str().expect("a name in UTF-8")),
    ]);
    fs::remove_file(directory.path().join("serve.json")).ok();
    let mut server = Server::spawn(serve, &directory.beside("stderr"));
    let caller = Caller::new(&format!("http://{listen}"), &auditor);
    let begun = Instant::now();
    let health = loop {
        let asked = caller.request(reqwest::Method::GET, "/healthz").send().await;
        if let Ok(answer) = asked {
            break answer.status();
        }
        assert!(begun.elapsed() < PATIENCE, "it does not listen: {}", server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(health, 200);
    let told = caller.get("/readyz").await.problem(503, "checking");
    assert_eq!(told["checked"]["stage"], "logs", "{told}");
    assert!(told["checked"]["done"].is_u64() && told["checked"]["of"].is_u64(), "{told}");
    let event = registration("o-1", &certificate(9_999), "赵钱孙", VILLAGE);
    caller.post(&event).await.problem(503, "checking");
    caller.get("/v1/places/99/people").await.problem(503, "checking");
    fs::remove_file(&hold).expect("a file");
    server.wait_until_it_answers(&directory.path().join("serve.json")).expect("it opens");
    assert_eq!(caller.get("/readyz").await.with(200)["status"], "ready");
    server.stop();
}

fn sealed(directory: &Directory) -> Vec<PathBuf> {
    let folder = fs::read_dir(directory.path().join("journal")).expect("a folder");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "log"));
    files.sort();
    files.pop();
    files
}

/// A registry over a log of many files, which kept what the sealed ones hold.
async fn of_many_files() -> (Directory, String) {
    let (directory, auditor) = signed().await;
    rewrite_in(&directory, SMALL, |_| {});
    assert!(sealed(&directory).len() > 4, "{:?}", sealed(&directory));
    tokio::time::sleep(SETTLED).await;
    let server = directory.serve();
    // Nothing was kept of the files, so all of them were read at the start.
    assert_eq!(proved(&server, &auditor).await["of"], 0);
    server.stop();
    for file in sealed(&directory) {
        assert!(file.with_extension("marks").exists(), "{}", file.display());
    }
    (directory, auditor)
}

async fn proved(server: &Server, auditor: &str) -> Value {
    server.caller(auditor).get("/readyz").await.with(200)["proved"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_start_did_not_read_is_read_while_the_service_runs() {
    let (directory, auditor) = of_many_files().await;
    let server = directory.serve();
    let all = json!({"done": PEOPLE, "of": PEOPLE});
    let begun = Instant::now();
    while proved(&server, &auditor).await != all {
        assert!(begun.elapsed() < PATIENCE, "{}", proved(&server, &auditor).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let person = server.caller(&auditor).purpose("audit").look_up(&certificate(3)).await;
    assert!(person.is_some());
    server.stop();
    assert!(directory.check().status.success());
}

/// Alters a byte of a record of a sealed file and the checksums over it. With `forged`, what was
/// kept of the file is made to fit, as somebody would who knows all about it.
fn alter(file: &Path, forged: bool) {
    let mut bytes = fs::read(file).expect("a file");
    let number = |bytes: &[u8], at: usize| {
        u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
    };
    // The first record of the first frame: the last byte of what is sealed in it.
    let (header, body) = (28, 28 + 8);
    let end = body + number(&bytes, header);
    bytes[end - 1] ^= 1;
    let record = crc32c::crc32c(&bytes[body..end]).to_le_bytes();
    bytes[header + 4..body].copy_from_slice(&record);
    let frame_end = header + number(&bytes, 4);
    let bodies = crc32c::crc32c(&bytes[header..frame_end]).to_le_bytes();
    bytes[20..24].copy_from_slice(&bodies);
    let head = crc32c::crc32c(&bytes[..24]).to_le_bytes();
    bytes[24..28].copy_from_slice(&head);
    fs::write(file, &bytes).expect("a file");
    if forged {
        let told = fs::metadata(file).expect("a file");
        let kept = file.with_extension("marks");
        let mut marks = fs::read(&kept).expect("what was kept");
        marks[8..16].copy_from_slice(&told.ino().to_le_bytes());
        let times = [told.mtime(), told.mtime_nsec(), told.ctime(), told.ctime_nsec()];
        for (at, number) in (32..).step_by(8).zip(times) {
            marks[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        let end = marks.len() - 4;
        let checksum = crc32c::crc32c(&marks[..end]).to_le_bytes();
        marks[end..].copy_from_slice(&checksum);
        fs::write(&kept, marks).expect("a file");
    }
}

fn first_position(file: &Path) -> u64 {
    file.file_stem().and_then(|name| name.to_str()).expect("a name").parse().expect("a position")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_file_that_was_written_to_is_read_at_the_start_and_one_that_seems_not_to_ends_it()
{
    let (directory, _) = of_many_files().await;
    let file = sealed(&directory)[2].clone();
    let named = format!("position {}", first_position(&file));

    alter(&file, false);
    let (status, log) = directory.serve_in_vain(&[]);
    assert_eq!(status.code(), Some(1));
    assert!(log.contains(&named), "{named}: {log}");

    // The second time makes it what it was.
    alter(&file, false);
    alter(&file, true);
    fs::remove_file(directory.beside("stderr")).expect("a file");
    let mut server = directory.spawn(&[]);
    // Whether it came to serve before it ended is left to chance.
    let status = server.ended();
    assert!(!status.success());
    assert!(server.log().contains(&named), "{named}: {}", server.log());
    assert!(server.log().contains("the log failed; the process ends"), "{}", server.log());
    // From then on nothing is served of it.
    let (status, log) = directory.serve_in_vain(&[]);
    assert_eq!(status.code(), Some(1));
    assert!(log.contains(&named), "{log}");
}
