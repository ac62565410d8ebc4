//! Another master key in the place of the old one: nothing of the logs changes, everybody is who
//! they were, and a `kill -9` at any moment leaves a registry that opens.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::backup::{Drill, archive, person, send};
use super::events::{VILLAGE, certificate, registration};
use super::server::{Directory, command, done, run, told};

const ROUNDS: u32 = 24;
const PEOPLE: u32 = 3_000;

/// A master key as its file has it.
fn key(number: u32) -> String {
    format!("{number:064x}")
}

fn key_file(directory: &Directory, number: u32) -> String {
    let path = directory.beside(&format!("key-{number}"));
    fs::write(&path, format!("{}\n", key(number))).unwrap();
    path.to_str().unwrap().to_owned()
}

fn rotate<'a>(directory: &'a Directory, file: &'a str) -> [&'a str; 5] {
    ["rotate-master-key", "--data", directory.data(), "--new-key", file]
}

/// The hash of every file in folders of the directory.
fn hashes(directory: &Directory, folders: &[&str]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(directory.path().join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let bytes = fs::read(&path).expect("a file");
            found.push((path.display().to_string(), Sha256::digest(&bytes).to_vec()));
        }
    }
    found.sort();
    found
}

fn slots(directory: &Directory) -> Vec<u8> {
    fs::read(directory.path().join("keys/slots")).expect("the slots")
}

