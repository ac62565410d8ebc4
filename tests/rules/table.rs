//! The table of rules in the code is the table of the specification, row by row.

use std::collections::BTreeSet;

use domain::rules::{
    Check, Class, EDITION, FIRST_EDITION, Field, FieldSet, Rule, RuleBook, RuleId, RuleSet,
    Severity,
};
use jiff::ToSpan;
use jiff::civil::date;

const TABLE: &str = include_str!("audit_rules.csv");

fn book() -> RuleBook {
    RuleBook::in_force(FIRST_EDITION)
}

#[test]
fn every_rule_of_the_table_is_in_the_code_as_the_table_has_it() {
    let book = book();
    let mut rules: BTreeSet<RuleId> = book.rules().map(|rule| rule.id).collect();
    let mut rows = 0;
    for row in csv::Reader::from_reader(TABLE.as_bytes()).records() {
        let row = row.expect("a readable row");
        let id = RuleId::parse(&row[0]).unwrap_or_else(|| panic!("{} is no rule", &row[0]));
        let rule = book.rule(id).unwrap_or_else(|| panic!("{id} is missing"));
        assert_eq!(rule.id.to_string(), row[0]);
        assert_eq!(row[1], *char::from(rule.id.class().letter()).to_string(), "{id}");
        let severity = match rule.severity {
            Severity::Error => "E",
            Severity::Warning => "W",
            Severity::Hint => "I",
        };
        assert_eq!(severity, &row[2], "{id}");
        let items: Vec<_> = rule.items.iter().map(|item| item.name()).collect();
        assert_eq!(items.join(","), row[3], "{id}");
        assert_eq!(matches!(rule.check, Check::Area(_)), &row[4] == "agg", "{id}");
        assert_eq!(rule.message_zh, &row[6], "{id}");
        assert!(rules.remove(&id), "{id} stands twice in the table");
        rows += 1;
    }
    assert_eq!((rows, rules.len()), (107, 0), "rules that the table does not have: {rules:?}");
}

#[test]
fn every_rule_has_a_message_of_its_own_in_english() {
    let messages: BTreeSet<_> = book().rules().map(|rule| rule.message_en).collect();
    assert_eq!(messages.len(), 107);
    assert!(messages.iter().all(|message| message.is_ascii() && !message.ends_with('.')));
}

#[test]
fn names_of_rules_are_a_letter_and_two_digits() {
    for name in ["C01", "N32", "L05", "X28", "R12"] {
        assert_eq!(RuleId::parse(name).map(|id| id.to_string()).as_deref(), Some(name));
    }
    for name in ["", "C", "C1", "C00", "C33", "Z01", "c01", "C001", "C+1", "姓"] {
        assert_eq!(RuleId::parse(name), None, "{name}");
    }
}

/// An item that the table names of a rule is one that its expressions read.
#[test]
fn a_rule_is_touched_by_its_items() {
    let book = book();
    for rule in book.rules() {
        for item in rule.items {
            assert!(book.touching(FieldSet::of(&[*item])).contains(rule.id), "{}", rule.id);
        }
    }
    let ages = book.touching(FieldSet::of(&[Field::BirthDate]));
    let c14 = RuleId::parse("C14").unwrap();
    assert!(ages.contains(c14), "who must have a marital status is a matter of age");
    assert!(!ages.contains(RuleId::parse("C01").unwrap()));
    assert_eq!(book.touching(FieldSet::default()), RuleSet::NONE);
}

#[test]
fn a_set_holds_what_was_put_into_it_and_gives_it_in_the_order_of_the_table() {
    let all: RuleSet = book().rules().map(|rule| rule.id).collect();
    assert_eq!(all.len(), 107);
    assert!(all.iter().eq(book().rules().map(|rule| rule.id)));
    let ids = ["R12", "C01", "N32", "L01"].map(|name| RuleId::parse(name).unwrap());
    let some: RuleSet = ids.into_iter().collect();
    assert_eq!(format!("{some:?}"), "{C01, N32, L01, R12}");
    assert!(ids.iter().all(|id| some.contains(*id)));
    assert!(!some.contains(RuleId::parse("C02").unwrap()));
    let logic = some.intersection(RuleSet::of_class(Class::Logic));
    assert!(logic.iter().eq([ids[3]]));
    assert_eq!(some.without(logic).union(logic), some);
    assert!(some.without(RuleSet::EVERY).is_empty() && !some.is_empty());
}

/// A changed rule is a second row, and which of the two is asked depends on the day.
#[test]
fn a_rule_changes_with_a_second_row_from_its_day_on() {
    let day = date(2030, 1, 1);
    let old = *book().rule(RuleId::parse("C10").unwrap()).unwrap();
    let new = Rule { valid_from: day, message_en: "from 3 years on", ..old };
    let rows: &'static [Rule] = Box::leak(Box::new([new, old]));
    for (on, message) in [
        (day.yesterday().unwrap(), old.message_en),
        (day, new.message_en),
        (day + 9.years(), new.message_en),
    ] {
        let book = RuleBook::of_rows(rows, on);
        assert!(book.rules().map(|rule| rule.message_en).eq([message]), "{on}");
    }
    assert_eq!(RuleBook::in_force(FIRST_EDITION.yesterday().unwrap()).rules().count(), 0);
    assert_eq!(EDITION, 1);
}
