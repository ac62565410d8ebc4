//! The measures of quality against a recount of every row, over random lives and as days go by; and
//! the rules about areas.

use std::collections::BTreeMap;

use domain::rules::{RuleBook, RuleId, RuleSet};
use domain::{PersonId, Place};
use projections::quality::{
    Cell, Change, Counted, Measures, Part, RuleCounts, audit_alone, next_change,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::desk::{Desk, PLACE, citizen, data, number, recorded};

/// The counts by recounting the rows of these persons, as of the day of the measures. That nobody
/// looked for a year is counted by days in them: here each person is judged by the rule.
fn recount(desk: &Desk, persons: &[PersonId]) -> BTreeMap<Place, Cell> {
    // Waits until the newest event is folded, which may be what makes the day go on.
    desk.waiting();
    let measures = desk.registry().views.people.measures();
    let (today, book) = (measures.today, RuleBook::in_force(measures.today));
    drop(measures);
    let mut cells = BTreeMap::<Place, Cell>::new();
    let mut unseen = BTreeMap::<Place, RuleCounts>::new();
    let not_verified = RuleId::parse("R07").unwrap();
    for person in persons {
        let row = desk.row(*person).expect("a row");
        if let Some(part) = Part::of(&book, &row, today) {
            cells.entry(part.place).or_default().add(&part);
            let asked = RuleSet::from_iter([not_verified]);
            let found = audit_alone(&book, &row.archive, today, asked);
            let counts = unseen.entry(part.place).or_default();
            counts.evaluated += u64::from(found.fired.union(found.held).len());
            counts.violations += u64::from(found.fired.len());
        }
    }
    for (place, cell) in &mut cells {
        cell.count_unseen(today);
        assert_eq!(cell.rule(not_verified), unseen[place], "{place}");
    }
    cells
}

fn live(desk: &Desk) -> BTreeMap<Place, Cell> {
    let people = &desk.registry().views.people;
    people.count_rest(|| true).expect("readable");
    let cells = people.measures().cells(None, Some(12));
    cells.into_iter().map(|(place, cell)| (place.expect("a place"), cell)).collect()
}

/// The rules that are counted otherwise.
fn differing(one: &BTreeMap<Place, Cell>, other: &BTreeMap<Place, Cell>) -> Vec<RuleId> {
    let rules = RuleBook::in_force(jiff::civil::date(2026, 6, 1));
    let of = |cells: &BTreeMap<Place, Cell>, id| -> Vec<_> {
        cells.iter().map(|(place, cell)| (*place, cell.rule(id))).collect()
    };
    rules.rules().map(|rule| rule.id).filter(|id| of(one, *id) != of(other, *id)).collect()
}

fn items(seed: u32) -> Value {
    let bit = |at: u32| seed >> at & 1 == 1;
    let mut items = json!({"full_name": if bit(0) { "陈小明" } else { "Chen" }});
    let mut set = |is: bool, name: &str, value: &str| {
        if is {
            items[name] = json!(value);
        }
    };
    set(bit(1), "ethnic_code", "01");
    set(bit(2), "education_code", if bit(3) { "11" } else { "81" });
    set(bit(4), "marital_code", if bit(5) { "10" } else { "21" });
    set(bit(6), "marital_change_date", "2026-05-01");
    set(bit(7), "residence_code", if bit(8) { PLACE } else { "990101002201" });
    set(bit(7), "residence_address", "青石路");
    set(bit(9), "hukou_code", PLACE);
    set(bit(10), "door_plate", "12号");
    set(bit(11), "employment_status", "11");
    set(bit(12), "sex", if bit(13) { "1" } else { "2" });
    set(bit(14), "migration_date", "2026-07-01");
    items
}

/// Who, what they say, and by how many days the clock goes on before.
type Told = (u8, u32, u16, bool);

fn check(told: &[Told]) {
    let mut desk = Desk::new();
    let births = ["20260401", "20200607", "20110610", "20101231", "19610601", "19040301"];
    let mut persons = Vec::new();
    for (at, (who, seed, days, dies)) in told.iter().enumerate() {
        desk.clock.set(desk.clock.get() + i64::from(*days) * 86_400);
        let born = births[usize::from(*who)];
        let person = citizen(&number(born, 2));
        let day = format!("{}-{}-{}", &born[..4], &born[4..6], &born[6..]);
        let mut said = items(*seed);
        said["birth_date"] = json!(day);
        let kind = match (*dies, at % 3) {
            (true, _) => "death",
            (_, 0) => "observation",
            _ => "registration",
        };
        let channel = if seed >> 20 & 1 == 1 { "HV" } else { "DX" };
        let told = json!({"items": said, "channel": channel});
        let event = (&*format!("e{at}"), kind, data(&person, "2026-05-10", told));
        if let api::registry::Receipt::Recorded(accepted) = &desk.send(&[event])[0] {
            persons.push(accepted.person_id);
        }
    }
    persons.sort_unstable();
    persons.dedup();
    let expected = recount(&desk, &persons);
    assert!(live(&desk) == expected, "{:?}", differing(&live(&desk), &expected));
    let today = desk.registry().views.people.measures().today;
    desk.reopen();
    assert_eq!(desk.registry().views.people.measures().today, today);
    assert!(live(&desk) == expected, "the same after a stop");
    desk.close();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_measure_equals_a_recount(
        told in prop::collection::vec((0..6_u8, any::<u32>(), 0..400_u16, prop::bool::weighted(0.1)), 1..14)
    ) {
        check(&told);
    }
}

#[test]
fn nothing_changes_before_the_day_that_is_told() {
    let desk = Desk::new();
    // Birth, education and employment: each with an age of its own from which it is possible.
    let told = [
        ("20260401", "81", "11"),
        ("20200607", "81", "31"),
        ("20200607", "73", "17"),
        ("20200607", "31", "37"),
        ("20150607", "11", "80"),
        ("20110610", "21", "54"),
        ("19610601", "90", "37"),
        ("19860601", "90", "80"),
    ];
    for (at, (born, education, employment)) in told.into_iter().enumerate() {
        let person = citizen(&number(born, 2));
        let day = format!("{}-{}-{}", &born[..4], &born[4..6], &born[6..]);
        let mut said = items(0x7fd7);
        said["birth_date"] = json!(day);
        said["education_code"] = json!(education);
        said["employment_status"] = json!(employment);
        let told = data(&person, "2026-05-10", json!({"items": said}));
        let id = desk.record(&format!("r{at}"), "registration", told).person_id;
        let row = desk.row(id).expect("a row");
        let mut today = jiff::civil::date(2026, 6, 1);
        let book = RuleBook::in_force(today);
        let mut due = next_change(&row, today);
        for _ in 0..9_000 {
            let before = Part::of(&book, &row, today);
            today = today.tomorrow().expect("a day");
            if due.is_some_and(|due| due <= today) {
                due = next_change(&row, today);
            } else {
                assert_eq!(Part::of(&book, &row, today), before, "{born} on {today}");
            }
        }
    }
    desk.close();
}

#[test]
fn areas_are_judged_by_the_people_in_them() {
    let desk = Desk::new();
    let events: Vec<_> = (0..110_u32)
        .map(|at| {
            let person = citizen(&number("20240115", 2 * at + 1));
            let items = json!({"full_name": "张小明", "sex": "1", "birth_date": "2024-01-15",
                "residence_code": PLACE, "hukou_code": "990101002201"});
            (format!("r{at}"), data(&person, "2026-05-10", json!({"items": items})))
        })
        .collect();
    let batch: Vec<_> =
        events.iter().map(|(id, data)| (&**id, "registration", data.clone())).collect();
    let receipts = desk.send(&batch);
    desk.row(recorded(receipts.last().unwrap()).person_id);
    let measures = desk.registry().views.people.measures();
    let areas = |rule: &str, whole: &str| {
        let counts = measures.areas(RuleId::parse(rule).unwrap(), Place::parse(whole).ok());
        let counts = counts.expect("a rule about areas");
        (counts.evaluated, counts.violations)
    };
    // All on a 15th, boys only, registered and no hospital knows, all from elsewhere.
    for rule in ["R09", "R10", "R11", "R12"] {
        assert_eq!(areas(rule, "990101"), (1, 1), "{rule}");
        assert_eq!(areas(rule, "990102"), (0, 0), "{rule}");
    }
    assert_eq!(areas("R12", PLACE), (0, 0), "a part of a township is not judged");
    assert_eq!(measures.areas(RuleId::parse("C01").unwrap(), None), None);
    drop(measures);
    desk.close();
}

#[test]
fn what_changes_while_rows_are_counted_after_an_opening_is_counted_once() {
    let desk = Desk::new();
    let ids: Vec<_> = ["20110610", "20110611", "20110612", "20110613"]
        .into_iter()
        .enumerate()
        .map(|(at, born)| {
            let said = json!({"items": items(0x7fd7 - at as u32)});
            let told = data(&citizen(&number(born, 2)), "2026-05-10", said);
            desk.record(&format!("r{at}"), "registration", told).person_id
        })
        .collect();
    let today = jiff::civil::date(2026, 6, 1);
    let book = RuleBook::in_force(today);
    let row = |id: &PersonId| desk.row(*id).expect("a row");
    let now = |id: &PersonId| Counted::of(&book, &row(id), today);
    let nothing = Counted::default();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    let [one, two, three, new] = sorted[..] else { panic!("four") };
    let change = |person, before, after, is_new| Change { person, before, after, is_new };
    // What the rows say in the end, whatever came when.
    let mut expected = Measures::new(today, row(&one).version);
    expected.change(sorted.iter().map(|id| change(*id, nothing, now(id), true)));
    let mut measures = Measures::to_be_counted(today, row(&one).version);
    assert!(!measures.is_whole() && measures.is_due_to_be_counted(three));
    // Somebody comes; one who is to be counted changes, and one changes who came just now.
    measures.change([change(new, nothing, now(&one), true)]);
    measures.change([change(two, now(&one), now(&two), false)]);
    measures.change([change(new, now(&one), now(&new), false)]);
    assert!(measures.is_due_to_be_counted(two) && !measures.is_due_to_be_counted(new));
    measures.count_up_to(two, [one, two].map(|id| change(id, nothing, now(&id), false)));
    // Who was counted changes and changes back.
    measures.change([change(one, now(&one), now(&three), false)]);
    measures.change([change(three, now(&one), now(&three), false)]);
    measures.change([change(one, now(&three), now(&one), false)]);
    measures.count_up_to(three, [change(three, nothing, now(&three), false)]);
    measures.end_counting();
    assert!(measures.is_whole());
    assert_eq!(measures.digest(), expected.digest());
    desk.close();
}

#[test]
fn what_is_taken_away_leaves_nothing() {
    let desk = Desk::new();
    let person = citizen(&number("20110610", 2));
    let told = data(&person, "2026-05-10", json!({"items": items(0x7fff)}));
    let id = desk.record("r", "registration", told).person_id;
    let row = desk.row(id).expect("a row");
    let today = jiff::civil::date(2026, 6, 1);
    let mut measures = Measures::new(today, row.version);
    let empty = measures.digest();
    let after = Counted::of(measures.book(), &row, today);
    let before = Counted::default();
    measures.change([Change { person: id, before, after, is_new: true }]);
    assert_ne!(measures.digest(), empty);
    measures.change([Change { person: id, before: after, after: before, is_new: false }]);
    assert_eq!(measures.digest(), empty);
    desk.close();
}

/// What is counted of a person is not only what rules read: a permit, a birth that a hospital told
/// of, a visit. Each comes on a day of its own, to somebody whom the rules did not judge on it.
#[test]
fn what_no_rule_reads_is_counted_too() {
    const HOSPITAL: &str = "/hlt/990101/h";
    let desk = Desk::new();
    let person = citizen(&number("19990301", 1));
    let told = json!({"items": {"full_name": "陈小明", "sex": "1", "birth_date": "1999-03-01",
        "residence_code": PLACE, "hukou_code": "990102001001"}});
    let told = data(&person, "2026-05-10", told);
    let who = desk.record("r", "registration", told).person_id;
    let next_day = || desk.clock.set(desk.clock.get() + 86_400);
    let counts = |desk: &Desk| {
        let live = live(desk);
        assert!(live == recount(desk, &[who]), "{:?}", differing(&live, &recount(desk, &[who])));
        let cell = &live.values().next().expect("one place");
        (cell.migrants, cell.of_month[&(1999, 3)])
    };
    recount(&desk, &[who]);
    assert_eq!(counts(&desk), ([1, 0], [1, 0]));
    next_day();
    let permit = json!({"permit_no": "99A1", "valid_to": "2027-05-01"});
    desk.record("p", "res_permit_issue", data(&person, "2026-06-01", permit));
    recount(&desk, &[who]);
    assert_eq!(counts(&desk), ([1, 1], [1, 0]));
    next_day();
    let vaccine = ("v", "vaccine_cert", data(&person, "1999-03-01", json!({"clinic": "院"})));
    recorded(&desk.send_from(HOSPITAL, vaccine));
    recount(&desk, &[who]);
    assert_eq!(counts(&desk), ([1, 1], [1, 1]));
    next_day();
    let seen = json!([{"person": person, "items": {"full_name": "陈小明"}}]);
    let mut visit = data(&person, "2026-06-02", json!({"observations": seen}));
    visit["channel"] = "HV".into();
    desk.record("h", "household_visit", visit);
    recount(&desk, &[who]);
    counts(&desk);
    assert_eq!(desk.differing(desk.digests()), [""; 0]);
    desk.close();
}
