//! The log as files: what was acknowledged survives, what was torn is cut, what was altered is
//! named and never served.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::{Position, Sequence};
use journal::segments::{Options, Segments};
use journal::{AppendError, Expected, Journal, OpenError, ReadError, Stored};
use tempfile::TempDir;

use crate::journal_contract::{all, stream, to};

pub const SMALL: Options = Options { roll_bytes: 3_000, ahead_bytes: 0 };

/// Groups of many sizes over seven streams.
fn fill(log: &dyn Journal, groups: u64) {
    for group in 0..groups {
        let appends = (0..1 + group * 7 % 20).map(|n| {
            let payload = vec![group as u8; (group * 31 + n * 17) as usize % 200];
            to((group + n) % 7, Expected::Any, &[&payload, b"second"])
        });
        assert!(log.append(appends.collect()).iter().all(Result::is_ok));
    }
}

/// A closed log, with all that it holds.
pub fn written(options: Options, groups: u64) -> (TempDir, Vec<Stored>) {
    let folder = tempfile::tempdir().unwrap();
    let log = Segments::create(folder.path(), options).unwrap();
    fill(&log, groups);
    let records = all(&log, 64);
    assert!(records.len() as u64 > groups);
    (folder, records)
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|ext| ext == "log")).collect();
    paths.sort();
    paths
}

/// Opens as after a crash: without the heads that only an orderly end leaves behind.
fn reopen(folder: &Path) -> Result<Segments, OpenError> {
    let _ = fs::remove_file(folder.join("heads"));
    Segments::open(folder, SMALL)
}

fn fault(folder: &Path) -> OpenError {
    reopen(folder).err().expect("the damage must stop the start")
}

#[test]
fn the_log_rolls_over_many_files_and_reads_the_same_after_reopening() {
    let (folder, records) = written(SMALL, 40);
    let before = files(folder.path());
    assert!(before.len() > 10);
    assert_eq!(before[0].file_name().unwrap(), "00000000000000000001.log");
    for round in 0..3 {
        let log = Segments::open(folder.path(), SMALL).unwrap();
        assert_eq!(all(&log, 1000)[..records.len()], records);
        assert_eq!(log.streams(), 7);
        assert_eq!(log.head().0, records.len() as u64 + round);
        assert!(log.append(vec![to(1, Expected::Any, &[b"more"])])[0].is_ok());
    }
}

#[test]
fn a_record_is_found_wherever_it_lies_among_groups_of_very_different_sizes() {
    // Where many marks stand for few records and few for many, none is where it would be evenly.
    let layouts: [&[u64]; 4] = [&[600, 1, 1, 1], &[1; 300], &[1, 700, 1], &[300, 1, 1, 9, 400]];
    for layout in layouts {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { roll_bytes: 64 << 20, ahead_bytes: 0 };
        let log = Segments::create(folder.path(), options).unwrap();
        for (group, records) in layout.iter().enumerate() {
            let append = |n: u64| to(n % 40, Expected::Any, &[&[group as u8; 9]]);
            assert!(log.append((0..*records).map(append).collect()).iter().all(Result::is_ok));
        }
        let records = all(&log, 64);
        assert_eq!(records.len() as u64, layout.iter().sum::<u64>());
        for stored in &records {
            assert_eq!(log.read_all(stored.position, 1).unwrap(), std::slice::from_ref(stored));
        }
        for number in 0..40 {
            let of_stream = |stored: &&Stored| stored.decode().unwrap().0.stream == stream(number);
            let due: Vec<_> = records.iter().filter(of_stream).cloned().collect();
            assert_eq!(log.read_stream(stream(number), Sequence(0)).unwrap(), due);
        }
    }
}

#[test]
fn a_sealed_file_is_never_written_again() {
    let (folder, _) = written(SMALL, 20);
    let before = files(folder.path());
    let bytes: Vec<_> = before.iter().map(|path| fs::read(path).unwrap()).collect();
    fill(&Segments::open(folder.path(), SMALL).unwrap(), 20);
    for (path, bytes) in before.iter().zip(&bytes).rev().skip(1) {
        assert_eq!(fs::read(path).unwrap(), *bytes);
    }
}

