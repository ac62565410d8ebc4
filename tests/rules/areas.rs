//! The rules about areas, at the edges of their shares.

use domain::rules::area::{BirthDates, BirthsOfMonth, BirthsOfYear, Migrants, is_convenient};
use domain::rules::{AreaCounts, Outcome, RuleBook, RuleId};
use jiff::civil::date;

fn outcome(rule: &str, counts: AreaCounts) -> Outcome {
    let found = RuleBook::in_force(date(2026, 11, 23)).evaluate_area(&counts);
    found.outcome(RuleId::parse(rule).expect("a rule"))
}

fn verdict(holds: Option<bool>) -> Outcome {
    match holds {
        Some(true) => Outcome::Holds,
        Some(false) => Outcome::Fires,
        None => Outcome::NotEvaluated,
    }
}

#[test]
fn birth_dates_heap_above_eight_percent() {
    for (known, convenient, expected) in [
        (1000, 35, Some(true)),
        (100, 8, Some(true)),
        (100, 9, Some(false)),
        (999, 80, Some(false)),
        (3, 0, Some(true)),
        (0, 0, None),
    ] {
        let birth_dates = Some(BirthDates { known, convenient });
        let counts = AreaCounts { birth_dates, ..AreaCounts::default() };
        assert_eq!(outcome("R09", counts), verdict(expected), "{convenient} of {known}");
    }
}

#[test]
fn convenient_dates_are_new_year_and_every_fifteenth() {
    for day in [date(1985, 1, 1), date(1985, 1, 15), date(2000, 2, 15), date(1985, 12, 15)] {
        assert!(is_convenient(day), "{day}");
    }
    for day in [date(1985, 2, 1), date(1985, 1, 2), date(1985, 1, 14), date(2000, 2, 29)] {
        assert!(!is_convenient(day), "{day}");
    }
    let days = date(1985, 1, 1).series(jiff::ToSpan::days(1)).take(365);
    assert_eq!(days.filter(|day| is_convenient(*day)).count(), 13);
}

#[test]
fn boys_to_girls_are_judged_from_a_hundred_births_on() {
    for (births, boys, girls, expected) in [
        (205, 105, 100, Some(true)),
        (195, 95, 100, Some(true)),
        (194, 94, 100, Some(false)),
        (215, 115, 100, Some(true)),
        (216, 116, 100, Some(false)),
        (99, 99, 0, Some(true)),
        (100, 100, 0, Some(false)),
        (100, 0, 100, Some(false)),
        (100, 0, 0, None),
    ] {
        let births_of_year = Some(BirthsOfYear { births, boys, girls });
        let counts = AreaCounts { births_of_year, ..AreaCounts::default() };
        assert_eq!(outcome("R10", counts), verdict(expected), "{boys} boys, {girls} girls");
    }
}

#[test]
fn births_may_differ_from_the_hospitals_by_two_or_five_percent() {
    for (registered, reported_by_hospitals, expected) in [
        (0, 0, true),
        (2, 0, true),
        (3, 0, false),
        (38, 40, true),
        (37, 40, false),
        (95, 100, true),
        (94, 100, false),
        (105, 100, true),
        (106, 100, false),
        (57, 59, true),
        (56, 59, false),
    ] {
        let births_of_month = Some(BirthsOfMonth { registered, reported_by_hospitals });
        let counts = AreaCounts { births_of_month, ..AreaCounts::default() };
        let expected = verdict(Some(expected));
        assert_eq!(outcome("R11", counts), expected, "{registered} {reported_by_hospitals}");
    }
}

#[test]
fn migrants_may_differ_from_permits_by_a_fifth() {
    for (floating, residence_permits, expected) in [
        (0, 0, true),
        (1, 0, false),
        (120, 100, true),
        (121, 100, false),
        (80, 100, true),
        (79, 100, false),
        (4, 5, true),
        (3, 4, false),
    ] {
        let migrants = Some(Migrants { floating, residence_permits });
        let counts = AreaCounts { migrants, ..AreaCounts::default() };
        let expected = verdict(Some(expected));
        assert_eq!(outcome("R12", counts), expected, "{floating} {residence_permits}");
    }
}

#[test]
fn a_count_that_is_not_known_leaves_its_rule_open() {
    let found = RuleBook::in_force(date(2026, 11, 23)).evaluate_area(&AreaCounts::default());
    let open: Vec<_> = found.not_evaluated.iter().map(|id| id.to_string()).collect();
    assert_eq!(open, ["R09", "R10", "R11", "R12"]);
    assert_eq!(found.applicable(), found.not_evaluated);
}
