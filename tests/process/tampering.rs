//! What an insider with the disk could do to the log: found and named, here and by a program that
//! shares no code with ours.

use std::fs;
use std::process::{Command, Stdio};

use domain::recorded::Envelope;
use journal::tree::Verifier;
use journal::{Draft, Expected, Journal, Options, Segments, StreamAppend};
use serde_json::{Value, json};

use super::events::{VILLAGE, certificate, registration};
use super::server::{Directory, Server, done, root, run, told};

pub const PEOPLE: u32 = 700;

/// A registry that signed `PEOPLE` events and ended; a token of an auditor.
pub async fn signed() -> (Directory, String) {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let auditor = directory.token(&["--role", "auditor", "--purposes", "audit"]);
    let server = directory.serve();
    send(&server, &upstream, 0..PEOPLE).await;
    server.stop();
    (directory, auditor)
}

async fn send(server: &Server, upstream: &str, numbers: std::ops::Range<u32>) {
    let event = |number| {
        registration(&format!("r-{number}"), &certificate(number), "赵钱孙", VILLAGE).to_string()
    };
    let count = numbers.len();
    let lines: String = numbers.map(|number| event(number) + "\n").collect();
    let (_, summary) = server.caller(upstream).stream(lines).await;
    assert_eq!(summary["recorded"], count, "{summary}");
}

/// Writes the log of a directory anew from changed records, as whole frames with right checksums,
/// positions and chains: what no checksum can find.
fn rewrite(directory: &Directory, change: impl FnOnce(&mut Vec<(Envelope, Vec<u8>)>)) {
    rewrite_in(directory, Options::default(), change);
}

/// The same, laid out in another way.
pub fn rewrite_in(
    directory: &Directory,
    options: Options,
    change: impl FnOnce(&mut Vec<(Envelope, Vec<u8>)>),
) {
    let folder = directory.path().join("journal");
    let old = Segments::open_read_only(&folder).unwrap();
    let mut records = Vec::new();
    while let Ok(stored) = old.read_all(domain::Position(records.len() as u64 + 1), 1_000) {
        if stored.is_empty() {
            break;
        }
        records.extend(stored.iter().map(|stored| {
            let (envelope, sealed) = stored.decode().unwrap();
            (envelope, sealed.to_vec())
        }));
    }
    change(&mut records);
    drop(old);
    fs::remove_dir_all(&folder).unwrap();
    let new = Segments::create(&folder, options).unwrap();
    let group = records.into_iter().map(|(envelope, sealed)| StreamAppend {
        stream: envelope.stream,
        expected: Expected::Any,
        records: vec![Draft { envelope, sealed }],
    });
    let group: Vec<_> = group.collect();
    for some in group.chunks(50) {
        assert!(new.append(some.to_vec()).iter().all(Result::is_ok));
    }
}

fn checkpoint(directory: &Directory) -> String {
    fs::read_to_string(directory.path().join("trees/events/checkpoint")).unwrap()
}

fn check_against(directory: &Directory, note: &str) -> (bool, String) {
    let file = directory.beside("kept");
    fs::write(&file, note).unwrap();
    let words = ["replay", "check", "--data", directory.data(), "--against"];
    let output = run(&[&words[..], &[file.to_str().unwrap()]].concat());
    (output.status.success(), told(&output))
}

#[tokio::test(flavor = "multi_thread")]
async fn altered_dropped_swapped_and_back_dated_records_are_found_and_named() {
    let (directory, _) = signed().await;
    let kept = checkpoint(&directory);
    assert!(check_against(&directory, &kept).0, "{}", check_against(&directory, &kept).1);
    type Change = fn(&mut Vec<(Envelope, Vec<u8>)>);
    let changes: [(&str, u64, Change); 6] = [
        ("a flipped byte", 301, |all| *all[300].1.last_mut().unwrap() ^= 1),
        ("a dropped record", 124, |all| drop(all.remove(123))),
        ("the last one dropped", u64::from(PEOPLE), |all| drop(all.pop())),
        ("swapped records", 52, |all| all.swap(51, 560)),
        ("a back-dated record", 434, |all| {
            all[433].0.clocks.recorded_at -= jiff::Span::new().hours(26);
        }),
        ("one put in", 8, |all| all.insert(7, all[8].clone())),
    ];
    for (what, position, change) in changes {
        let copy = directory.copy();
        rewrite(&copy, change);
        let named = format!("position {position}");
        let file = "journal/00000000000000000001.log";
        for output in [told(&copy.check()), check_against(&copy, &kept).1] {
            assert!(output.contains(&named) && output.contains(file), "{what}: {output}");
        }
        assert!(!copy.check().status.success(), "{what}");
        let (status, log) = copy.serve_in_vain(&[]);
        assert_eq!(status.code(), Some(1), "{what}");
        assert!(log.contains(&named), "{what}: {log}");
    }
}

