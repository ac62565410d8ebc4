//! The rules across records, and what only the whole register can count, kept for the measures.
//!
//! What such a rule finds of one person depends on the rows of others. So of everybody the little
//! that these rules read is kept here, together with who names whom. When a row changes, its person
//! and those whose judgement looks at it are judged again, from here alone. It is fed by a thread of
//! its own (`replay`), off the path of events, and says up to which position it looked.

mod cell;
mod groups;
mod homes;
mod judging;
mod known;
mod packed;
mod reach;
mod same;

use std::collections::BTreeSet;

use domain::rules::{Class, Counts, RuleBook, RuleId, RuleSet, Severity, Subject};
use domain::{ById, List, Pairs, PersonId, Place, Position};
use jiff::civil::Date;
use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest, Sha256};

pub use cell::{AcrossCell, AcrossCells};
pub use groups::{Key, Keys};
pub use known::Seen;
pub(crate) use same::tells_same;

use cell::Verdict;
use groups::Groups;
use homes::Homes;
use known::{Index, Known};
use packed::Day;

/// The rules that are judged here: those across records, and those that count telephones and the
/// members of a household.
pub const ACROSS: RuleSet = {
    let mut rules = RuleSet::of_class(Class::AcrossRecords);
    rules.insert(SAME_PHONE);
    rules.insert(MANY_AT_HOME);
    rules
};
/// The rule that many persons have one telephone.
const SAME_PHONE: RuleId = RuleId::parse("R08").expect("a rule");
/// The rule that many persons stand under one household.
const MANY_AT_HOME: RuleId = RuleId::parse("R05").expect("a rule");
/// Persons who are judged in one piece.
const JUDGED_AT_ONCE: usize = 256;

/// What the rules across records read of everybody, and what they find.
pub struct Across {
    /// Everything up to here is counted; of what came after, some may be.
    pub position: Position,
    today: Date,
    /// Whether everybody was looked at.
    is_whole: bool,
    /// Rows are only taken in: everybody is judged after the last one.
    judges_later: bool,
    book: RuleBook,
    /// Rules by bit of which one that fires is an error of logic.
    errors: u32,
    keys: Keys,
    index_of: ById<PersonId, Index>,
    known: List<Known>,
    places: Vec<Place>,
    place_of: FxHashMap<Place, u32>,
    /// Who is named by whom, with the owners of records among the named.
    naming: Pairs,
    groups: Groups,
    homes: Homes,
    /// Who is to be judged again when a day has come.
    due: BTreeSet<(Date, Index)>,
    cells: AcrossCells,
}

impl Across {
    /// Nobody looked at yet.
    pub fn new(today: Date) -> Self {
        let book = RuleBook::in_force(today);
        let across = book.rules().filter(|rule| rule.id.class() == Class::AcrossRecords);
        let errors = across.filter(|rule| rule.severity == Severity::Error);
        let errors = errors.map(|rule| rule.id).collect::<RuleSet>();
        Self {
            position: Position(0),
            today,
            is_whole: false,
            judges_later: true,
            errors: cell::bits(errors),
            book,
            keys: Keys::default(),
            index_of: ById::default(),
            known: List::default(),
            places: Vec::new(),
            place_of: FxHashMap::default(),
            naming: Pairs::default(),
            groups: Groups::default(),
            homes: Homes::default(),
            due: BTreeSet::new(),
            cells: AcrossCells::default(),
        }
    }

    /// The rules in force on the day of the judgement.
    pub fn book(&self) -> &RuleBook {
        &self.book
    }

    /// How records are told apart by what they have in common.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The day on which everybody was judged.
    pub fn today(&self) -> Date {
        self.today
    }

    /// Whether everybody was looked at: the counts are of the whole register then.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Only takes rows in from now on, until [`Across::set_whole`]: for many rows it is less work to
    /// judge everybody once, by [`Across::judge_from`], than to find out whom each row concerns.
    pub fn judge_later(&mut self) {
        self.judges_later = true;
    }

    /// Takes in rows as they are now, and judges whom they concern, unless that waits for others.
    pub fn see(&mut self, rows: impl IntoIterator<Item = Seen>) {
        let mut concerned = FxHashSet::default();
        for seen in rows {
            self.take_in(seen, &mut concerned);
        }
        if !self.judges_later {
            self.count_homes(&mut concerned);
            self.judge_all(concerned.into_iter().collect());
        }
    }

    /// Goes on to a day: those are judged again of whom a rule may say something else since.
    pub fn go_on(&mut self, today: Date) {
        if today <= self.today {
            return;
        }
        self.today = today;
        let due = self.due.iter().take_while(|(day, _)| *day <= today);
        let due: Vec<_> = due.map(|(_, person)| *person).collect();
        if self.is_whole {
            self.judge_all(due);
        }
    }

