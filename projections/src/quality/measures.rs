//! The measures of quality, kept as persons' rows change, as of one day.
//!
//! The day is that of the newest event recorded, so it is the log's and the same in a rebuild.
//! When it goes on, those of whom the rules may say something else since then are judged again:
//! each person stands in a list under the next day on which that can be. So the counts are always
//! those of every row judged on that one day, however they came about.

use std::collections::{BTreeMap, BTreeSet};

use domain::rules::area::{
    self, BirthDates, BirthsOfMonth, BirthsOfYear, Migrants, births_are_spread,
};
use domain::rules::{Findings, RuleBook, RuleId};
use domain::{PersonId, Place, Position};
use jiff::civil::Date;
use rustc_hash::FxHashSet;
use sha2::{Digest, Sha256};

use super::cell::{Cell, RuleCounts};
use super::part::{Part, SeenAgain, next_change};
use crate::people::Row;

/// How a person's row counts: what it adds, and when that may next change.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counted {
    part: Option<Part>,
    due: Option<Date>,
}

/// A person whose row changed.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// Who.
    pub person: PersonId,
    /// As they were counted.
    pub before: Counted,
    /// As they are.
    pub after: Counted,
    /// Whether they had no row before.
    pub is_new: bool,
}

/// Who was counted since an opening, while not everybody is.
#[derive(Clone, Default)]
struct Counting {
    /// Everybody up to this one.
    up_to: Option<PersonId>,
    /// And those who came meanwhile.
    fresh: FxHashSet<PersonId>,
}

/// The measures.
#[derive(Clone)]
pub struct Measures {
    /// The day on which everybody was judged.
    pub today: Date,
    /// The newest event that is counted.
    pub position: Position,
    book: RuleBook,
    /// Since when the newest of its rules is in force.
    since: Date,
    cells: BTreeMap<Place, Cell>,
    due: BTreeSet<(Date, PersonId)>,
    counting: Option<Counting>,
    /// Whether they are kept as they were on the day, and do not go on.
    is_settled: bool,
}

impl Counting {
    /// Whether what a change says of before was counted.
    fn is_counted(&mut self, change: &Change) -> bool {
        self.has(change.person) || change.is_new && self.fresh.insert(change.person)
    }

    /// Whether a person was counted.
    fn has(&self, person: PersonId) -> bool {
        self.up_to.is_some_and(|up_to| person <= up_to) || self.fresh.contains(&person)
    }
}

impl Counted {
    /// How a row counts on a day.
    pub fn of(book: &RuleBook, row: &Row, today: Date) -> Self {
        Self::by(Part::of(book, row, today), row, today)
    }

    /// As [`Counted::of`], by what was found in the record alone.
    pub fn found(book: &RuleBook, row: &Row, today: Date, findings: Findings) -> Self {
        Self::by(Part::found(book, row, findings), row, today)
    }

    /// How a row counts before and after an event by which nothing is counted otherwise but when
    /// somebody last looked: as much of it as [`Measures::change`] needs, which no rule need be asked
    /// for.
    pub fn seen_again(seen: SeenAgain) -> [Self; 2] {
        // When something may change is told by what did not change.
        seen.parts().map(|part| Self { part, due: None })
    }

    /// Whether the person adds anything: only of such a one it is known when that may change.
    pub fn is_something(&self) -> bool {
        self.part.is_some()
    }

    /// Where the person counts, and whether without an error of logic.
    pub(crate) fn is_consistent_in(&self) -> Option<(Place, bool)> {
        self.part.map(|part| (part.place, part.is_consistent))
    }

    fn by(part: Option<Part>, row: &Row, today: Date) -> Self {
        Self { part, due: part.and_then(|_| next_change(row, today)) }
    }
}

/// The rules in force on a day, and since when the newest of them is.
fn in_force(day: Date) -> (RuleBook, Date) {
    let book = RuleBook::in_force(day);
    let newest = book.rules().map(|rule| rule.valid_from).max();
    (book, newest.unwrap_or(Date::MIN))
}

