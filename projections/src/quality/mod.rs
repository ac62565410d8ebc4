//! The audit rules over archives: of one record by itself, and of persons with those around them.

mod across;
mod around;
mod cell;
mod measures;
mod month_end;
mod part;
mod record;
mod seen;

use std::sync::LazyLock;

use domain::Divisions;
use domain::rules::{
    Case, Class, Context, Findings, NoCounts, PersonIndex, RuleBook, RuleId, RuleSet,
};
use jiff::civil::Date;

use crate::archive::Archive;

pub(crate) use across::tells_same;
pub use across::{ACROSS, Across, AcrossCell, AcrossCells, Keys, Seen};
pub use around::{House, Members, Persons, audit};
pub use cell::{Cell, ItemCounts, RuleCounts};
pub use measures::{Change, Counted, Measures};
pub use month_end::MonthEnd;
pub use part::{Part, SeenAgain, next_change};
pub(crate) use record::last_seen;
pub use record::{Ties, changed, subject};

/// The divisions that codes are judged by. The fictional province is among them: whether it may be
/// used was decided when the event was taken.
static DIVISIONS: LazyLock<Divisions> = LazyLock::new(|| Divisions::embedded(true));

/// The rules that a record can be judged by alone: all but those across records and of areas.
pub const ALONE: RuleSet = RuleSet::of_class(Class::Completeness)
    .union(RuleSet::of_class(Class::Normality))
    .union(RuleSet::of_class(Class::Logic))
    .union(RuleSet::of_class(Class::Reasonableness));

/// The rule that nobody looked at a record for a year.
const NOT_VERIFIED: RuleId = RuleId::parse("R07").expect("a rule");
const UNSEEN: RuleSet = {
    let mut rules = RuleSet::NONE;
    rules.insert(NOT_VERIFIED);
    rules
};

/// What the rules `asked` find in a record by itself on a day. Those that look at other records
/// are not among them; what only the register could count is not evaluated.
pub fn audit_alone(book: &RuleBook, archive: &Archive, today: Date, asked: RuleSet) -> Findings {
    let people = [subject(archive)];
    let context = Context { people: &people, counts: &NoCounts, divisions: &DIVISIONS, today };
    book.evaluate_only(&Case::new(context, PersonIndex(0), None), asked.intersection(ALONE))
}
