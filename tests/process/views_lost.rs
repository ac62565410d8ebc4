//! Each file of the views taken away, and each other file of the directory altered: the log alone
//! is the truth, and what is not the log is made anew or refused, never believed.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::caller::Caller;
use super::damage::{answers, flip, used};
use super::server::{Directory, told};

/// Every file below a folder, as paths in it.
fn files(folder: &Path, below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, below, found);
        } else {
            found.push(path.strip_prefix(below).expect("below it").to_owned());
        }
    }
}

fn files_of(directory: &Directory, folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&directory.path().join(folder), directory.path(), &mut found);
    found.sort();
    found
}

/// The answers, once those of a read that was refused are asked for again.
async fn whole(directory: &Directory, verifier: &str, head: u64) -> Vec<Value> {
    let server = directory.serve();
    let told = answers(&server.caller(verifier), head).await;
    server.stop();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_of_the_views_may_be_lost() {
    let (directory, verifier, head) = used().await;
    let due = whole(&directory, &verifier, head).await;
    let views = files_of(&directory, "views");
    assert!(views.len() >= 3, "{views:?}");
    for file in &views {
        let copy = directory.copy();
        fs::remove_file(copy.path().join(file)).expect("a file");
        assert_eq!(whole(&copy, &verifier, head).await, due, "without {}", file.display());
        let check = copy.check();
        assert!(check.status.success(), "without {}: {}", file.display(), told(&check));
    }
}

/// Files of rows, of settings and of grants: a start is refused, or the caller is, or the answers
/// are the true ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_any_other_file_gives_no_wrong_answer() {
    let (directory, verifier, head) = used().await;
    let due = whole(&directory, &verifier, head).await;
    let settings = ["access.json", "registry.json", "master.key"].map(PathBuf::from);
    let views = files_of(&directory, "views");
    let rows = views.into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "rows"));
    let mut spoiled = 0;
    for file in settings.into_iter().chain(rows) {
        let length = fs::metadata(directory.path().join(&file)).expect("a file").len();
        for place in 0..8 {
            let offset = (length - 1) * place / 7;
            let copy = directory.copy();
            flip(&copy.path().join(&file), offset);
            let what = format!("{} at {offset}", file.display());
            let mut server = copy.spawn(&[]);
            if server.wait_until_it_answers(&copy.path().join("serve.json")).is_err() {
                spoiled += 1;
                continue;
            }
            let reader = server.caller(&verifier);
            spoiled += u32::from(!are_true(&reader, &due, head, &what).await);
            server.kill();
        }
    }
    assert!(spoiled >= 16, "only {spoiled} flipped bits were noticed");
}

/// Whether every answer was given; none is another than it should be.
async fn are_true(reader: &Caller, due: &[Value], head: u64, what: &str) -> bool {
    for due in &due[1..] {
        let path = format!("/v1/persons/{}", due["person_id"].as_str().expect("an id"));
        let answer = reader.get_at(&path, head).await;
        if answer.status != 200 {
            assert!([401, 403, 404, 500, 503].contains(&answer.status), "{what}: {}", answer.body);
            return false;
        }
        assert_eq!(answer.body, *due, "{what}");
    }
    true
}
