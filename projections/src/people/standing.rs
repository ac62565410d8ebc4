//! What stands about a person, as the one who decides upon it keeps it, and the step from there over
//! one event. Handed on with the event, the view need neither read the row again nor fold it: it is
//! packed already, and what the view asks of both rows was told while both were at hand.

use domain::rules::{Field, FieldSet, Findings, RuleBook, is_lately_seen};
use domain::{PersonId, Position};
use jiff::civil::Date;

use super::indexed::Indexed;
use super::{People, Room, Row, Waiting, refill_row};
use crate::ViewsError;
use crate::quality::{
    ALONE, Counted, Measures, audit_alone, changed, last_seen, tells_same_beside_items,
};

/// What stands about a person after an event; by default what stands of whom nothing is known.
#[derive(Default)]
pub struct Standing {
    /// The row, as the view will have it.
    pub row: Row,
    /// What the rules say of it, where it was judged.
    judged: Option<Judged>,
}

/// The same packed: a quarter of the memory, in one piece.
#[derive(Clone)]
pub struct PackedStanding {
    row: Waiting,
    judged: Option<Judged>,
}

/// The items that the indexes are made from.
const INDEXED: FieldSet = FieldSet::of(&[
    Field::FullName,
    Field::HouseholdId,
    Field::Residence,
    Field::ResidenceAddress,
    Field::DoorPlate,
    Field::Hukou,
]);

/// What was found in a row, and so how it counts, on a day.
#[derive(Clone, Copy)]
struct Judged {
    on: Date,
    /// By every rule that can be judged by the record alone.
    findings: Findings,
    counted: Counted,
}

/// From what stood to what stands about a person, over one event of theirs.
pub struct Step(Box<Over>);

struct Over {
    after: PackedStanding,
    /// Whether there was no row before.
    is_new: bool,
    /// How they counted before, where that was found.
    before: Option<Judged>,
    /// How they counted and count, where no rule need be asked for it.
    seen_again: Option<[Counted; 2]>,
    /// Whether the rules across records are told the same, as far as that does not depend on how
    /// somebody counts.
    tells_same: bool,
    /// What the row stood and stands under in the indexes, where that is another thing.
    indexed: Option<Box<[Indexed; 2]>>,
}

/// What an event made of what stood.
pub struct Judgement {
    /// What stands after it.
    pub after: PackedStanding,
    /// The step over it; none where the view knows more of the row than one stream tells: of who is
    /// absorbed by somebody, or has absorbed.
    pub step: Option<Step>,
    /// What the event changed that rules read.
    pub changed: FieldSet,
    /// Whether the record begins with it, or ends.
    pub begins: bool,
    /// What every rule finds that can be judged by the record alone; nothing where the event changes
    /// nothing that a rule reads.
    pub findings: Findings,
}

impl PackedStanding {
    /// Position of the newest event that it knows.
    pub fn version(&self) -> Position {
        self.row.version
    }

    /// Reads what was packed into the place of something else.
    ///
    /// # Errors
    /// [`ViewsError`] when it is none: never, since this program packed it.
    pub fn unpack(&self, to: &mut Standing) -> Result<(), ViewsError> {
        to.judged = self.judged;
        refill_row(&self.row.plain, &mut to.row)
    }
}

