//! The generator's facts about persons against its lines: each recorded line is told of everybody
//! whom it concerns, with what it states; what is corrected or annulled says so; nothing else is
//! told. And what the county's years hold: every kind of event, at rates like the published ones.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use api::generate::{Mix, Options, write};
use domain::catalogue::CATALOGUE;
use domain::{Items, Kind};
use jiff::civil::{Date, date};
use serde_json::Value;

use crate::generate::{TOLD, answers, read};

const END: Date = date(2026, 6, 30);

fn facts_by_id() -> HashMap<&'static str, Vec<&'static Value>> {
    let mut facts: HashMap<&str, Vec<&Value>> = HashMap::new();
    for person in TOLD.truth["persons"].as_array().expect("persons") {
        for fact in person["facts"].as_array().expect("facts") {
            facts.entry(fact["id"].as_str().expect("an id")).or_default().push(fact);
        }
    }
    facts
}

/// Whether somebody was told so of every item.
fn holds(told: &Value, items: &Items) -> bool {
    let steps = told["does"].as_array().expect("steps");
    items.iter().all(|(item, text)| {
        steps.iter().any(|step| step[0] == "say" && step[1] == item.name() && step[2] == text)
    })
}

#[test]
fn the_facts_of_persons_are_what_the_lines_tell() {
    let facts = facts_by_id();
    let mut untold: BTreeSet<_> = facts.keys().copied().collect();
    let (mut corrected, mut annulled) = (0, 0);
    for (line, answer) in TOLD.lines.iter().zip(answers()) {
        if answer != 0 {
            continue;
        }
        let report = &line.report;
        if let Some(target) = line.data["corrects"].as_str() {
            let told = &facts[target];
            let changes = told.iter().map(|fact| &fact["changes"]);
            let mut changes = changes.filter_map(|all| all.as_array()?.last());
            let day = report.true_day.map(|day| day.to_string());
            let is_told = changes.any(|change| {
                let is_day = change["day"].as_str() == day.as_deref();
                change["annuls"] == false && is_day && holds(change, &report.items)
            });
            assert!(is_told, "{:?}", line.key);
            corrected += 1;
            continue;
        }
        if let Some(target) = line.data["annuls"].as_str() {
            let told = &facts[target];
            let all = told.iter().all(|fact| fact["changes"][0]["annuls"] == true);
            assert!(all, "{told:?}");
            annulled += 1;
            continue;
        }
        let told = &facts[line.key.1.as_str()];
        untold.remove(line.key.1.as_str());
        for fact in told {
            assert_eq!(fact["day"], report.occurred_on.to_string());
            assert_eq!(fact["kind"], line.kind.code());
        }
        let own = told.iter().filter(|fact| fact["side"] != true).count();
        let seen = if line.kind == Kind::HouseholdVisit { report.observations.len() } else { 1 };
        assert_eq!(own, seen, "{:?}", line.key);
        let is_told = |items: &Items| told.iter().any(|fact| holds(fact, items));
        let others = report.observations.iter().flatten().chain(&report.members);
        let items = std::iter::once(&report.items).chain(others.map(|seen| &seen.items));
        assert!(items.into_iter().all(is_told), "{:?} {told:?}", line.key);
    }
    assert!(untold.is_empty(), "facts without a line: {untold:?}");
    assert!(corrected > 20 && annulled > 5, "{corrected} {annulled}");
}

fn lines_of(options: &Options) -> String {
    let mut bytes = Vec::new();
    write(options, &mut bytes, None).expect("memory does not fail");
    String::from_utf8(bytes).expect("UTF-8")
}

/// How many events of each kind a county tells.
fn counts(options: &Options) -> BTreeMap<Kind, f64> {
    let mut counts = BTreeMap::new();
    for line in lines_of(options).lines() {
        let kind = line.split("\"type\":\"renkou.").nth(1).and_then(|rest| rest.split('.').next());
        *counts.entry(Kind::posted(kind.expect("a type")).expect("a kind")).or_default() += 1.0;
    }
    counts
}