    /// How many records there are, so that they can be judged piece by piece.
    pub fn records(&self) -> usize {
        self.known.len()
    }

    /// Judges the records from one on, at most `limit`; gives the next one.
    pub fn judge_from(&mut self, first: usize, limit: usize) -> usize {
        // Everybody is judged, whatever comes of it.
        self.count_homes(&mut FxHashSet::default());
        let end = self.known.len().min(first.saturating_add(limit));
        self.judge_all((first as Index..end as Index).collect());
        end
    }

    /// Says that everybody was looked at and judged.
    pub fn set_whole(&mut self) {
        self.is_whole = true;
        self.judges_later = false;
    }

    /// The counts of every place.
    pub fn cells(&self) -> &AcrossCells {
        &self.cells
    }

    /// SHA-256 over the day, the counts and the list of those who are due: the same however the
    /// records came to be known.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.today.to_string());
        self.cells.update(&mut hash);
        let due = |(person, at): (&PersonId, &Index)| {
            self.known[*at].due.map(|day| (day.date(), *person))
        };
        let mut due: Vec<_> = self.index_of.iter().filter_map(due).collect();
        due.sort_unstable();
        for (day, person) in due {
            hash.update(day.to_string());
            hash.update(person.as_uuid().as_bytes());
        }
        hash.finalize().into()
    }

    fn judge_all(&mut self, mut persons: Vec<Index>) {
        persons.sort_unstable();
        for persons in persons.chunks(JUDGED_AT_ONCE) {
            for (person, verdict, due) in self.judged(persons) {
                self.settle(person, verdict, due);
            }
        }
    }

    /// Counts what was found of somebody instead of what was found before.
    fn settle(&mut self, person: Index, verdict: Option<Verdict>, due: Option<Date>) {
        let known = &mut self.known[person];
        let before = known.due.map(Day::date);
        if before != due {
            before.map(|day| self.due.remove(&(day, person)));
            self.due.extend(due.map(|day| (day, person)));
            known.due = due.map(Day::of);
        }
        if known.verdict == verdict {
            return;
        }
        self.uncount(person);
        let known = &mut self.known[person];
        known.verdict = verdict;
        if let (Some(verdict), Some(counts)) = (verdict, known.counted) {
            let place = self.places[counts.place as usize];
            self.cells.0.entry(place).or_default().count(&verdict, 1);
        }
    }

    /// Takes back what was counted of somebody, which is to be done before they count elsewhere.
    fn uncount(&mut self, person: Index) {
        let known = &mut self.known[person];
        let (Some(verdict), Some(counts)) = (known.verdict.take(), known.counted) else { return };
        let place = self.places[counts.place as usize];
        let Some(cell) = self.cells.0.get_mut(&place) else { return };
        cell.count(&verdict, -1);
        if cell.persons == 0 {
            self.cells.0.remove(&place);
        }
    }

    /// The number by which a place is kept of everybody who counts there.
    fn place_number(&mut self, place: Place) -> u32 {
        let next = self.places.len() as u32;
        let number = *self.place_of.entry(place).or_insert(next);
        if number == next {
            self.places.push(place);
        }
        number
    }
}

/// What the register counts for one of its persons; nothing while it is not known.
pub(super) struct RegisterCounts<'a> {
    pub(super) register: Option<&'a Across>,
    pub(super) me: PersonId,
}

impl RegisterCounts<'_> {
    fn others(&self, key: Option<Key>, at_most: usize) -> Option<u32> {
        let register = self.register.filter(|register| register.is_whole)?;
        let me = register.index_of.get(&self.me).copied();
        Some(register.others(key?, me, at_most) as u32)
    }
}

impl Counts for RegisterCounts<'_> {
    fn records_with_number(&self, number: &str) -> Option<u32> {
        let key = self.register?.keys.number(number);
        Some(1 + self.others(Some(key), usize::MAX)?)
    }

    fn others_alike(&self, person: &Subject<'_>) -> Option<u32> {
        let register = self.register.filter(|register| register.is_whole)?;
        let (alike, number) = (register.keys.alike(person)?, register.keys.number_of(person));
        let me = register.index_of.get(&self.me).copied();
        Some(register.others_alike(alike, number, me) as u32)
    }

    fn records_with_phone(&self, phone: &str) -> Option<u32> {
        let key = self.register?.keys.phone(phone);
        Some(1 + self.others(Some(key), usize::MAX)?)
    }
}
