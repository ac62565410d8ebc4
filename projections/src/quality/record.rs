//! An archive as the audit rules see it, and what an event changed of what they read.
//!
//! Of a service only what a rule asks for is looked at. The day of the last event is left out:
//! a funeral and a first load of the dead come after a death by their nature, and the receipt
//! doubts the others.

use domain::rules::{Field, FieldSet, PersonIndex, Subject};
use domain::{Item, PersonId, Role, Topic};
use jiff::civil::Date;

use crate::archive::{Archive, Link};

/// Channels of somebody who looked: a visit to the household, a verification in the field.
const SEEN_BY: [[u8; 2]; 2] = [*b"HV", *b"VF"];
/// Children whose records are not at hand: only their number is asked for.
const UNSEEN: [PersonIndex; 64] = [PersonIndex(0); 64];

/// The person's own record, without links to the records of others.
pub fn subject(archive: &Archive) -> Subject<'_> {
    let mut subject = Subject::of_items(archive.values().map(|(item, text, _)| (item, text)));
    subject.is_alive = !archive.is_dead;
    let services = Services::of(archive);
    subject.disability_type = services.disability_type;
    subject.disability_cert = services.disability_cert;
    subject.has_pregnancy_record = services.has_pregnancy_record;
    subject.contraceptive = services.contraceptive;
    let nature = archive.stated(Item::HukouNature);
    subject.hukou_nature_date = nature.map(|(_, origin)| origin.occurred_on);
    subject.last_verified = last_seen(archive);
    let children = archive.links().iter().filter(|link| link.role == Role::Child).count();
    subject.children = &UNSEEN[..children.min(UNSEEN.len())];
    subject
}

/// What rules ask of services.
#[derive(Default)]
struct Services<'a> {
    disability_type: Option<&'a str>,
    disability_cert: Option<&'a str>,
    has_pregnancy_record: bool,
    contraceptive: Option<&'a str>,
}

impl<'a> Services<'a> {
    fn of(archive: &'a Archive) -> Self {
        let mut services = Self::default();
        for (field, json) in archive.fields_of(Topic::Welfare) {
            match field {
                "disability_type" => services.disability_type = plain(json),
                "disability_certificate_no" => services.disability_cert = plain(json),
                _ => {}
            }
        }
        for (field, json) in archive.fields_of(Topic::Fertility) {
            match field {
                "gestational_week" | "due_on" | "care_on" | "pregnancy_ended_on"
                | "pregnancy_outcome" => services.has_pregnancy_record = true,
                "method_code" => services.contraceptive = plain(json),
                _ => {}
            }
        }
        services
    }
}

/// The ties of a record that the rules follow, as the record itself tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ties {
    /// The mother.
    pub mother: Option<PersonId>,
    /// The father.
    pub father: Option<PersonId>,
    /// The husband or wife.
    pub spouse: Option<PersonId>,
    /// The last husband or wife of somebody who is widowed.
    pub last_spouse: Option<PersonId>,
    /// The children, in the order in which they were told.
    pub children: Vec<PersonId>,
}

impl Ties {
    /// Those of a record: of several of one role the newest that was not ended.
    pub fn of(archive: &Archive) -> Self {
        let newest = |role: Role, is_open: bool| {
            let mut links = archive.links().iter().rev().filter(|link| link.role == role);
            links.find(|link| link.ended.is_none() || !is_open).map(|link| link.person)
        };
        let is_widowed = archive.get(Item::MaritalStatus) == Some("30");
        let children = archive.links().iter().filter(|link| link.role == Role::Child);
        Self {
            mother: newest(Role::Mother, true),
            father: newest(Role::Father, true),
            spouse: newest(Role::Spouse, true),
            last_spouse: newest(Role::Spouse, false).filter(|_| is_widowed),
            children: children.map(|link| link.person).collect(),
        }
    }
}

/// The day on which somebody last looked; none when nobody did.
pub(crate) fn last_seen(archive: &Archive) -> Option<Date> {
    let seen = archive.origins().iter().filter(|origin| SEEN_BY.contains(&origin.channel));
    seen.map(|origin| origin.occurred_on).max()
}

/// A code of JSON text; codes need no escapes.
fn plain(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// What the rules read that is another after an event than before.
pub fn changed(before: &Archive, after: &Archive) -> FieldSet {
    let (old, new) = (Services::of(before), Services::of(after));
    let since = |archive: &Archive| archive.stated(Item::HukouNature).map(|(_, o)| o.occurred_on);
    let own = [
        (Field::Alive, before.is_dead != after.is_dead),
        (Field::DisabilityType, old.disability_type != new.disability_type),
        (Field::DisabilityCert, old.disability_cert != new.disability_cert),
        (Field::Fertility, old.has_pregnancy_record != new.has_pregnancy_record),
        (Field::Contraceptive, old.contraceptive != new.contraceptive),
        (Field::HukouNatureDate, since(before) != since(after)),
        (Field::Record, last_seen(before) != last_seen(after)),
    ];
    let links = [
        (Field::MotherId, Role::Mother),
        (Field::FatherId, Role::Father),
        (Field::SpouseId, Role::Spouse),
        (Field::LastSpouse, Role::Spouse),
        (Field::Children, Role::Child),
    ];
    // Of most events nobody is tied otherwise, and one look tells it of every role.
    let tie = |link: &Link| (link.role, link.person, link.ended.is_some());
    let are_same = before.links().iter().map(tie).eq(after.links().iter().map(tie));
    let links = links.into_iter().filter(|_| !are_same);
    let links = links.filter(|(_, role)| !tied(before, *role).eq(tied(after, *role)));
    let own = own.into_iter().filter(|(_, is_other)| *is_other).map(|(field, _)| field);
    let items = differing(before, after).map(Field::Item);
    items.chain(own).chain(links.map(|(field, _)| field)).collect()
}

/// Who has a role, and whether that has ended.
fn tied(archive: &Archive, role: Role) -> impl Iterator<Item = (PersonId, bool)> {
    let links = archive.links().iter().filter(move |link| link.role == role);
    links.map(|link| (link.person, link.ended.is_some()))
}

/// The items that one of two archives does not tell as the other.
fn differing(one: &Archive, other: &Archive) -> impl Iterator<Item = Item> {
    fn told(archive: &Archive) -> impl Iterator<Item = (Item, &str)> {
        archive.values().map(|(item, text, _)| (item, text))
    }
    let (mut one, mut other) = (told(one).peekable(), told(other).peekable());
    std::iter::from_fn(move || {
        loop {
            let (first, second) = (one.peek().copied(), other.peek().copied());
            let item = match (first, second) {
                (Some((first, _)), Some((second, _))) => first.min(second),
                (first, second) => first.or(second)?.0,
            };
            let is_next = |told: &(Item, &str)| told.0 == item;
            if one.next_if(is_next) != other.next_if(is_next) {
                return Some(item);
            }
        }
    })
}
