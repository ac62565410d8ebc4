//! The counts of one place, to which persons are added and from which they are taken away.

use std::collections::BTreeMap;

use domain::items::BASE_ITEMS;
use domain::rules::{Class, RuleId, RuleSet, is_lately_seen};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::NOT_VERIFIED;
use super::part::Part;
use super::seen::Seen;

/// Rules have a slot each, so many a class.
const SLOTS: usize = Class::ALL.len() * RuleId::NUMBER_MAX as usize;

/// The counts of an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemCounts {
    /// Persons of whom it ought to be known.
    pub applicable: u64,
    /// Of them, those of whom it is.
    pub filled: u64,
    /// Of them, those whose value no rule of normality doubts.
    pub normal: u64,
    /// Of the filled, those whose value no error of logic concerns.
    pub consistent: u64,
}

/// The counts of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCounts {
    /// Persons, or areas, of whom it could be told.
    pub evaluated: u64,
    /// Of them, those with whom something is wrong.
    pub violations: u64,
}

/// The counts of a place. Persons are those who are registered and alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Persons.
    pub persons: u64,
    /// Persons of whom nothing is missing.
    pub complete: u64,
    /// Persons without an error of logic.
    pub consistent: u64,
    /// The base items.
    pub items: [ItemCounts; BASE_ITEMS],
    rules: Vec<RuleCounts>,
    /// Persons whose birth is known, and those of a convenient date.
    pub births: [u64; 2],
    /// By year of birth: all, boys, girls.
    pub of_year: BTreeMap<i16, [u64; 3]>,
    /// By year and month of birth: registered, told by health.
    pub of_month: BTreeMap<(i16, i8), [u64; 2]>,
    /// By the day on which somebody last looked.
    seen: Seen,
    /// Who lives away from the township of registration, and residence permits.
    pub migrants: [u64; 2],
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            persons: 0,
            complete: 0,
            consistent: 0,
            items: [ItemCounts::default(); BASE_ITEMS],
            rules: vec![RuleCounts::default(); SLOTS],
            births: [0; 2],
            of_year: BTreeMap::new(),
            of_month: BTreeMap::new(),
            seen: Seen::default(),
            migrants: [0; 2],
        }
    }
}

fn slot(id: RuleId) -> usize {
    id.class() as usize * usize::from(RuleId::NUMBER_MAX) + usize::from(id.number()) - 1
}

/// Adds to a count, or takes away what was added before.
fn count(counted: &mut u64, by: i64, is_so: bool) {
    *counted = counted.wrapping_add_signed(if is_so { by } else { 0 });
}

/// The same in counts by something else, of which none stands without anybody.
fn count_under<K: Ord + Copy, const N: usize>(
    counted: &mut BTreeMap<K, [u64; N]>,
    key: K,
    by: i64,
    is_so: [bool; N],
) {
    if is_so == [false; N] {
        return;
    }
    let counts = counted.entry(key).or_insert([0; N]);
    counts.iter_mut().zip(is_so).for_each(|(counts, is_so)| count(counts, by, is_so));
    if *counts == [0; N] {
        counted.remove(&key);
    }
}

impl Cell {
    /// The counts of a rule about persons.
    pub fn rule(&self, id: RuleId) -> RuleCounts {
        self.rules[slot(id)]
    }

    /// Adds a person.
    pub fn add(&mut self, part: &Part) {
        self.change(part, 1);
    }

    /// Takes a person away who was added.
    pub fn remove(&mut self, part: &Part) {
        self.change(part, -1);
    }

    /// Counts a person under another day on which somebody last looked.
    pub fn see_again(&mut self, before: Option<Date>, after: Option<Date>) {
        before.into_iter().for_each(|day| self.seen.count(day, -1));
        after.into_iter().for_each(|day| self.seen.count(day, 1));
    }

    /// Counts of whom it is told on a day that nobody looked for a year.
    pub fn count_unseen(&mut self, today: Date) {
        let counts = &mut self.rules[slot(NOT_VERIFIED)];
        counts.evaluated = self.seen.iter().map(|(_, persons)| persons).sum();
        let unseen = self.seen.iter().filter(|(seen, _)| !is_lately_seen(*seen, today));
        counts.violations = unseen.map(|(_, persons)| persons).sum();
    }

    /// Leaves out by which day somebody looked, once that is counted for the only day of interest.
    pub(super) fn settle(&mut self, today: Date) {
        self.count_unseen(today);
        self.seen = Seen::default();
    }