#[test]
fn a_tail_torn_at_any_byte_leaves_the_groups_before_it_whole() {
    let (folder, records) = written(Options::default(), 3);
    let path = files(folder.path()).remove(0);
    let start = fs::metadata(&path).unwrap().len() as usize;
    let log = Segments::open(folder.path(), Options::default()).unwrap();
    log.append(vec![to(1, Expected::Any, &[b"torn", b"torn"]), to(2, Expected::Any, &[b"torn"])]);
    drop(log);
    fs::remove_file(folder.path().join("heads")).unwrap();
    let whole = fs::read(&path).unwrap();
    assert!(whole.len() > start + 200);
    for end in start..whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let live = Segments::open_read_only(folder.path()).unwrap();
        assert_eq!(all(&live, 100), records, "cut at {end}");
        assert_eq!(fs::metadata(&path).unwrap().len(), end as u64, "reading changes nothing");
        let log = reopen(folder.path()).unwrap();
        assert_eq!(all(&log, 100), records, "cut at {end}");
        assert_eq!(fs::metadata(&path).unwrap().len(), start as u64);
    }
    fs::write(&path, &whole).unwrap();
    let log = reopen(folder.path()).unwrap();
    assert_eq!(all(&log, 100).len(), records.len() + 3, "a whole group is kept");
}

#[test]
fn a_tail_that_grew_but_was_never_written_is_cut() {
    let (folder, records) = written(SMALL, 5);
    let path = files(folder.path()).pop().unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, [&bytes[..], &[0; 10_000]].concat()).unwrap();
    assert_eq!(all(&reopen(folder.path()).unwrap(), 100), records);
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

/// A loss of power leaves any sectors of the group that was being written, and zeros for the rest.
#[test]
fn a_tail_with_missing_sectors_is_cut_and_a_flipped_bit_in_it_is_not() {
    let (folder, records) = written(Options::default(), 3);
    let path = files(folder.path()).remove(0);
    let start = fs::metadata(&path).unwrap().len() as usize;
    let log = Segments::open(folder.path(), Options::default()).unwrap();
    let append = |n: u64| to(n, Expected::Any, &[&[b'a' + n as u8; 150], b"more"]);
    assert!(log.append((0..12).map(append).collect()).iter().all(Result::is_ok));
    let length = fs::metadata(&path).unwrap().len() as usize;
    assert!(log.append(vec![append(1)])[0].is_ok());
    drop(log);
    let followed = fs::read(&path).unwrap();
    let without = |bytes: &[u8], sector: usize| {
        let mut bytes = bytes.to_vec();
        let end = bytes.len().min((sector + 1) * 512);
        bytes[start.max(sector * 512)..end].fill(0);
        bytes
    };
    let sectors = start / 512..length.div_ceil(512);
    assert!(sectors.len() > 8);
    for sector in sectors.clone() {
        fs::write(&path, without(&followed[..length], sector)).unwrap();
        assert_eq!(all(&reopen(folder.path()).unwrap(), 100), records, "sector {sector}");
        assert_eq!(fs::metadata(&path).unwrap().len(), start as u64);
        // What another group follows was acknowledged: it is lost, not torn.
        fs::write(&path, without(&followed, sector)).unwrap();
        let found = fault(folder.path());
        assert!(matches!(found, OpenError::Damaged { .. }), "sector {sector}: {found}");
    }
    for place in start..length {
        let mut bytes = followed[..length].to_vec();
        bytes[place] ^= 1 << (place % 8);
        fs::write(&path, &bytes).unwrap();
        let found = fault(folder.path());
        assert!(matches!(found, OpenError::Damaged { .. }), "byte {place}: {found}");
    }
}

#[test]
fn a_torn_tail_before_the_last_file_is_damage() {
    let (folder, _) = written(SMALL, 20);
    let paths = files(folder.path());
    let bytes = fs::read(&paths[2]).unwrap();
    fs::write(&paths[2], &bytes[..bytes.len() - 1]).unwrap();
    let found = fault(folder.path());
    assert!(matches!(&found, OpenError::Damaged { path, .. } if *path == paths[2]), "{found}");
    fs::write(&paths[2], &bytes).unwrap();
    fs::remove_file(&paths[3]).unwrap();
    let found = fault(folder.path());
    assert!(matches!(&found, OpenError::Gap { path, offset: 0, .. } if *path == paths[4]));
    fs::remove_file(&paths[0]).unwrap();
    let found = fault(folder.path());
    assert!(matches!(found, OpenError::Gap { expected: 1, .. }), "{found}");
}

