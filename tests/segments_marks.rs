//! What a log keeps of its sealed files so as not to read them at the next start, and when it
//! believes it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use domain::Sequence;
use journal::{Expected, Journal, OpenError, Segments, Stored};

use crate::journal_contract::{all, stream, to};
use crate::segments_store::{SMALL, files, written};

/// After so long the system tells every write to a file apart from those before.
const SETTLED: Duration = Duration::from_secs(4);

fn open(folder: &Path) -> Segments {
    Segments::open(folder, SMALL).unwrap()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn assert_same(log: &Segments, records: &[Stored]) {
    assert_eq!(all(log, 64), records);
    for number in 0..7 {
        let of_stream = |stored: &&Stored| stored.decode().unwrap().0.stream == stream(number);
        let due: Vec<_> = records.iter().filter(of_stream).cloned().collect();
        assert_eq!(log.read_stream(stream(number), Sequence(0)).unwrap(), due);
    }
}

#[test]
fn sealed_files_are_taken_as_they_were_found_until_somebody_writes_to_them() {
    let (folder, mut records) = written(SMALL, 40);
    let folder = folder.path();
    assert_eq!(open(folder).adopted().0, 0, "nothing is kept of files that were just written");
    std::thread::sleep(SETTLED);
    drop(open(folder));
    let sealed = files(folder).len() - 1;

    let log = open(folder);
    let adopted = log.adopted().0;
    assert!(adopted > 0 && adopted < log.head().0, "{adopted} of {}", log.head().0);
    assert_same(&log, &records);
    assert!(log.append(vec![to(1, Expected::Any, &[b"more"])])[0].is_ok());
    records = all(&log, 64);
    drop(log);

    // Heads that do not know what a file holds: it is read.
    fs::copy(folder.join("heads"), folder.join("kept")).unwrap();
    fs::remove_file(folder.join("heads")).unwrap();
    assert_eq!(open(folder).adopted().0, 0);
    // What was kept is damaged, or gone: the files before are taken, this one is read.
    let marks = |number: usize| files(folder)[number].with_extension("marks");
    flip(&marks(3), 70);
    let log = open(folder);
    assert_eq!(files(folder)[3], folder.join(journal::segments::file_name(log_end(&log))));
    assert_same(&log, &records);
    drop(log);
    assert_eq!(open(folder).adopted().0, adopted, "it is kept again");
    fs::remove_file(marks(sealed - 1)).unwrap();
    assert!(open(folder).adopted().0 < adopted);

    // Somebody wrote to a sealed file: it is read, and its damage named.
    let altered = &files(folder)[2];
    flip(altered, 100);
    match Segments::open(folder, SMALL).err() {
        Some(OpenError::Damaged { path, .. }) => assert_eq!(path, *altered),
        other => panic!("{other:?}"),
    }
}

/// The position behind what was adopted.
fn log_end(log: &Segments) -> domain::Position {
    domain::Position(log.adopted().0 + 1)
}
