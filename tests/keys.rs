//! Key slots: issued once, durable, readable by the owner alone, and gone when destroyed.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;

use domain::{Sequence, StreamId, StreamKind};
use journal::{KeyError, KeySlots};
use tempfile::TempDir;
use uuid::Uuid;

const MASTER: [u8; 32] = [5; 32];

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn place() -> StreamId {
    StreamId { kind: StreamKind::Person, id: id(1) }
}

/// Three persons with a key each, and a payload sealed for the second.
fn issued() -> (TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slots");
    let keys = KeySlots::create(&path, &MASTER).unwrap();
    for number in 1..=3 {
        keys.issue(id(number)).unwrap();
    }
    keys.sync().unwrap();
    let sealed = keys.issue(id(2)).unwrap().seal(place(), Sequence(0), b"payload");
    (folder, path, sealed)
}

#[test]
fn a_key_issued_once_opens_its_payloads_after_reopening() {
    let (_folder, path, sealed) = issued();
    let keys = KeySlots::open(&path, &MASTER).unwrap();
    let own = keys.find(id(2)).unwrap().unwrap();
    assert_eq!(own.open(place(), Sequence(0), &sealed).unwrap(), b"payload");
    let other = keys.find(id(3)).unwrap().unwrap();
    assert!(other.open(place(), Sequence(0), &sealed).is_err());
    assert!(keys.find(id(4)).unwrap().is_none());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_destroyed_key_leaves_no_byte_and_is_never_issued_again() {
    let (_folder, path, _) = issued();
    let before = fs::read(&path).unwrap();
    let keys = KeySlots::open(&path, &MASTER).unwrap();
    keys.destroy(id(2)).unwrap();
    keys.destroy(id(9)).unwrap();
    drop(keys);
    let after = fs::read(&path).unwrap();
    assert_eq!((after.len(), &after[..80]), (before.len() + 80, &before[..80]));
    assert!(after[96..156].iter().all(|byte| *byte == 0));
    let keys = KeySlots::open(&path, &MASTER).unwrap();
    for gone in [2, 9] {
        assert!(keys.find(id(gone)).unwrap().is_none());
        assert!(matches!(keys.issue(id(gone)), Err(KeyError::Destroyed)));
    }
    assert!(keys.find(id(3)).unwrap().is_some());
}

#[test]
fn another_master_key_stops_the_start() {
    let (_folder, path, _) = issued();
    assert!(matches!(KeySlots::open(&path, &[6; 32]), Err(KeyError::MasterKey(0))));
}

#[test]
fn every_altered_byte_of_the_slots_is_named() {
    let (_folder, path, _) = issued();
    let whole = fs::read(&path).unwrap();
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 64;
        fs::write(&path, &bytes).unwrap();
        let slot = (place - place % 80) as u64;
        let found = KeySlots::open(&path, &MASTER).err().expect("damage");
        assert!(matches!(found, KeyError::Damaged(at) if at == slot), "byte {place}: {found}");
    }
}

#[test]
fn a_slot_torn_in_mid_write_is_cut_and_the_others_stay() {
    let (_folder, path, _) = issued();
    for cut in 1..80 {
        fs::write(&path, vec![0; 0]).unwrap();
        let keys = KeySlots::open(&path, &MASTER).unwrap();
        keys.issue(id(1)).unwrap();
        keys.issue(id(2)).unwrap();
        drop(keys);
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(160 - cut).unwrap();
        let keys = KeySlots::open(&path, &MASTER).unwrap();
        assert!(keys.find(id(1)).unwrap().is_some());
        assert!(keys.find(id(2)).unwrap().is_none());
        keys.issue(id(2)).unwrap();
    }
}

#[test]
fn a_key_moved_into_another_persons_slot_does_not_open() {
    let (_folder, path, _) = issued();
    let whole = fs::read(&path).unwrap();
    let mut slot = whole[..80].to_vec();
    slot[16..76].copy_from_slice(&whole[96..156]);
    let checksum = crc32c::crc32c(&slot[..76]).to_le_bytes();
    slot[76..].copy_from_slice(&checksum);
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&slot, 0).unwrap();
    assert!(matches!(KeySlots::open(&path, &MASTER), Err(KeyError::MasterKey(0))));
}

#[test]
fn threads_share_the_slots_and_every_person_has_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slots");
    let keys = KeySlots::create(&path, &MASTER).unwrap();
    let sealed = |number| {
        let key = keys.issue(id(number)).unwrap();
        key.seal(place(), Sequence(0), b"payload")
    };
    let found: Vec<Vec<Vec<u8>>> = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..200).map(sealed).collect())).collect();
        for number in 1_000..1_050 {
            keys.issue(id(number)).unwrap();
            keys.destroy(id(number)).unwrap();
            assert!(keys.find(id(number)).unwrap().is_none());
        }
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert!(found.iter().all(|sealed| *sealed == found[0]));
    assert_eq!(fs::metadata(&path).unwrap().len(), 250 * 80);
}