#[test]
fn a_flipped_bit_anywhere_is_named_at_open_and_never_served_by_a_live_log() {
    let (folder, records) = written(Options::default(), 4);
    let path = files(folder.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let live = reopen(folder.path()).unwrap();
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        fs::write(&path, &bytes).unwrap();
        match Segments::open_read_only(folder.path()) {
            Err(OpenError::Damaged { path: named, offset, .. }) => {
                assert_eq!(named, path);
                assert!(offset <= place as u64);
            }
            Ok(_) => panic!("byte {place}: damage was taken for a torn tail"),
            Err(other) => panic!("byte {place}: {other}"),
        }
        if place % 5 == 0 {
            assert_never_served(&live, &records, &path, place);
        }
    }
}

/// Each way of reading gives what was written or the damage, with its file and offset.
fn assert_never_served(live: &Segments, records: &[Stored], path: &Path, place: usize) {
    let check = |error: ReadError| match error {
        ReadError::Damaged { path: named, offset, .. } => {
            assert_eq!((named.as_path(), offset <= place as u64), (path, true));
        }
        other => panic!("byte {place}: {other}"),
    };
    for due in records {
        match live.read_at(due.position) {
            Ok(found) => assert_eq!(found.as_ref(), Some(due), "byte {place}"),
            Err(error) => check(error),
        }
    }
    for number in 0..7 {
        match live.read_stream(stream(number), Sequence(0)) {
            Ok(found) => assert!(found.iter().all(|stored| records.contains(stored))),
            Err(error) => check(error),
        }
    }
    match live.read_all(Position(1), usize::MAX) {
        Ok(found) => assert_eq!((found.as_slice(), place < 28), (records, true), "byte {place}"),
        Err(error) => check(error),
    }
}

#[test]
fn heads_damaged_or_missing_give_the_same_answers() {
    let (folder, records) = written(SMALL, 12);
    let heads = folder.path().join("heads");
    let whole = fs::read(&heads).unwrap();
    let answers = |log: &dyn Journal| {
        assert_eq!(all(log, 100), records);
        (0..8).map(|n| log.read_stream(stream(n), Sequence(0)).unwrap()).collect::<Vec<_>>()
    };
    let due = answers(&Segments::open(folder.path(), SMALL).unwrap());
    assert_eq!(due.iter().map(Vec::len).sum::<usize>(), records.len());
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        fs::write(&heads, &bytes).unwrap();
        assert_eq!(answers(&Segments::open_read_only(folder.path()).unwrap()), due);
    }
    for length in [0, 1, 15, 16, whole.len() - 1] {
        fs::write(&heads, &whole[..length]).unwrap();
        assert_eq!(answers(&Segments::open(folder.path(), SMALL).unwrap()), due);
    }
    fs::remove_file(&heads).unwrap();
    assert_eq!(answers(&Segments::open(folder.path(), SMALL).unwrap()), due);
    assert_eq!(fs::read(&heads).unwrap().len(), whole.len(), "closing writes them again");
}

#[test]
fn heads_of_an_earlier_end_are_carried_on_from_the_log() {
    let (folder, _) = written(SMALL, 12);
    let early = fs::read(folder.path().join("heads")).unwrap();
    let log = Segments::open(folder.path(), SMALL).unwrap();
    fill(&log, 9);
    assert!(log.append(vec![to(50, Expected::Empty, &[b"new"])])[0].is_ok());
    let due: Vec<_> = (0..51).map(|n| log.stream_head(stream(n)).unwrap()).collect();
    drop(log);
    fs::write(folder.path().join("heads"), early).unwrap();
    let log = Segments::open(folder.path(), SMALL).unwrap();
    assert_eq!((0..51).map(|n| log.stream_head(stream(n)).unwrap()).collect::<Vec<_>>(), due);
}

#[test]
fn a_log_shorter_than_its_heads_know_stops_the_start() {
    let (folder, records) = written(SMALL, 12);
    fs::remove_file(files(folder.path()).pop().unwrap()).unwrap();
    let found = Segments::open(folder.path(), SMALL).err().unwrap();
    let due = records.len() as u64;
    assert!(matches!(found, OpenError::Short { known, .. } if known == due), "{found}");
    let log = reopen(folder.path()).unwrap();
    assert_eq!(all(&log, 100), records[..log.head().0 as usize]);
}

