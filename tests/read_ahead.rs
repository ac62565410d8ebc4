//! The log read ahead on several threads is the log: the same events in the same order, and what
//! cannot be read is told at its place.

use std::sync::Arc;

use domain::life_event::LifeEvent;
use domain::recorded::Recorded;
use domain::{Item, Payload, Position, Sequence};
use journal::{Expected, Journal, KeySlots, Memory, PersonKey, StreamAppend, compress};
use replay::ahead::read_ahead;
use replay::{LogReader, ReplayError};
use tempfile::TempDir;

use crate::journal_contract::{draft, stream};

const PERSONS: u64 = 60;
const EVENTS: u64 = 17_003;
const THREADS: [usize; 4] = [0, 1, 2, 5];
/// Every so many events one corrects the one before it.
const CORRECTION_EVERY: u64 = 50;

/// A log of [`EVENTS`] events of [`PERSONS`] persons; that at `broken` was sealed elsewhere, and
/// the key of the last person was destroyed.
fn log(broken: Option<u64>) -> (TempDir, LogReader) {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeySlots::create(&folder.path().join("slots"), &[5; 32]).unwrap();
    let journal = Memory::new();
    let mut group = Vec::new();
    for position in 1..=EVENTS {
        let stream = stream(position % PERSONS);
        let sequence = Sequence(((position - 1) / PERSONS) as u32);
        let mut life = LifeEvent { reason: Some(position.to_string()), ..Default::default() };
        life.items.set(Item::FullName, "张".repeat(position as usize % 9 + 1));
        let json = Payload::Life(Arc::new(life)).to_json();
        let key = keys.issue(stream.id).unwrap();
        let key = if broken == Some(position) { PersonKey::new(&[9; 32]) } else { key };
        let mut draft = draft(stream, &key.seal(stream, sequence, &compress::pack(&json)));
        draft.envelope.event_type.number = 1;
        if position % CORRECTION_EVERY == 0 {
            draft.envelope.corrects = Position(position - 1);
        }
        group.push(StreamAppend { stream, expected: Expected::Any, records: vec![draft] });
    }
    assert!(journal.append(group).iter().all(Result::is_ok));
    keys.destroy(stream(PERSONS - 1).id).unwrap();
    (folder, LogReader::new(Arc::new(journal), Arc::new(keys)))
}

/// Takes a part of the log; gives all that was taken, and the error when there was one.
fn taken(log: &LogReader, from: u64, to: u64, threads: usize) -> (Vec<Recorded>, Option<u64>) {
    let mut events = Vec::new();
    let read = read_ahead(log, Position(from)..=Position(to), threads, |batch| {
        events.extend_from_slice(batch);
        Ok::<_, ReplayError>(())
    });
    let failed = read.err().map(|error| match error {
        ReplayError::Payload { position, .. } => position,
        other => panic!("{other:?}"),
    });
    (events, failed)
}

fn assert_same(found: &[Recorded], due: &[Recorded]) {
    assert_eq!(found.len(), due.len());
    for (found, due) in found.iter().zip(due) {
        assert_eq!(found.envelope, due.envelope);
        assert_eq!(found.target, due.target);
        let position = due.envelope.position;
        assert!(found.payload == due.payload, "the payload at {position:?}");
    }
}

#[test]
fn events_read_ahead_are_those_of_plain_reading_in_order() {
    let (_folder, log) = log(None);
    let due: Vec<_> = (1..=EVENTS).map(|at| log.event(Position(at)).unwrap().unwrap()).collect();
    for (event, position) in due.iter().zip(1..) {
        let told = event.payload.as_ref().map(|payload| payload.life().unwrap().reason.clone());
        let is_destroyed = position % PERSONS == PERSONS - 1;
        assert_eq!(told, (!is_destroyed).then(|| Some(position.to_string())));
        assert_eq!(event.target.is_some(), position % CORRECTION_EVERY == 0);
    }
    assert_same(&log.events(Position(1), EVENTS as usize).unwrap(), &due);
    for threads in THREADS {
        for (from, to) in [(1, EVENTS), (7, 4_006), (4_001, 4_001), (9_000, 17_000), (2, 1)] {
            let (found, failed) = taken(&log, from, to, threads);
            assert_same(&found, &due[from as usize - 1..to as usize]);
            assert_eq!(failed, None);
        }
    }
}

#[test]
fn an_event_that_does_not_open_is_told_after_all_that_stand_before_its_batch() {
    let broken = 9_123;
    let (_folder, log) = log(Some(broken));
    let due = log.events(Position(1), 8_000).unwrap();
    for threads in THREADS {
        let (found, failed) = taken(&log, 1, EVENTS, threads);
        assert_eq!(failed, Some(broken), "by {threads} threads");
        assert_same(&found, &due);
        assert_eq!(taken(&log, broken + 1, EVENTS, threads).1, None);
    }
}

#[test]
fn reading_ends_where_the_events_are_refused() {
    let (_folder, log) = log(None);
    for threads in THREADS {
        let mut batches = 0;
        let refused = read_ahead(&log, Position(1)..=Position(EVENTS), threads, |_| {
            batches += 1;
            if batches == 2 { Err(ReplayError::Keys(journal::KeyError::Destroyed)) } else { Ok(()) }
        });
        assert!(matches!(refused, Err(ReplayError::Keys(_))));
        assert_eq!(batches, 2);
    }
}
