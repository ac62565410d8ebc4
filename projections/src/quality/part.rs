//! What one person adds to the measures of quality on a day, and when that may next change.

use domain::codes::EDUCATION;
use domain::days::{date_of, day_number};
use domain::items::{BASE_ITEMS, parse_day};
use domain::rules::area::is_convenient;
use domain::rules::{Class, Field, FieldSet, Findings, RuleBook, RuleSet, Severity};
use domain::{Item, Place};
use jiff::civil::{Date, date};

use super::record::last_seen;
use super::{ALONE, UNSEEN, audit_alone};
use crate::archive::Archive;
use crate::people::Row;

/// Ages at which a rule may begin or cease to fire of anybody, in completed years; the last is beyond
/// any life.
const AGES: [i16; 5] = [6, 7, 15, 106, 123];
/// The same of who has a certain employment (GB/T 2261.4): anybody at work, a soldier, the retired.
/// Few have it at such an age, and a day brings everybody whose age it is.
const AGES_BY_EMPLOYMENT: [(&[&str], &[i16]); 3] =
    [(&["11", "13", "17", "21", "24", "54"], &[16]), (&["37"], &[17, 66]), (&["80"], &[45])];
/// A number is missing from this day of life on.
const DAYS_WITHOUT_NUMBER: i32 = 61;
/// The rules that are judged of each person. That nobody looked for a year is told by the last time
/// alone, so it is counted by days (`cell.rs`): judged person by person, each day would bring
/// everybody whose year is over.
const JUDGED: RuleSet = ALONE.without(UNSEEN);
/// A move was long ago from this year on.
const YEARS_AWAY: i16 = 41;

/// When somebody last looked at a person before and after an event by which nothing else is counted
/// otherwise, and where the person counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeenAgain {
    pub(super) place: Option<Place>,
    pub(super) last_seen: [Option<Date>; 2],
}

/// What one person adds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Where they are counted.
    pub place: Place,
    /// What the rules found.
    pub findings: Findings,
    /// Items by bit, the first is bit 0: that ought to be there, are there, are also normal, agree.
    pub items: [u32; 4],
    /// Whether no error of logic fired.
    pub is_consistent: bool,
    /// The birth, where known, and the sex: 1 boys, 2 girls.
    pub birth: Option<(Date, u8)>,
    /// Whether the date of birth is one that is written when the true one is unknown.
    pub is_convenient: bool,
    /// Whether the household registration is known.
    pub is_registered: bool,
    /// Whether a department of health told of the day of birth.
    pub is_told_by_health: bool,
    /// Whether residence and registration lie in different townships.
    pub is_floating: bool,
    /// Whether there is a residence permit.
    pub has_permit: bool,
    /// The day on which somebody last looked.
    pub last_seen: Option<Date>,
}

impl Part {
    /// What a person adds on a day; nothing who is dead, not registered, or known under another
    /// stream, or in no place.
    pub fn of(book: &RuleBook, row: &Row, today: Date) -> Option<Self> {
        let place = counted_in(row)?;
        let findings = audit_alone(book, &row.archive, today, JUDGED);
        Some(Self::new(book, row, place, findings))
    }

    /// As [`Part::of`], by what the rules that can be judged alone found.
    pub fn found(book: &RuleBook, row: &Row, findings: Findings) -> Option<Self> {
        Some(Self::new(book, row, counted_in(row)?, findings.of(JUDGED)))
    }

    fn in_place(place: Place) -> Self {
        Self {
            place,
            findings: Findings::default(),
            items: [0; 4],
            is_consistent: true,
            birth: None,
            is_convenient: false,
            is_registered: false,
            is_told_by_health: false,
            is_floating: false,
            has_permit: false,
            last_seen: None,
        }
    }

    fn new(book: &RuleBook, row: &Row, place: Place, findings: Findings) -> Self {
        let archive = &row.archive;
        let bits = |rules: RuleSet, class: Class, only_errors: bool| -> u32 {
            let rules = rules.intersection(RuleSet::of_class(class)).iter();
            let rules = rules.filter_map(|id| book.rule(id));
            let rules = rules.filter(|rule| !only_errors || rule.severity == Severity::Error);
            rules.flat_map(|rule| rule.items).fold(0, |bits, field| bits | bit(*field))
        };
        let filled = bits(findings.held, Class::Completeness, false);
        let applicable = filled | bits(findings.fired, Class::Completeness, false);
        let normal = filled & !bits(findings.fired, Class::Normality, false);
        let illogical = bits(findings.fired, Class::Logic, true);
        let logic = findings.fired.intersection(RuleSet::of_class(Class::Logic)).iter();
        let mut logic = logic.filter_map(|id| book.rule(id));
        let of = |item| archive.get(item);
        let born = of(Item::BirthDate).and_then(|day| parse_day(day).ok());
        let sex = of(Item::Sex).and_then(|sex| sex.parse().ok()).unwrap_or(0);
        let township = |item| of(item).map(|code| code.get(..9).unwrap_or(code));
        let (here, home) = (township(Item::Residence), township(Item::Hukou));
        Self {
            place,
            findings,
            items: [applicable, filled, normal, filled & !illogical],
            is_consistent: logic.all(|rule| rule.severity != Severity::Error),
            birth: born.map(|born| (born, sex)),
            is_convenient: born.is_some_and(is_convenient),
            is_registered: home.is_some(),
            is_told_by_health: is_told_by_health(archive, born),
            is_floating: here.is_some() && home.is_some() && here != home,
            has_permit: has_permit(archive),
            last_seen: last_seen(archive),
        }
    }
}