#[test]
fn ten_years_of_a_small_county_hold_every_kind_of_event_with_what_is_expected_of_it() {
    let mut due: BTreeSet<_> =
        CATALOGUE.iter().filter(|entry| entry.is_posted).map(|entry| entry.kind).collect();
    let options = Options { doubles: true, ..Options::new(3_000, 10, 3, END) };
    for line in lines_of(&options).lines() {
        let line = read(line);
        let (report, entry) = (&line.report, line.kind.entry());
        assert!(report.missing.is_empty(), "{:?} lacks {:?}", line.kind, report.missing);
        assert!(report.unusable.is_empty(), "{:?}: {:?}", line.kind, report.unusable);
        let department: [u8; 3] =
            line.key.0[1..4].to_uppercase().as_bytes().try_into().expect("three letters");
        assert!(entry.may_come_through(report.channel), "{:?}", line.key);
        assert!(entry.may_tell(department, report.channel), "{:?} {:?}", line.kind, line.key);
        due.remove(&line.kind);
    }
    assert!(due.is_empty(), "never told: {due:?}");
}

#[test]
fn the_old_mix_tells_the_old_kinds_only() {
    let options = Options { mix: Mix::MainJob, ..Options::new(1_000, 3, 3, END) };
    let kinds = counts(&options);
    assert!(kinds.len() <= 22 && !kinds.contains_key(&Kind::SchoolEnrol), "{:?}", kinds.keys());
}

#[test]
fn children_are_registered_twice_when_it_is_asked_for() {
    let options = Options { doubles: true, ..Options::new(3_000, 6, 5, END) };
    let lines = lines_of(&options);
    let lines: Vec<_> = lines.lines().map(read).collect();
    let twice = lines.iter().filter(|line| {
        let document = &line.data["person"]["document"];
        line.kind == Kind::Registration && document["kind"] == "birth_certificate"
    });
    assert!(twice.count() >= 3);
    let merges = Kind::posted("person_merge");
    assert_eq!(merges.is_some(), lines.iter().any(|line| Some(line.kind) == merges));
}

#[test]
fn rates_lie_within_their_bands() {
    // To a thousand people a year. Births 6.39, deaths 7.87, of 2023 (National Bureau of
    // Statistics, communiqué); marriages 5.4 and divorces 2.6 (about; Ministry of Civil Affairs,
    // 2023), of which our rates stand at the lower end; moves: a third of the people do not live
    // where they are registered (census of 2020), so that about 30 to 60 move a year (derived);
    // school entries: about 17 million to primary, 18 to junior, 15 to senior schools and 10 to
    // universities of 1,400 million people (Ministry of Education, 2023, about), and as many to
    // kindergartens; the others are our own.
    let years = 10.0;
    let counts = counts(&Options::new(10_000, years as u32, 11, END));
    let per_1000_years = |kinds: &[Kind]| {
        kinds.iter().filter_map(|kind| counts.get(kind)).sum::<f64>() / (10.0 * years)
    };
    use Kind::*;
    let bands: [(&[Kind], f64, f64); 16] = [
        (&[Birth], 5.5, 8.0),
        (&[Death], 6.5, 9.6),
        (&[MarryFirst, MarryAgain, MarryRestore], 3.5, 5.8),
        (&[DivorceReg, DivorceCourt], 1.5, 2.9),
        (&[ResidenceChange, Leave, Return, HukouIn, TempStayReg], 32.0, 60.0),
        (&[SchoolEnrol], 25.0, 60.0),
        (&[SchoolEnd], 18.0, 45.0),
        (&[MilRegister], 3.0, 9.0),
        (&[Enlist], 0.1, 0.9),
        (&[EmployStart], 30.0, 60.0),
        (&[PensionStart], 7.0, 17.0),
        (&[DibaoGrant], 1.5, 4.5),
        (&[NeedRaised], 18.0, 32.0),
        (&[PregReg, PregCare, PregEnd], 18.0, 40.0),
        (&[HouseholdVisit], 250.0, 420.0),
        (&[ServiceTransaction, Observation], 550.0, 1_000.0),
    ];
    for (kinds, low, high) in bands {
        let rate = per_1000_years(kinds);
        assert!((low..high).contains(&rate), "{kinds:?}: {rate}");
    }
    // What is rare stays rare.
    for kind in [Missing, DeathDeclared, BirthFoundling, Adopt, SexCorrect, MarryVoid, Emigrate] {
        assert!(per_1000_years(&[kind]) < 0.3, "{kind:?}");
    }
}
