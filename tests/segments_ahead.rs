//! Zeros ahead of the end of the log: they are nothing, whatever ended the process or looks at the
//! file meanwhile, and what was torn or altered among them is told apart as ever.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use domain::Position;
use journal::segments::{Options, Segments};
use journal::{Expected, Journal, OpenError, copy};
use tempfile::TempDir;

use crate::journal_contract::{all, to};
use crate::segments_store::files;

const AHEAD: Options = Options { roll_bytes: 1 << 20, ahead_bytes: 60_000 };
/// Groups of two records, enough of them that zeros lie ahead.
const GROUPS: u64 = 400;

fn append(log: &dyn Journal, groups: u64) {
    for group in 0..groups {
        let append = to(group % 7, Expected::Any, &[&[7; 150], &group.to_le_bytes()]);
        assert!(log.append(vec![append])[0].is_ok());
    }
}

fn newest(folder: &Path) -> PathBuf {
    files(folder).pop().unwrap()
}

fn length(path: &Path) -> usize {
    fs::metadata(path).unwrap().len() as usize
}

/// What a kill of its process leaves of a log: the bytes while it is open, where its last group
/// begins, and where it ends.
struct Killed {
    folder: TempDir,
    bytes: Vec<u8>,
    last: usize,
    end: usize,
}

impl Killed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ends = [0, 1].map(|more| {
            let log = Segments::create(&folder.path().join(more.to_string()), AHEAD).unwrap();
            append(&log, GROUPS - 1 + more);
            drop(log);
            length(&newest(&folder.path().join(more.to_string())))
        });
        let log = Segments::create(&folder.path().join("open"), AHEAD).unwrap();
        append(&log, GROUPS);
        let bytes = fs::read(newest(&folder.path().join("open"))).unwrap();
        drop(log);
        Self { folder, bytes, last: ends[0], end: ends[1] }
    }

    /// A log of one file.
    fn left(&self, bytes: &[u8]) -> PathBuf {
        let folder = self.folder.path().join("left");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(journal::segments::file_name(Position(1))), bytes).unwrap();
        folder
    }
}

#[test]
fn zeros_lie_ahead_of_small_groups_alone_and_none_are_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let log = Segments::create(folder.path(), AHEAD).unwrap();
    let large = vec![7_u8; 50_000];
    for _ in 0..4 {
        let group = [&large[..]; 2].map(|payload| to(1, Expected::Any, &[payload]));
        assert!(log.append(group.into()).iter().all(Result::is_ok));
    }
    let of_large = length(&newest(folder.path()));
    assert!(of_large > 400_000 && of_large < 402_000, "{of_large}");
    append(&log, GROUPS);
    let (path, open) = (newest(folder.path()), length(&newest(folder.path())));
    let records = all(&log, 100);
    drop(log);
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.len() < open, "{} of {open}", bytes.len());
    assert_eq!(all(&Segments::open(folder.path(), AHEAD).unwrap(), 100), records);
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_file_is_sealed_without_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let log = Segments::create(folder.path(), Options { roll_bytes: 90_000, ..AHEAD }).unwrap();
    append(&log, 5 * GROUPS);
    let mut sealed = files(folder.path());
    sealed.pop();
    assert!(sealed.len() > 3);
    for path in sealed {
        let bytes = fs::read(path).unwrap();
        assert!(bytes.len() <= 90_000);
        assert!(bytes[bytes.len() - 512..].iter().any(|byte| *byte != 0));
    }
}

#[test]
fn what_a_kill_leaves_opens_with_every_record_and_goes_on() {
    let killed = Killed::new();
    assert!(killed.bytes.len() > killed.end + 4_096, "zeros lie ahead");
    let folder = killed.left(&killed.bytes);
    let live = Segments::open_read_only(&folder).unwrap();
    assert_eq!(live.head(), Position(2 * GROUPS));
    let path = newest(&folder);
    assert_eq!(length(&path), killed.bytes.len(), "reading changes nothing");
    for round in 0..3 {
        let log = Segments::open(&folder, AHEAD).unwrap();
        assert_eq!(log.head(), Position(2 * GROUPS * (round + 1)));
        append(&log, GROUPS);
    }
    live.refresh().unwrap();
    assert_eq!(live.head(), Position(8 * GROUPS));
}

/// A loss of power leaves any sectors of the last group, and the zeros that lay there for the rest.
#[test]
fn a_group_torn_among_zeros_is_cut_and_one_that_was_altered_is_not() {
    let killed = Killed::new();
    let due = Position(2 * (GROUPS - 1));
    for sector in killed.last / 512..killed.end.div_ceil(512) {
        let mut bytes = killed.bytes.clone();
        bytes[killed.last.max(sector * 512)..(sector + 1) * 512].fill(0);
        let folder = killed.left(&bytes);
        assert_eq!(Segments::open_read_only(&folder).unwrap().head(), due, "sector {sector}");
        assert_eq!(Segments::open(&folder, AHEAD).unwrap().head(), due, "sector {sector}");
        assert_eq!(length(&newest(&folder)), killed.last);
    }
    for place in killed.last..killed.end {
        let mut bytes = killed.bytes.clone();
        bytes[place] ^= 1 << (place % 8);
        let folder = killed.left(&bytes);
        let found = Segments::open(&folder, AHEAD).err().expect("damage stops the start");
        let is_named =
            matches!(&found, OpenError::Damaged { offset, .. } if *offset as usize == killed.last);
        assert!(is_named, "byte {place}: {found}");
        if place % 40 == 0 {
            let found = Segments::open_read_only(&folder).err().expect("nor is it read");
            assert!(matches!(found, OpenError::Damaged { .. }), "byte {place}: {found}");
        }
    }
    // What another group follows was acknowledged, however many sectors are gone.
    let before = killed.last - 200;
    let mut bytes = killed.bytes.clone();
    bytes[before..before + 100].fill(0);
    let found = Segments::open(&killed.left(&bytes), AHEAD).err().expect("damage");
    assert!(matches!(found, OpenError::Damaged { .. }), "{found}");
}

/// Readers and copies beside a writer see groups that are half there, and never take one for damage.
#[test]
fn who_reads_or_copies_beside_the_writer_meets_whole_groups_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("log"), folder.path().join("copy"));
    fs::create_dir(&target).unwrap();
    let log = Segments::create(&source, Options { roll_bytes: 100_000, ..AHEAD }).unwrap();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            append(&log, 1_200);
            is_done.store(true, Ordering::Release);
        });
        let live = Segments::open_read_only(&source).unwrap();
        let (mut segments, mut seen) = (Vec::new(), 0);
        while !is_done.load(Ordering::Acquire) {
            seen = seen.max(live.refresh().unwrap().0);
            assert_eq!(all(&live, 5_000).len() as u64, live.head().0);
            segments = copy::take(&source, &target, &segments, 0, &mut |_| Ok(())).unwrap();
        }
        assert!(seen > 0);
        assert_eq!(live.refresh().unwrap(), log.head());
        let head = log.head();
        segments = copy::take(&source, &target, &segments, head.0, &mut |_| Ok(())).unwrap();
        assert_eq!(copy::position(&segments), head);
    });
}
