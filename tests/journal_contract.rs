//! One suite over every backend of the log: what the contract promises, each of them keeps.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::recorded::{ContentTag, Envelope, EventKey, EventType};
use domain::{Clocks, Place, Position, Sequence, StreamId, StreamKind};
use jiff::Timestamp;
use jiff::civil::date;
use journal::segments::{Options, Segments};
use journal::{AppendError, Appended, Draft, Expected, Journal, Memory, Stored, StreamAppend};
use proptest::prelude::*;
use uuid::Uuid;

/// A stream of a fictional person; the numbers spread over the whole id as real ones do.
pub fn stream(number: u64) -> StreamId {
    let id = Uuid::from_u128(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced));
    StreamId { kind: StreamKind::Person, id }
}

/// A record before it has a place, told apart by its payload.
pub fn draft(stream: StreamId, payload: &[u8]) -> Draft {
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
        place: Place::parse("990101").unwrap(),
        department: *b"PSB",
        channel: *b"DX",
        correlation: EventKey([7; 16]),
        causation: Position(0),
        corrects: Position(0),
        sealed_for: None,
        actor: "clerk".into(),
        source: "/psb/990101/station".into(),
    };
    Draft { envelope, sealed: payload.to_vec() }
}

/// An append of as many records as there are payloads.
pub fn to(number: u64, expected: Expected, payloads: &[&[u8]]) -> StreamAppend {
    let stream = stream(number);
    let records = payloads.iter().map(|payload| draft(stream, payload)).collect();
    StreamAppend { stream, expected, records }
}

/// Everything in the log, read a few at a time.
pub fn all(log: &dyn Journal, at_once: usize) -> Vec<Stored> {
    let mut found: Vec<Stored> = Vec::new();
    loop {
        let from = Position(found.len() as u64 + 1);
        let more = log.read_all(from, at_once).unwrap();
        if more.is_empty() {
            return found;
        }
        assert!(more.len() <= at_once.max(1));
        let mut shown = Vec::new();
        log.show_all(from, at_once, &mut |position, bytes| {
            shown.push(Stored { position, bytes: bytes.to_vec() });
        })
        .unwrap();
        // The log may have grown in between.
        assert!(shown.starts_with(&more), "shown where they lie");
        found.extend(more);
    }
}

fn payloads(records: &[Stored]) -> Vec<Vec<u8>> {
    records.iter().map(|stored| stored.decode().unwrap().1.to_vec()).collect()
}

fn newest(log: &dyn Journal, number: u64) -> Option<u32> {
    log.stream_head(stream(number)).unwrap().map(|(sequence, _)| sequence.0)
}

fn at(result: &Result<Appended, AppendError>) -> Option<(u64, u32)> {
    let appended = result.as_ref().ok()?;
    Some((appended.first.0, appended.first_sequence.0))
}

/// Runs a promise over every backend; the segments roll often.
fn each(promise: impl Fn(&dyn Journal)) {
    promise(&Memory::new());
    for roll_bytes in [1, 2_000, 256 << 20] {
        for ahead_bytes in [0, 300, 8 << 20] {
            let folder = tempfile::tempdir().unwrap();
            let options = Options { roll_bytes, ahead_bytes };
            promise(&Segments::create(folder.path(), options).unwrap());
        }
    }
}

/// Every way of reading tells the same, and nothing has a gap.
fn assert_sound(log: &dyn Journal) {
    let records = all(log, 3);
    assert_eq!(records.len() as u64, log.head().0);
    let mut streams: HashMap<StreamId, Vec<Stored>> = HashMap::new();
    for (stored, position) in records.iter().zip(1..) {
        assert_eq!(stored.position, Position(position));
        assert_eq!(log.read_at(stored.position).unwrap().as_ref(), Some(stored));
        let (envelope, _) = stored.decode().unwrap();
        let before = streams.entry(envelope.stream).or_default();
        assert_eq!(envelope.position, stored.position);
        assert_eq!(envelope.sequence.0 as usize, before.len());
        assert_eq!(envelope.previous, before.last().map_or(Position(0), |stored| stored.position));
        before.push(stored.clone());
    }
    assert_eq!(all(log, 1), records);
    assert_eq!(all(log, 100_000), records);
    for (stream, records) in streams {
        let newest = (Sequence(records.len() as u32 - 1), records.last().unwrap().position);
        assert_eq!(log.stream_head(stream).unwrap(), Some(newest));
        for from in 0..records.len() {
            let read = log.read_stream(stream, Sequence(from as u32)).unwrap();
            assert_eq!(read, records[from..]);
        }
        assert!(log.read_stream(stream, Sequence(records.len() as u32)).unwrap().is_empty());
    }
    assert_eq!(log.read_at(Position(0)).unwrap(), None);
    assert_eq!(log.read_at(Position(log.head().0 + 1)).unwrap(), None);
}