impl Measures {
    /// Nobody counted yet.
    pub fn new(today: Date, position: Position) -> Self {
        let (book, since) = in_force(today);
        let (cells, due) = (BTreeMap::new(), BTreeSet::new());
        Self { today, position, book, since, cells, due, counting: None, is_settled: false }
    }

    /// Nobody counted yet of those who have rows: changes of who is not counted are passed over.
    pub fn to_be_counted(today: Date, position: Position) -> Self {
        Self { counting: Some(Counting::default()), ..Self::new(today, position) }
    }

    /// Whether everybody is counted.
    pub fn is_whole(&self) -> bool {
        self.counting.is_none()
    }

    /// Whether a person with a row is still to be counted.
    pub fn is_due_to_be_counted(&self, person: PersonId) -> bool {
        self.counting.as_ref().is_some_and(|counting| {
            counting.up_to < Some(person) && !counting.fresh.contains(&person)
        })
    }

    /// Counts the next ones in the order of their ids, up to one.
    pub fn count_up_to(&mut self, up_to: PersonId, rows: impl IntoIterator<Item = Change>) {
        let counting = self.counting.take();
        self.change(rows);
        self.counting = counting.map(|counting| Counting { up_to: Some(up_to), ..counting });
    }

    /// Says that everybody is counted.
    pub fn end_counting(&mut self) {
        self.counting = None;
    }

    /// The counts as they are, to be kept: they do not go on.
    #[must_use]
    pub fn as_they_are(&self) -> Self {
        let (book, mut cells, due) = (self.book.clone(), self.cells.clone(), BTreeSet::new());
        cells.values_mut().for_each(|cell| cell.settle(self.today));
        Self { book, cells, due, counting: None, is_settled: true, ..*self }
    }

    /// Counts that were kept, of a day.
    pub(super) fn kept(today: Date, position: Position, cells: BTreeMap<Place, Cell>) -> Self {
        Self { cells, is_settled: true, ..Self::new(today, position) }
    }

    /// The counts of every place by itself.
    pub(super) fn of_places(&self) -> impl Iterator<Item = (Place, &Cell)> {
        self.cells.iter().map(|(place, cell)| (*place, cell))
    }

    /// Whether who counted so on an earlier day counts so now.
    pub fn hold(&self, counted: &Counted, judged_on: Date) -> bool {
        let is_due = counted.due.is_some_and(|due| due <= self.today);
        !is_due && self.since <= judged_on && judged_on <= self.today
    }

    /// The rules in force on the day.
    pub fn book(&self) -> &RuleBook {
        &self.book
    }

