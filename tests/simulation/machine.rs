//! The same log and disk under `proptest-state-machine`: random transitions between ends of the
//! process, and the shortest list of them when a promise is broken.

use std::collections::BTreeSet;

use domain::Sequence;
use journal::segments::{Options, Segments};
use journal::{Expected, Journal, KeySlots};
use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::disk::Disk;
use super::history::{MASTER, Open, folder, slots};
use super::promises::{Event, id};
use crate::journal_contract::{all, draft, stream};

const PERSONS: u64 = 9;
const SMALL: Options = Options { roll_bytes: 2_500, ahead_bytes: 700 };

#[derive(Clone, Debug)]
enum Transition {
    /// One group, an event for each.
    Append(Vec<(u64, Vec<u8>)>),
    Destroy(u64),
    Stop,
    Kill,
    /// What was not synced may be gone or torn, as the seed says.
    LosePower(u64),
}

/// What must be there.
#[derive(Clone, Debug, Default)]
struct Reference {
    events: Vec<Event>,
    destroyed: BTreeSet<u64>,
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Transition> {
        let event = (0..PERSONS, proptest::collection::vec(any::<u8>(), 0..600));
        prop_oneof![
            6 => proptest::collection::vec(event, 1..12).prop_map(Transition::Append),
            1 => (0..PERSONS).prop_map(Transition::Destroy),
            1 => Just(Transition::Stop),
            1 => Just(Transition::Kill),
            2 => any::<u64>().prop_map(Transition::LosePower),
        ]
        .boxed()
    }

    fn preconditions(state: &Self, transition: &Transition) -> bool {
        match transition {
            Transition::Append(group) => {
                group.iter().all(|(person, _)| !state.destroyed.contains(person))
            }
            Transition::Destroy(_) => state.destroyed.len() < 3,
            _ => true,
        }
    }

    fn apply(mut state: Self, transition: &Transition) -> Self {
        match transition {
            Transition::Append(group) => state.events.extend(
                group.iter().map(|(person, plain)| Event { person: *person, plain: plain.clone() }),
            ),
            Transition::Destroy(person) => drop(state.destroyed.insert(*person)),
            _ => {}
        }
        state
    }
}

/// The log and its keys on a disk.
struct Registry {
    disk: Disk,
    open: Option<Open>,
}

impl Registry {
    fn open(disk: &Disk) -> Open {
        let log = Segments::open_on(disk, &folder(), SMALL).expect("the log opens");
        let keys = KeySlots::open_on(disk, slots(), &MASTER).expect("the slots open");
        Open { log, keys }
    }

    fn end(mut self, orderly: bool, power_lost: bool) -> Self {
        if !orderly {
            self.disk.go_down();
        }
        self.open = None;
        self.disk.restart(power_lost);
        Self { open: Some(Self::open(&self.disk)), disk: self.disk }
    }
}

impl StateMachineTest for Registry {
    type SystemUnderTest = Self;
    type Reference = Reference;

    fn init_test(_: &Reference) -> Self {
        let disk = Disk::new(0);
        KeySlots::create_on(&disk, slots(), &MASTER).expect("a new file");
        Segments::create_on(&disk, &folder(), SMALL).expect("a new log");
        Self { open: Some(Self::open(&disk)), disk }
    }

    fn apply(registry: Self, _: &Reference, transition: Transition) -> Self {
        let open = registry.open.as_ref().expect("it is open");
        match transition {
            Transition::Append(group) => {
                let keys: Vec<_> = group
                    .iter()
                    .map(|(person, _)| open.keys.issue(id(*person)).expect("a key"))
                    .collect();
                open.keys.sync().expect("a sync");
                let append = |((person, plain), key): (&(u64, Vec<u8>), &journal::PersonKey)| {
                    let stream = stream(*person);
                    let records = vec![draft(stream, &key.seal(stream, Sequence(0), plain))];
                    journal::StreamAppend { stream, expected: Expected::Any, records }
                };
                let group = group.iter().zip(&keys).map(append).collect();
                assert!(open.log.append(group).iter().all(Result::is_ok));
                registry
            }
            Transition::Destroy(person) => {
                open.keys.destroy(id(person)).expect("a destruction");
                registry
            }
            Transition::Stop => registry.end(true, false),
            Transition::Kill => registry.end(false, false),
            Transition::LosePower(seed) => {
                registry.disk.reseed(seed);
                registry.end(false, true)
            }
        }
    }

    fn check_invariants(registry: &Self, reference: &Reference) {
        let open = registry.open.as_ref().expect("it is open");
        let found = all(&open.log, 50);
        assert_eq!(found.len(), reference.events.len());
        for (due, stored) in reference.events.iter().zip(&found) {
            let (envelope, sealed) = stored.decode().expect("a whole record");
            assert_eq!(envelope.stream, stream(due.person));
            let key = open.keys.find(id(due.person)).expect("a whole slot");
            assert_eq!(key.is_none(), reference.destroyed.contains(&due.person));
            let opened = key.map(|key| key.open(envelope.stream, Sequence(0), sealed));
            assert!(opened.is_none_or(|plain| plain.expect("its own key") == due.plain));
        }
    }
}

prop_state_machine! {
    #![proptest_config(Config { cases: 64, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_journal_does_what_its_model_says_whenever_the_power_goes(sequential 1..30 => Registry);
}
