//! Households of another day, after random lives: what a question about an instant is answered is
//! what the views said then, and who stood under a household on a day is who did by a fold over all
//! events.

use std::collections::{BTreeMap, BTreeSet};

use domain::recorded::Recorded;
use domain::{HouseholdId, Item, Order, PersonId, Position, StreamKind};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use projections::household::{Household, Member, State};
use projections::{Archive, archive};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use replay::household_history::{What, history};
use replay::household_then::{Found, Moment, household};
use serde_json::{Value, json};

use super::across::{Told, event};
use super::desk::{Desk, PLACE, by, citizen, data, number};

type Ids = BTreeSet<HouseholdId>;

/// Everything that is told of a household, in words.
fn words(household: &Household) -> Vec<String> {
    let members = household.members.iter().map(|member| {
        let said = [Item::RelationToHead, Item::Hukou, Item::Residence, Item::ResidenceAddress];
        let said = said.map(|item| member.row.archive.get(item).unwrap_or("-").to_owned());
        format!("{} {} {:?} {said:?}", member.person, member.state.name(), member.state.until())
    });
    let basis = household.basis;
    let whole =
        format!("{basis:?} {:?} {:?} {:?}", household.kind, household.head, household.vacancy);
    std::iter::once(whole).chain(members).collect()
}

/// What the views say of some households now.
fn now(desk: &Desk, ids: &Ids) -> BTreeMap<HouseholdId, Vec<String>> {
    let people = &desk.registry().views.people;
    let told = |id: &HouseholdId| Some((*id, words(&people.household(*id).expect("readable")?)));
    ids.iter().filter_map(told).collect()
}

/// What a question about another day is answered.
fn then(
    desk: &Desk,
    ids: &Ids,
    day: Option<Date>,
    at: Option<Timestamp>,
) -> BTreeMap<HouseholdId, Household> {
    let registry = desk.registry();
    let mut moment = Moment::new(registry.log(), day, at);
    let told = ids.iter().filter_map(|id| {
        match household(&registry.views.people, *id, &mut moment).expect("readable") {
            Found::There(household) => Some((*id, *household)),
            Found::Nobody => None,
            Found::TooMany => panic!("few persons"),
        }
    });
    told.collect()
}

/// Every archive, by a fold over all events that were recorded by an instant.
fn archives(all: &[Recorded], day: Option<Date>, at: Timestamp) -> BTreeMap<PersonId, Archive> {
    let mut streams = BTreeMap::<PersonId, Vec<Recorded>>::new();
    let known = all.iter().take_while(|event| event.envelope.clocks.recorded_at <= at);
    for event in known.filter(|event| event.envelope.stream.kind == StreamKind::Person) {
        let person = PersonId::from_uuid(event.envelope.stream.id);
        streams.entry(person).or_default().push(event.clone());
    }
    let single = streams.iter().filter(|(_, stream)| archive::owner(*stream).is_none());
    let whole = single.map(|(person, stream)| {
        // Whoever is absorbed may have absorbed others before.
        let (mut life, mut absorbed) = (stream.clone(), archive::absorbed(stream));
        while let Some(other) = absorbed.pop() {
            let Some(stream) = streams.get(&other) else { continue };
            life.extend(stream.iter().cloned());
            absorbed.extend(archive::absorbed(stream));
        }
        life.sort_by_key(|event| event.envelope.position);
        (*person, Archive::of(&life, day, None))
    });
    whole.collect()
}

/// Who belongs to a household with which relation, and who leads it.
type Belonging = (BTreeMap<PersonId, Option<String>>, Option<PersonId>);

/// What the histories of households come to on a day.
fn replayed(desk: &Desk, ids: &Ids, day: Date, at: Timestamp) -> BTreeMap<HouseholdId, Belonging> {
    let registry = desk.registry();
    let mut all = BTreeMap::new();
    for id in ids {
        let found = history(registry.log(), &registry.views.people, *id, Some(at));
        let Found::There(history) = found.expect("readable") else { continue };
        let (mut members, mut head) = (BTreeMap::new(), None);
        for entry in history.entries.iter().filter(|entry| entry.day <= day) {
            let person = || entry.person.expect("a person");
            match &entry.what {
                What::Came(relation) => {
                    assert!(members.insert(person(), relation.clone()).is_none())
                }
                What::Related(relation) => {
                    assert!(members.insert(person(), relation.clone()).is_some());
                }
                What::Died | What::Left => assert!(members.remove(&person()).is_some()),
                What::Leads => head = entry.person,
            }
        }
        if !members.is_empty() || head.is_some() {
            all.insert(*id, (members, head));
        }
    }
    all
}

/// The same, as the households of the day are told.
fn standing(desk: &Desk, ids: &Ids, day: Date, at: Timestamp) -> BTreeMap<HouseholdId, Belonging> {
    let told = then(desk, ids, Some(day), Some(at)).into_iter().map(|(id, household)| {
        let alive = household.members.iter().filter(|one| one.state == State::Belongs);
        let relation = |one: &Member| one.row.archive.get(Item::RelationToHead).map(str::to_owned);
        let members = alive.map(|one| (one.person, relation(one))).collect();
        (id, (members, household.head.map(|head| head.person)))
    });
    told.filter(|(_, it): &(_, Belonging)| !it.0.is_empty() || it.1.is_some()).collect()
}