    /// Takes in how persons count now.
    pub fn change(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            if !self.counting.as_mut().is_none_or(|counting| counting.is_counted(&change)) {
                continue;
            }
            let Change { person, before, after, .. } = change;
            if before.due != after.due {
                before.due.map(|day| self.due.remove(&(day, person)));
                self.due.extend(after.due.map(|day| (day, person)));
            }
            if before.part == after.part {
                continue;
            }
            if let (Some(before), Some(after)) = (&before.part, &after.part)
                && (Part { last_seen: after.last_seen, ..*before }) == *after
                && let Some(cell) = self.cells.get_mut(&after.place)
            {
                // By far the most: somebody looked, and found what was known.
                cell.see_again(before.last_seen, after.last_seen);
                continue;
            }
            if let (Some(before), Some(after)) = (&before.part, &after.part)
                && before.place == after.place
                && let Some(cell) = self.cells.get_mut(&after.place)
            {
                cell.replace(before, after);
                continue;
            }
            if let Some(part) = &before.part
                && let Some(cell) = self.cells.get_mut(&part.place)
            {
                cell.remove(part);
                if cell.persons == 0 {
                    self.cells.remove(&part.place);
                }
            }
            if let Some(part) = &after.part {
                self.cells.entry(part.place).or_default().add(part);
            }
        }
    }

    /// Takes in when somebody looked at persons of whom nothing else is counted otherwise: by far the
    /// most changes. Those of one place are taken together.
    pub fn see_again(&mut self, mut seen: Vec<(PersonId, SeenAgain)>) {
        seen.sort_unstable_by_key(|(_, seen)| seen.place);
        for of_place in seen.chunk_by(|(_, one), (_, next)| one.place == next.place) {
            let Some(place) = of_place[0].1.place else { continue };
            let Some(cell) = self.cells.get_mut(&place) else { continue };
            for (person, seen) in of_place {
                let is_counted = |counting: &Counting| counting.has(*person);
                if self.counting.as_ref().is_none_or(is_counted) {
                    let [before, after] = seen.last_seen;
                    cell.see_again(before, after);
                }
            }
        }
    }

    /// Whether other rules come into force until a day, so that everybody must be judged again.
    pub fn needs_recount(&self, day: Date) -> bool {
        RuleBook::in_force(day).rules().any(|rule| rule.valid_from > self.today)
    }

    /// Those who are to be judged again when the day goes on to another one.
    pub fn due_until(&self, day: Date) -> Vec<PersonId> {
        self.due.iter().take_while(|(due, _)| *due <= day).map(|(_, person)| *person).collect()
    }

    /// Goes on to a day; the changes of those who were due follow.
    pub fn go_on(&mut self, day: Date) {
        self.today = day;
        (self.book, self.since) = in_force(day);
    }

    /// The counts of the divisions in `whole`, each of so many digits, or of all together.
    pub fn cells(&self, whole: Option<Place>, digits: Option<u8>) -> BTreeMap<Option<Place>, Cell> {
        let mut cells = BTreeMap::<Option<Place>, Cell>::new();
        let inside = |place: &Place| whole.is_none_or(|whole| place.lies_in(whole));
        for (place, cell) in self.cells.iter().filter(|(place, _)| inside(place)) {
            cells.entry(digits.map(|digits| place.at_level(digits))).or_default().merge(cell);
        }
        if !self.is_settled {
            cells.values_mut().for_each(|cell| cell.count_unseen(self.today));
        }
        cells
    }

    /// How many areas in `whole` a rule about areas could be told of, and how many break it. A
    /// township is judged only where all of it is asked for. None for a rule about persons.
    pub fn areas(&self, id: RuleId, whole: Option<Place>) -> Option<RuleCounts> {
        let digits = match id.to_string().as_str() {
            "R09" | "R10" => 12,
            "R11" | "R12" => 9,
            _ => return None,
        };
        let mut counts = RuleCounts::default();
        let mut judge = |holds: Option<bool>| {
            counts.evaluated += u64::from(holds.is_some());
            counts.violations += u64::from(holds == Some(false));
        };
        if whole.is_some_and(|whole| whole.digits() > digits) {
            return Some(counts);
        }
        for (place, cell) in self.cells(whole, Some(digits)) {
            if place.is_none_or(|place| place.digits() != digits) {
                continue;
            }
            match id.number() {
                9 => judge(births_are_spread(BirthDates {
                    known: cell.births[0],
                    convenient: cell.births[1],
                })),
                10 => cell.of_year.values().for_each(|[births, boys, girls]| {
                    let (births, boys, girls) = (*births, *boys, *girls);
                    judge(area::sexes_are_even(BirthsOfYear { births, boys, girls }));
                }),
                11 => cell.of_month.values().for_each(|[registered, reported]| {
                    let births =
                        BirthsOfMonth { registered: *registered, reported_by_hospitals: *reported };
                    judge(Some(area::births_are_those_of_hospitals(births)));
                }),
                _ => judge(Some(area::migrants_have_permits(Migrants {
                    floating: cell.migrants[0],
                    residence_permits: cell.migrants[1],
                }))),
            }
        }
        Some(counts)
    }

    /// SHA-256 over the day, the counts and the list of those who are due.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.today.to_string());
        for (place, cell) in &self.cells {
            hash.update(place.to_string());
            hash.update(postcard::to_stdvec(cell).expect("plain values"));
        }
        for (day, person) in &self.due {
            hash.update(day.to_string());
            hash.update(person.as_uuid().as_bytes());
        }
        hash.finalize().into()
    }
}