impl Standing {
    /// Reads the row of somebody in the view into the place of something else, when it knows just the
    /// events up to a position; else false.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn read(
        &mut self,
        (people, room): (&People, &mut Room),
        person: PersonId,
        newest: Position,
    ) -> Result<bool, ViewsError> {
        self.judged = None;
        Ok(people.refill_row(person, room, &mut self.row)? && self.row.version == newest)
    }

    /// What a row of the view says, that nobody has judged.
    pub fn unjudged(row: Row) -> Self {
        Self { row, judged: None }
    }

    /// Judges the row that an event made of what stood, on a day, by the rules in force on it. Where
    /// the event changes nothing that a rule reads it is not judged, and nothing is found. `room` is
    /// memory to be used again.
    pub fn judge(&self, row: &Row, book: &RuleBook, today: Date, room: &mut Vec<u8>) -> Judgement {
        let changed = changed(&self.row.archive, &row.archive);
        let known = self.judged.filter(|judged| judged.on == today);
        let (mut judged, mut before) = (None, self.judged);
        if known.is_some() || !tells_rules_nothing(&self.row, row, changed, today) {
            let findings = found(book, row, known.map(|it| (changed, it.findings)), today);
            let counted = Counted::found(book, row, today, findings);
            judged = Some(Judged { on: today, findings, counted });
            // Of whom nothing counts it is not known until when the rules find the same.
            before = before.or_else(|| {
                let findings = found(book, &self.row, Some((changed, findings)), today);
                let counted = Counted::found(book, &self.row, today, findings);
                Some(Judged { on: today, findings, counted })
            });
        }
        let after = PackedStanding { row: Waiting::packed(row, room), judged };
        let step = (is_single(&self.row) && is_single(row)).then(|| {
            let seen = || Counted::seen_again(&self.row, row, changed);
            let differs = self.row.differs_in_indexes(row, changed);
            Step(Box::new(Over {
                after: after.clone(),
                is_new: self.row.events == 0,
                before,
                seen_again: if judged.is_none() { seen() } else { None },
                tells_same: !changed.has_items() && tells_same_beside_items(&self.row, row),
                indexed: differs.then(|| Box::new([&self.row, row].map(Indexed::of))),
            }))
        });
        let begins =
            self.row.events == 0 || self.row.archive.is_registered != row.archive.is_registered;
        let findings = judged.map(|judged| judged.findings).unwrap_or_default();
        Judgement { after, step, changed, begins, findings }
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

/// What a row stood under while it was merged is the view's to find.
fn is_single(row: &Row) -> bool {
    row.owner.is_none() && row.joined.is_empty()
}

impl Row {
    /// False where nothing that the indexes are made from is told otherwise: of most events.
    /// `changed` is what rules read that is another.
    fn differs_in_indexes(&self, other: &Self, changed: FieldSet) -> bool {
        let beside_items = |row: &Self| (row.archive.is_dead, row.owner);
        // It tells where somebody is only while no item does.
        let is_placed = || self.place() == other.place();
        changed.meets(INDEXED)
            || beside_items(self) != beside_items(other)
            || self.reported_for != other.reported_for && !is_placed()
            || (&self.hidden, &self.protected, &self.stood)
                != (&other.hidden, &other.protected, &other.stood)
    }
}

/// The steps over some events of one person, in order: at least one.
pub(super) struct Steps<'a> {
    first: &'a Over,
    last: &'a Over,
    all: &'a [&'a Step],
}

impl<'a> Steps<'a> {
    /// None without any.
    pub fn of(all: &'a [&'a Step]) -> Option<Self> {
        Some(Self { first: &all.first()?.0, last: &all.last()?.0, all })
    }

    /// The row after them.
    pub fn row(&self) -> &'a Waiting {
        &self.last.after.row
    }

    /// Whether there was no row before them.
    pub fn is_new(&self) -> bool {
        self.first.is_new
    }

    /// Whether the rules across records are told the same, as far as that does not depend on how
    /// somebody counts.
    pub fn tell_same(&self) -> bool {
        self.all.iter().all(|step| step.0.tells_same)
    }

    /// What the row stood under in the indexes before them and stands under after them, where that
    /// is another thing.
    pub fn indexed(&self) -> Option<(&'a Indexed, &'a Indexed)> {
        let mut differing = self.all.iter().filter_map(|step| step.0.indexed.as_deref());
        let [before, after] = differing.next()?;
        Some((before, differing.next_back().map_or(after, |[_, after]| after)))
    }

    /// How the person counted in the measures before them and counts after them. None where that was
    /// not found when they were decided, or does not hold any more.
    pub fn counted(&self, measures: &Measures) -> Option<[Counted; 2]> {
        let holds = |judged: &Judged| measures.hold(&judged.counted, judged.on);
        if let Some(after) = self.last.after.judged.filter(holds) {
            return Some([self.first.before.filter(holds)?.counted, after.counted]);
        }
        let are_seen = self.all.iter().all(|step| step.0.seen_again.is_some());
        let seen = self.first.seen_again.zip(self.last.seen_again).filter(|_| are_seen);
        seen.map(|([before, _], [_, after])| [before, after])
    }
}
