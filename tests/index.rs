//! Index entries in their sorted files: what was written is there, in order and once, whatever was
//! merged; what no list has is gone; damage is named.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use projections::index::Index;
use projections::run::RunError;
use proptest::prelude::*;

type Entries = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

fn open(folder: &Path, list: &[u8]) -> Index {
    Index::open(folder, list).expect("an index that opens")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder");
    entries.map(|entry| entry.expect("entry").path()).collect()
}

/// A key of one of three kinds; some begin with others.
fn key(number: u16) -> Vec<u8> {
    let digits = format!("{:0width$}", number / 3, width = 1 + usize::from(number % 5));
    [&[b'a' + (number % 3) as u8], digits.as_bytes()].concat()
}

fn standing(entries: &Entries) -> Vec<(Vec<u8>, Vec<u8>)> {
    entries.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect()
}

fn assert_holds(index: &Index, entries: &Entries, asked: u16, limit: usize) {
    let all = standing(entries);
    assert_eq!(index.scan(&[], None, usize::MAX).expect("a scan"), all);
    for (key, value) in entries {
        assert_eq!(&index.get(key).expect("an entry"), value);
    }
    let (prefix, after) = (&key(asked)[..2], key(asked));
    let under = all.iter().filter(|(key, _)| key.starts_with(prefix)).cloned();
    let found = index.scan(prefix, None, limit).expect("a scan");
    assert_eq!(found, under.clone().take(limit).collect::<Vec<_>>());
    let later: Vec<_> = under.filter(|(key, _)| *key > after).take(limit).collect();
    assert_eq!(index.scan(prefix, Some(&after), limit).expect("a scan"), later);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn entries_are_what_was_set_last_and_only_listed_files_count(
        flushes in prop::collection::vec(
            (
                prop::collection::vec((0_u16..600, prop::option::weighted(0.8, 0_usize..20)), 0..120),
                any::<bool>(), any::<bool>(), 0_u16..600, 1_usize..20,
            ),
            1..25,
        )
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut index = open(folder.path(), &[]);
        let (mut kept, mut kept_entries, mut all) = (Vec::new(), Entries::new(), Entries::new());
        for (number, (changes, is_kept, reopens, asked, limit)) in flushes.into_iter().enumerate() {
            let value = |bytes| vec![number as u8; bytes];
            let changes: Entries =
                changes.into_iter().map(|(id, bytes)| (key(id), bytes.map(value))).collect();
            index.change(changes.clone());
            all.extend(changes);
            assert_holds(&index, &all, asked, limit);
            index.begin_flush();
            assert_holds(&index, &all, asked, limit);
            let list = index.write().expect("written");
            assert_holds(&index, &all, asked, limit);
            if is_kept {
                (kept, kept_entries) = (list, all.clone());
                index.remove_obsolete().expect("removed");
            }
            if reopens || !is_kept {
                drop(index);
                index = open(folder.path(), &kept);
                all = kept_entries.clone();
                assert_holds(&index, &all, asked, limit);
                let fresh = tempfile::tempdir().expect("a folder");
                let once = open(fresh.path(), &[]);
                once.change(all.clone());
                once.begin_flush();
                once.write().expect("written");
                prop_assert_eq!(index.digest().expect("a digest"), once.digest().expect("a digest"));
            }
        }
    }
}

#[test]
fn values_have_any_length() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = open(folder.path(), &[]);
    let lengths = [0, 1, 65_533, 65_534, 65_535, 70_000, 2_000_000, 3];
    let entries: Entries =
        lengths.iter().map(|n| (format!("k{n:07}").into(), Some(vec![7; *n]))).collect();
    index.change(entries.clone());
    index.begin_flush();
    let list = index.write().expect("written");
    let all = standing(&entries);
    assert_eq!(index.scan(&[], None, usize::MAX).expect("a scan"), all);
    let reopened = open(folder.path(), &list);
    assert_eq!(reopened.scan(b"k", None, usize::MAX).expect("a scan"), all);
    for (key, value) in entries {
        assert_eq!(reopened.get(&key).expect("an entry"), value);
    }
}

/// Flushes of the same many keys, each with other values.
fn filled(folder: &Path, flushes: u8) -> (Index, Vec<u8>) {
    let index = open(folder, &[]);
    let mut list = Vec::new();
    for flush in 0..flushes {
        index.change((0..2_000_u32).map(|n| (format!("k{n:05}").into(), Some(vec![flush; 30]))));
        index.begin_flush();
        list = index.write().expect("written");
        index.remove_obsolete().expect("removed");
    }
    (index, list)
}

#[test]
fn files_are_merged_as_they_gather_and_what_is_obsolete_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (index, list) = filled(folder.path(), 50);
    let bytes: u64 =
        files(folder.path()).iter().map(|it| fs::metadata(it).expect("it").len()).sum();
    assert!(files(folder.path()).len() <= 3, "{:?}", files(folder.path()));
    assert!(bytes < 3 * 2_000 * 45, "{bytes} bytes");
    index.change((0..2_000_u32).map(|n| (format!("k{n:05}").into(), None)));
    index.begin_flush();
    assert_ne!(index.write().expect("written"), list);
    index.remove_obsolete().expect("removed");
    assert!(index.scan(b"k", None, 1).expect("a scan").is_empty());
    let left: u64 = files(folder.path()).iter().map(|it| fs::metadata(it).expect("it").len()).sum();
    assert_eq!(left, 0, "nothing stands, and nothing is kept of what was removed");
}

#[test]
fn damage_is_named_by_file_and_offset_at_opening_and_at_reading() {
    let folder = tempfile::tempdir().expect("a folder");
    let (index, list) = filled(folder.path(), 1);
    let file = files(folder.path()).remove(0);
    let whole = fs::read(&file).expect("the file");
    let mut bytes = whole.clone();
    bytes[100] ^= 1;
    fs::write(&file, &bytes).expect("written");
    let at_start =
        |error: &RunError| matches!(error, RunError::Damaged { path, offset: 0 } if *path == file);
    assert!(at_start(&index.get(b"k00001").expect_err("damaged")));
    assert!(index.get(b"k01999").expect("whole").is_some());
    assert!(at_start(&Index::open(folder.path(), &list).err().expect("damaged")));
    fs::write(&file, &whole[..whole.len() - 1]).expect("cut");
    assert!(matches!(Index::open(folder.path(), &list), Err(RunError::Damaged { .. })));
    fs::write(&file, [&whole[..], &[0; 30]].concat()).expect("longer");
    assert!(matches!(Index::open(folder.path(), &list), Err(RunError::Damaged { .. })));
    fs::remove_file(&file).expect("removed");
    assert!(matches!(Index::open(folder.path(), &list), Err(RunError::Io { .. })));
}
