//! A segment keeps what it acknowledged, cuts what was torn and never serves what was altered.

use std::fs;
use std::path::PathBuf;

use domain::Position;
use journal::{OpenError, Segment, WriteError};
use tempfile::TempDir;

fn groups() -> Vec<Vec<Vec<u8>>> {
    vec![
        vec![b"one".to_vec()],
        vec![b"two".to_vec(), vec![0; 300], b"four".to_vec()],
        vec![vec![255; 65_535]],
        vec!["五".as_bytes().to_vec(), b"six".to_vec()],
    ]
}

fn written() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("00000000000000000001.log");
    let mut segment = Segment::create(&path, Position(1)).unwrap();
    let mut due = 1;
    for group in groups() {
        assert_eq!(segment.append(&group).unwrap(), Position(due));
        due += group.len() as u64;
    }
    (folder, path)
}

fn contents(segment: &Segment) -> Vec<Vec<u8>> {
    let (mut found, mut from) = (Vec::new(), Position(1));
    while let Some(last) = {
        let bodies = segment.read(from).unwrap();
        let last = bodies.last().map(|body| body.position);
        found.extend(bodies.into_iter().map(|body| body.bytes));
        last
    } {
        from = Position(last.0 + 1);
    }
    found
}

#[test]
fn what_was_acknowledged_is_read_after_reopening() {
    let (_folder, path) = written();
    let mut segment = Segment::open(&path, Position(1)).unwrap();
    assert_eq!(contents(&segment), groups().concat());
    assert_eq!(segment.append(&[b"eight".to_vec()]).unwrap(), Position(8));
    drop(segment);
    let segment = Segment::open(&path, Position(1)).unwrap();
    assert_eq!(contents(&segment).last().unwrap(), b"eight");
}

#[test]
fn a_tail_torn_at_any_byte_leaves_the_groups_before_it_whole() {
    let (_folder, path) = written();
    let whole = fs::read(&path).unwrap();
    let last = 28 + 8 + 3 + 8 + 3;
    for cut in 1..last {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let mut segment = Segment::open(&path, Position(1)).unwrap();
        assert_eq!(segment.next(), Position(6), "cut {cut}");
        assert_eq!(segment.append(&[b"again".to_vec()]).unwrap(), Position(6));
        assert_eq!(contents(&segment).len(), 6);
    }
}

#[test]
fn a_flipped_bit_is_found_at_open_and_at_read_and_never_served() {
    let (_folder, path) = written();
    let whole = fs::read(&path).unwrap();
    let truth = groups().concat();
    for place in (0..600).chain(whole.len() - 60..whole.len()) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        fs::write(&path, &whole).unwrap();
        let live = Segment::open(&path, Position(1)).unwrap();
        fs::write(&path, &bytes).unwrap();
        let served: Vec<_> = (1..=7).filter_map(|at| live.read(Position(at)).ok()).collect();
        assert!(served.len() < 7, "byte {place} was not noticed");
        assert!(served.iter().all(|bodies| truth.contains(&bodies[0].bytes)));
        drop(live);
        match Segment::open(&path, Position(1)) {
            Err(OpenError::Damaged { path: named, offset, .. }) => {
                assert_eq!(named, path);
                assert!(offset <= place as u64);
            }
            Ok(_) => panic!("byte {place}: damage was taken for a torn tail"),
            Err(other) => panic!("byte {place}: {other}"),
        }
    }
}

#[test]
fn a_frame_that_does_not_continue_its_predecessor_stops_the_start() {
    let (_folder, path) = written();
    let found = Segment::open(&path, Position(2)).unwrap_err();
    assert!(matches!(found, OpenError::Gap { offset: 0, found: 1, expected: 2, .. }), "{found}");
}

#[test]
fn a_record_that_is_empty_or_too_long_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut segment = Segment::create(&path, Position(1)).unwrap();
    for unfit in [vec![], vec![vec![]], vec![b"good".to_vec(), vec![0; 65_536]]] {
        assert!(matches!(segment.append(&unfit), Err(WriteError::Unfit(_))));
    }
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    assert_eq!(segment.append(&[b"good".to_vec()]).unwrap(), Position(1));
}

#[test]
fn opening_never_creates_and_creating_never_opens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    assert!(matches!(Segment::open(&path, Position(1)), Err(OpenError::Io { .. })));
    drop(Segment::create(&path, Position(1)).unwrap());
    assert!(matches!(Segment::create(&path, Position(1)), Err(OpenError::Io { .. })));
}

#[test]
fn a_second_writer_of_the_same_file_is_refused() {
    let (_folder, path) = written();
    let first = Segment::open(&path, Position(1)).unwrap();
    assert!(matches!(Segment::open(&path, Position(1)), Err(OpenError::Io { .. })));
    drop(first);
    assert!(Segment::open(&path, Position(1)).is_ok());
}

#[test]
fn a_tail_that_grew_but_was_never_written_is_cut() {
    let (_folder, path) = written();
    let mut bytes = fs::read(&path).unwrap();
    let whole = bytes.len();
    bytes.resize(whole + 10_000, 0);
    fs::write(&path, &bytes).unwrap();
    let segment = Segment::open(&path, Position(1)).unwrap();
    assert_eq!(contents(&segment), groups().concat());
    assert_eq!(fs::metadata(&path).unwrap().len(), whole as u64);
}
