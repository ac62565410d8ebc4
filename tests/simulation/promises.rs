//! What was promised so far, and whether it is kept: the model beside the log and its keys.

use std::collections::BTreeMap;

use domain::{Position, Sequence};
use journal::{Expected, Journal, PersonKey, StreamAppend};
use uuid::Uuid;

use super::history::{Open, STREAMS};
use crate::journal_contract::{all, draft, stream};

/// An event as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub person: u64,
    pub plain: Vec<u8>,
}

/// What is known of the key of a person.
#[derive(Clone, Debug)]
pub enum Key {
    /// Issued and not synced: it may be gone, or another one.
    Issued(Vec<u8>),
    /// Durable; what it sealed opens.
    Synced(Vec<u8>),
    /// It may be there or gone; whether it was durable before.
    Destroying {
        was_durable: bool,
    },
    Destroyed,
}

/// What must be there.
#[derive(Debug, Default)]
pub struct Promises {
    pub events: Vec<Event>,
    /// The group that was being appended: all of it or nothing.
    pub unsure: Vec<Event>,
    pub keys: BTreeMap<u64, Key>,
}

pub fn id(person: u64) -> Uuid {
    stream(person).id
}

const PROOF: &[u8] = b"what the key sealed";

impl Promises {
    pub fn may_be_destroyed(&self, person: u64) -> bool {
        matches!(self.keys.get(&person), Some(Key::Destroying { .. } | Key::Destroyed))
    }

    pub fn issued(&mut self, person: u64, key: &PersonKey) {
        match self.keys.get(&person) {
            Some(Key::Destroyed) => panic!("a destroyed key was issued again"),
            Some(Key::Synced(proof)) => {
                let opened = key.open(stream(person), Sequence(0), proof);
                assert!(opened.is_ok(), "another key was issued for a person who has one");
            }
            // Its destruction did not come to pass, and it stays.
            Some(Key::Destroying { .. } | Key::Issued(_)) | None => {
                let proof = key.seal(stream(person), Sequence(0), PROOF);
                self.keys.insert(person, Key::Issued(proof));
            }
        }
    }

    /// All keys that were issued are durable.
    pub fn keys_synced(&mut self) {
        for key in self.keys.values_mut() {
            if let Key::Issued(proof) = key {
                *key = Key::Synced(std::mem::take(proof));
            }
        }
    }

    pub fn append(
        &self,
        person: u64,
        records: Vec<(Vec<u8>, Vec<u8>)>,
        expected: Expected,
    ) -> StreamAppend {
        let stream = stream(person);
        let records = records.iter().map(|(_, sealed)| draft(stream, sealed)).collect();
        StreamAppend { stream, expected, records }
    }

    /// The group that was being appended is durable.
    pub fn acknowledge(&mut self) {
        self.events.append(&mut self.unsure);
    }

    /// Looks at everything after an opening; gives what was remarkable. What an opening shows is
    /// promised from then on.
    pub fn check(&mut self, open: &Open) -> Vec<&'static str> {
        let mut met = Vec::new();
        let found = all(&open.log, 64);
        let (sure, unsure) = (self.events.len(), self.unsure.len());
        if unsure > 0 && found.len() == sure + unsure {
            met.push("group whole that was not acknowledged");
            self.acknowledge();
        } else if unsure > 0 {
            met.push("group gone that was not acknowledged");
        }
        self.unsure.clear();
        assert_eq!(found.len(), self.events.len(), "events are missing or there are others");
        met.extend(self.check_keys(open));
        for (due, stored) in self.events.iter().zip(&found) {
            let (envelope, sealed) = stored.decode().expect("a whole record");
            assert_eq!(envelope.stream, stream(due.person), "another stream");
            let Some(key) = open.keys.find(id(due.person)).expect("a slot") else {
                assert!(self.may_be_destroyed(due.person), "the key of an event is gone");
                continue;
            };
            let opened = key.open(envelope.stream, Sequence(0), sealed).expect("its own key");
            assert_eq!(opened, due.plain, "another payload");
        }
        for person in 0..STREAMS {
            let due: Vec<_> = (1..)
                .zip(&self.events)
                .filter(|(_, event)| event.person == person)
                .map(|(position, _)| Position(position))
                .collect();
            let read = open.log.read_stream(stream(person), Sequence(0)).expect("a stream");
            let read: Vec<_> = read.iter().map(|stored| stored.position).collect();
            assert_eq!(read, due, "the stream of {person}");
        }
        met
    }

    fn check_keys(&mut self, open: &Open) -> Vec<&'static str> {
        let mut met = Vec::new();
        for (person, known) in &mut self.keys {
            let found = open.keys.find(id(*person)).expect("a slot that is whole");
            match (&*known, found) {
                (Key::Synced(proof), Some(key)) => {
                    let opened = key.open(stream(*person), Sequence(0), proof);
                    assert_eq!(opened.ok().as_deref(), Some(PROOF), "another key");
                }
                (Key::Synced(_), None) => panic!("a durable key is gone"),
                (Key::Destroyed, Some(_)) => panic!("a destroyed key is back"),
                (Key::Destroying { was_durable: true }, None) => {
                    met.push("destruction half done");
                    *known = Key::Destroyed;
                }
                (Key::Issued(_) | Key::Destroying { .. } | Key::Destroyed, _) => {}
            }
        }
        // Of a key that was not synced another may be issued later.
        self.keys.retain(|_, key| !matches!(key, Key::Issued(_)));
        met
    }
}
