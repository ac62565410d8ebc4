//! Each rule at its edges: the clean household of 23 November 2026 with a few values changed, and
//! what comes of the rule for one member. Every rule fires somewhere and holds somewhere.

use domain::rules::Outcome::{Fires, Holds};
use domain::rules::{Check, Outcome, RuleBook, RuleId};

use super::edges_alone::{COMPLETENESS, LOGIC, NORMALITY};
use super::edges_of_the_dead::OF_THE_DEAD;
use super::edges_together::{ACROSS, REASONABLENESS};
use super::house::clean;

/// Rule, member, changes (see [`super::house`]), outcome.
pub type Edge = (&'static str, usize, &'static str, Outcome);

fn check(edges: &[Edge]) {
    for (rule, member, changes, expected) in edges {
        let id = RuleId::parse(rule).expect("a rule");
        let found = clean().with(changes).findings()[*member];
        assert_eq!(found.outcome(id), *expected, "{rule} of member {member} with {changes:?}");
    }
}

#[test]
fn completeness_asks_only_for_what_ought_to_be_there() {
    check(COMPLETENESS);
}

#[test]
fn values_are_normal_up_to_their_edges() {
    check(NORMALITY);
}

#[test]
fn one_persons_values_agree_up_to_their_edges() {
    check(LOGIC);
}

#[test]
fn several_records_agree_up_to_their_edges() {
    check(ACROSS);
}

#[test]
fn what_is_likely_has_its_edges() {
    check(REASONABLENESS);
}

#[test]
fn the_dead_are_judged_by_the_age_that_they_reached() {
    check(OF_THE_DEAD);
}

#[test]
fn every_rule_about_persons_has_an_edge_on_either_side() {
    for rule in RuleBook::in_force(clean().today).rules() {
        if matches!(rule.check, Check::Area(_)) {
            continue;
        }
        for side in [Fires, Holds] {
            let mut edges = [COMPLETENESS, NORMALITY, LOGIC, ACROSS, REASONABLENESS].concat();
            edges.retain(|edge| edge.0 == rule.id.to_string() && edge.3 == side);
            assert!(!edges.is_empty(), "{} has no edge where it {side:?}", rule.id);
        }
    }
}
