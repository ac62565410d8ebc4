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
    let mut found = Vec::new();
    // Once from the file, once from memory.
    for _ in 0..2 {
        keys.find_each(&[id(4), id(2), id(1), id(2)], &mut found).unwrap();
        let opens = |key: &Option<journal::PersonKey>| {
            key.as_ref().map(|key| key.open(place(), Sequence(0), &sealed).is_ok())
        };
        let opening: Vec<_> = found.iter().map(opens).collect();
        assert_eq!(opening, [None, Some(true), Some(false), Some(true)]);
    }
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

/// Keys that were lately used share places in memory when there are very many slots.
#[test]
fn a_key_is_never_mistaken_for_that_of_a_slot_a_million_further() {
    const APART: usize = 1 << 20;
    let (_folder, path, _) = issued();
    let live = fs::read(&path).unwrap();
    let mut slots = Vec::with_capacity((APART + 1) * 80);
    slots.extend_from_slice(&live[..80]);
    for number in 1..APART {
        let mut slot = [0; 80];
        slot[..16].copy_from_slice(id(1_000 + number as u128).as_bytes());
        let checksum = crc32c::crc32c(&slot[..76]).to_le_bytes();
        slot[76..].copy_from_slice(&checksum);
        slots.extend_from_slice(&slot);
    }
    slots.extend_from_slice(&live[80..160]);
    fs::write(&path, slots).unwrap();
    let keys = KeySlots::open(&path, &MASTER).unwrap();
    let derived = |number| keys.find(id(number)).unwrap().map(|key| key.derive("test"));
    let (first, last) = (derived(1), derived(2));
    assert!(first.is_some() && last.is_some() && first != last);
    assert_eq!((derived(1), derived(2), derived(1)), (first, last, first));
    assert_eq!(derived(1_500), None);
    keys.destroy(id(1)).unwrap();
    assert_eq!((derived(1), derived(2)), (None, last));
}
