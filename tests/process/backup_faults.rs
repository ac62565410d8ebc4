//! Backups that are damaged, made up, killed in the middle, or put where they do not belong.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::backup::{Drill, archive, checkpoint, manifest, person, send, verify};
use super::damage::flip;
use super::server::{command, done, run, told};
use super::tampering::destroy_key;

/// Every file of a backup but the lock of who takes it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false if path.ends_with("lock") => {}
            false => found.push(path),
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flipped_byte_of_a_backup_is_found_and_its_file_named() {
    let drill = Drill::make();
    let server = drill.directory.serve();
    send(&server, &drill.upstream, 0..300).await;
    let reader = server.caller(&drill.verifier);
    let person = person(&reader, 7, 300).await;
    archive(&reader, &person).await;
    server.stop();
    drill.back_up();
    let backup = drill.directory.beside("backup");
    assert!(drill.verify().0);
    let all = files(&backup);
    assert!(all.len() >= 8, "{all:?}");
    for path in &all {
        let whole = fs::read(path).unwrap();
        for part in 0..6_u64 {
            let at = (whole.len() as u64 - 1) * part / 5;
            flip(path, at);
            let (is_whole, said) = drill.verify();
            let name = path.strip_prefix(&backup).unwrap().to_str().unwrap();
            let folder = name.rsplit_once('/').map_or(name, |(folder, _)| folder);
            assert!(!is_whole && said.contains(folder), "{name} at {at}: {said}");
            if name.ends_with(".log") {
                assert!(said.contains(name) && said.contains("position"), "{name} at {at}: {said}");
            }
            fs::write(path, &whole).unwrap();
        }
    }
    // And nothing of the kind is restored.
    flip(&backup.join("journal/00000000000000000001.log"), 20_000);
    let (restored, (is_done, said)) = drill.try_restore(&[]);
    assert!(!is_done && said.contains("at the record of position"), "{said}");
    assert!(!restored.path().join("registry.json").exists());
}

/// A record that was altered with right checksums, in the manifest too: the tree knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_made_up_does_not_fit_a_kept_checkpoint() {
    let (drill, other) = (Drill::make(), Drill::make());
    for (drill, first) in [(&drill, 0), (&other, 1_000)] {
        let server = drill.directory.serve();
        send(&server, &drill.upstream, first..first + 40).await;
        server.stop();
        drill.back_up();
    }
    let kept = drill.directory.beside("kept");
    fs::write(&kept, checkpoint(&drill.directory)).unwrap();
    let against = ["--against", kept.to_str().unwrap()];
    let (is_good, said) = verify(&drill.directory.beside("backup"), &against);
    assert!(is_good, "{said}");
    assert!(!verify(&other.directory.beside("backup"), &against).0);
    // The log of another under the tree and the manifest of this one.
    let log = "journal/00000000000000000001.log";
    let (ours, theirs) = (drill.directory.beside("backup"), other.directory.beside("backup"));
    fs::copy(theirs.join(log), ours.join(log)).unwrap();
    let (is_good, said) = drill.verify();
    assert!(!is_good && said.contains(log), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_killed_leaves_the_one_before() {
    let drill = Drill::make();
    let server = drill.directory.serve();
    send(&server, &drill.upstream, 0..500).await;
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    let first = drill.back_up();
    assert_eq!(first, 500);
    let (to, keys) = (drill.beside("backup"), drill.beside("keys"));
    let mut killed = 0;
    for round in 0..12_u32 {
        send(&server, &drill.upstream, 1_000 * (round + 1)..1_000 * (round + 1) + 400).await;
        let words = ["backup", "--data", drill.directory.data(), "--to", &to, "--keys-to", &keys];
        let mut running = command(&words).spawn().expect("the binary runs");
        tokio::time::sleep(Duration::from_micros(500 + u64::from(round) * 1_500)).await;
        if running.try_wait().expect("a child").is_none() {
            running.kill().expect("a child");
            killed += 1;
        }
        running.wait().expect("a child");
        let (is_whole, said) = drill.verify();
        assert!(is_whole, "round {round}: {said}");
    }
    assert!(killed > 3, "{killed}");
    server.stop();
    let kept = manifest(Path::new(&to))["events"]["position"].as_u64().unwrap();
    let (restored, said) = drill.restore(&[]);
    assert!(said.contains(&format!("{kept} events")), "{said}");
    assert!(restored.check().status.success());
    assert_eq!(drill.back_up(), 500 + 12 * 400);
    assert!(drill.verify().0);
    drill.restore(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_kept_apart_and_destroyed_in_the_backup_too() {
    let drill = Drill::make();
    let server = drill.directory.serve();
    send(&server, &drill.upstream, 0..20).await;
    let reader = server.caller(&drill.verifier);
    let erased = person(&reader, 3, 20).await;
    server.stop();
    let (to, data) = (drill.beside("backup"), drill.directory.data().to_owned());
    for keys in [to.clone(), format!("{to}/keys"), format!("{data}/copy")] {
        let output = run(&["backup", "--data", &data, "--to", &to, "--keys-to", &keys]);
        assert!(!output.status.success(), "{keys}: {}", told(&output));
    }
    let inside = format!("{data}/backup");
    assert!(!run(&["backup", "--data", &data, "--to", &inside]).status.success());
    let _ = fs::remove_dir_all(&to);
    drill.back_up();
    let slot = |folder: &Path| {
        let bytes = fs::read(folder).unwrap();
        let id = uuid::Uuid::parse_str(&erased).unwrap();
        let slot = bytes.chunks(80).find(|slot| slot[..16] == id.as_bytes()[..]);
        slot.expect("a slot")[16..76].to_vec()
    };
    let copy = drill.directory.beside("keys/slots");
    let live = slot(&copy);
    destroy_key(&drill.directory, &erased);
    drill.back_up();
    assert!(slot(&copy).iter().all(|byte| *byte == 0));
    for folder in ["backup", "keys"] {
        for file in files(&drill.directory.beside(folder)) {
            let bytes = fs::read(&file).unwrap();
            assert!(!bytes.windows(60).any(|some| some == live), "{}", file.display());
        }
    }
    // A log that is further than the keys is not restored.
    let server = drill.directory.serve();
    send(&server, &drill.upstream, 100..120).await;
    server.stop();
    done(&["backup", "--data", &data, "--to", &to]);
    let (_, (is_done, said)) = drill.try_restore(&[]);
    assert!(!is_done && said.contains("payloads of later persons would be lost"), "{said}");
    drill.restore(&["--to-position", "20"]);
    // Nor into a registry, nor under another master key.
    let master = drill.directory.path().join("master.key");
    let keys = drill.beside("keys");
    let words = ["restore", "--from", &to, "--keys-from", &keys, "--data", &data, "--master-key"];
    let output = run(&[&words[..], &[master.to_str().unwrap()]].concat());
    assert!(told(&output).contains("is not empty"), "{}", told(&output));
}
