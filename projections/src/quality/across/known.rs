//! The little that the rules across records read of one person.

use domain::rules::{Class, RuleBook, RuleSet, Severity, Subject};
use domain::{Item, PersonId, Place};
use jiff::civil::Date;

use super::cell::Verdict;
use super::groups::{Key, Keys};
use super::homes::Home;
use super::packed::{Code, Day, Link};
use crate::people::Row;
use crate::quality::record::Ties;
use crate::quality::{audit_alone, subject};

/// A person's place in the list.
pub(super) type Index = u32;

/// Stands for a text of which only is asked whether it is there.
const THERE: &str = "?";

/// A row as it was read.
pub struct Seen {
    pub(super) person: PersonId,
    pub(super) owner: Option<PersonId>,
    pub(super) ties: Ties,
    /// None when there is no row any more.
    pub(super) traits: Option<Traits>,
    /// Where the person counts, and whether the record by itself is without an error of logic.
    pub(super) counted: Option<(Place, bool)>,
}

/// What is read of a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Traits {
    is_alive: bool,
    has_name: bool,
    sex: Option<Code<3>>,
    marital: Option<Code<3>>,
    birth: Option<Day>,
    death: Option<Day>,
    marital_change: Option<Day>,
    /// Of the number, of name, birth and sex, and of the telephone; of records that count as such.
    pub(super) number: Option<Key>,
    pub(super) alike: Option<Key>,
    pub(super) phone: Option<Key>,
    /// The household of registration; of records that are nobody else's.
    pub(super) home: Option<Home>,
}

/// What is kept of a person: some 150 bytes of everybody.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// None for somebody who is only named by others.
    pub(super) row: Option<Traits>,
    pub(super) owner: Link,
    pub(super) mother: Link,
    pub(super) father: Link,
    pub(super) spouse: Link,
    pub(super) last_spouse: Link,
    pub(super) children: Box<[Index]>,
    pub(super) counted: Option<CountedIn>,
    /// Of who counts, once they are judged: in the place where they count.
    pub(super) verdict: Option<Verdict>,
    pub(super) due: Option<Day>,
}

/// That a person counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CountedIn {
    /// Where, by the number of the place in [`super::Across`].
    pub(super) place: u32,
    /// Whether the record by itself is without an error of logic.
    pub(super) is_logical: bool,
}

const _: () = assert!(size_of::<Known>() <= 152, "it is kept of everybody");

impl Seen {
    /// What a row says, judged by itself on a day.
    pub fn of(book: &RuleBook, keys: &Keys, person: PersonId, row: &Row, today: Date) -> Self {
        let archive = &row.archive;
        let subject = subject(archive);
        let stands = archive.is_registered && row.owner.is_none();
        let counted = row.place().filter(|_| stands && !archive.is_dead).map(|place| {
            let logic = RuleSet::of_class(Class::Logic);
            let fired = audit_alone(book, archive, today, logic).fired;
            let mut fired = fired.iter().filter_map(|id| book.rule(id));
            (place, fired.all(|rule| rule.severity != Severity::Error))
        });
        let mut traits = Traits::of(&subject, keys, stands);
        traits.home = Home::of(archive, keys).filter(|_| row.owner.is_none());
        let (owner, ties, traits) = (row.owner, Ties::of(archive), Some(traits));
        Self { person, owner, ties, traits, counted }
    }

    /// That there is no row any more.
    pub fn nothing(person: PersonId) -> Self {
        Self { person, owner: None, ties: Ties::default(), traits: None, counted: None }
    }
}

impl Traits {
    fn of(subject: &Subject<'_>, keys: &Keys, stands: bool) -> Self {
        let code = |item| subject.text(item).map(Code::of);
        let day = |item| subject.day(item).map(Day::of);
        Self {
            is_alive: subject.is_alive,
            sex: code(Item::Sex),
            marital: code(Item::MaritalStatus),
            birth: day(Item::BirthDate),
            death: day(Item::DeathDate),
            marital_change: day(Item::MaritalChangeDate),
            has_name: subject.text(Item::FullName).is_some(),
            number: keys.number_of(subject).filter(|_| stands),
            alike: keys.alike(subject).filter(|_| stands),
            phone: keys.phone_of(subject).filter(|_| stands),
            home: None,
        }
    }

    /// The person as the rules see them.
    pub(super) fn subject(&self) -> Subject<'_> {
        let mut subject = Subject::default();
        subject.is_alive = self.is_alive;
        let relation = self.home.as_ref().and_then(|home| home.relation.as_ref());
        let codes = [
            (Item::Sex, self.sex.as_ref()),
            (Item::MaritalStatus, self.marital.as_ref()),
            (Item::RelationToHead, relation),
        ];
        for (item, code) in codes {
            if let Some(code) = code {
                subject.set_text(item, code.text());
            }
        }
        if let Some(township) = self.home.as_ref().and_then(|home| home.township.as_ref()) {
            subject.set_text(Item::Hukou, township.text());
        }
        let days = [
            (Item::BirthDate, self.birth),
            (Item::DeathDate, self.death),
            (Item::MaritalChangeDate, self.marital_change),
        ];
        for (item, day) in days {
            day.into_iter().for_each(|day| subject.set_day(item, day.date()));
        }
        let there = [
            (Item::FullName, self.has_name),
            (Item::CitizenId, self.number.is_some()),
            (Item::Phone, self.phone.is_some()),
        ];
        for (item, _) in there.into_iter().filter(|(_, is)| *is) {
            subject.set_text(item, THERE);
        }
        subject
    }
}

impl Known {
    /// Whether another reading says the same of everybody's judgement but that of the record alone.
    pub(super) fn says_same(&self, other: &Self) -> bool {
        let ties = |known: &Self| {
            (known.owner, known.mother, known.father, known.spouse, known.last_spouse)
        };
        self.row == other.row && ties(self) == ties(other) && self.children == other.children
    }

    /// Everybody whom the record names.
    pub(super) fn named(&self) -> impl Iterator<Item = Index> + '_ {
        let ties = [self.owner, self.mother, self.father, self.spouse, self.last_spouse];
        ties.into_iter().filter_map(Link::get).chain(self.children.iter().copied())
    }
}
