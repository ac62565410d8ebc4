//! The audit rules of a record: complete, normal, logical, consistent with others, reasonable.
//!
//! The table of 107 rules (`tests/rules/audit_rules.csv`, from the registry's specification) is
//! written down here row by row, a file a class; a test compares the two. A rule never refuses an
//! event: it doubts what stands.
//!
//! How the expressions of the table treat what is missing:
//! - In the condition under which a rule applies, a missing code equals no code, so that the rule
//!   does not apply.
//! - In what must hold, a missing operand makes the rule [`Outcome::NotEvaluated`], unless the
//!   outcome is the same whatever it may be, or the expression asks whether it is there.
//! - A blank text is a value, and equals no code.
//!
//! Nothing here allocates, with one exception: a citizen number that is not in its normal form.

mod across;
pub mod area;
mod case;
mod completeness;
mod field;
mod household;
mod kin;
mod logic;
mod normality;
mod reasonableness;
mod rule;
mod set;
mod subject;

use jiff::civil::{Date, date};

pub use area::AreaCounts;
pub use case::{Case, Context, Counts, NoCounts, days, legal_age_of_marriage, years};
pub use field::{Field, FieldSet};
pub use household::{Household, HouseholdKind, Tally};
pub use kin::are_near_kin;
pub use reasonableness::is_lately_seen;
pub use rule::{Check, Class, Outcome, Rule, RuleId, Severity};
pub use set::{Findings, RuleSet};
pub use subject::{PersonIndex, Subject};

/// The edition of the table. Raised whenever a row is added, so that stored findings of an older
/// edition are known for what they are.
pub const EDITION: u16 = 1;

/// Since when the rows of the first edition are in force: the year of the notice that names the
/// base items (人口办发规〔2011〕40号).
pub const FIRST_EDITION: Date = date(2011, 1, 1);

/// Every row, class by class.
const TABLE: [&[Rule]; Class::ALL.len()] = [
    &completeness::RULES,
    &normality::RULES,
    &logic::RULES,
    &across::RULES,
    &reasonableness::RULES,
];

/// The rules in force on a day: one row each, in the order of the table.
#[derive(Clone, Debug)]
pub struct RuleBook {
    rows: Vec<&'static Rule>,
    /// Where the row of each rule is, class by class.
    places: Vec<Option<u8>>,
}

fn place(id: RuleId) -> usize {
    id.class() as usize * usize::from(RuleId::NUMBER_MAX) + usize::from(id.number()) - 1
}

impl RuleBook {
    /// The rules in force on a day.
    pub fn in_force(on: Date) -> Self {
        Self::of_rows(TABLE.into_iter().flatten(), on)
    }

    /// As [`RuleBook::in_force`], of any rows: of each rule the newest row that is in force.
    pub fn of_rows(rows: impl IntoIterator<Item = &'static Rule>, on: Date) -> Self {
        let mut rows: Vec<_> = rows.into_iter().filter(|row| row.valid_from <= on).collect();
        rows.sort_by_key(|row| (row.id, std::cmp::Reverse(row.valid_from)));
        rows.dedup_by_key(|row| row.id);
        let mut places = vec![None; Class::ALL.len() * usize::from(RuleId::NUMBER_MAX)];
        for (at, row) in rows.iter().enumerate() {
            places[place(row.id)] = u8::try_from(at).ok();
        }
        Self { rows, places }
    }

    /// Every rule, in the order of the table.
    pub fn rules(&self) -> impl Iterator<Item = &'static Rule> {
        self.rows.iter().copied()
    }

    /// The row of a rule.
    pub fn rule(&self, id: RuleId) -> Option<&'static Rule> {
        let at = self.places.get(place(id)).copied().flatten()?;
        Some(self.rows[usize::from(at)])
    }

    /// The rules that read one of the fields, in the person's record or in that of a relative:
    /// those to evaluate again, for the person and for the relatives, when the fields change.
    pub fn touching(&self, fields: FieldSet) -> RuleSet {
        self.rows.iter().filter(|row| row.reads.meets(fields)).map(|row| row.id).collect()
    }

    /// Evaluates every rule about persons for one person.
    pub fn evaluate(&self, case: &Case<'_>) -> Findings {
        self.evaluate_only(case, RuleSet::EVERY)
    }

    /// Evaluates the completeness of a record alone.
    pub fn completeness(&self, case: &Case<'_>) -> Findings {
        self.evaluate_only(case, RuleSet::of_class(Class::Completeness))
    }

    /// Evaluates some rules for one person. Rules about areas are not asked for here.
    pub fn evaluate_only(&self, case: &Case<'_>, asked: RuleSet) -> Findings {
        let mut findings = Findings::default();
        for row in asked.iter().filter_map(|id| self.rule(id)) {
            if let Check::Person { applies, holds } = row.check {
                findings.insert(row.id, judge(case, applies, holds));
            }
        }
        findings
    }

    /// Evaluates the rules about areas.
    pub fn evaluate_area(&self, counts: &AreaCounts) -> Findings {
        let mut findings = Findings::default();
        for row in &self.rows {
            if let Check::Area(holds) = row.check {
                findings.insert(row.id, outcome(holds(counts)));
            }
        }
        findings
    }

    /// Every rule with what came of it, in the order of the table.
    pub fn outcomes(
        &self,
        findings: &Findings,
    ) -> impl Iterator<Item = (&'static Rule, Outcome)> + use<'_> {
        let findings = *findings;
        self.rows.iter().map(move |row| (*row, findings.outcome(row.id)))
    }
}

fn judge(
    case: &Case<'_>,
    applies: fn(&Case<'_>) -> Option<bool>,
    holds: fn(&Case<'_>) -> Option<bool>,
) -> Outcome {
    match applies(case) {
        Some(true) => outcome(holds(case)),
        Some(false) => Outcome::NotApplicable,
        None => Outcome::NotEvaluated,
    }
}

fn outcome(holds: Option<bool>) -> Outcome {
    match holds {
        Some(true) => Outcome::Holds,
        Some(false) => Outcome::Fires,
        None => Outcome::NotEvaluated,
    }
}
