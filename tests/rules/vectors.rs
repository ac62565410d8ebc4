//! Every vector of the specification: a household with one thing wrong, and all that must fire.

use std::collections::BTreeSet;

use domain::rules::{Field, FieldSet, Findings, Outcome, RuleBook, RuleId, RuleSet};
use domain::{Item, rules};
use serde_json::Value;

use super::house::{House, clean, field, vectors};

fn ids(names: &Value) -> (RuleSet, RuleSet) {
    let (mut fires, mut fails) = (RuleSet::NONE, RuleSet::NONE);
    for name in names.as_array().expect("a list") {
        let name = name.as_str().expect("a rule");
        // Where the expression of the table fails on an operand that is missing, the vector says so.
        match name.split_once(":EXC") {
            Some((name, _)) => fails.insert(RuleId::parse(name).expect("a rule")),
            None => fires.insert(RuleId::parse(name).expect("a rule")),
        }
    }
    (fires, fails)
}

fn check(vector: &Value, house: &House) {
    let expected = vector["fires"].as_array().expect("a list a member");
    let found = house.findings();
    assert_eq!(found.len(), expected.len());
    for (member, (found, expected)) in found.iter().zip(expected).enumerate() {
        let (fires, fails) = ids(expected);
        assert_eq!(found.fired, fires, "{} member {member}", vector["rule"]);
        let missing = fails.without(found.not_evaluated);
        assert!(missing.is_empty(), "{} member {member}: {missing:?}", vector["rule"]);
    }
}

#[test]
fn nothing_fires_on_a_clean_household() {
    for found in clean().findings() {
        assert_eq!(found.fired, RuleSet::NONE);
        assert_eq!(found.not_evaluated, RuleSet::NONE);
        assert!(found.held.len() > 50, "{:?}", found.held);
    }
}

#[test]
fn each_vector_fires_exactly_its_rules() {
    let file = vectors();
    let mut seen = BTreeSet::new();
    for vector in file["vectors"].as_array().expect("vectors") {
        check(vector, &House::read(vector, clean().today));
        seen.insert(vector["rule"].as_str().expect("a rule").to_owned());
    }
    let personal = RuleBook::in_force(clean().today)
        .rules()
        .filter(|rule| matches!(rule.check, rules::Check::Person { .. }))
        .map(|rule| rule.id.to_string())
        .collect();
    assert_eq!(seen, personal, "a rule without a vector, or a vector without a rule");
}

#[test]
fn only_what_is_asked_for_is_evaluated_and_gives_the_same() {
    let book = RuleBook::in_force(clean().today);
    let file = vectors();
    for vector in file["vectors"].as_array().expect("vectors") {
        House::read(vector, clean().today).each_case(|case| {
            let all = book.evaluate(case);
            let sex = book.touching(FieldSet::of(&[Item::Sex.into()]));
            let part = book.evaluate_only(case, sex);
            for rule in book.rules() {
                let expected = if sex.contains(rule.id) {
                    all.outcome(rule.id)
                } else {
                    Outcome::NotApplicable
                };
                assert_eq!(part.outcome(rule.id), expected, "{}", rule.id);
            }
            assert_eq!(Findings::default().renewed(sex, all), part);
            let complete = book.completeness(case);
            assert!(complete.applicable().iter().all(|id| id.to_string().starts_with('C')));
            let listed: Vec<_> = book.outcomes(&all).collect();
            assert_eq!(listed.len(), 107);
            assert!(listed.iter().all(|(rule, outcome)| all.outcome(rule.id) == *outcome));
        });
    }
}

/// What a rule reads is written down with it: otherwise a change would leave stale findings.
#[test]
fn a_field_that_changes_touches_every_rule_whose_outcome_changes() {
    let values = [
        "null",
        "",
        "1",
        "2",
        "9",
        "10",
        "11",
        "12",
        "21",
        "22",
        "23",
        "27",
        "30",
        "31",
        "37",
        "40",
        "51",
        "61",
        "62",
        "71",
        "73",
        "80",
        "99",
        "3",
        "张",
        "a",
        "USA",
        "330106",
        "310101001001",
        "1900-01-01",
        "1975-01-01",
        "1999-01-01",
        "2013-06-30",
        "2016-11-23",
        "2026-11-01",
        "2030-01-01",
        "true",
        "false",
        "@0",
        "@1",
        "@2",
        "@3",
        "33010619850520001311",
    ];
    let houses = [
        clean(),
        clean().with("1.alive=false; 1.death_date=2026-01-01; 0.marital_code=30; 0.last_spouse=@1"),
        clean()
            .with("0.relation_code=12; 1.relation_code=02; head=@1; 0.residence_code=310101001001"),
        clean()
            .with("2.relation_code=21; 3.relation_code=99; 2.disability_type=1; 2.health_code=61"),
        clean().with("2.relation_code=71; 3.relation_code=51; 0.first_marriage_date=null"),
    ];
    let book = RuleBook::in_force(clean().today);
    let mut changed = RuleSet::NONE;
    for house in houses {
        let before = house.findings();
        let names: Vec<_> = house.people[0].keys().cloned().collect();
        for (member, name) in (0..4).flat_map(|it| names.iter().map(move |name| (it, name))) {
            let touched = book.touching(FieldSet::of(&[field(name)]));
            for value in values.iter().filter(|it| suits(it, name)) {
                let change = format!("{member}.{name}={value}");
                changed = changed.union(moved_within(&house, &before, &change, touched));
            }
        }
        let touched = book.touching(FieldSet::of(&[Field::Household]));
        for change in ["kind=collective", "head=", "head=@1", "members=@0 @1", "household=null"] {
            changed = changed.union(moved_within(&house, &before, change, touched));
        }
    }
    assert!(changed.len() > 95, "too few rules were moved to prove anything: {}", changed.len());
}

/// The rules whose outcome a change moves for anybody; all of them must be among the touched ones.
fn moved_within(house: &House, before: &[Findings], change: &str, touched: RuleSet) -> RuleSet {
    let after = house.clone().with(change).findings();
    let mut moved = RuleSet::NONE;
    // Who is no member any more comes last, and has no findings.
    for (before, after) in before.iter().zip(&after) {
        moved = moved.union(differing(before, after));
    }
    let missed = moved.without(touched);
    assert!(missed.is_empty(), "{change} changes {missed:?}");
    moved
}

fn is_link(name: &str) -> bool {
    ["mother", "father", "spouse", "last_spouse", "children"].contains(&name)
}

fn differing(one: &Findings, other: &Findings) -> RuleSet {
    let all = one.applicable().union(other.applicable());
    all.iter().filter(|id| one.outcome(*id) != other.outcome(*id)).collect()
}

/// Links go to links, dates to dates, and everything else to the rest.
fn suits(value: &str, name: &str) -> bool {
    let is_date = name.ends_with("_date") || name == "last_verified";
    let of_date = value.len() == 10 && value.contains('-');
    value == "null" || (value.starts_with('@') == is_link(name) && of_date == is_date)
}
