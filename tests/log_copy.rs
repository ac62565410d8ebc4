//! Copies of a log beside its writer: whole groups that are durable and no others, taken further
//! file by file, and never those of another log; copies of its keys beside who issues and destroys.

use std::fs;
use std::path::{Path, PathBuf};

use domain::Position;
use journal::copy::{self, CopyError, Segment};
use journal::segments::{GroupError, Options, Segments};
use journal::{Expected, Journal, KeySlots, keys};
use tempfile::TempDir;
use uuid::Uuid;

use crate::journal_contract::to;

const SMALL: Options = Options { roll_bytes: 3_000, ahead_bytes: 1_000 };

/// A log, a place for its copy, and how many groups of two records it has.
struct Beside {
    room: TempDir,
    log: Option<Segments>,
}

impl Beside {
    fn new() -> Self {
        let room = tempfile::tempdir().unwrap();
        let log = Segments::create(&room.path().join("log"), SMALL).unwrap();
        fs::create_dir(room.path().join("copy")).unwrap();
        Self { room, log: Some(log) }
    }

    fn folder(&self) -> PathBuf {
        self.room.path().join("log")
    }

    fn copy(&self) -> PathBuf {
        self.room.path().join("copy")
    }

    fn fill(&self, groups: u64) {
        let log = self.log.as_ref().expect("an open log");
        for group in 0..groups {
            let append = to(group % 5, Expected::Any, &[&[7; 90], &group.to_le_bytes()]);
            assert!(log.append(vec![append]).iter().all(Result::is_ok));
        }
    }

    /// Takes the copy further; gives it and how many records were new.
    fn take(&self, before: &[Segment], signed: u64) -> Result<(Vec<Segment>, u64), CopyError> {
        let mut new = 0;
        let taken = copy::take(&self.folder(), &self.copy(), before, signed, &mut |_| {
            new += 1;
            Ok(())
        });
        Ok((taken?, new))
    }

    /// How many records of the copy are those of the list, all of which must be whole.
    fn walked(&self, segments: &[Segment]) -> u64 {
        let mut count = 0;
        copy::walk(&self.copy(), segments, |_, group| {
            count += group.records().count() as u64;
            assert_eq!(group.last().0, count);
            Ok::<_, CopyError>(())
        })
        .unwrap();
        count
    }
}

#[test]
fn the_last_group_belongs_to_a_copy_only_when_it_is_known_to_be_durable() {
    let mut beside = Beside::new();
    beside.fill(3);
    // Six records; who writes may not have synced the last two.
    for (signed, due) in [(0, 4), (4, 4), (5, 4), (6, 6)] {
        let (segments, new) = beside.take(&[], signed).unwrap();
        assert_eq!((copy::position(&segments).0, new), (due, due), "{signed}");
        assert_eq!(beside.walked(&segments), due);
    }
    drop(beside.log.take());
    let (segments, _) = beside.take(&[], 0).unwrap();
    assert_eq!(copy::position(&segments), Position(6));
    // A tail that was torn in mid-write is none of it.
    let newest = beside.folder().join("00000000000000000001.log");
    let whole = fs::read(&newest).unwrap();
    for cut in 1..60 {
        fs::write(&newest, &whole[..whole.len() - cut]).unwrap();
        let (segments, _) = beside.take(&[], 4).unwrap();
        assert_eq!(copy::position(&segments), Position(4), "{cut}");
        // What was signed and is torn is damage, not an end.
        assert!(matches!(beside.take(&[], 6), Err(CopyError::Group(GroupError::Damaged { .. }))));
    }
}

#[test]
fn a_copy_is_taken_further_with_what_is_new_and_the_old_list_stays_good() {
    let beside = Beside::new();
    let (mut segments, mut records) = (Vec::new(), 0);
    for round in 0..12 {
        beside.fill(round * 5);
        let head = beside.log.as_ref().unwrap().head().0;
        let (next, new) = beside.take(&segments, head).unwrap();
        assert_eq!(new, head - records);
        // The older list still describes the copy, which is now longer.
        assert_eq!(beside.walked(&segments), records);
        records = beside.walked(&next);
        assert_eq!(records, head);
        segments = next;
    }
    assert!(segments.len() > 10);
    for segment in &segments {
        let name = segment.file_name();
        let (one, other) = (beside.folder().join(&name), beside.copy().join(&name));
        let (one, other) = (fs::read(one).unwrap(), fs::read(other).unwrap());
        let (same, ahead) = one.split_at(other.len());
        assert!(same == other && ahead.iter().all(|byte| *byte == 0), "{name}");
    }
}

#[test]
fn a_copy_that_lost_something_is_not_taken_further_over_the_hole() {
    let beside = Beside::new();
    beside.fill(40);
    let (segments, _) = beside.take(&[], 80).unwrap();
    for segment in [&segments[0], segments.last().unwrap()] {
        let path = beside.copy().join(segment.file_name());
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        beside.fill(1);
        assert!(matches!(beside.take(&segments, 0), Err(CopyError::Altered { .. })));
        fs::remove_file(&path).unwrap();
        assert!(matches!(beside.take(&segments, 0), Err(CopyError::Io { .. })));
        fs::write(&path, whole).unwrap();
    }
    beside.take(&segments, 0).unwrap();
}