#[test]
fn an_empty_log_has_no_head_no_stream_and_nothing_to_read() {
    each(|log| {
        assert_eq!(log.head(), Position(0));
        assert_eq!(log.stream_head(stream(1)).unwrap(), None);
        assert!(log.read_stream(stream(1), Sequence(0)).unwrap().is_empty());
        assert!(log.append(Vec::new()).is_empty());
        assert_sound(log);
    });
}

#[test]
fn positions_and_sequences_have_no_gap_and_every_way_of_reading_agrees() {
    each(|log| {
        let first = log.append(vec![
            to(1, Expected::Empty, &[b"a", b"b"]),
            to(2, Expected::Any, &[b"c"]),
            to(1, Expected::At(Sequence(1)), &[b"d"]),
        ]);
        assert_eq!(
            first.iter().map(at).collect::<Vec<_>>(),
            [Some((1, 0)), Some((3, 0)), Some((4, 2))]
        );
        for count in [1, 9, 40] {
            let many: Vec<_> =
                (0..count).map(|n| to(n % 7, Expected::Any, &[b"x", b"y"])).collect();
            assert!(log.append(many).iter().all(Result::is_ok));
        }
        assert_eq!(
            payloads(&log.read_stream(stream(1), Sequence(0)).unwrap())[..3],
            [b"a".to_vec(), b"b".to_vec(), b"d".to_vec()]
        );
        assert_eq!(log.head(), Position(104));
        assert_sound(log);
    });
}

#[test]
fn a_conflict_leaves_the_other_appends_of_its_group_untouched() {
    each(|log| {
        assert!(log.append(vec![to(1, Expected::Empty, &[b"a"])])[0].is_ok());
        let results = log.append(vec![
            to(1, Expected::Empty, &[b"no"]),
            to(2, Expected::Empty, &[b"b"]),
            to(2, Expected::Empty, &[b"no"]),
            to(3, Expected::At(Sequence(0)), &[b"no"]),
            to(1, Expected::At(Sequence(0)), &[b"c", b"d"]),
            to(1, Expected::At(Sequence(0)), &[b"no"]),
        ]);
        let seen: Vec<_> = results
            .iter()
            .map(|result| match result {
                Ok(appended) => Ok(appended.first.0),
                Err(AppendError::Conflict(newest)) => Err(newest.map(|sequence| sequence.0)),
                Err(other) => panic!("{other}"),
            })
            .collect();
        let due = [Err(Some(0)), Ok(2), Err(Some(0)), Err(None), Ok(3), Err(Some(2))];
        assert_eq!(seen, due);
        assert_eq!(payloads(&all(log, 10)), [b"a", b"b", b"c", b"d"].map(|one| one.to_vec()));
        assert_eq!((newest(log, 1), newest(log, 2), newest(log, 3)), (Some(2), Some(0), None));
        assert_sound(log);
    });
}

#[test]
fn an_append_that_cannot_be_stored_leaves_no_trace_and_the_others_stand() {
    let long = vec![0; 65_535];
    each(|log| {
        let mut stranger = to(1, Expected::Any, &[b"no", b"no"]);
        stranger.records[1].envelope.stream = stream(2);
        let mut talker = to(5, Expected::Any, &[b"no"]);
        talker.records[0].envelope.actor = "a".repeat(256);
        let results = log.append(vec![
            to(1, Expected::Empty, &[b"no", &long]),
            to(1, Expected::Empty, &[b"a"]),
            stranger,
            to(4, Expected::Any, &[]),
            talker,
        ]);
        assert!(matches!(results[0], Err(AppendError::TooLong)));
        assert_eq!(at(&results[1]), Some((1, 0)));
        assert!(matches!(results[2], Err(AppendError::Malformed)));
        assert!(matches!(results[3], Err(AppendError::Malformed)));
        assert!(matches!(results[4], Err(AppendError::TooLong)));
        assert_eq!(log.head(), Position(1));
        assert_sound(log);
    });
}

#[test]
fn the_longest_record_is_stored_and_one_byte_more_is_not() {
    let envelope = journal::record::encode(&draft(stream(1), b"").envelope, b"").unwrap().len();
    each(|log| {
        let longest = vec![3; 65_535 - envelope];
        let longer = vec![3; 65_536 - envelope];
        let results = log
            .append(vec![to(1, Expected::Empty, &[&longest]), to(2, Expected::Empty, &[&longer])]);
        assert!(results[0].is_ok());
        assert!(matches!(results[1], Err(AppendError::TooLong)));
        assert_sound(log);
    });
}

#[test]
fn whoever_waits_is_woken_by_the_append_and_not_before() {
    each(|log| {
        assert_eq!(log.wait_beyond(Position(0), Duration::from_millis(1)), Position(0));
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| log.wait_beyond(Position(1), Duration::from_secs(60)));
            log.append(vec![to(1, Expected::Any, &[b"a"])]);
            log.append(vec![to(1, Expected::Any, &[b"b", b"c"])]);
            assert_eq!(waiter.join().unwrap(), Position(3));
        });
        assert_eq!(log.wait_beyond(Position(2), Duration::ZERO), Position(3));
    });
}

