//! The rules across records, kept as rows change, against a recount: every person judged anew with
//! those around them and their household as a question about them would, and what the register
//! counts, counted by hand.

use std::collections::BTreeMap;

use domain::rules::{Class, Findings, RuleBook, RuleId, RuleSet};
use domain::{CitizenNumber, Item, PersonId, Place, Position, StreamKind};
use projections::Row;
use projections::household::Household;
use projections::quality::{
    ACROSS, Across, AcrossCell, House, Members, Part, Persons, Seen, audit,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::desk::{Desk, PLACE, by, citizen, data, number};

/// The rules that count the register.
const COUNTING: [&str; 3] = ["X01", "X02", "R08"];
const ELSEWHERE: &str = "990102001001";

fn rule(name: &str) -> RuleId {
    RuleId::parse(name).expect("a rule")
}

/// Waits until the newest event is folded, and has it looked at.
pub fn seen(desk: &Desk) {
    desk.waiting();
    desk.registry().views.people.look_across(|| true).expect("readable");
}

/// Every row by person.
fn rows(desk: &Desk) -> BTreeMap<PersonId, Row> {
    let events = desk.registry().log().events(Position(1), usize::MAX).expect("readable");
    let streams = events.iter().map(|event| event.envelope.stream);
    let persons = streams.filter(|stream| stream.kind == StreamKind::Person);
    let persons = persons.map(|stream| PersonId::from_uuid(stream.id));
    let row = |person| {
        let row = desk.registry().views.people.row(person).expect("readable");
        row.map(|row| (person, (*row).clone()))
    };
    persons.filter_map(row).collect()
}

/// What the rules that count find, by counting.
fn counting(rows: &BTreeMap<PersonId, Row>, me: PersonId) -> Findings {
    let text = |row: &Row, item| row.archive.get(item).map(str::to_owned);
    let number = |row: &Row| {
        let text = text(row, Item::CitizenId)?;
        let valid = CitizenNumber::parse_any_region(&text, jiff::civil::date(2099, 1, 1));
        Some(valid.map_or(text, |number| number.as_str().to_owned()))
    };
    let alike = |row: &Row| {
        let county = |item| Some(text(row, item)?[..6].to_owned());
        let county = county(Item::Residence).or_else(|| county(Item::Hukou))?;
        let (name, born) = (text(row, Item::FullName)?, text(row, Item::BirthDate)?);
        Some((name, born, text(row, Item::Sex)?, county))
    };
    let stands = |row: &&Row| row.archive.is_registered && row.owner.is_none();
    let others = rows.iter().filter(|(person, _)| **person != me).map(|(_, row)| row);
    let others: Vec<_> = others.filter(stands).collect();
    let mine = &rows[&me];
    let mut findings = Findings::default();
    let mut tell = |name: &str, holds: Option<bool>| match holds {
        Some(true) => findings.held.insert(rule(name)),
        Some(false) => findings.fired.insert(rule(name)),
        None => findings.not_evaluated.insert(rule(name)),
    };
    if let Some(own) = number(mine) {
        tell("X01", Some(!others.iter().any(|other| number(other).as_ref() == Some(&own))));
    }
    let has_another_number = |other| number(mine).is_none() || number(other) != number(mine);
    let alike_to_me = alike(mine).map(|own| {
        let mut alike = others.iter().filter(|other| alike(other).as_ref() == Some(&own));
        alike.any(|other| has_another_number(other))
    });
    tell("X02", alike_to_me.map(|is_alike| !is_alike));
    if let Some(own) = text(mine, Item::Phone) {
        let same = others.iter().filter(|other| text(other, Item::Phone).as_ref() == Some(&own));
        tell("R08", Some(same.count() < 10));
    }
    findings
}

/// The counts by judging everybody anew; each must also be what a question about them is answered.
fn recount(desk: &Desk) -> BTreeMap<Place, AcrossCell> {
    let people = &desk.registry().views.people;
    let rows = rows(desk);
    let (today, across) = (people.measures().today, people.across());
    assert_eq!(across.today(), today);
    let book = RuleBook::in_force(today);
    let counted: RuleSet = COUNTING.into_iter().map(rule).collect();
    let mut cells = BTreeMap::<Place, AcrossCell>::new();
    for (person, row) in &rows {
        let Some(part) = Part::of(&book, row, today) else { continue };
        let mut persons = Persons::around(people, &[*person]).expect("readable");
        let household = people.registered_household(&row.archive).expect("readable");
        for member in household.iter().flat_map(|household| &household.members) {
            persons.add(member.person, member.row.archive.clone());
        }
        let counted_there = household.as_ref().map(Household::counted);
        let house = household.as_ref().zip(counted_there.as_deref()).map(|(household, persons)| {
            let (kind, head) = (household.kind, household.called_head());
            House::Members(Members { persons, kind, head })
        });
        let alone = audit(&book, &persons, &[*person], house, None, today)[0].1;
        let findings = alone.renewed(counted, counting(&rows, *person));
        let asked = audit(&book, &persons, &[*person], house, Some(&across), today)[0].1;
        let differ = |rules: fn(&Findings) -> RuleSet| {
            rules(&asked).intersection(ACROSS) != rules(&findings).intersection(ACROSS)
        };
        assert!(!differ(|found| found.fired), "{:?}, not {:?}", asked.fired, findings.fired);
        assert!(!differ(|found| found.held), "{:?}, not {:?}", asked.held, findings.held);
        let across = findings.fired.intersection(RuleSet::of_class(Class::AcrossRecords)).iter();
        let mut across = across.filter_map(|id| book.rule(id));
        let is_error = |rule: &domain::rules::Rule| rule.severity == domain::rules::Severity::Error;
        let is_consistent = part.is_consistent && !across.any(is_error);
        cells.entry(part.place).or_default().add(&findings, is_consistent);
    }
    cells
}

pub fn live(desk: &Desk) -> BTreeMap<Place, AcrossCell> {
    let cells = desk.registry().views.people.across().cells().of(None, Some(12));
    cells.into_iter().map(|(place, cell)| (place.expect("a place"), cell)).collect()
}

/// Rules that are counted otherwise.
pub fn differing(desk: &Desk) -> Vec<RuleId> {
    let (live, counted) = (live(desk), recount(desk));
    if live == counted {
        return Vec::new();
    }
    let of = |cells: &BTreeMap<Place, AcrossCell>, id| -> Vec<_> {
        cells.iter().map(|(place, cell)| (*place, cell.rule(id))).collect()
    };
    let mut differing: Vec<_> =
        ACROSS.iter().filter(|id| of(&live, *id) != of(&counted, *id)).collect();
    // Persons, or those who are consistent.
    if differing.is_empty() {
        differing.push(rule("L01"));
    }
    differing
}

const BIRTHS: [&str; 8] = [
    "19300401", "19550607", "19560110", "19801231", "19820601", "19830301", "20010203", "20050607",
];

fn person(who: u8) -> Value {
    match usize::from(who) {
        known @ 0..8 => citizen(&number(BIRTHS[known], 1 + u32::from(who))),
        more => by("birth_certificate", &format!("X99000000{more}")),
    }
}

fn items(who: u8, seed: u32) -> Value {
    let bit = |at: u32| seed >> at & 1 == 1;
    let mut items = json!({});
    let mut set = |is: bool, name: &str, value: &str| {
        if is {
            items[name] = json!(value);
        }
    };
    let birth = BIRTHS[usize::from(who) % BIRTHS.len()];
    let birth = format!("{}-{}-{}", &birth[..4], &birth[4..6], &birth[6..]);
    set(bit(0), "full_name", if bit(1) { "陈小明" } else { "张明" });
    set(bit(2), "sex", if bit(3) { "1" } else { "2" });
    set(bit(4), "birth_date", if bit(5) { &birth } else { "1982-06-01" });
    set(bit(6), "residence_code", if bit(7) { PLACE } else { ELSEWHERE });
    set(bit(8), "phone", "13900000000");
    set(bit(9), "marital_code", if bit(10) { "21" } else { "30" });
    set(bit(11), "marital_change_date", if bit(12) { "2024-05-01" } else { "2024-06-01" });
    set(bit(13), "citizen_id", &number(BIRTHS[usize::from(who % 3)], 1));
    let relations = ["01", "02", "12", "20", "22", "23", "51", "99"];
    set(seed >> 14 & 3 > 0, "household_id", if bit(16) { "H-1" } else { "Ｈ-2" });
    set(seed >> 17 & 3 > 0, "relation_code", relations[(seed >> 19 & 7) as usize]);
    set(bit(22), "household_kind", if bit(23) { "family" } else { "collective" });
    set(bit(24), "hukou_code", if bit(25) { PLACE } else { ELSEWHERE });
    set(bit(26), "door_plate", if bit(27) { "1号" } else { "2号" });
    set(bit(28), "residence_address", if bit(29) { "一路 1号" } else { "二路2号" });
    items
}

/// What happens, to whom and with whom, with which items, and days that pass before.
pub(super) type Told = (u8, u8, u8, u32, u8);

pub(super) fn event(at: usize, &(what, who, other, seed, _): &Told) -> (&'static str, Value) {
    let (one, with) = (person(who), person(other));
    let on = format!("2026-0{}-1{}", 1 + at % 5, seed % 9);
    let told = |more| data(&one, &on, more);
    let said = items(who, seed);
    match what {
        0..=3 => ("registration", told(json!({"items": said}))),
        4 => ("observation", told(json!({"items": said}))),
        5 | 6 => {
            let mut birth = json!({"items": said, "mother": with});
            if seed % 3 > 0 {
                birth["father"] = person((other + 1 + (seed % 5) as u8) % 10);
            }
            ("birth", told(birth))
        }
        7 => ("marry_first", told(json!({"spouse": with}))),
        8 => ("divorce_reg", told(json!({"spouse": with}))),
        9 => ("death", told(json!({}))),
        10 | 11 => {
            let more = json!({"absorbed": with, "reason": "同一人", "approved_by": "chief"});
            (if what == 10 { "person_merge" } else { "person_split" }, told(more))
        }
        12 => ("hukou_out", told(json!({}))),
        13 => ("hukou_in", told(json!({"items": said}))),
        14 => {
            let more = json!({"household_id": "H-1", "members": [{"person": with, "items": said}]});
            (if seed % 2 == 0 { "head_change" } else { "hh_split" }, told(more))
        }
        15 => {
            let corrects = format!("e{}", seed as usize % at.max(1));
            ("correction", told(json!({"corrects": corrects, "items": said, "reason": "错"})))
        }
        _ => {
            let annuls = format!("e{}", seed as usize % at.max(1));
            ("annulment", told(json!({"annuls": annuls, "reason": "错", "approved_by": "chief"})))
        }
    }
}

fn check(told: &[Told]) {
    let mut desk = Desk::new();
    for (at, one) in told.iter().enumerate() {
        desk.clock.set(desk.clock.get() + i64::from(one.4) * 86_400);
        let (kind, data) = event(at, one);
        // What is impossible is refused; the rest is enough.
        desk.send(&[(&format!("e{at}"), kind, data)]);
        if at % 4 == 3 {
            seen(&desk);
            assert_eq!(differing(&desk), [], "after {at}");
        }
    }
    seen(&desk);
    assert_eq!(differing(&desk), []);
    // As they were kept while the log was followed, beside a rebuild.
    let digests = desk.digests();
    assert_eq!(desk.differing(digests), [""; 0]);
    let expected = live(&desk);
    desk.reopen();
    seen(&desk);
    assert!(live(&desk) == expected, "the same after a stop");
    desk.close();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_across_records_equals_a_recount(
        told in prop::collection::vec((0..17_u8, 0..10_u8, 0..10_u8, any::<u32>(), 0..40_u8), 4..40)
    ) {
        check(&told);
    }
}

/// Persons of one great household: the first is called head, the second a child.
const GREAT: u32 = 520;

pub(super) fn in_dormitory(serial: u32, kind: &str, relation: &str) -> Value {
    let items = json!({"household_id": "C-1", "household_kind": kind, "relation_code": relation,
        "full_name": "王小", "sex": "1", "birth_date": "2000-01-01", "residence_code": PLACE});
    data(&citizen(&number("20000101", serial)), "2020-01-01", json!({"items": items}))
}

#[test]
fn a_great_household_is_counted_and_nobody_in_it_compared_with_a_head() {
    let desk = Desk::new();
    let relation = |serial| match serial {
        1 => "02",
        2 => "20",
        _ => "99",
    };
    let load = |serials: std::ops::Range<u32>| {
        let ids: Vec<_> = serials.clone().map(|serial| format!("load-{serial}")).collect();
        let told = serials.map(|serial| in_dormitory(serial, "collective", relation(serial)));
        let events: Vec<_> =
            ids.iter().zip(told).map(|(id, told)| (&id[..], "registration", told)).collect();
        desk.send(&events);
    };
    let check = |persons: u64, due: &[(&str, Option<(u64, u64)>)]| {
        seen(&desk);
        let cell = live(&desk)[&Place::parse(PLACE).expect("a place")];
        assert_eq!(cell.persons, persons);
        let people = &desk.registry().views.people;
        let across = people.across();
        let row = desk.row(desk.stream_of_citizen(&number("20000101", 2))).expect("a row");
        let id = people.households_of(&row.archive)[0].1;
        let household = people.household(id).expect("readable").expect("a household");
        let great = across.great_household(&row.archive);
        assert_eq!(household.is_cut, great.is_some());
        for (name, counts) in due {
            let counted = cell.rule(rule(name)).expect("judged here");
            let counted =
                (counted.evaluated > 0).then_some((counted.evaluated, counted.violations));
            assert_eq!(counted, *counts, "{name}");
        }
        // A question about the child is answered alike.
        let Some(great) = great else { return };
        let me = desk.stream_of_citizen(&number("20000101", 2));
        let persons = Persons::around(people, &[me]).expect("readable");
        let house = Some(House::Counted(great));
        let book = RuleBook::in_force(across.today());
        let asked = audit(&book, &persons, &[me], house, Some(&across), across.today())[0].1;
        for (name, counts) in due.iter().filter(|(name, _)| !["X07", "X27"].contains(name)) {
            assert_eq!(
                asked.fired.contains(rule(name)),
                counts.is_some_and(|(_, n)| n > 0),
                "{name}"
            );
        }
        let is_collective = due.iter().any(|(name, _)| *name == "X27");
        assert_eq!(asked.fired.contains(rule("X27")), is_collective, "a child");
    };
    let many = u64::from(GREAT);
    load(1..301);
    load(301..501);
    let due = [
        ("X03", Some((500, 0))),
        ("X07", Some((1, 1))),
        ("X27", Some((500, 1))),
        ("R05", Some((500, 0))),
    ];
    check(500, &due);
    load(501..GREAT + 1);
    // The child is as old as the head, and is not compared any more.
    let due = [
        ("X03", Some((many, 0))),
        ("X04", Some((many, 0))),
        ("X07", None),
        ("X13", None),
        ("X27", Some((many, 1))),
        ("R05", Some((many, 0))),
    ];
    check(many, &due);
    // Another head, who says that it is a family's.
    desk.record("again", "registration", in_dormitory(GREAT + 1, "family", "02"));
    check(many + 1, &[("X03", Some((many + 1, many + 1)))]);
    assert_eq!(live(&desk).len(), 1);
    let cell = live(&desk)[&Place::parse(PLACE).expect("a place")];
    assert_eq!(cell.rule(rule("R05")).expect("judged").violations, many + 1, "the newest word");
    assert_eq!(cell.rule(rule("X27")).expect("judged").evaluated, 0);
    desk.close();
}

/// The digest of what is found across some records.
fn digest(desk: &Desk, rows: &BTreeMap<PersonId, Row>) -> [u8; 32] {
    let today = desk.registry().views.people.measures().today;
    let mut across = Across::new(today);
    let (book, keys) = (across.book().clone(), across.keys().clone());
    across.see(rows.iter().map(|(person, row)| Seen::of(&book, &keys, *person, row, today)));
    across.judge_from(0, usize::MAX);
    across.set_whole();
    across.digest()
}

#[test]
fn a_count_across_records_that_is_not_what_the_log_says_is_found() {
    let desk = Desk::new();
    for who in 0..5 {
        let told = data(&person(who), "2026-03-01", json!({"items": items(who, 0x1fff)}));
        desk.record(&format!("r{who}"), "registration", told);
    }
    desk.record("m", "marry_first", data(&person(0), "2026-04-01", json!({"spouse": person(1)})));
    let (digests, mut rows) = (desk.digests(), rows(&desk));
    assert_eq!(desk.differing(digests.clone()), [""; 0]);
    let with = |across| {
        let mut digests = digests.clone();
        let ours = digests.views.iter_mut().find(|(name, _)| name == "across_records");
        ours.expect("a view").1 = across;
        digests
    };
    assert_eq!(desk.differing(with(digest(&desk, &rows))), [""; 0]);
    // Somebody less is counted, who is like the others.
    rows.pop_last();
    assert_eq!(desk.differing(with(digest(&desk, &rows))), ["across_records"]);
    desk.close();
}
