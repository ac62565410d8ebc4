//! One history: lives of a process on one disk, each ended by what its seed says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use journal::segments::{Options, Segments};
use journal::{AppendError, Expected, Journal, KeyError, KeySlots, OpenError, StreamAppend};
use uuid::Uuid;

use super::dice::Dice;
use super::disk::{Disk, Fault};
use super::promises::{Event, Key, Promises, id};
use crate::journal_contract::draft;

pub const MASTER: [u8; 32] = [5; 32];
/// Streams, and persons whose keys seal their events.
pub const STREAMS: u64 = 14;
const LIVES_MAX: u64 = 7;
const DEEDS_MAX: u64 = 12;

/// How often what was met.
pub type Tally = BTreeMap<&'static str, u64>;

/// What a process has open.
pub struct Open {
    pub log: Segments<Disk>,
    pub keys: KeySlots<Disk>,
}

pub struct History {
    dice: Dice,
    pub disk: Disk,
    pub promises: Promises,
    tally: Tally,
}

pub fn folder() -> PathBuf {
    PathBuf::from("/data/journal")
}

pub fn slots() -> &'static Path {
    Path::new("/data/keys/slots")
}

/// The disk failed the process: it ends.
pub struct Ended;

impl History {
    pub fn new(seed: u64) -> Self {
        let disk = Disk::new(seed ^ 0xd15c);
        KeySlots::create_on(&disk, slots(), &MASTER).expect("a new file");
        Segments::create_on(&disk, &folder(), Options::default()).expect("a new log");
        let (promises, tally) = (Promises::default(), Tally::new());
        Self { dice: Dice::new(seed), disk, promises, tally }
    }