#[test]
fn an_empty_last_file_is_where_the_log_goes_on() {
    let (folder, records) = written(SMALL, 12);
    let next = folder.path().join(format!("{:020}.log", records.len() + 1));
    fs::write(&next, b"").unwrap();
    let log = reopen(folder.path()).unwrap();
    assert_eq!(all(&log, 100), records);
    assert!(log.append(vec![to(1, Expected::Any, &[b"on"])])[0].is_ok());
    drop(log);
    assert!(fs::metadata(&next).unwrap().len() > 0);
    assert_eq!(all(&reopen(folder.path()).unwrap(), 100).len(), records.len() + 1);
}

#[test]
fn a_live_log_is_followed_without_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let log = Segments::create(folder.path(), SMALL).unwrap();
    let reader = Segments::open_read_only(folder.path()).unwrap();
    for _ in 0..15 {
        fill(&log, 3);
        assert_eq!(reader.refresh().unwrap(), log.head());
        assert_eq!(all(&reader, 100), all(&log, 100));
        for number in 0..7 {
            let streams = [&log as &dyn Journal, &reader]
                .map(|log| log.read_stream(stream(number), Sequence(0)).unwrap());
            assert_eq!(streams[0], streams[1]);
        }
    }
    assert!(files(folder.path()).len() > 5);
    std::thread::scope(|scope| {
        let head = reader.head();
        let waiting = scope.spawn(move || reader.wait_beyond(head, Duration::from_secs(60)));
        fill(&log, 1);
        assert!(waiting.join().unwrap() > head);
    });
}

#[test]
fn a_read_only_log_takes_nothing() {
    let (folder, records) = written(SMALL, 3);
    let reader = Segments::open_read_only(folder.path()).unwrap();
    let refused = reader.append(vec![to(1, Expected::Any, &[b"no"])]);
    assert!(matches!(refused[..], [Err(AppendError::Fatal(_))]));
    assert_eq!(all(&reader, 100), records);
}

#[test]
fn a_second_writer_is_refused_while_the_first_lives() {
    let (folder, _) = written(SMALL, 3);
    let first = Segments::open(folder.path(), SMALL).unwrap();
    let found = Segments::open(folder.path(), SMALL).err().unwrap();
    assert!(matches!(found, OpenError::Locked { .. }), "{found}");
    drop(first);
    assert!(Segments::open(folder.path(), SMALL).is_ok());
}

#[test]
fn opening_never_creates_and_creating_never_opens() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a/b");
    assert!(Segments::open(&inner, SMALL).is_err());
    assert!(matches!(Segments::open(folder.path(), SMALL), Err(OpenError::Missing { .. })));
    assert!(Segments::open_read_only(folder.path()).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    drop(Segments::create(&inner, SMALL).unwrap());
    assert!(matches!(Segments::create(&inner, SMALL), Err(OpenError::Exists { .. })));
    assert!(Segments::open(&inner, SMALL).is_ok());
}

/// The next file cannot be made, because a folder of its name stands in the way.
#[test]
fn after_a_failed_write_nothing_is_taken_until_the_log_is_reopened() {
    let (folder, records) = written(SMALL, 12);
    let log = Segments::open(folder.path(), Options { roll_bytes: 1, ..SMALL }).unwrap();
    let obstacle = folder.path().join(format!("{:020}.log", records.len() + 1));
    fs::create_dir(&obstacle).unwrap();
    for _ in 0..2 {
        let group = vec![to(1, Expected::Any, &[b"no"]), to(1, Expected::Empty, &[b"no"])];
        let results = log.append(group);
        assert!(results.iter().all(|one| matches!(one, Err(AppendError::Fatal(_)))));
        assert_eq!(all(&log, 100), records, "reading goes on");
        let _ = fs::remove_dir(&obstacle);
    }
    drop(log);
    let log = Segments::open(folder.path(), SMALL).unwrap();
    assert_eq!(all(&log, 100), records);
    assert!(log.append(vec![to(1, Expected::Any, &[b"yes"])])[0].is_ok());
}
