//! Starting and stopping: one process a registry, clear refusals, a clean end.

use std::fs;

use serde_json::json;

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

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_cleanly_and_nothing_is_lost() {
    let directory = Directory::make();
    let token = directory.token(&["--role", "upstream"]);
    let lines = |round: u32| {
        let numbers = (0..500).map(move |number| round * 1_000 + number);
        let line = |n: u32| {
            let event =
                event(&format!("s-{n}"), "registration", &certificate(n), "2026-03-01", json!({}));
            format!("{event}\n")
        };
        numbers.map(line).collect::<String>()
    };
    for round in 0..3 {
        let server = directory.serve();
        let caller = server.caller(&token);
        // Under way when the order to stop comes: an accepted request is answered to its end.
        let (_, summary) = caller.stream(lines(round)).await;
        assert_eq!(summary["recorded"], 500);
        let under_way = tokio::spawn(async move { caller.stream(lines(round + 100)).await });
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        tokio::task::spawn_blocking(move || server.stop()).await.expect("a clean end");
        let (answers, summary) = under_way.await.expect("an answer to the end");
        assert_eq!((answers.len(), &summary["recorded"]), (500, &json!(500)));
    }
    let check = directory.check();
    assert!(check.status.success(), "{}", told(&check));
    assert!(told(&check).contains("The log is whole: 3000 events"), "{}", told(&check));
}