#[test]
fn readers_beside_a_writer_see_whole_streams_only() {
    each(|log| {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::Acquire) {
                        let head = log.head();
                        let records = all(log, 50);
                        assert!(records.len() as u64 >= head.0);
                        for number in 0..5 {
                            let head = log.stream_head(stream(number)).unwrap();
                            let read = log.read_stream(stream(number), Sequence(0)).unwrap();
                            assert!(read.len() >= head.map_or(0, |(last, _)| last.0 as usize + 1));
                            assert_eq!(read.len() % 2, 0, "half an append was seen");
                        }
                    }
                });
            }
            for round in 0..40_u64 {
                let group =
                    (0..=round % 3).map(|n| to((round + n) % 5, Expected::Any, &[b"x", b"y"]));
                assert!(log.append(group.collect()).iter().all(Result::is_ok));
            }
            done.store(true, Ordering::Release);
        });
        assert_sound(log);
    });
}

#[test]
fn a_memory_that_fails_keeps_the_group_or_not_as_it_was_told() {
    use journal::memory::Fault;
    for (fault, kept) in [(Fault::BeforePersisting, 1), (Fault::AfterPersisting, 3)] {
        let log = Memory::new();
        assert!(log.append(vec![to(1, Expected::Empty, &[b"a"])])[0].is_ok());
        log.fail_next(fault);
        for _ in 0..2 {
            let group = vec![to(1, Expected::Any, &[b"b", b"c"]), to(1, Expected::Empty, &[b"no"])];
            let results = log.append(group);
            assert!(results.iter().all(|one| matches!(one, Err(AppendError::Fatal(_)))));
            assert_eq!(log.head(), Position(1), "nobody may see what was not acknowledged");
        }
        log.reopen();
        assert_eq!(log.head(), Position(kept));
        assert!(log.append(vec![to(1, Expected::Any, &[b"d"])])[0].is_ok());
        assert_sound(&log);
    }
}

/// One append of a generated group: stream, expectation (0 empty, 1 any, else at), payload lengths.
type Step = (u64, u32, Vec<usize>);

/// What the contract says, told as simply as possible.
#[derive(Default)]
struct Model {
    log: Vec<(u64, Vec<u8>)>,
}

impl Model {
    fn append(&mut self, (number, expectation, lengths): &Step) -> Result<u64, Option<u32>> {
        let before = self.log.iter().filter(|(other, _)| other == number).count() as u32;
        let newest = before.checked_sub(1);
        if !matches!((expectation, newest), (0, None) | (1, _))
            && (*expectation < 2 || newest != Some(expectation - 2))
        {
            return Err(newest);
        }
        let first = self.log.len() as u64 + 1;
        self.log.extend(lengths.iter().map(|length| (*number, vec![*length as u8; *length])));
        Ok(first)
    }
}

fn append_of((number, expectation, lengths): &Step) -> StreamAppend {
    let expected = match expectation {
        0 => Expected::Empty,
        1 => Expected::Any,
        at => Expected::At(Sequence(at - 2)),
    };
    let bytes: Vec<_> = lengths.iter().map(|length| vec![*length as u8; *length]).collect();
    to(*number, expected, &bytes.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_backend_does_what_the_model_says(
        groups in prop::collection::vec(
            prop::collection::vec(
                (0..4_u64, 0..6_u32, prop::collection::vec(0..300_usize, 1..4)), 0..20),
            1..8),
        roll_bytes in 1..20_000_u64,
        ahead_bytes in 0..5_000_u64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { roll_bytes, ahead_bytes };
        let mut segments = Segments::create(folder.path(), options).unwrap();
        let memory = Memory::new();
        let mut model = Model::default();
        for group in &groups {
            let due: Vec<_> = group.iter().map(|step| model.append(step)).collect();
            for log in [&segments as &dyn Journal, &memory] {
                let appends = group.iter().map(append_of).collect();
                let found: Vec<_> = log.append(appends).iter().map(|result| match result {
                    Ok(appended) => Ok(appended.first.0),
                    Err(AppendError::Conflict(newest)) => Err(newest.map(|newest| newest.0)),
                    Err(other) => panic!("{other}"),
                }).collect();
                prop_assert_eq!(&found, &due);
            }
            drop(segments);
            segments = Segments::open(folder.path(), options).unwrap();
        }
        for log in [&segments as &dyn Journal, &memory] {
            assert_sound(log);
            let found: Vec<_> = all(log, 7).iter().map(|stored| {
                let (envelope, payload) = stored.decode().unwrap();
                (envelope.stream, payload.to_vec())
            }).collect();
            let due: Vec<_> =
                model.log.iter().map(|(number, bytes)| (stream(*number), bytes.clone())).collect();
            prop_assert_eq!(found, due);
        }
    }
}