    /// Whether it holds a slot for each rule.
    pub(super) fn is_well_formed(&self) -> bool {
        self.rules.len() == SLOTS
    }

    /// Takes a person away who was added, and adds the same person as they count now: only what is
    /// another thing is touched.
    pub fn replace(&mut self, before: &Part, after: &Part) {
        self.change_alone(before, -1);
        self.change_alone(after, 1);
        let differs = |at: usize| before.items[at] ^ after.items[at];
        let items = (0..before.items.len()).fold(0, |bits, at| bits | differs(at));
        self.change_items(before, -1, items);
        self.change_items(after, 1, items);
        if before.findings != after.findings {
            self.change_rules(before, -1);
            self.change_rules(after, 1);
        }
        let born = |part: &Part| {
            (part.birth, part.is_convenient, part.is_registered, part.is_told_by_health)
        };
        if born(before) != born(after) {
            self.change_birth(before, -1);
            self.change_birth(after, 1);
        }
        if before.last_seen != after.last_seen {
            self.see_again(before.last_seen, after.last_seen);
        }
    }

    fn change(&mut self, part: &Part, by: i64) {
        self.change_alone(part, by);
        self.change_items(part, by, u32::MAX);
        self.change_rules(part, by);
        self.change_birth(part, by);
        part.last_seen.into_iter().for_each(|seen| self.seen.count(seen, by));
    }

    /// What has a count by itself.
    fn change_alone(&mut self, part: &Part, by: i64) {
        let [applicable, filled, ..] = part.items;
        count(&mut self.persons, by, true);
        count(&mut self.complete, by, applicable == filled);
        count(&mut self.consistent, by, part.is_consistent);
        count(&mut self.migrants[0], by, part.is_floating);
        count(&mut self.migrants[1], by, part.has_permit);
    }

    /// Those of the items whose bit is set.
    fn change_items(&mut self, part: &Part, by: i64, mut items: u32) {
        let [applicable, filled, normal, consistent] = part.items;
        items &= applicable | filled | normal | consistent;
        while items != 0 {
            let at = items.trailing_zeros();
            let item = &mut self.items[at as usize];
            count(&mut item.applicable, by, applicable >> at & 1 == 1);
            count(&mut item.filled, by, filled >> at & 1 == 1);
            count(&mut item.normal, by, normal >> at & 1 == 1);
            count(&mut item.consistent, by, consistent >> at & 1 == 1);
            items &= items - 1;
        }
    }

    fn change_rules(&mut self, part: &Part, by: i64) {
        let findings = part.findings;
        for id in RuleSet::union(findings.fired, findings.held).iter() {
            count(&mut self.rules[slot(id)].evaluated, by, true);
        }
        for id in findings.fired.iter() {
            count(&mut self.rules[slot(id)].violations, by, true);
        }
    }

    fn change_birth(&mut self, part: &Part, by: i64) {
        let Some((born, sex)) = part.birth else { return };
        count(&mut self.births[0], by, true);
        count(&mut self.births[1], by, part.is_convenient);
        let (boy, girl) = (sex == 1, sex == 2);
        count_under(&mut self.of_year, born.year(), by, [true, boy, girl]);
        let told = [part.is_registered, part.is_told_by_health];
        count_under(&mut self.of_month, (born.year(), born.month()), by, told);
    }

    /// Adds the counts of another place.
    pub fn merge(&mut self, other: &Cell) {
        self.persons += other.persons;
        self.complete += other.complete;
        self.consistent += other.consistent;
        for (own, other) in self.items.iter_mut().zip(&other.items) {
            own.applicable += other.applicable;
            own.filled += other.filled;
            own.normal += other.normal;
            own.consistent += other.consistent;
        }
        for (own, other) in self.rules.iter_mut().zip(&other.rules) {
            own.evaluated += other.evaluated;
            own.violations += other.violations;
        }
        add(&mut self.births, &other.births);
        add(&mut self.migrants, &other.migrants);
        self.seen.merge(&other.seen);
        for (year, counts) in &other.of_year {
            add(self.of_year.entry(*year).or_default(), counts);
        }
        for (month, counts) in &other.of_month {
            add(self.of_month.entry(*month).or_default(), counts);
        }
    }
}

fn add(own: &mut [u64], other: &[u64]) {
    own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
}