    fn met(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    /// Lives all lives, and then looks whether everything is there.
    pub fn live(mut self) -> Tally {
        for _ in 0..1 + self.dice.below(LIVES_MAX) {
            let at = 1 + self.dice.below(40);
            let fault = match self.dice.below(7) {
                0 => None,
                1 | 2 => Some(Fault::Down { at }),
                3 | 4 => Some(Fault::Refused { at }),
                _ => {
                    let until = at + 1 + self.dice.below(30);
                    Some(Fault::Full { at, until, goes_down: self.dice.once_in(4) })
                }
            };
            self.one_life(fault);
            let power_lost = !self.dice.once_in(3);
            self.met(if power_lost { "power lost" } else { "killed" });
            self.disk.restart(power_lost);
            if self.dice.once_in(4) && self.disk.flip(&folder().join("heads")) {
                self.met("heads flipped");
            }
        }
        self.one_life(None);
        self.tally
    }

    fn one_life(&mut self, fault: Option<Fault>) {
        self.disk.expect(fault);
        // Heads that cannot be saved must harm nothing.
        let forbidden = self.dice.once_in(3).then(|| folder().join("heads.new"));
        self.disk.forbid(forbidden);
        let open = match self.open() {
            Ok(open) => open,
            Err(error) => {
                assert!(self.disk.has_failed(), "the start is refused: {error}");
                return self.met("start cut off");
            }
        };
        for what in self.promises.check(&open) {
            self.met(what);
        }
        for _ in 0..self.dice.below(DEEDS_MAX) {
            if self.deed(&open).is_err() {
                assert!(self.disk.has_failed(), "an error without a cause");
                self.met("refusal of the disk");
                return self.after_a_failure(&open);
            }
        }
        if self.dice.once_in(2) {
            // It is killed; else it ends in order and saves the heads.
            self.disk.go_down();
        }
    }

    /// Opens as the service does: the log, then the keys.
    pub fn open(&mut self) -> Result<Open, String> {
        let roll_bytes = 1_000 + self.dice.below(9_000);
        let ahead_bytes = if self.dice.once_in(3) { 0 } else { self.dice.below(6_000) };
        let options = Options { roll_bytes, ahead_bytes };
        let log = Segments::open_on(&self.disk, &folder(), options)
            .map_err(|error: OpenError| format!("{error} ({error:?})"))?;
        let keys = KeySlots::open_on(&self.disk, slots(), &MASTER)
            .map_err(|error: KeyError| format!("{error} ({error:?})"))?;
        Ok(Open { log, keys })
    }

    fn deed(&mut self, open: &Open) -> Result<(), Ended> {
        let person = self.dice.below(STREAMS);
        match self.dice.below(12) {
            0 => self.issue(open, person, false),
            1 => self.issue(open, person, true),
            2 if self.dice.once_in(3) => self.destroy(open, person),
            3 => self.conflict(open, person),
            4 => {
                // More new keys at once than one sector holds.
                (0..STREAMS).try_for_each(|person| self.issue(open, person, false))?;
                self.issue(open, person, true)
            }
            _ => self.append(open),
        }
    }

    fn issue(&mut self, open: &Open, person: u64, synced: bool) -> Result<(), Ended> {
        match open.keys.issue(id(person)) {
            Err(KeyError::Destroyed) => {
                assert!(self.promises.may_be_destroyed(person), "a key is gone");
                return Ok(());
            }
            Err(KeyError::Full) => {
                assert!(self.disk.has_failed(), "there is room");
                self.met("no room for a key");
                return Ok(());
            }
            Err(_) => return Err(Ended),
            Ok(key) => self.promises.issued(person, &key),
        }
        if synced {
            open.keys.sync().map_err(|_| Ended)?;
            self.promises.keys_synced();
        }
        Ok(())
    }

    fn destroy(&mut self, open: &Open, person: u64) -> Result<(), Ended> {
        let was_durable = matches!(self.promises.keys.get(&person), Some(Key::Synced(_)));
        self.promises.keys.insert(person, Key::Destroying { was_durable });
        open.keys.destroy(id(person)).map_err(|_| Ended)?;
        self.promises.keys.insert(person, Key::Destroyed);
        self.promises.keys_synced();
        self.met("key destroyed");
        Ok(())
    }

    fn conflict(&mut self, open: &Open, person: u64) -> Result<(), Ended> {
        let append = self.promises.append(
            person,
            vec![(vec![], vec![])],
            Expected::At(domain::Sequence(9_999)),
        );
        match &open.log.append(vec![append])[..] {
            [Err(AppendError::Conflict(_))] => Ok(()),
            [Err(AppendError::Fatal(_))] => Err(Ended),
            other => panic!("taken against what it expects: {other:?}"),
        }
    }

    /// Keys first, then a sync of theirs, then the events: the order of the commit loop.
    fn append(&mut self, open: &Open) -> Result<(), Ended> {
        let count = if self.dice.once_in(12) { 40 } else { 1 + self.dice.below(8) };
        let mut streams: Vec<u64> = (0..count).map(|_| self.dice.below(STREAMS)).collect();
        streams.retain(|person| !self.promises.may_be_destroyed(*person));
        for person in &streams {
            self.issue(open, *person, false)?;
        }
        open.keys.sync().map_err(|_| Ended)?;
        self.promises.keys_synced();
        let (mut group, mut due) = (Vec::new(), Vec::new());
        for person in streams {
            // There may have been no room for it.
            let Some(key) = open.keys.find(id(person)).map_err(|_| Ended)? else { continue };
            let records = (0..1 + self.dice.below(3)).map(|_| {
                let length = self.dice.below(700) as usize;
                let plain = self.dice.bytes(length);
                let sealed =
                    key.seal(crate::journal_contract::stream(person), domain::Sequence(0), &plain);
                (plain, sealed)
            });
            let records: Vec<_> = records.collect();
            due.extend(records.iter().map(|(plain, _)| Event { person, plain: plain.clone() }));
            group.push(self.promises.append(person, records, Expected::Any));
        }
        if group.is_empty() {
            return Ok(());
        }
        self.promises.unsure = due;
        let results = open.log.append(group);
        if results.iter().all(|result| matches!(result, Err(AppendError::Full))) {
            assert!(self.disk.has_failed(), "there is room");
            self.promises.unsure.clear();
            self.met("group given back by a full disk");
            // Nothing of it is left, and everything else is there.
            self.promises.check(open);
            return Ok(());
        }
        if results.iter().any(Result::is_err) {
            assert!(results.iter().all(Result::is_err), "a part of a group was acknowledged");
            return Err(Ended);
        }
        self.promises.acknowledge();
        Ok(())
    }

    /// The process should end. If it did not, nothing may be acknowledged all the same.
    fn after_a_failure(&mut self, open: &Open) {
        let log_failed = !self.promises.unsure.is_empty();
        if log_failed {
            let append = StreamAppend {
                stream: crate::journal_contract::stream(0),
                expected: Expected::Any,
                records: vec![draft(crate::journal_contract::stream(0), b"late")],
            };
            let late = open.log.append(vec![append]);
            assert!(matches!(late[..], [Err(AppendError::Fatal(_))]), "taken after a failure");
        } else {
            assert!(open.keys.sync().is_err(), "keys were synced after a failure");
            assert!(open.keys.issue(Uuid::from_u128(77)).is_err(), "issued after a failure");
        }
    }
}
