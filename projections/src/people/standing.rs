//! What stands about a person, as the one who decided upon it has it in memory, and the step from
//! there over one event: handed on with the event, the view need not read and fold the row again.
//!
//! A step is made by who decides, while both rows are in the nearest memory. Of nearly every event
//! it holds no more than the row in the form in which it is written and when somebody last looked:
//! the view then need not look at rows that lie in another processor's memory.

use std::sync::Arc;

use domain::rules::{Field, FieldSet, Findings, RuleBook, is_lately_seen};
use jiff::civil::Date;

use super::{Row, Waiting};
use crate::quality::{
    ALONE, Counted, Measures, SeenAgain, audit_alone, changed, last_seen, tells_same,
};

/// What stands about a person after an event; by default what stands of whom nothing is known.
#[derive(Default)]
pub struct Standing {
    /// The row, as the view will have it.
    pub row: Row,
    /// What the event changed that rules read.
    pub changed: FieldSet,
    /// What the rules say of it, where it was judged.
    judged: Option<Judged>,
}

/// What was found in a row, and so how it counts, on a day.
#[derive(Clone, Copy)]
struct Judged {
    on: Date,
    /// By every rule that can be judged by the record alone.
    findings: Findings,
    counted: Counted,
}

/// What the view needs of what stood and what stands about a person, over one event of theirs.
#[derive(Clone)]
pub struct Step {
    /// What stands.
    pub(super) row: Waiting,
    /// Whether it tells the rules across records what they were told before, as far as that does
    /// not follow from how it counts.
    pub(super) tells_same: bool,
    pub(super) over: Over,
}

/// What a step leads over.
#[derive(Clone)]
pub(super) enum Over {
    /// Nothing that is indexed or counted, but that somebody looked: by far the most.
    Seen(SeenAgain),
    /// What stood before and what stands after.
    Change(Arc<Standing>, Arc<Standing>),
}

impl Standing {
    /// What a row of the view says, that nobody has judged.
    pub fn unjudged(row: Row) -> Self {
        Self { row, changed: FieldSet::default(), judged: None }
    }

    /// Judges a row after an event on a day, by the rules in force on it; `before` is what stood
    /// before the event. Gives too what every rule finds that can be judged by the record alone.
    /// Where the event changes nothing that a rule reads it is not judged, and nothing is found.
    pub fn judge(row: Row, before: &Self, book: &RuleBook, today: Date) -> (Self, Findings) {
        let changed = changed(&before.row.archive, &row.archive);
        let known = before.judged.filter(|judged| judged.on == today);
        if known.is_none() && tells_rules_nothing(&before.row, &row, changed, today) {
            return (Self { changed, ..Self::unjudged(row) }, Findings::default());
        }
        let findings = found(book, &row, known.map(|judged| (changed, judged.findings)), today);
        let counted = Counted::found(book, &row, today, findings);
        (Self { row, changed, judged: Some(Judged { on: today, findings, counted }) }, findings)
    }

    /// How it counts in the measures, as far as that was found already.
    fn held(&self, measures: &Measures) -> Option<Judged> {
        self.judged.filter(|judged| measures.hold(&judged.counted, judged.on))
    }
}

/// Whether an event changes nothing that a rule reads, or nothing but that somebody looked lately.
fn tells_rules_nothing(before: &Row, after: &Row, changed: FieldSet, today: Date) -> bool {
    if before.events == 0 || before.archive.is_registered != after.archive.is_registered {
        return false;
    }
    let only = |fields: &[Field]| changed.is_within(FieldSet::of(fields));
    let was_seen = || last_seen(&after.archive).is_some_and(|seen| is_lately_seen(seen, today));
    // By the last look alone one rule tells, that nobody looked for a year.
    only(&[]) || only(&[Field::Record]) && was_seen()
}

/// What the rules that can be judged by a record alone find on a day. Of a record that was judged on
/// that day, but for some fields, those that read none of them find what they found there.
fn found(book: &RuleBook, row: &Row, known: Option<(FieldSet, Findings)>, today: Date) -> Findings {
    let Some((differing, findings)) = known else {
        return audit_alone(book, &row.archive, today, ALONE);
    };
    let asked = book.touching(differing);
    findings.renewed(asked.intersection(ALONE), audit_alone(book, &row.archive, today, asked))
}

impl Row {
    /// False where nothing that the indexes are made from is told otherwise after an event that
    /// `changed` something: of most events.
    pub(super) fn differs_in_indexes(&self, other: &Self, changed: FieldSet) -> bool {
        let beside_items = |row: &Self| (row.archive.is_dead, row.owner);
        // It tells where somebody is only while no item does.
        let is_placed = || self.place() == other.place();
        beside_items(self) != beside_items(other)
            || self.reported_for != other.reported_for && !is_placed()
            || (&self.hidden, &self.protected, &self.stood)
                != (&other.hidden, &other.protected, &other.stood)
            || changed.has_items()
    }
}

impl Step {
    /// The step over an event, from what stood to what stands by [`Standing::judge`]; none where the
    /// view knows more of the row than one stream tells: of who is absorbed by somebody, or has
    /// absorbed.
    pub fn over(before: Arc<Standing>, after: Arc<Standing>) -> Option<Self> {
        let (old, new, changed) = (&before.row, &after.row, after.changed);
        // What a row stood under while it was merged is the view's to find.
        let is_single = |row: &Row| row.owner.is_none() && row.joined.is_empty();
        if !is_single(old) || !is_single(new) {
            return None;
        }
        let is_new = old.events == 0;
        let tells_same = !is_new && tells_same(old, new, changed);
        let may_differ = is_new || old.differs_in_indexes(new, changed);
        let seen = if may_differ { None } else { SeenAgain::by(old, new, changed) };
        let row = Waiting::of(new);
        let over = seen.map_or_else(|| Over::Change(before, after), Over::Seen);
        Some(Self { row, tells_same, over })
    }
}

/// How somebody counted in the measures before an event, and how they count after it. Where what
/// stood before was not judged, the rules are asked again that read what the event changed.
pub(super) fn counted(before: &Standing, after: &Standing, measures: &Measures) -> [Counted; 2] {
    let (book, today, changed) = (measures.book(), measures.today, after.changed);
    let counts = after.held(measures);
    if counts.is_none()
        && let Some(seen) = SeenAgain::by(&before.row, &after.row, changed)
    {
        return Counted::seen_again(seen);
    }
    let counted = before.held(measures).map(|judged| judged.counted).unwrap_or_else(|| {
        // Of whom nothing counts it is not known until when the rules find the same.
        let is_known = |judged: &Judged| judged.on == today || judged.counted.is_something();
        let known = counts.filter(is_known).map(|judged| (changed, judged.findings));
        Counted::found(book, &before.row, today, found(book, &before.row, known, today))
    });
    let counts = counts.map(|judged| judged.counted);
    [counted, counts.unwrap_or_else(|| Counted::of(book, &after.row, today))]
}
