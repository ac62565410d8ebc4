//! Due days: each event's rule, city and countryside, working days over national holidays.

use domain::{Clocks, Kind, Place, UrbanRural};
use jiff::civil::Date;
use projections::deadlines::{Deadlines, DeadlinesError};

const VILLAGE: &str = "990101101201";
const RESIDENTS: &str = "990101001001";

fn clocks(occurred_on: &str, known_on: Option<&str>) -> Clocks {
    let instant = "2026-12-31T00:00:00Z".parse().unwrap();
    Clocks {
        occurred_on: occurred_on.parse().unwrap(),
        known_on: known_on.map(|day| day.parse().unwrap()),
        sent_at: None,
        received_at: instant,
        recorded_at: instant,
        verified_at: None,
    }
}

fn due(deadlines: &Deadlines, kind: Kind, place: &str, occurred_on: &str) -> Option<String> {
    let place = Place::parse(place).unwrap();
    let due = deadlines.due(kind as u16, place, &clocks(occurred_on, None))?;
    Some(format!("{} by rule {}", due.on, due.rule))
}

#[test]
fn each_event_is_due_by_its_rule() {
    let deadlines = Deadlines::embedded();
    let cases = [
        (Kind::Birth, VILLAGE, "2026-11-18", Some("2026-12-18 by rule 1")),
        (Kind::Birth, RESIDENTS, "2024-01-30", Some("2024-02-29 by rule 1")),
        (Kind::Birth, VILLAGE, "1957-12-31", None),
        (Kind::Death, RESIDENTS, "2026-11-18", Some("2026-12-18 by rule 3")),
        (Kind::Death, VILLAGE, "2026-11-18", Some("2026-12-18 by rule 4")),
        (Kind::MarryFirst, VILLAGE, "2026-11-18", Some("2026-11-18 by rule 5")),
        (Kind::MarryAgain, VILLAGE, "2026-11-18", Some("2026-11-18 by rule 6")),
        (Kind::MarryRestore, VILLAGE, "2026-11-18", Some("2026-11-18 by rule 7")),
        (Kind::DivorceReg, VILLAGE, "2020-12-31", Some("2020-12-31 by rule 8")),
        (Kind::DivorceReg, VILLAGE, "2021-01-01", Some("2021-03-02 by rule 9")),
        (Kind::DivorceCourt, VILLAGE, "2026-11-18", None),
        (Kind::HukouOut, VILLAGE, "2026-11-18", Some("2026-11-18 by rule 10")),
        (Kind::HukouIn, RESIDENTS, "2026-11-18", Some("2026-11-21 by rule 11")),
        (Kind::HukouIn, VILLAGE, "2026-11-18", Some("2026-11-28 by rule 12")),
        (Kind::ResidenceChange, VILLAGE, "2026-12-15", Some("2027-01-14 by rule 13")),
        (Kind::TempStayReg, VILLAGE, "2026-11-18", Some("2026-11-21 by rule 14")),
        (Kind::Leave, VILLAGE, "2026-11-18", Some("2026-12-18 by rule 18")),
        (Kind::Return, VILLAGE, "2026-11-18", Some("2026-12-18 by rule 19")),
        (Kind::BirthThenDeath, VILLAGE, "2026-11-18", Some("2026-12-18 by rule 2")),
        (Kind::TempStayExtend, VILLAGE, "2026-01-01", Some("2026-04-01 by rule 15")),
        (Kind::ResPermitIssue, VILLAGE, "2026-11-01", Some("2026-11-16 by rule 16")),
        (Kind::ResPermitEndorse, VILLAGE, "2026-01-01", Some("2027-01-01 by rule 17")),
        (Kind::IdIssue, VILLAGE, "2026-01-01", Some("2026-04-01 by rule 20")),
        (Kind::Adopt, VILLAGE, "2026-11-01", Some("2026-12-01 by rule 21")),
        (Kind::Adopt, VILLAGE, "2020-11-01", None),
        (Kind::AdoptEnd, VILLAGE, "2026-11-01", Some("2026-12-01 by rule 22")),
        (Kind::VaccineCert, VILLAGE, "2026-11-01", Some("2026-12-01 by rule 23")),
        (Kind::SchoolEnrol, VILLAGE, "2026-09-01", Some("2026-10-01 by rule 24")),
        (Kind::MilRegister, VILLAGE, "2026-01-01", Some("2027-01-01 by rule 26")),
        (Kind::Enlist, VILLAGE, "2026-09-01", Some("2026-09-01 by rule 27")),
        (Kind::Discharge, VILLAGE, "2026-09-01", Some("2026-10-11 by rule 28")),
        (Kind::EmployStart, VILLAGE, "2026-11-01", Some("2026-12-01 by rule 29")),
        (Kind::EmployEnd, VILLAGE, "2026-11-01", Some("2026-11-16 by rule 30")),
        (Kind::SocinsEnrol, VILLAGE, "2026-11-01", Some("2026-12-01 by rule 31")),
        (Kind::DibaoChange, VILLAGE, "2026-11-01", Some("2026-12-01 by rule 32")),
        (Kind::Discrepancy, VILLAGE, "2026-11-01", Some("2026-12-01 by rule 35")),
        (Kind::DeathDeclared, VILLAGE, "2026-11-18", None),
        (Kind::MarryVoid, VILLAGE, "2026-11-18", None),
        (Kind::HhSplit, VILLAGE, "2026-11-18", None),
        (Kind::NeedAnswered, VILLAGE, "2026-11-18", None),
        (Kind::Registration, VILLAGE, "2026-11-18", None),
        (Kind::Correction, VILLAGE, "2026-11-18", None),
    ];
    for (kind, place, occurred_on, expected) in cases {
        let found = due(&deadlines, kind, place, occurred_on);
        assert_eq!(found.as_deref(), expected, "{kind:?} {place} {occurred_on}");
    }
}

