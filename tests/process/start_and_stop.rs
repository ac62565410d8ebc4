//! Starting and stopping: one process a registry, clear refusals, a clean end.

use std::fs;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::caller::{Caller, LINES};
use super::events::{certificate, event};
use super::server::{Directory, run, told};

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_cannot_open_one_registry() {
    let directory = Directory::make();
    let token = directory.token(&["--role", "upstream"]);
    let first = directory.serve();
    let words = ["serve", "--data", directory.data(), "--listen", "127.0.0.1:0"];
    for words in [&words[..], &["replay", "rebuild", "--data", directory.data()]] {
        let second = run(words);
        assert_eq!(second.status.code(), Some(1), "{words:?}");
        let told = told(&second);
        assert!(told.contains("another process writes this log"), "{told}");
    }
    // The first one goes on as if nothing had been.
    let sent = event("a", "registration", &certificate(1), "2026-03-01", json!({}));
    first.caller(&token).record(&sent).await;
    assert!(directory.path().join("serve.json").exists(), "the first one still answers");
    first.stop();
    assert!(!directory.path().join("serve.json").exists(), "nobody answers any more");
    assert!(directory.check().status.success());
}

#[test]
fn init_refuses_a_directory_that_is_not_empty() {
    let directory = Directory::unmade();
    fs::create_dir(directory.path()).expect("a folder");
    fs::write(directory.path().join("letter"), "kept").expect("a file");
    let refused = run(&["init", directory.data()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(told(&refused).contains("is not empty"), "{}", told(&refused));
    let left: Vec<_> = fs::read_dir(directory.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "nothing was added");

    let made = Directory::make();
    let key = fs::read(made.path().join("master.key")).expect("a key");
    assert_eq!(run(&["init", made.data(), "--fictional"]).status.code(), Some(1));
    assert_eq!(fs::read(made.path().join("master.key")).expect("a key"), key);
}

#[test]
fn serve_needs_an_initialised_directory() {
    let directory = Directory::unmade();
    let (status, log) = directory.serve_in_vain(&[]);
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("holds no registry; make one with `renkou init`"), "{log}");
    assert!(!directory.path().exists(), "opening never creates");
}

#[test]
fn wrong_master_key_stops_the_start() {
    let directory = Directory::make();
    let other = "5a".repeat(32);
    for (key, due) in [(other.as_str(), "another master key?"), ("short", "64 hexadecimal digits")]
    {
        let (status, log) = directory.serve_in_vain(&[("RENKOU_MASTER_KEY", key)]);
        assert_eq!(status.code(), Some(1));
        assert!(log.contains(due), "{log}");
        assert!(!log.contains(&other), "a key stands in the log");
    }
    fs::remove_file(directory.path().join("master.key")).expect("a key");
    let (status, log) = directory.serve_in_vain(&[]);
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("64 hexadecimal digits"), "{log}");
}

#[test]
fn a_key_from_the_environment_leaves_none_in_the_directory() {
    let directory = Directory::unmade();
    let key = "0123456789abcdef".repeat(4);
    let mut init = super::server::command(&["init", directory.data(), "--fictional"]);
    assert!(init.env("RENKOU_MASTER_KEY", &key).status().expect("the binary").success());
    assert!(!directory.path().join("master.key").exists());
    directory.serve_with(&[("RENKOU_MASTER_KEY", &key)]).stop();
    assert_eq!(directory.serve_in_vain(&[]).0.code(), Some(1));
}

/// Who knows where the service is can stop it cleanly, at once.
#[test]
fn a_service_that_was_just_started_stops_cleanly() {
    let directory = Directory::make();
    for _ in 0..8 {
        directory.serve().stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_gets_the_first_receipt_again_after_a_restart_too() {
    let directory = Directory::make();
    let token = directory.token(&["--role", "upstream"]);
    let sent = event("a", "registration", &certificate(1), "2026-03-01", json!({}));
    let server = directory.serve();
    let mut first = server.caller(&token).record(&sent).await;
    first["status"] = json!("duplicate");
    let mut again = server.caller(&token).post(&sent).await.with(200);
    // Once the event is in the signed tree, a proof goes with its receipt.
    again.as_object_mut().expect("a receipt").remove("proof");
    assert_eq!(again, first);
    server.kill();
    let server = directory.serve();
    let mut again = server.caller(&token).post(&sent).await.with(200);
    again.as_object_mut().expect("a receipt").remove("proof");
    assert_eq!(again, first);
    server.stop();
}

/// A stream of lines that is under way: one half was sent and answered, the other is to come.
async fn half_sent(
    caller: Caller,
    halves: [String; 2],
) -> (oneshot::Sender<()>, JoinHandle<String>) {
    let (go_on, told) = oneshot::channel::<()>();
    let (answered, first_answer) = oneshot::channel();
    let [first, second] = halves;
    let rest = async {
        told.await.expect("an order to go on");
        Ok::<_, std::io::Error>(second)
    };
    let body = stream::once(async { Ok(first) }).chain(stream::once(rest));
    let sending = tokio::spawn(async move {
        let request = caller.request(reqwest::Method::POST, "/v1/events");
        let request = request.header("content-type", LINES);
        let response =
            request.body(reqwest::Body::wrap_stream(body)).send().await.expect("headers");
        let (mut chunks, mut text, mut answered) =
            (response.bytes_stream(), vec![], Some(answered));
        while let Some(chunk) = chunks.next().await {
            text.extend_from_slice(&chunk.expect("an answer to its end"));
            answered.take().map(|answered| answered.send(()));
        }
        String::from_utf8(text).expect("UTF-8")
    });
    first_answer.await.expect("a first answer");
    (go_on, sending)
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_cleanly_and_nothing_is_lost() {
    let directory = Directory::make();
    let token = directory.token(&["--role", "upstream"]);
    let lines = |first: u32| {
        let line = |n: u32| {
            let id = format!("s-{n}");
            let event = event(&id, "registration", &certificate(n), "2026-03-01", json!({}));
            format!("{event}\n")
        };
        (first..first + 500).map(line).collect::<String>()
    };
    for round in 0..3 {
        let server = directory.serve();
        let halves = [lines(round * 1_000), lines(round * 1_000 + 500)];
        let (go_on, sending) = half_sent(server.caller(&token), halves).await;
        let url = server.url.clone();
        let stopping = tokio::task::spawn_blocking(move || server.stop());
        // New connections are refused from the order on; what was accepted goes on to its end.
        while reqwest::get(format!("{url}/healthz")).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        go_on.send(()).expect("a sender that waits");
        let answers = sending.await.expect("an answer to the end");
        let recorded = answers.lines().filter(|l| l.contains("\"status\":\"recorded\"")).count();
        assert_eq!(recorded, 1_000);
        assert!(answers.lines().last().is_some_and(|last| last.contains("\"summary\"")));
        stopping.await.expect("a clean end");
    }
    let check = directory.check();
    assert!(check.status.success(), "{}", told(&check));
    assert!(told(&check).contains("The log is whole: 3000 events"), "{}", told(&check));
}
