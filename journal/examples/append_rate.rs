//! Measures the segments on the disk of a folder: appends by group size, reads, opening.
//!
//! `cargo run --release -p journal --example append_rate FOLDER [EVENTS]`. FOLDER must be empty.

use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use domain::recorded::{ContentTag, Envelope, EventKey, EventType};
use domain::{Clocks, PersonId, Place, Position, Sequence, StreamId};
use jiff::Timestamp;
use jiff::civil::date;
use journal::segments::{Options, Segments};
use journal::{Draft, Expected, Journal, PersonKey, StreamAppend};
use uuid::Uuid;

/// With its envelope a record has about 350 bytes.
const SEALED_BYTES: usize = 180;
const EVENTS_A_STREAM: u64 = 5;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let Some(folder) = arguments.next() else { return Err(io::Error::other("which folder?")) };
    let events = arguments.next().and_then(|text| text.to_str()?.parse().ok());
    let events = events.unwrap_or(1_000_000);
    let folder = Path::new(&folder);
    sync_alone(folder)?;
    for (group, events) in [(1, 4_000), (100, 200_000), (1_000, events), (10_000, events)] {
        let inner = folder.join(group.to_string());
        let log = Segments::create(&inner, Options::default()).map_err(io::Error::other)?;
        append(&log, group, events)?;
    }
    reopen(&folder.join("1000"))?;
    random_reads(&folder.join("1000"))?;
    seals()
}

fn say(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// The disk's own time for a write of 350 kB and its sync.
fn sync_alone(folder: &Path) -> io::Result<()> {
    let mut file = std::fs::File::create(folder.join("sync"))?;
    let bytes = vec![7; 350_000];
    let begun = Instant::now();
    for _ in 0..100 {
        file.write_all(&bytes)?;
        file.sync_data()?;
    }
    say(&format!("write of 350 kB and sync: {:.2} ms", begun.elapsed().as_secs_f64() * 10.0))
}

fn stream(number: u64) -> StreamId {
    let spread = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    PersonId::from_uuid(Uuid::from_u128(spread)).into()
}

fn draft(stream: StreamId) -> Draft {
    let envelope = Envelope {
        position: Position(0),
        stream,
        sequence: Sequence(0),
        previous: Position(0),
        event_type: EventType { number: 104, version: 1 },
        key: EventKey([7; 16]),
        content: ContentTag([8; 8]),
        clocks: Clocks {
            occurred_on: date(2026, 11, 1),
            known_on: None,
            sent_at: None,
            received_at: Timestamp::UNIX_EPOCH,
            recorded_at: Timestamp::UNIX_EPOCH,
            verified_at: None,
        },
        place: Place::parse("990101").expect("six digits"),
        department: *b"PSB",
        channel: *b"DX",
        correlation: EventKey([7; 16]),
        causation: Position(0),
        corrects: Position(0),
        sealed_for: None,
        actor: "clerk-17".into(),
        source: "/psb/990101/station-3".into(),
    };
    Draft { envelope, sealed: vec![9; SEALED_BYTES] }
}

/// The time of the log alone: the drafts of a group are made before its clock runs.
fn append(log: &Segments, group: u64, events: u64) -> io::Result<()> {
    let streams = events / EVENTS_A_STREAM;
    let mut taken = std::time::Duration::ZERO;
    for first in (0..events).step_by(group as usize) {
        let one = |event| {
            let stream = stream(event % streams);
            let sequence = (event / streams) as u32;
            let expected =
                sequence.checked_sub(1).map_or(Expected::Empty, |at| Expected::At(Sequence(at)));
            StreamAppend { stream, expected, records: vec![draft(stream)] }
        };
        let appends: Vec<_> = (first..first + group).map(one).collect();
        let begun = Instant::now();
        let results = log.append(appends);
        taken += begun.elapsed();
        if let Some(Err(error)) = results.into_iter().find(Result::is_err) {
            return Err(io::Error::other(error));
        }
    }
    let (rate, groups) = (events as f64 / taken.as_secs_f64(), (events / group) as f64);
    let millis = taken.as_secs_f64() * 1e3 / groups;
    say(&format!("groups of {group}: {rate:.0} events/s, {millis:.2} ms a group"))
}

fn reopen(folder: &Path) -> io::Result<()> {
    for heads in ["with", "without"] {
        if heads == "without" {
            std::fs::remove_file(folder.join("heads"))?;
        }
        let begun = Instant::now();
        let log = Segments::open_read_only(folder).map_err(io::Error::other)?;
        let millis = begun.elapsed().as_secs_f64() * 1e3;
        say(&format!("opening {} events {heads} heads: {millis:.0} ms", log.head().0))?;
    }
    Ok(())
}

fn random_reads(folder: &Path) -> io::Result<()> {
    let log = Segments::open(folder, Options::default()).map_err(io::Error::other)?;
    let streams = log.head().0 / EVENTS_A_STREAM;
    let mut micros = Vec::new();
    for turn in 0..100_000_u64 {
        let stream = stream(turn.wrapping_mul(7_919) % streams);
        let begun = Instant::now();
        let found = log.read_stream(stream, Sequence(0)).map_err(io::Error::other)?;
        micros.push(begun.elapsed().as_secs_f64() * 1e6);
        assert_eq!(found.len() as u64, EVENTS_A_STREAM);
    }
    micros.sort_by(f64::total_cmp);
    let (middle, high) = (micros[micros.len() / 2], micros[micros.len() * 99 / 100]);
    say(&format!("a stream of {EVENTS_A_STREAM}: p50 {middle:.1} µs, p99 {high:.1} µs"))?;
    let (begun, mut from) = (Instant::now(), Position(1));
    while let Some(last) = log.read_all(from, 1_000).map_err(io::Error::other)?.last() {
        from = Position(last.position.0 + 1);
    }
    let rate = log.head().0 as f64 / begun.elapsed().as_secs_f64();
    say(&format!("the whole log by 1,000: {rate:.0} events/s"))
}

fn seals() -> io::Result<()> {
    let (key, plain) = (PersonKey::new(&[3; 32]), [5; 120]);
    let begun = Instant::now();
    let mut bytes = 0;
    for sequence in 0..200_000 {
        bytes += key.seal(stream(1), Sequence(sequence), &plain).len();
    }
    let micros = begun.elapsed().as_secs_f64() * 1e6 / 200_000.0;
    say(&format!("sealing {} bytes: {micros:.2} µs", bytes / 200_000))
}
