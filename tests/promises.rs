//! The pages that promise something name the tests that try it: each of them is there.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::process::server::root;

const PAGES: [&str; 3] = ["SECURITY.md", "ARCHITECTURE.md", "tests/FAULTS.md"];
/// Names of tests are sentences; what has fewer words may be anything.
const WORDS_MIN: usize = 6;

/// The names of all functions below a folder.
fn functions(folder: &Path, found: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let names = text.split("fn ").skip(1).filter_map(|rest| rest.split('(').next());
            found.extend(names.map(str::to_owned));
        }
    }
}

/// What stands between backticks on a page.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

fn is_sentence(word: &str) -> bool {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    word.chars().all(is_name) && word.split('_').count() >= WORDS_MIN
}

#[test]
fn every_test_that_a_page_names_is_there() {
    let mut known = HashSet::new();
    functions(&root().join("tests"), &mut known);
    let mut named = 0;
    for page in PAGES {
        let text = fs::read_to_string(root().join(page)).expect("a page");
        for word in quoted(&text) {
            if is_sentence(word) {
                assert!(known.contains(word), "{page}: there is no test {word}");
                named += 1;
            }
            let is_file = word.starts_with("tests/") && !word.contains(['*', ' ']);
            assert!(!is_file || root().join(word).exists(), "{page}: there is no {word}");
        }
    }
    assert!(named > 40, "{named}");
}