/// Under how many households persons stood then and not now, and how often a question was asked.
#[derive(Default)]
struct Seen {
    moved: usize,
    shared: usize,
}

fn check(told: &[Told], asked: &[(u8, u8)], seen: &mut Seen) {
    let desk = Desk::new();
    let (mut ids, mut snapshots) = (Ids::new(), Vec::new());
    for (at, one) in told.iter().enumerate() {
        desk.clock.set(desk.clock.get() + i64::from(one.4) * 86_400);
        let (kind, data) = event(at, one);
        desk.send(&[(&format!("e{at}"), kind, data)]);
        desk.waiting();
        let all = desk.registry().log().events(Position(1), usize::MAX).expect("readable");
        let Some(newest) = all.last() else { continue };
        let instant = newest.envelope.clocks.recorded_at;
        let people = &desk.registry().views.people;
        for archive in archives(&all, None, instant).values() {
            ids.extend(people.households_of(archive).into_iter().map(|(_, id)| id));
        }
        snapshots.push((instant, now(&desk, &ids)));
    }
    let all = desk.registry().log().events(Position(1), usize::MAX).expect("readable");
    let people = &desk.registry().views.people;
    for (instant, due) in &snapshots {
        let told = then(&desk, &ids, None, Some(*instant));
        let told: BTreeMap<_, _> = told.iter().map(|(id, it)| (*id, words(it))).collect();
        assert_eq!(&told, due, "as known at {instant}");
    }
    for (which, day) in asked {
        let Some((instant, _)) = snapshots.get(usize::from(*which) % snapshots.len().max(1)) else {
            continue;
        };
        let day = date(2026, 1, 9).checked_add(jiff::Span::new().days(i64::from(*day))).ok();
        let mut due = BTreeMap::<HouseholdId, BTreeSet<PersonId>>::new();
        for (person, archive) in archives(&all, day, *instant) {
            for (_, id) in people.households_of(&archive) {
                due.entry(id).or_default().insert(person);
            }
        }
        let asked: Ids = ids.iter().chain(due.keys()).copied().collect();
        let told = then(&desk, &asked, day, Some(*instant));
        let told: BTreeMap<_, BTreeSet<_>> = told
            .iter()
            .map(|(id, it)| (*id, it.members.iter().map(|member| member.person).collect()))
            .collect();
        assert_eq!(told, due, "on {day:?} as known at {instant}");
        let present = |id: HouseholdId| people.in_household(id, 99).expect("readable");
        seen.shared += told.values().filter(|members| members.len() > 1).count();
        let gone = |(id, members): (&HouseholdId, &BTreeSet<PersonId>)| {
            let present = present(*id);
            members.iter().filter(|member| !present.contains(member)).count()
        };
        seen.moved += told.iter().map(gone).sum::<usize>();
        let ids: Ids = asked.iter().copied().collect();
        let day = day.expect("a day");
        assert_eq!(replayed(&desk, &ids, day, *instant), standing(&desk, &ids, day, *instant));
    }
    // The views are compared with views built anew.
    desk.close();
}

#[test]
fn a_household_of_another_day_is_what_was_true_then_as_known_then() {
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let one = (0..17_u8, 0..10_u8, 0..10_u8, any::<u32>(), 0..20_u8);
    let drawn =
        (prop::collection::vec(one, 4..40), prop::collection::vec((any::<u8>(), 0..150_u8), 12));
    let seen = std::cell::RefCell::new(Seen::default());
    let tested = runner.run(&drawn, |(told, asked)| {
        check(&told, &asked, &mut seen.borrow_mut());
        Ok(())
    });
    tested.unwrap_or_else(|error| panic!("{error}"));
    let Seen { moved, shared } = seen.into_inner();
    assert!(moved > 50 && shared > 50, "{moved} {shared}");
}

