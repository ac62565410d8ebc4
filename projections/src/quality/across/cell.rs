//! The counts of one place, of the rules across records.

use std::collections::BTreeMap;

use domain::Place;
use domain::rules::{Class, Findings, RuleId, RuleSet};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{MANY_AT_HOME, SAME_PHONE};
use crate::quality::RuleCounts;

/// A bit a rule: those across records by number, the last ones for those of telephones and of the
/// members of a household.
const BITS: usize = 32;

/// The counts of a place. Persons are those who are registered and alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcrossCell {
    /// Persons who were judged.
    pub persons: u64,
    /// Persons without an error of logic, in their own record or across records.
    pub consistent: u64,
    rules: [RuleCounts; BITS],
}

/// The counts of every place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcrossCells(pub(in crate::quality) BTreeMap<Place, AcrossCell>);

impl AcrossCells {
    /// The counts of the divisions in `whole`, each of so many digits, or of all together.
    pub fn of(
        &self,
        whole: Option<Place>,
        digits: Option<u8>,
    ) -> BTreeMap<Option<Place>, AcrossCell> {
        let mut cells = BTreeMap::<Option<Place>, AcrossCell>::new();
        let inside = |place: &Place| whole.is_none_or(|whole| place.lies_in(whole));
        for (place, cell) in self.0.iter().filter(|(place, _)| inside(place)) {
            cells.entry(digits.map(|digits| place.at_level(digits))).or_default().merge(cell);
        }
        cells
    }

    /// Takes the counts into a digest, place by place.
    pub(super) fn update(&self, hash: &mut Sha256) {
        for (place, cell) in &self.0 {
            hash.update(place.to_string());
            hash.update(postcard::to_stdvec(cell).expect("plain values"));
        }
    }
}

/// What was found of one person who counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) fired: u32,
    pub(super) held: u32,
    pub(super) is_consistent: bool,
}

fn bit(id: RuleId) -> Option<u32> {
    match id {
        SAME_PHONE => Some(BITS as u32 - 1),
        MANY_AT_HOME => Some(BITS as u32 - 2),
        id if id.class() == Class::AcrossRecords => Some(u32::from(id.number()) - 1),
        _ => None,
    }
}

pub(super) fn bits(rules: RuleSet) -> u32 {
    rules.iter().filter_map(bit).fold(0, |bits, at| bits | 1 << at)
}

impl Verdict {
    pub(super) fn of(findings: &Findings, errors: u32, is_logical: bool) -> Self {
        let (fired, held) = (bits(findings.fired), bits(findings.held));
        Self { fired, held, is_consistent: is_logical && fired & errors == 0 }
    }
}

impl AcrossCell {
    /// The counts of a rule; none for one that is not judged here.
    pub fn rule(&self, id: RuleId) -> Option<RuleCounts> {
        Some(self.rules[bit(id)? as usize])
    }

    /// Counts one person by what was found, and whether they are without an error of logic.
    pub fn add(&mut self, findings: &Findings, is_consistent: bool) {
        self.change(bits(findings.fired), bits(findings.held), is_consistent, 1);
    }

    pub(super) fn count(&mut self, verdict: &Verdict, by: i64) {
        self.change(verdict.fired, verdict.held, verdict.is_consistent, by);
    }

    fn change(&mut self, fired: u32, held: u32, is_consistent: bool, by: i64) {
        let add = |counted: &mut u64, is: bool| {
            *counted = counted.wrapping_add_signed(if is { by } else { 0 });
        };
        add(&mut self.persons, true);
        add(&mut self.consistent, is_consistent);
        for (at, rule) in self.rules.iter_mut().enumerate() {
            add(&mut rule.evaluated, (fired | held) >> at & 1 == 1);
            add(&mut rule.violations, fired >> at & 1 == 1);
        }
    }

    /// Adds the counts of another place.
    pub fn merge(&mut self, other: &AcrossCell) {
        self.persons += other.persons;
        self.consistent += other.consistent;
        for (own, other) in self.rules.iter_mut().zip(&other.rules) {
            own.evaluated += other.evaluated;
            own.violations += other.violations;
        }
    }
}
