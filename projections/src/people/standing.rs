//! What stands about a person, as the one who decided upon it has it in memory, and the step from
//! there over one event: handed on with the event, the view need not read and fold the row again.

use std::sync::Arc;

use domain::rules::{Findings, RuleBook};
use jiff::civil::Date;

use super::Row;
use crate::quality::{ALONE, Counted, Measures, audit_alone};

/// What stands about a person after an event; by default what stands of whom nothing is known.
#[derive(Default)]
pub struct Standing {
    /// The row, as the view will have it.
    pub row: Row,
    /// How it counted on a day, where it was judged.
    counted: Option<(Counted, Date)>,
}

/// What stood and what stands about a person, over one event of theirs.
#[derive(Clone)]
pub struct Step {
    before: Arc<Standing>,
    after: Arc<Standing>,
}

impl Standing {
    /// What a row of the view says, that nobody has judged.
    pub fn unjudged(row: Row) -> Self {
        Self { row, counted: None }
    }

    /// Judges a row on a day, by the rules in force on it. Gives too what every rule finds that
    /// can be judged by the record alone.
    pub fn judge(row: Row, book: &RuleBook, today: Date) -> (Self, Findings) {
        let findings = audit_alone(book, &row.archive, today, ALONE);
        let counted = Counted::found(book, &row, today, findings);
        (Self { row, counted: Some((counted, today)) }, findings)
    }

    /// How it counts in the measures.
    pub(super) fn counted(&self, measures: &Measures) -> Counted {
        let held = self.counted.filter(|(counted, judged_on)| measures.hold(counted, *judged_on));
        match held {
            Some((counted, _)) => counted,
            None => Counted::of(measures.book(), &self.row, measures.today),
        }
    }
}

impl Row {
    /// False where nothing that the indexes are made from is told otherwise: of most events.
    pub(super) fn differs_in_indexes(&self, other: &Self) -> bool {
        let beside_items = |row: &Self| (row.archive.is_dead, row.owner, row.reported_for);
        beside_items(self) != beside_items(other)
            || (&self.hidden, &self.protected, &self.stood)
                != (&other.hidden, &other.protected, &other.stood)
            || !self.archive.has_items_of(&other.archive)
    }
}

impl Step {
    /// The step over an event; none where the view knows more of the row than one stream tells:
    /// of who is absorbed by somebody, or has absorbed.
    pub fn over(before: Arc<Standing>, after: Arc<Standing>) -> Option<Self> {
        // What a row stood under while it was merged is the view's to find.
        let is_single = |row: &Row| row.owner.is_none() && row.joined.is_empty();
        let are_single = is_single(&before.row) && is_single(&after.row);
        are_single.then_some(Self { before, after })
    }

    /// What stood before the event.
    pub(super) fn before(&self) -> &Standing {
        &self.before
    }

    /// What stands after it.
    pub(super) fn after(&self) -> &Standing {
        &self.after
    }
}