#[test]
fn a_copy_is_not_taken_further_with_another_log() {
    let (beside, other) = (Beside::new(), Beside::new());
    beside.fill(20);
    other.log.as_ref().unwrap().append(vec![to(9, Expected::Any, &[b"other"])]);
    other.fill(40);
    let (segments, _) = beside.take(&[], 40).unwrap();
    let mixed = copy::take(&other.folder(), &beside.copy(), &segments, 0, &mut |_| Ok(()));
    assert!(matches!(mixed, Err(CopyError::Other { .. })), "{mixed:?}");
    assert_eq!(beside.walked(&segments), 40);
    // Nor with one that has lost what was copied.
    let short = Beside::new();
    short.fill(1);
    let mixed = copy::take(&short.folder(), &beside.copy(), &segments, 0, &mut |_| Ok(()));
    assert!(matches!(mixed, Err(CopyError::Other { .. })), "{mixed:?}");
}

#[test]
fn every_flipped_byte_of_a_log_or_of_its_copy_is_found() {
    let mut beside = Beside::new();
    beside.fill(10);
    drop(beside.log.take());
    let (segments, _) = beside.take(&[], 20).unwrap();
    let flipped = |folder: &Path, at: usize| {
        let path = folder.join("00000000000000000001.log");
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    for at in (0..segments[0].bytes as usize).step_by(7) {
        flipped(&beside.copy(), at);
        let walked = copy::walk(&beside.copy(), &segments, |_, _| Ok::<_, CopyError>(()));
        assert!(walked.is_err(), "byte {at} of the copy");
        flipped(&beside.copy(), at);
        flipped(&beside.folder(), at);
        assert!(beside.take(&[], 20).is_err(), "byte {at} of the log");
        flipped(&beside.folder(), at);
        beside.take(&[], 20).unwrap();
    }
}

#[test]
fn keys_are_copied_beside_who_issues_and_destroys_them() {
    let room = tempfile::tempdir().unwrap();
    let (path, copied) = (room.path().join("slots"), room.path().join("copy"));
    let slots = KeySlots::create(&path, &[5; 32]).unwrap();
    let id = |number: u32| Uuid::from_u128(u128::from(number) + 1);
    let mut known = Vec::new();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for number in 0..4_000 {
                slots.issue(id(number)).unwrap();
                if number % 40 == 39 {
                    slots.destroy(id(number - 20)).unwrap();
                }
            }
            slots.sync().unwrap();
        });
        while !writing.is_finished() {
            keys::copy(&path, &copied).unwrap();
            known.push(keys::check(&copied).unwrap());
        }
    });
    assert!(known.len() > 2 && known.is_sorted(), "{known:?}");
    let last = keys::copy(&path, &copied).unwrap();
    assert_eq!(last.slots, 4_000);
    assert_eq!(keys::copy(&path, &copied).unwrap().written, 0);
    assert_eq!(fs::read(&path).unwrap(), fs::read(&copied).unwrap());
    // What is destroyed in the copy stays so, whatever older slots somebody brings.
    let old = room.path().join("old");
    fs::copy(&path, &old).unwrap();
    slots.destroy(id(7)).unwrap();
    assert_eq!(keys::copy(&path, &copied).unwrap().written, 1);
    keys::copy(&old, &copied).unwrap();
    let copy = KeySlots::open_read_only(&copied, &[5; 32]).unwrap();
    assert!(copy.find(id(7)).unwrap().is_none() && copy.find(id(8)).unwrap().is_some());
    // Under another master key all are others, and those that are destroyed stay so.
    drop((slots, copy));
    fs::copy(&old, &path).unwrap();
    assert_eq!(keys::rotate(&path, &[5; 32], &[6; 32]).unwrap(), 4_000);
    assert_eq!(keys::copy(&path, &copied).unwrap().written, 4_000);
    let copy = KeySlots::open_read_only(&copied, &[6; 32]).unwrap();
    assert!(copy.find(id(7)).unwrap().is_none() && copy.find(id(8)).unwrap().is_some());
    // Keys of others do not mix.
    let others = room.path().join("others");
    let other = KeySlots::create(&others, &[5; 32]).unwrap();
    other.issue(id(1)).unwrap();
    assert!(!keys::opens(&others, &[6; 32]).unwrap() && keys::opens(&others, &[5; 32]).unwrap());
}

/// Slots as the first version wrote them: a live key and a destroyed one.
#[test]
fn key_slots_of_the_first_version_open_for_ever() {
    let text = include_str!("golden/key_slots.v1.hex");
    let digits: String = text.split_whitespace().collect();
    let byte = |at: usize| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..digits.len() / 2).map(byte).collect();
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("slots");
    fs::write(&path, &bytes).unwrap();
    let slots = KeySlots::open(&path, &[5; 32]).unwrap();
    let live = slots.find(Uuid::from_u128(1)).unwrap().expect("a key");
    let hex: String = live.derive("golden").iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "f2f88859c42771650d5008931a7a96879fbb05a921de2c3c9aa5c4df9e4602fb");
    assert!(slots.find(Uuid::from_u128(2)).unwrap().is_none());
    assert!(slots.issue(Uuid::from_u128(2)).is_err());
    drop(slots);
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