impl SeenAgain {
    /// By an event that `changed` some of what rules read. None where something else may be counted
    /// otherwise after it.
    pub fn by(before: &Row, after: &Row, changed: FieldSet) -> Option<Self> {
        if !changed.is_within(FieldSet::of(&[Field::Record])) {
            return None;
        }
        let (old, new) = (&before.archive, &after.archive);
        // No item was changed, so one birth is that of both.
        let born = new.get(Item::BirthDate).and_then(|it| parse_day(it).ok());
        let is_same = old.is_registered == new.is_registered
            && before.owner == after.owner
            && (before.reported_for == after.reported_for || before.place() == after.place())
            && has_permit(old) == has_permit(new)
            && is_told_by_health(old, born) == is_told_by_health(new, born);
        let place = counted_in(after).filter(|_| is_same);
        let is_seen = place.is_some() && changed.contains(Field::Record);
        let last_seen = |archive| last_seen(archive).filter(|_| is_seen);
        is_same.then(|| Self { place, last_seen: [last_seen(old), last_seen(new)] })
    }

    /// Whether anything is counted otherwise at all.
    pub fn is_change(&self) -> bool {
        let [before, after] = self.last_seen;
        self.place.is_some() && before != after
    }

    /// As much of what the person adds before and after as tells the one from the other.
    pub(super) fn parts(self) -> [Option<Part>; 2] {
        let of = |last_seen| Some(Part { last_seen, ..Part::in_place(self.place?) });
        self.last_seen.map(of)
    }
}

fn is_told_by_health(archive: &Archive, born: Option<Date>) -> bool {
    let mut origins = archive.origins().iter();
    origins.any(|origin| origin.department == *b"HLT" && Some(origin.occurred_on) == born)
}

fn has_permit(archive: &Archive) -> bool {
    archive.topics().any(|(_, field, _, _)| field == "residence_permit_no")
}

/// The place where a person is counted; none of who is dead, not registered, or known under another
/// stream.
fn counted_in(row: &Row) -> Option<Place> {
    let archive = &row.archive;
    let counts = !archive.is_dead && archive.is_registered && row.owner.is_none();
    row.place().filter(|_| counts)
}

fn bit(field: Field) -> u32 {
    match field {
        Field::Item(item) if item.is_base() => 1 << (item.number() - 1),
        _ => 0,
    }
}

const _: () = assert!(BASE_ITEMS < 32);

/// The next day after `today` on which the rules may find something else in the same record; none
/// when nothing can change any more. Nothing changes between.
pub fn next_change(row: &Row, today: Date) -> Option<Date> {
    let day = |item| parse_day(row.archive.get(item)?).ok();
    let mut next: Option<Date> = None;
    let mut offer = |change: Option<Date>| {
        if let Some(change) = change.filter(|change| *change > today) {
            next = Some(next.map_or(change, |known| known.min(change)));
        }
    };
    if let Some(birth) = day(Item::BirthDate) {
        offer(Some(birth));
        offer(Some(date_of(day_number(birth) + DAYS_WITHOUT_NUMBER)));
        let is_to_come = |age: &i16| birth.year() + age >= today.year();
        ages(row).filter(is_to_come).for_each(|age| offer(anniversary(birth, age)));
    }
    if let Some(moved) = day(Item::MigrationDate) {
        offer(Some(moved));
        offer(anniversary(moved, YEARS_AWAY));
    }
    offer(day(Item::MaritalChangeDate));
    // A number tells a birth, and is none before that day.
    let number = row.archive.get(Item::CitizenId).filter(|number| number.is_ascii());
    let told = number.and_then(|number| Some((number.get(6..14)?, number.len())));
    offer(told.filter(|(_, length)| *length == 18).and_then(|(digits, _)| {
        Date::new(digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?)
            .ok()
    }));
    next
}

/// The ages at which the rules may find something else in a record.
fn ages(row: &Row) -> impl Iterator<Item = i16> {
    let text = |item| row.archive.get(item);
    // Each education has the age from which it is possible.
    let of_education = text(Item::Education).and_then(|code| EDUCATION.number(code));
    let status = text(Item::EmploymentStatus).unwrap_or_default();
    let employed = AGES_BY_EMPLOYMENT.iter().filter(move |(codes, _)| codes.contains(&status));
    let employed = employed.flat_map(|(_, ages)| ages.iter().copied());
    AGES.into_iter().chain(of_education.map(i16::from)).chain(employed)
}

/// The day on which so many years are completed.
fn anniversary(from: Date, years: i16) -> Option<Date> {
    let year = from.year().checked_add(years).filter(|year| *year <= 9_998)?;
    Some(Date::new(year, from.month(), from.day()).unwrap_or(date(year, 3, 1)))
}
