//! Measures the audit rules on a household of four and on a dormitory of five hundred.
//!
//! `cargo run --release -p domain --example rules_speed [passes]`

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

use domain::rules::{
    Case, Context, Counts, FieldSet, Household, HouseholdKind, PersonIndex, RuleBook, Subject,
};
use domain::{Divisions, Item};
use jiff::civil::{Date, date};

const TODAY: Date = date(2026, 11, 23);

/// What father, mother, son and daughter have in common.
const SHARED: [(Item, &str); 12] = [
    (Item::BirthPlace, "990101"),
    (Item::EthnicGroup, "01"),
    (Item::Residence, "990101001001"),
    (Item::ResidenceAddress, "和平路1号"),
    (Item::Hukou, "990101001001"),
    (Item::HukouAddress, "和平路1号"),
    (Item::DoorPlate, "1号"),
    (Item::HukouNature, "3"),
    (Item::Health, "10"),
    (Item::IdDocumentType, "01"),
    (Item::HukouStatus, "normal"),
    (Item::Phone, "99900000001"),
];

/// Name, number, sex, birth, education, employer, employment, relation, married on.
type Row = (&'static str, [&'static str; 7], Option<&'static str>);
const ROWS: [Row; 4] = [
    ("990101198505200014", ["甲一", "1", "1985-05-20", "21", "某公司", "13", "02"], Some(MARRIED)),
    ("990101198703030028", ["乙二", "2", "1987-03-03", "21", "某公司", "13", "12"], Some(MARRIED)),
    ("99010120140404001X", ["甲三", "1", "2014-04-04", "83", "某小学", "31", "22"], None),
    ("990101201706060024", ["甲四", "2", "2017-06-06", "83", "某小学", "31", "32"], None),
];
const MARRIED: &str = "2012-10-01";
const CHILDREN: [PersonIndex; 2] = [PersonIndex(2), PersonIndex(3)];

/// A register that knows all of its counts.
struct Register;

impl Counts for Register {
    fn records_with_number(&self, _: &str) -> Option<u32> {
        Some(1)
    }
    fn others_alike(&self, _: &Subject<'_>) -> Option<u32> {
        Some(0)
    }
    fn records_with_phone(&self, _: &str) -> Option<u32> {
        Some(4)
    }
}

fn person(row: &Row) -> Subject<'static> {
    use Item::*;
    let named = [FullName, Sex, BirthDate, Education, Employer, EmploymentStatus, RelationToHead];
    let married = row.2.into_iter().flat_map(|day| {
        [(MaritalStatus, "21"), (MaritalChangeDate, day), (FirstMarriageDate, day)]
    });
    let single = row.2.is_none().then_some((MaritalStatus, "10"));
    let own = named.into_iter().zip(row.1).chain([(CitizenId, row.0)]);
    let mut subject = Subject::of_items(SHARED.into_iter().chain(own).chain(married).chain(single));
    subject.last_verified = Some(date(2026, 6, 1));
    subject
}

fn family() -> Vec<Subject<'static>> {
    let mut people: Vec<_> = ROWS.iter().map(person).collect();
    for (parent, spouse) in [(0, 1), (1, 0)] {
        people[parent].spouse = Some(PersonIndex(spouse));
        people[parent].children = &CHILDREN;
    }
    for child in [2, 3] {
        people[child].mother = Some(PersonIndex(1));
        people[child].father = Some(PersonIndex(0));
    }
    people
}

fn main() -> io::Result<()> {
    let passes = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(500_000_u32);
    let divisions = Divisions::embedded(true);
    let book = RuleBook::in_force(TODAY);
    let people = family();
    let members: Vec<_> = (0..4).map(PersonIndex).collect();
    let keep = |people: &[Subject<'_>], members: &[PersonIndex], kind| {
        Household::new(Some(kind), Some(PersonIndex(0)), members, people)
    };
    let household = keep(&people, &members, HouseholdKind::Family);
    let context =
        Context { people: &people, counts: &Register, divisions: &divisions, today: TODAY };
    for me in &members {
        let found = book.evaluate(&Case::new(context, *me, Some(&household)));
        writeln!(
            io::stdout(),
            "person {}: fired {:?}, {} held, not evaluated {:?}",
            me.0,
            found.fired,
            found.held.len(),
            found.not_evaluated
        )?;
    }

    report("all rules, a family of four", passes, 4, || {
        for me in &members {
            black_box(book.evaluate(&Case::new(black_box(context), *me, Some(&household))));
        }
    })?;
    report("records read and household counted, then all rules", passes, 4, || {
        let people = black_box(family());
        let household = keep(&people, &members, HouseholdKind::Family);
        let context = Context { people: &people, ..context };
        for me in &members {
            black_box(book.evaluate(&Case::new(context, *me, Some(&household))));
        }
    })?;
    report("completeness alone", passes, 4, || {
        for me in &members {
            black_box(book.completeness(&Case::new(black_box(context), *me, Some(&household))));
        }
    })?;
    let moved = book.touching(FieldSet::of(&[Item::Residence.into(), Item::MigrationDate.into()]));
    report("the rules that a move touches", passes, 4, || {
        for me in &members {
            let case = Case::new(black_box(context), *me, Some(&household));
            black_box(book.evaluate_only(&case, moved));
        }
    })?;

    let people: Vec<_> = (0..500).map(|at| person(&ROWS[at % 4])).collect();
    let members: Vec<_> = (0..500).map(PersonIndex).collect();
    let context = Context { people: &people, ..context };
    report("all rules, a dormitory of 500, counted each time", passes / 500, 500, || {
        let household = keep(&people, &members, HouseholdKind::Collective);
        for me in &members {
            black_box(book.evaluate(&Case::new(black_box(context), *me, Some(&household))));
        }
    })
}

fn report(what: &str, passes: u32, persons: u32, mut pass: impl FnMut()) -> io::Result<()> {
    let start = Instant::now();
    (0..passes).for_each(|_| pass());
    let each = start.elapsed().as_secs_f64() / f64::from(passes) / f64::from(persons);
    let (nanos, rate) = (each * 1e9, 1e-6 / each);
    writeln!(io::stdout(), "{what}: {nanos:.0} ns a person, {rate:.2} million persons/s")
}