#[test]
fn a_code_says_whether_a_place_is_city_or_countryside() {
    let cases = [
        ("990101101001", true),
        ("990101101199", true),
        ("990101001200", false),
        ("990101001399", false),
        ("990101101400", true),
        ("990101101499", true),
        ("990101001500", false),
        ("990101001599", false),
        // Not a committee: the township decides.
        ("990101001998", true),
        ("990101101998", false),
        ("990101001", true),
        ("990101099", true),
        ("990101100", false),
        ("990101400", false),
        // No township: the county decides.
        ("990101000", true),
        ("990122000000", false),
        ("990101", true),
        ("990120", true),
        ("990121", false),
        ("990180", false),
        ("990181", true),
        ("990199", true),
        ("990100", false),
        ("9901", false),
        ("99", false),
    ];
    for (code, urban) in cases {
        assert_eq!(Place::parse(code).unwrap().is_urban(), urban, "{code}");
    }
}

/// A table of one rule of ten working days for a birth, with the embedded holidays.
fn ten_working_days(clock: &str) -> Deadlines {
    let table = format!(
        "rule,event,area,length,unit,clock,valid_from,valid_to,basis,note\n\
         7,birth,any,10,working_days,{clock},,,test,\n\
         8,no_such_event,any,1,calendar_days,occurred,,,test,\n"
    );
    Deadlines::read(&table, include_str!("../projections/rules/holidays.csv")).unwrap()
}

#[test]
fn working_days_pass_over_weekends_and_holidays_and_count_made_up_days() {
    let deadlines = ten_working_days("occurred");
    let cases = [
        // No holiday: two weeks.
        ("2026-03-02", "2026-03-16"),
        // From a Saturday.
        ("2026-03-07", "2026-03-20"),
        // National day 1-8 October 2025; 28 September and 11 October are worked.
        ("2025-09-26", "2025-10-16"),
        // Spring festival 15-23 February 2026; 14 and 28 February are worked.
        ("2026-02-12", "2026-03-04"),
        // Spring festival 10-17 February 2024; 4 and 18 February are worked.
        ("2024-02-02", "2024-02-21"),
        // Beyond the table only weekends count.
        ("2031-09-29", "2031-10-13"),
    ];
    for (occurred_on, expected) in cases {
        let found = due(&deadlines, Kind::Birth, VILLAGE, occurred_on);
        assert_eq!(found, Some(format!("{expected} by rule 7")), "{occurred_on}");
    }
}