fn master_key(directory: &Directory) -> String {
    fs::read_to_string(directory.path().join("master.key")).expect("the key").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_key_is_replaced_and_no_byte_of_a_log_changes() {
    let drill = Drill::make();
    let directory = &drill.directory;
    let file = key_file(directory, 77);
    let server = directory.serve();
    send(&server, &drill.upstream, 0..200).await;
    let reader = server.caller(&drill.verifier);
    let person = person(&reader, 5, 200).await;
    let before = archive(&reader, &person).await;
    let output = run(&rotate(directory, &file));
    assert!(!output.status.success() && told(&output).contains("locked"), "{}", told(&output));
    server.stop();
    drill.back_up();
    let old = (master_key(directory), slots(directory));
    let kept = directory.copy();
    let logs = ["journal", "reads", "trees/events", "trees/reads"];
    let hashed = hashes(directory, &logs);

    let output = run(&rotate(directory, &file));
    assert!(output.status.success() && told(&output).contains("201 keys"), "{}", told(&output));
    assert_eq!(hashes(directory, &logs), hashed);
    assert_eq!(master_key(directory), key(77));
    let mut left: Vec<_> = fs::read_dir(directory.path().join("keys")).unwrap().collect();
    assert_eq!(left.pop().unwrap().unwrap().file_name(), "slots");
    assert!(left.is_empty() && !directory.path().join("master.key.next").exists());
    // Every slot is another one, of the same person.
    let new = slots(directory);
    assert_eq!(new.len(), old.1.len());
    for (new, old) in new.chunks(80).zip(old.1.chunks(80)) {
        assert_eq!(new[..16], old[..16]);
        assert_ne!(new[16..], old[16..]);
    }
    let (_, log) = directory.serve_in_vain(&[("RENKOU_MASTER_KEY", &old.0)]);
    assert!(log.contains("another master key?"), "{log}");
    let server = directory.serve();
    let reader = server.caller(&drill.verifier);
    assert_eq!(archive(&reader, &person).await, before);
    // A number leads to whom it led to, and what was told before is known to have been.
    assert_eq!(reader.look_up(&certificate(5)).await.as_ref(), Some(&person));
    let again = registration("r-5", &certificate(5), "赵钱孙", VILLAGE);
    server.caller(&drill.upstream).post(&again).await.with(200);
    send(&server, &drill.upstream, 500..520).await;
    server.stop();
    let check = directory.check();
    assert!(check.status.success(), "{}", told(&check));

    // The keys in the backup are under the new key after the next one, and nothing of the old
    // wrapping is left there.
    drill.back_up();
    drill.restore(&[]);
    let copy = fs::read(directory.beside("keys/slots")).unwrap();
    assert!(!copy.windows(60).any(|some| some == &old.1[96..156]));
    // The backup of before goes with the key of before.
    assert_eq!(master_key(&kept), old.0);
    assert!(kept.check().status.success());
}

/// Whether the directory opens, with a key from outside or with its own.
fn opens(directory: &Directory, person: &str, given: Option<&str>) -> bool {
    let mut reading =
        command(&["replay", "person", person, "--data", directory.data(), "--purpose", "audit"]);
    reading.envs(given.map(|key| ("RENKOU_MASTER_KEY", key)));
    let output = reading.output().expect("the binary runs");
    let said = told(&output);
    assert!(output.status.success() || said.contains("another master key?"), "{said}");
    output.status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_killed_leaves_one_key_that_opens_everything() {
    let drill = Drill::make();
    let directory = &drill.directory;
    let server = directory.serve();
    send(&server, &drill.upstream, 0..PEOPLE).await;
    let reader = server.caller(&drill.verifier);
    let person = person(&reader, 9, u64::from(PEOPLE)).await;
    server.stop();
    let begun = std::time::Instant::now();
    done(&rotate(directory, &key_file(directory, 1)));
    let mut killed_after = begun.elapsed();
    let (mut swapped, mut stayed) = (0, 0);
    for round in 2..2 + ROUNDS {
        let before = slots(directory);
        let mut rotation = command(&rotate(directory, &key_file(directory, round)));
        let mut rotation = rotation.stderr(Stdio::null()).spawn().expect("the binary runs");
        tokio::time::sleep(killed_after).await;
        let _ = rotation.kill();
        rotation.wait().expect("a child");
        // Around the moment of the swap, wherever that is on this machine today.
        if slots(directory) == before {
            stayed += 1;
            killed_after = killed_after * 13 / 10;
        } else {
            swapped += 1;
            killed_after = killed_after * 8 / 10;
        }
        assert!(opens(directory, &person, None), "round {round}");
        if round % 6 == 0 {
            // A service that opens it ends what was begun, and leaves nothing of it.
            directory.serve().stop();
            assert!(opens(directory, &person, Some(&master_key(directory))), "round {round}");
            for left in ["master.key.next", "keys/slots.new", "keys/slots.old"] {
                assert!(!directory.path().join(left).exists(), "{left}");
            }
        }
    }
    assert!(swapped > 2 && stayed > 2, "{swapped} swapped, {stayed} stayed");
    done(&rotate(directory, &key_file(directory, 99)));
    assert_eq!(master_key(directory), key(99));
    assert!(directory.check().status.success());
}

/// A key that comes from outside: the old one opens the registry, or the new one, never both and
/// never none.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_of_a_key_from_outside_is_the_callers_to_end() {
    let drill = Drill::make();
    let directory = &drill.directory;
    let server = directory.serve();
    send(&server, &drill.upstream, 0..PEOPLE / 4).await;
    let person = person(&server.caller(&drill.verifier), 9, u64::from(PEOPLE / 4)).await;
    server.stop();
    let mut held = master_key(directory);
    fs::remove_file(directory.path().join("master.key")).unwrap();
    for round in 1..=8 {
        let file = key_file(directory, round);
        let mut rotation = command(&rotate(directory, &file));
        let mut rotation = rotation
            .env("RENKOU_MASTER_KEY", &held)
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        tokio::time::sleep(Duration::from_millis(u64::from(round) * 15)).await;
        if round < 8 {
            let _ = rotation.kill();
        }
        rotation.wait().expect("a child");
        let opening = [&held, &key(round)].map(|key| opens(directory, &person, Some(key)));
        assert_ne!(opening[0], opening[1], "round {round}: {opening:?}");
        if opening[1] {
            held = key(round);
        }
        assert!(!directory.path().join("master.key").exists());
    }
    assert_eq!(held, key(8));
    for wrong in ["no key", &key(1)[1..]] {
        let path = directory.beside("wrong");
        fs::write(&path, wrong).unwrap();
        let words = rotate(directory, path.to_str().unwrap());
        let output = command(&words).env("RENKOU_MASTER_KEY", &held).output().expect("it runs");
        assert!(told(&output).contains("64 hexadecimal digits"), "{}", told(&output));
    }
    assert!(Path::new(directory.data()).join("keys/slots").exists());
}