/// Whoever has the disk has the log's key too, and can sign another history; a checkpoint kept
/// elsewhere, by a witness or on paper, still tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_signed_anew_does_not_fit_a_checkpoint_kept_elsewhere() {
    let (directory, _) = signed().await;
    let kept = checkpoint(&directory);
    rewrite(&directory, |all| *all[300].1.last_mut().unwrap() ^= 1);
    let key = fs::read(directory.path().join("log.key")).unwrap();
    let text = String::from_utf8(key).unwrap();
    let signer = journal::tree::Signer::read(text.lines().next().unwrap()).unwrap();
    let tree = directory.path().join("trees/events");
    fs::remove_dir_all(&tree).unwrap();
    journal::tree::Tree::create(&tree, &signer).unwrap();
    let log = Segments::open(&directory.path().join("journal"), Options::default()).unwrap();
    let forged = journal::tree::Tree::open(&tree, signer, Vec::new(), &log).unwrap();
    assert!(forged.grow(&log).unwrap());
    drop((forged, log));
    let (is_good, told) = check_against(&directory, &kept);
    let due = format!("the first {PEOPLE} records are not those of the checkpoint");
    assert!(!is_good && told.contains(&due), "{told}");
    let (_, told) = check_against(&directory, &kept.replace(&format!("\n{PEOPLE}\n"), "\n699\n"));
    assert!(told.contains("does not fit"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_that_are_torn_damaged_or_gone_are_named_and_made_anew() {
    let (directory, _) = signed().await;
    let kept = checkpoint(&directory);
    let level = |copy: &Directory, level: &str| copy.path().join("trees/events").join(level);
    type Harm = fn(&mut Vec<u8>);
    let harms: [(&str, Harm); 5] = [
        ("0", |bytes| bytes[32 * 99 + 5] ^= 4),
        ("0", |bytes| bytes.truncate(32 * 500 + 7)),
        ("0", Vec::clear),
        ("0", |bytes| bytes.extend([7; 45])),
        ("1", |bytes| bytes[40] ^= 4),
    ];
    for (at, (name, harm)) in harms.into_iter().enumerate() {
        let copy = directory.copy();
        let whole = fs::read(level(&copy, name)).unwrap();
        let mut bytes = whole.clone();
        harm(&mut bytes);
        fs::write(level(&copy, name), bytes).unwrap();
        let check = copy.check();
        if at < 3 {
            assert!(!check.status.success(), "{at}");
            assert!(told(&check).contains("trees/events/0"), "{at}: {}", told(&check));
        }
        copy.serve().stop();
        assert_eq!(fs::read(level(&copy, name)).unwrap(), whole, "{at}");
        assert!(check_against(&copy, &kept).0, "{at}");
    }
    fs::remove_file(directory.path().join("log.key")).unwrap();
    let (_, log) = directory.serve_in_vain(&[]);
    assert!(log.contains("the key that signed it is gone"), "{log}");
}

/// The tree never stands on what is not durable, and what it signed once it signs for ever.
#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_stay_provable_over_kill_9() {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let mut kept = Vec::new();
    for round in 0..6_u32 {
        let server = directory.serve();
        send(&server, &upstream, round * 300..round * 300 + 300).await;
        // Some rounds end before the checkpoint, some about it, some after it.
        tokio::time::sleep(std::time::Duration::from_millis(u64::from(round) * 40)).await;
        server.kill();
        kept.push(checkpoint(&directory));
    }
    directory.serve().stop();
    kept.push(checkpoint(&directory));
    assert!(kept.last().unwrap().contains("\n1800\n"));
    for note in kept {
        let (is_good, told) = check_against(&directory, &note);
        assert!(is_good, "{note}: {told}");
    }
}

/// A witness' private key, as the program beside makes signatures with.
const SEED: [u8; 32] = [7; 32];

/// What the program in Python found.
pub fn verified(server: &Server, auditor: &str, vkey: &str, old: Option<&str>) -> Value {
    verified_log(server, "", auditor, vkey, old)
}

/// The same of the log of reads, which is called `reads/`, or of that of events, which is called
/// nothing.
fn verified_log(server: &Server, log: &str, auditor: &str, vkey: &str, old: Option<&str>) -> Value {
    let seed: String = SEED.iter().map(|byte| format!("{byte:02x}")).collect();
    let task = json!({"url": server.url, "log": log, "token": auditor, "vkey": vkey, "old": old,
        "seed": seed});
    let mut python = Command::new("python3");
    python.arg(root().join("tests/clients/verify_log.py"));
    python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = python.spawn().expect("python3 is there");
    let mut stdin = running.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, task.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Its public key.
pub const WITNESS: &str = "witness.example+d831bcf1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_program_verifies_records_tiles_and_proofs() {
    let (directory, auditor) = signed().await;
    let old = checkpoint(&directory);
    let vkey = done(&["log-key", "--data", directory.data()]);
    let vkey = vkey.lines().next().unwrap();
    assert!(Verifier::read(vkey).unwrap().open(&old).is_ok());
    fs::write(directory.path().join("witnesses"), WITNESS).unwrap();
    let upstream = directory.token(&["--role", "upstream"]);
    let server = directory.serve();
    send(&server, &upstream, PEOPLE..PEOPLE + 90).await;
    let head = u64::from(PEOPLE + 90);
    let reader = server.caller(&auditor);
    reader.get_at("/v1/log/checkpoint", head).await.with(200);
    let found = verified(&server, &auditor, vkey, Some(&old));
    assert_eq!((&found["size"], &found["taken"]), (&json!(head), &json!(["witness.example"])));
    assert!(found["proofs"].as_u64().unwrap() > 50, "{found}");

    // A receipt that is asked for again carries its proof.
    let event = registration("r-5", &certificate(5), "赵钱孙", VILLAGE);
    let again = server.caller(&upstream).post(&event).await.with(200);
    let proof = again["proof"].as_str().expect("a proof").to_owned();
    let position = again["position"].as_u64().unwrap();
    assert!(proof.starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {}\n", position - 1)));

    // Hashes are for every token, records for auditors.
    let sender = server.caller(&upstream);
    sender.get("/v1/log/tile/0/000").await.with(200);
    for path in ["/v1/log/tile/entries/000", "/v1/log/entries/1"] {
        sender.get(path).await.problem(403, "not_allowed");
    }
    for path in ["tile/0/0", "tile/0/000.p/256", "tile/9/000", "tile/0/004", "tile/1/000.p/4"] {
        reader.get(&format!("/v1/log/{path}")).await.problem(404, "not_found");
    }
    for path in ["proof?position=0", "proof?position=9000", "consistency?from=5&to=4"] {
        reader.get(&format!("/v1/log/{path}")).await.problem(404, "not_found");
    }
    server.stop();

    // A person whose key is destroyed is gone, and the tree stands as it stood.
    let person = again["person_id"].as_str().unwrap();
    destroy_key(&directory, person);
    let server = directory.serve();
    let after = verified(&server, &auditor, vkey, Some(&old));
    assert_eq!(
        after["checkpoint"].as_str().unwrap().lines().take(3).collect::<Vec<_>>(),
        found["checkpoint"].as_str().unwrap().lines().take(3).collect::<Vec<_>>()
    );
    server.stop();
    let (is_good, told) = check_against(&directory, &old);
    assert!(told.contains(&format!("signed at {PEOPLE} records")), "{is_good} {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_independent_program_verifies_the_log_of_reads() {
    let directory = Directory::make();
    let upstream = directory.token(&["--role", "upstream"]);
    let auditor = directory.token(&["--role", "auditor", "--purposes", "audit"]);
    let vkeys = done(&["log-key", "--data", directory.data()]);
    let vkey = vkeys.lines().nth(1).unwrap();
    fs::write(directory.path().join("witnesses"), WITNESS).unwrap();
    let server = directory.serve();
    send(&server, &upstream, 0..60).await;
    let reader = server.caller(&auditor).purpose("audit");
    let old = reader.get_at("/v1/log/reads/checkpoint", 9).await.with(200);
    // Five lists of sixty people each are three hundred records, one raises an alarm, and somebody is
    // not found.
    for _ in 0..5 {
        reader.get_at("/v1/places/99/people", 60).await.with(200);
    }
    assert_eq!(reader.look_up(&certificate(900)).await, None);
    let key = reader.get("/v1/log/reads/key").await.with(200);
    assert_eq!(key.as_str().unwrap().trim(), vkey);
    reader.get_at("/v1/log/reads/checkpoint", 302).await.with(200);
    let found = verified_log(&server, "reads/", &auditor, vkey, old.as_str());
    assert_eq!((&found["size"], &found["taken"]), (&json!(302), &json!(["witness.example"])));
    assert!(found["proofs"].as_u64().unwrap() > 30, "{found}");
    // Hashes are for every token; who read about whom is for who audits reads.
    let sender = server.caller(&upstream);
    sender.get("/v1/log/reads/tile/0/000").await.with(200);
    sender.get("/v1/log/reads/proof?position=7").await.with(200);
    for path in ["/v1/log/reads/tile/entries/000", "/v1/log/reads/entries/1"] {
        sender.get(path).await.problem(403, "not_allowed");
    }
    server.stop();
}

/// Destroys a person's key as erasing does.
pub fn destroy_key(directory: &Directory, person: &str) {
    let text = fs::read_to_string(directory.path().join("master.key")).unwrap();
    let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
    let master: Vec<u8> = (0..32).map(byte).collect();
    let slots = directory.path().join("keys/slots");
    let keys = journal::KeySlots::open(&slots, &master.try_into().unwrap()).unwrap();
    keys.destroy(person.parse().unwrap()).unwrap();
    keys.sync().unwrap();
}
