//! What stands about a person, as the one who decides upon it keeps it, and the step from there over
//! one event. Handed on with the event, the view need neither read the row again nor fold it: it is
//! packed already, and what the view asks of both rows was told while both were at hand.

use domain::rules::{Field, FieldSet, Findings, RuleBook, is_lately_seen};
use domain::{PersonId, Position};
use jiff::civil::Date;

use super::indexed::Indexed;
use super::packed_row::PackedRow;
use super::{People, Room, Row, refill_row};
use crate::ViewsError;
use crate::quality::{
    ALONE, Counted, Measures, SeenAgain, audit_alone, changed, last_seen, tells_same,
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
    row: PackedRow,
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

/// What the view needs of what stood and what stands about a person, over one event of theirs.
pub struct Step {
    /// What stands.
    pub(super) row: PackedRow,
    /// Whether it tells the rules across records what they were told before, as far as that does
    /// not follow from how it counts.
    pub(super) tells_same: bool,
    pub(super) over: Over,
}

/// What a step leads over.
pub(super) enum Over {
    /// Nothing that is indexed or counted, but that somebody looked: by far the most.
    Seen(SeenAgain),
    /// Something more.
    Change(Box<Change>),
}

/// What is indexed and counted otherwise after an event.
pub(super) struct Change {
    /// Whether there was no row before.
    pub(super) is_new: bool,
    /// What the row stood and stands under in the indexes, where that is another thing.
    pub(super) indexed: Option<[Indexed; 2]>,
    /// When somebody last looked, where nothing else is counted otherwise.
    seen: Option<SeenAgain>,
    /// How the person counted and counts, as far as that was found.
    counted: [Option<Judged>; 2],
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
    /// What the view has of somebody, that nobody has judged; none without a row.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn of_view(people: &People, person: PersonId) -> Result<Option<Self>, ViewsError> {
        let row = people.packed_row(person)?;
        Ok(row.map(|row| Self { row, judged: None }))
    }

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
    /// the event changes nothing that a rule reads it is not judged, and nothing is found.
    pub fn judge(&self, row: &Row, book: &RuleBook, today: Date) -> Judgement {
        let changed = changed(&self.row.archive, &row.archive);
        let known = self.judged.filter(|judged| judged.on == today);
        let mut judged = None;
        if known.is_some() || !tells_rules_nothing(&self.row, row, changed, today) {
            let findings = found(book, row, known.map(|it| (changed, it.findings)), today);
            judged = Some(Judged::of(book, row, today, findings));
        }
        let after = PackedStanding { row: PackedRow::of(row), judged };
        let is_single = |row: &Row| row.owner.is_none() && row.joined.is_empty();
        // What a row stood under while it was merged is the view's to find.
        let step = (is_single(&self.row) && is_single(row)).then(|| Step {
            row: after.row.clone(),
            tells_same: self.row.events > 0 && tells_same(&self.row, row, changed),
            over: self.over(row, judged, changed, (book, today)),
        });
        let begins =
            self.row.events == 0 || self.row.archive.is_registered != row.archive.is_registered;
        let findings = judged.map(|judged| judged.findings).unwrap_or_default();
        Judgement { after, step, changed, begins, findings }
    }

    /// What an event leads over, after which a row is `judged` so.
    fn over(
        &self,
        row: &Row,
        judged: Option<Judged>,
        changed: FieldSet,
        (book, today): (&RuleBook, Date),
    ) -> Over {
        let (is_new, seen) = (self.row.events == 0, SeenAgain::by(&self.row, row, changed));
        let differs = is_new || self.row.differs_in_indexes(row, changed);
        if let Some(seen) = seen.filter(|_| !differs) {
            return Over::Seen(seen);
        }
        let stood = self.judged.or_else(|| {
            // Those that read nothing that was changed found the same.
            let findings = found(book, &self.row, Some((changed, judged?.findings)), today);
            Some(Judged::of(book, &self.row, today, findings))
        });
        let indexed = differs.then(|| [&self.row, row].map(Indexed::of));
        Over::Change(Box::new(Change { is_new, indexed, seen, counted: [stood, judged] }))
    }
}

impl Judged {
    fn of(book: &RuleBook, row: &Row, on: Date, findings: Findings) -> Self {
        Self { on, findings, counted: Counted::found(book, row, on, findings) }
    }
}

impl Step {
    /// How the person counted in the measures before the event and counts after it. None where that
    /// was not found when it was decided, or does not hold any more.
    pub(super) fn counted(&self, measures: &Measures) -> Option<[Counted; 2]> {
        let holds = |judged: &Judged| measures.hold(&judged.counted, judged.on);
        match &self.over {
            Over::Seen(seen) => Some(Counted::seen_again(*seen)),
            Over::Change(change) => match change.counted.map(|judged| judged.filter(holds)) {
                [Some(before), Some(after)] => Some([before.counted, after.counted]),
                [None, Some(_)] => None,
                [_, None] => change.seen.map(Counted::seen_again),
            },
        }
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
