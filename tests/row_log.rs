//! Rows of persons in their files: what was appended is there, what was not kept is cut, what is
//! obsolete goes, and damage is named.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use domain::PersonId;
use projections::row_log::{End, RowLog, RowLogError};
use proptest::prelude::*;
use uuid::Uuid;

const FILE_BYTES: u64 = 2_000;

fn person(number: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(number))
}

fn open(folder: &Path, end: &End) -> RowLog {
    RowLog::open(folder, end.clone(), FILE_BYTES).expect("rows that open")
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("entry").path())
        .collect();
    files.sort();
    files
}

type Rows = BTreeMap<PersonId, Option<Vec<u8>>>;

fn assert_holds(log: &RowLog, rows: &Rows) {
    let standing: Vec<_> = rows.iter().filter(|(_, row)| row.is_some()).map(|(p, _)| *p).collect();
    assert_eq!(log.persons(), standing);
    let mut room = Vec::new();
    for (person, row) in rows {
        let found = log.get(*person, &mut room).expect("a whole row");
        assert_eq!(found.as_deref(), row.as_deref(), "{person}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rows_are_what_was_appended_last_and_only_what_was_kept_counts(
        flushes in prop::collection::vec(
            (prop::collection::vec((0_u128..40, prop::option::weighted(0.9, 0_usize..300)), 1..60), any::<bool>(), any::<bool>()),
            1..25,
        )
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = open(folder.path(), &End::default());
        let (mut kept, mut kept_rows) = (End::default(), Rows::new());
        for (number, (rows, is_kept, reopens)) in flushes.into_iter().enumerate() {
            let rows: Rows = rows
                .into_iter()
                .map(|(id, bytes)| (person(id), bytes.map(|bytes| vec![number as u8; bytes + 1])))
                .collect();
            let end = log.append(rows.clone()).expect("appended");
            let mut all = kept_rows.clone();
            all.extend(rows);
            assert_holds(&log, &all);
            if is_kept {
                (kept, kept_rows) = (end, all);
                log.remove_obsolete().expect("removed");
            }
            if reopens || !is_kept {
                drop(log);
                prop_assert_eq!(&End::from_bytes(&kept.to_bytes()), &kept);
                log = open(folder.path(), &kept);
                assert_holds(&log, &kept_rows);
            }
        }
    }
}

#[test]
fn obsolete_rows_are_left_behind_and_their_files_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(folder.path(), &End::default());
    for round in 0..200_u8 {
        let rows = (0..10).map(|id| (person(id), Some(vec![round; 100])));
        log.append(rows).expect("appended");
        log.remove_obsolete().expect("removed");
    }
    let bytes: u64 =
        files(folder.path()).iter().map(|file| fs::metadata(file).expect("a file").len()).sum();
    let standing = 10 * (100 + 24);
    assert!(bytes <= 2 * standing + 2 * FILE_BYTES, "{bytes} bytes for {standing} that stand");
    assert_holds(&log, &(0..10).map(|id| (person(id), Some(vec![199; 100]))).collect());
}

#[test]
fn damage_is_named_by_file_and_offset_at_opening_and_at_reading() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(folder.path(), &End::default());
    let end = log.append((0..3).map(|id| (person(id), Some(vec![7; 50])))).expect("appended");
    let file = files(folder.path()).remove(0);
    let mut bytes = fs::read(&file).expect("the file");
    // Somewhere within the second row.
    bytes[74 + 30] ^= 1;
    fs::write(&file, bytes).expect("written");
    let is_second = |error: &RowLogError| matches!(error, RowLogError::Damaged { path, offset: 74 } if *path == file);
    assert!(log.get(person(0), &mut Vec::new()).expect("whole").is_some());
    assert!(is_second(&log.get(person(1), &mut Vec::new()).expect_err("damaged")));
    let opened = RowLog::open(folder.path(), end, FILE_BYTES);
    assert!(is_second(&opened.err().expect("damaged")));
}

#[test]
fn a_file_that_is_missing_or_cut_is_found_at_opening() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(folder.path(), &End::default());
    let end = log.append((0..60).map(|id| (person(id), Some(vec![7; 50])))).expect("appended");
    drop(log);
    let all = files(folder.path());
    assert!(all.len() > 1);
    for file in all {
        let whole = fs::read(&file).expect("the file");
        // Cut between two rows, where every row that is left is whole.
        fs::write(&file, &whole[..74]).expect("cut");
        assert!(RowLog::open(folder.path(), end.clone(), FILE_BYTES).is_err(), "{file:?} cut");
        fs::remove_file(&file).expect("removed");
        assert!(RowLog::open(folder.path(), end.clone(), FILE_BYTES).is_err(), "{file:?} gone");
        fs::write(&file, whole).expect("put back");
    }
    open(folder.path(), &end);
}

#[test]
fn rows_of_any_length_are_taken_over_and_read_at_opening() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |end: &End| RowLog::open(folder.path(), end.clone(), 1 << 20).expect("rows");
    let (log, mut rows) = (open(&End::default()), Rows::new());
    // Longer than what is read at once, shorter, and so that many lie across its end.
    let lengths = [700_000, 1, 90_001, 262_120, 300_000, 17];
    let mut end = End::default();
    for round in 0..30_u8 {
        let changed = lengths.iter().enumerate().filter(|(at, _)| *at as u8 % 5 <= round % 5);
        let changed: Rows = changed
            .map(|(at, bytes)| (person(at as u128), Some(vec![round; bytes + usize::from(round)])))
            .collect();
        rows.extend(changed.clone());
        end = log.append(changed).expect("appended");
        log.remove_obsolete().expect("removed");
        assert_holds(&log, &rows);
    }
    drop(log);
    assert_holds(&open(&end), &rows);
}