#[test]
fn a_clock_that_starts_when_known_needs_the_day() {
    let deadlines = ten_working_days("known");
    let place = Place::parse(VILLAGE).unwrap();
    let due = |known| {
        deadlines.due(Kind::Birth as u16, place, &clocks("2026-01-01", known)).map(|due| due.on)
    };
    assert_eq!(due(Some("2026-03-02")), Some("2026-03-16".parse().unwrap()));
    assert_eq!(due(None), None);
}

#[test]
fn rules_that_contradict_each_other_are_refused() {
    let head = "rule,event,area,length,unit,clock,valid_from,valid_to,basis,note\n";
    let read =
        |rules: &str| Deadlines::read(&format!("{head}{rules}"), "day,kind,name_zh,source\n");
    let birth = "1,birth,any,30,calendar_days,occurred,,2020-12-31,test,\n";
    let overlapping = "2,birth,urban,3,calendar_days,occurred,2020-12-31,,test,\n";
    let following = "2,birth,urban,3,calendar_days,occurred,2021-01-01,,test,\n";
    let rural = "3,birth,rural,9,calendar_days,occurred,2021-01-01,,test,\n";
    assert!(matches!(read(&format!("{birth}{overlapping}")), Err(DeadlinesError::Overlap(1, 2))));
    assert!(read(&format!("{birth}{following}{rural}")).is_ok());
    assert!(matches!(
        read("1,birth,any,30,moons,occurred,,,test,\n"),
        Err(DeadlinesError::Malformed(_))
    ));
    assert!(matches!(
        read("4,birth,any,4000,calendar_days,occurred,,,test,\n"),
        Err(DeadlinesError::Length(4))
    ));
}

#[test]
fn the_version_changes_with_any_rule() {
    let embedded = Deadlines::embedded();
    assert_eq!(embedded.rules_version(), Deadlines::embedded().rules_version());
    assert_ne!(embedded.rules_version(), ten_working_days("known").rules_version());
    assert_ne!(
        ten_working_days("occurred").rules_version(),
        ten_working_days("known").rules_version()
    );
}

/// Every rule and every named day cites where it comes from, and no rule is numbered twice.
#[test]
fn every_rule_has_its_own_number_and_a_source() {
    let rows = |table: &str| -> Vec<csv::StringRecord> {
        csv::Reader::from_reader(table.as_bytes()).records().map(Result::unwrap).collect()
    };
    let rules = rows(include_str!("../projections/rules/deadlines.csv"));
    assert!(rules.len() > 30);
    for (at, rule) in rules.iter().enumerate() {
        assert_eq!(rule[0], (at + 1).to_string(), "numbers are never used again");
        assert!(!rule[8].is_empty(), "{rule:?}");
    }
    let days = rows(include_str!("../projections/rules/holidays.csv"));
    assert!(days.len() > 100);
    for pair in days.windows(2) {
        assert!(pair[0][0] < pair[1][0], "days ascend, each once: {:?}", &pair[1][0]);
    }
    for day in &days {
        let date: Date = day[0].parse().unwrap();
        let is_weekend = date.weekday().to_monday_zero_offset() >= 5;
        assert!(&day[1] == "holiday" || is_weekend, "{date} is worked anyway");
        assert!(!day[3].is_empty(), "{date}");
    }
}

#[test]
fn the_finest_code_of_the_operators_table_says_city_or_countryside() {
    let table = "code,kind\n33,rural\n330106,urban\n330106001, 220\n330106001002,111\n";
    let areas = UrbanRural::read(table).expect("a table");
    for (code, told) in [
        ("330106001002", Some(true)),
        ("330106001003", Some(false)),
        ("330106002001", Some(true)),
        ("330107001001", Some(false)),
        ("33", Some(false)),
        ("110101001001", None),
    ] {
        let place = Place::parse(code).unwrap();
        assert_eq!(areas.told(place), told, "{code}");
        assert_eq!(areas.is_urban(place), told.unwrap_or(place.is_urban()), "{code}");
    }
    for (rows, due) in [
        ("33,town", "line 2"),
        ("333,urban", "line 2"),
        ("33,urban\n44,310", "line 3"),
        ("33,urban\n33,rural", "tells 33 twice"),
        ("33,urban,x", "malformed"),
    ] {
        let error = UrbanRural::read(&format!("code,kind\n{rows}\n")).expect_err(rows);
        assert!(error.to_string().contains(due), "{rows}: {error}");
    }
}