#[test]
fn who_is_erased_stood_nowhere_alone_or_as_one_with_another() {
    let desk = Desk::new();
    let (ann, double) = (citizen(&number("19900101", 2)), by("passport", "E99000001"));
    let told = |person: &Value, on: &str, book: &str| {
        let items = json!({"household_id": book, "residence_code": PLACE, "door_plate": book});
        data(person, on, json!({"items": items}))
    };
    let join = json!({"absorbed": double, "reason": "重复建档", "approved_by": "chief"});
    let mut books: Vec<[HouseholdId; 2]> = Vec::new();
    let mut moves = |id: &str, kind: &str, data: Value| {
        let person = desk.record(id, kind, data).person_id;
        let row = desk.row(person).expect("a row");
        let ids = desk.registry().views.people.households_of(&row.archive);
        books.push([ids[0].1, ids[1].1]);
        person
    };
    let one = moves("a-1", "registration", told(&ann, "2010-01-01", "H-1"));
    let two = moves("b-1", "registration", told(&double, "2011-01-01", "H-2"));
    desk.record("j-1", "person_merge", data(&ann, "2026-05-01", join.clone()));
    let merged = desk.registry().log().event(desk.head()).expect("readable").expect("there");
    let merged = merged.envelope.clocks.recorded_at;
    desk.record("j-2", "person_split", data(&ann, "2026-05-02", join));
    moves("a-2", "hukou_in", told(&ann, "2026-05-03", "H-3"));
    desk.waiting();
    let ever = |book: usize| {
        let people = &desk.registry().views.people;
        let ever = books[book].map(|id| people.ever_in_household(id, 9).expect("readable"));
        assert_eq!(ever[0], ever[1], "of registration and of living");
        ever[0].clone()
    };
    let sorted = |mut persons: Vec<PersonId>| {
        persons.sort_unstable();
        persons
    };
    assert_eq!(ever(0), [one]);
    assert_eq!(ever(1), sorted(vec![one, two]), "as one, she stood there too");
    assert_eq!(ever(2), [one]);
    let ids = Ids::from([books[1][0]]);
    let told = then(&desk, &ids, None, Some(merged));
    assert_eq!(told.values().map(|it| it.members[0].person).collect::<Vec<_>>(), [one]);
    desk.order(two, Order::Erase, "(2026) 9901-18");
    desk.waiting();
    assert_eq!(ever(1), [] as [PersonId; 0], "what only the double told is gone");
    assert_eq!(ever(0), [one]);
    let is_there = |at| !then(&desk, &Ids::from([books[0][0]]), None, at).is_empty();
    assert!(is_there(Some(merged)) && !is_there(None));
    desk.order(one, Order::Erase, "(2026) 9901-19");
    desk.waiting();
    assert!((0..3).all(|book| ever(book).is_empty()));
    assert!(!is_there(Some(merged)));
    desk.close();
}

#[test]
fn an_erased_record_leaves_whoever_was_one_with_it_through_another() {
    let desk = Desk::new();
    let passport = |number: u32| by("passport", &format!("E9900000{number}"));
    let settle = |number: u32, book: &str| {
        let items = json!({"household_id": book});
        let told = data(&passport(number), &format!("201{number}-01-01"), json!({"items": items}));
        let person = desk.record(&format!("r-{number}"), "registration", told).person_id;
        let row = desk.row(person).expect("a row");
        (person, desk.registry().views.people.households_of(&row.archive)[0].1)
    };
    let people = [(1, "H-1"), (2, "H-2"), (3, "H-3")].map(|(number, book)| settle(number, book));
    for (at, (kind, one, other)) in
        [("merge", 2, 3), ("merge", 1, 2), ("split", 1, 2), ("split", 2, 3)].into_iter().enumerate()
    {
        let more =
            json!({"absorbed": passport(other), "reason": "重复建档", "approved_by": "chief"});
        let told = data(&passport(one), "2026-05-01", more);
        desk.record(&format!("j-{at}"), &format!("person_{kind}"), told);
    }
    let ever = || {
        desk.waiting();
        desk.registry().views.people.ever_in_household(people[2].1, 9).expect("readable")
    };
    let mut all = people.map(|(person, _)| person).to_vec();
    all.sort_unstable();
    assert_eq!(ever(), all);
    desk.order(people[2].0, Order::Erase, "(2026) 9901-20");
    assert_eq!(ever(), [] as [PersonId; 0]);
    desk.close();
}

/// Records merged one after another, seen from before: what the last one holds is told of the first.
#[test]
fn a_household_of_another_day_takes_in_chains_of_merges() {
    let told = [
        (0, 2, 0, 975749120, 0),
        (13, 3, 0, 3309901971, 10),
        (8, 7, 1, 1657455565, 11),
        (6, 0, 2, 378170776, 7),
        (14, 1, 6, 3615394087, 15),
        (12, 6, 0, 2391265523, 0),
        (3, 7, 4, 4123283209, 18),
        (15, 1, 5, 3646572033, 2),
        (5, 4, 4, 1806337172, 12),
        (2, 0, 1, 3519535750, 7),
        (10, 0, 2, 3447177800, 9),
        (3, 1, 7, 3921237129, 12),
        (8, 9, 1, 2656401846, 19),
        (13, 0, 8, 4284313747, 5),
        (9, 7, 7, 1974648205, 19),
        (8, 8, 8, 4264096014, 6),
        (3, 1, 6, 1714541621, 13),
        (12, 1, 7, 3451809557, 7),
        (10, 5, 2, 2308766507, 4),
        (5, 6, 9, 360091563, 7),
        (3, 9, 0, 273792411, 6),
        (13, 6, 8, 1957036502, 15),
        (1, 5, 4, 1528770006, 8),
        (10, 6, 2, 3994211433, 10),
        (0, 7, 0, 3941648916, 8),
        (0, 1, 5, 2070761010, 15),
    ];
    let asked = [
        (215, 22),
        (39, 102),
        (232, 22),
        (167, 109),
        (193, 50),
        (5, 85),
        (61, 74),
        (190, 92),
        (195, 106),
        (75, 143),
        (36, 111),
        (112, 106),
    ];
    check(&told, &asked, &mut Seen::default());
}
