//! The house rules that a machine can check: arrows between folders, opening lines, sizes.

use std::fs;
use std::path::{Path, PathBuf};

use api::registry::backup::{APART, FILES};

/// Each folder and the folders it may use. A folder that is not listed may not exist.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("journal", &["domain"]),
    ("projections", &["domain"]),
    ("replay", &["projections", "journal", "domain"]),
    ("api", &["replay", "projections", "journal", "domain"]),
    ("bench", &["api", "domain"]),
    ("tests", &["api", "replay", "projections", "journal", "domain"]),
];
const FILE_LINES_MAX: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf()
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    fs::read_to_string(&path).expect("a manifest").parse().expect("a readable manifest")
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn arrows_between_folders_point_one_way() {
    let workspace: toml::Table =
        fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let members = workspace["workspace"]["members"].as_array().unwrap();
    assert_eq!(members.len(), ARROWS.len(), "a member is missing in ARROWS");
    for (folder, allowed) in ARROWS {
        let manifest = manifest(folder);
        assert_eq!(manifest["package"]["name"].as_str(), Some(*folder));
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(section).and_then(toml::Value::as_table) else {
                continue;
            };
            for name in table.keys().filter(|name| ARROWS.iter().any(|(f, _)| f == name)) {
                assert!(allowed.contains(&name.as_str()), "{folder} may not use {name}");
            }
        }
    }
}

#[test]
fn dependencies_are_declared_once_and_lints_are_inherited() {
    for (folder, _) in ARROWS {
        let manifest = manifest(folder);
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{folder}");
        for section in ["dependencies", "dev-dependencies"] {
            let Some(table) = manifest.get(section).and_then(toml::Value::as_table) else {
                continue;
            };
            for (name, value) in table {
                let inherited = value.get("workspace").and_then(toml::Value::as_bool);
                assert_eq!(inherited, Some(true), "{folder}: {name} belongs in the root manifest");
            }
        }
    }
}

#[test]
fn every_file_says_why_it_exists_and_stays_one_room() {
    for (folder, _) in ARROWS {
        let mut files = Vec::new();
        rust_files(&root().join(folder), &mut files);
        assert!(!files.is_empty(), "{folder}");
        for file in files {
            let text = fs::read_to_string(&file).expect("a source file");
            assert!(text.starts_with("//! "), "{} must open with //!", file.display());
            let lines = text.lines().count();
            assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines", file.display());
        }
    }
}

/// Whoever lets the directory hold something more decides whether backups hold it.
#[test]
fn every_file_of_a_directory_is_backed_up_or_known_not_to_be() {
    let text = fs::read_to_string(root().join("api/src/registry/home.rs")).expect("a source file");
    let listed = text.split("//! ```").nth(1).expect("the list of what is in a directory");
    let names: Vec<_> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("//! "))
        .flat_map(|line| line.split("  ").take_while(|word| !word.contains(' ')))
        .filter(|word| word.contains(['.', '/']) || *word == "witnesses")
        .collect();
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        let is_known = FILES.contains(&name) || APART.contains(&name);
        assert!(is_known, "{name}: put it into FILES or APART of api/src/registry/backup/mod.rs");
    }
}
