//! Random lives, and what is true of them told a second time, slowly and from the definitions: for
//! each item the last word that was said of it, by the day it is about. Shares no code with the
//! archive.

use std::collections::BTreeMap;

use domain::{Document, Item, Kind, PersonId, Role};
use jiff::civil::{Date, date};
use uuid::Uuid;

/// One event of a life as the tests make it up.
#[derive(Clone, Debug)]
pub struct Step {
    pub position: u64,
    /// In seconds after the first.
    pub recorded: i64,
    pub kind: Kind,
    pub side: bool,
    /// As its envelope has it: of a correction, the day it found or gave.
    pub day: Date,
    pub place: &'static str,
    pub items: BTreeMap<Item, &'static str>,
    pub related: Vec<(Role, PersonId)>,
    pub topic: Option<(&'static str, u32)>,
    pub document: Option<Document>,
    /// Place in the life of what it acts on.
    pub target: Option<usize>,
    pub true_day: Option<Date>,
}

/// What is true of a person: everything with the position and the day that it comes from.
#[derive(Debug, Default, PartialEq)]
pub struct Truth {
    pub items: BTreeMap<Item, (String, u64, Date)>,
    pub documents: Vec<(String, String)>,
    pub links: Vec<(Role, PersonId, u64, Option<u64>)>,
    pub topics: BTreeMap<String, (String, u64, Date)>,
    pub is_dead: bool,
    pub is_registered: bool,
}

/// What an event says of an item.
enum Word {
    Is(String),
    SameAs(Item),
    Gone,
    /// Gone, unless residence and registration are known to lie in two townships.
    GoneAtHome,
}

struct Said {
    item: Item,
    word: Word,
    position: u64,
    day: Date,
}

/// A day of the little calendar in which the lives take place; it begins before 1970.
pub fn day(number: u8) -> Date {
    date(1969, 12, 20).saturating_add(jiff::Span::new().days(i64::from(number)))
}

/// One of a few other people.
pub fn other(number: u8) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(1_000 + u128::from(number)))
}

/// Whether a standing annulment acts on the step.
pub fn is_void(life: &[Step], at: usize) -> bool {
    life.iter().enumerate().any(|(other, step)| {
        step.kind == Kind::Annulment && step.target == Some(at) && !is_void(life, other)
    })
}

/// The standing corrections of a step, oldest first.
pub fn corrections(life: &[Step], at: usize) -> Vec<&Step> {
    let acts = life.iter().enumerate();
    acts.filter(|(other, step)| {
        step.kind == Kind::Correction && step.target == Some(at) && !is_void(life, *other)
    })
    .map(|(_, step)| step)
    .collect()
}

/// The day of a step as known in the end.
pub fn true_day(life: &[Step], at: usize) -> Date {
    corrections(life, at).last().map_or(life[at].day, |newest| newest.day)
}

/// What is true on a day as known at an instant (in seconds after the first event).
pub fn truth(life: &[Step], valid_on: Option<Date>, known_at: Option<i64>) -> Truth {
    let known: Vec<Step> =
        life.iter().filter(|step| known_at.is_none_or(|at| step.recorded <= at)).cloned().collect();
    let mut facts: Vec<usize> = (0..known.len())
        .filter(|at| !matches!(known[*at].kind, Kind::Correction | Kind::Annulment))
        .filter(|at| !is_void(&known, *at))
        .filter(|at| valid_on.is_none_or(|day| true_day(&known, *at) <= day))
        .collect();
    facts.sort_by_key(|at| (true_day(&known, *at), known[*at].position));
    let mut truth = Truth::default();
    let mut said = Vec::new();
    for at in facts {
        let (fact, day) = (&known[at], true_day(&known, at));
        if let Some(document) = &fact.document {
            learn(&mut truth, document.kind().name(), document.number());
        }
        say_all(fact, day, &corrections(&known, at), &mut said);
        note_topics(&mut truth, fact, day);
        for correction in corrections(&known, at) {
            note_topics(&mut truth, correction, correction.day);
        }
        note_links(&mut truth, fact);
        truth.is_dead |= fact.kind == Kind::Death;
        truth.is_registered |= fact.kind == Kind::Registration;
        truth.is_registered |= fact.kind == Kind::Birth && !fact.side;
        if let Some((number, ..)) = last_word(&said, Item::CitizenId) {
            learn(&mut truth, "citizen_id", &number);
        }
    }
    for item in Item::all() {
        truth.items.extend(last_word(&said, item).map(|value| (item, value)));
    }
    truth
}

fn learn(truth: &mut Truth, kind: &str, number: &str) {
    let document = (kind.to_owned(), number.to_owned());
    if !truth.documents.contains(&document) {
        truth.documents.push(document);
    }
}

fn note_topics(truth: &mut Truth, step: &Step, day: Date) {
    if let Some((name, value)) = step.topic {
        let json = format!("{{\"n\":{value}}}");
        truth.topics.insert(name.to_owned(), (json, step.position, day));
    }
}

fn note_links(truth: &mut Truth, fact: &Step) {
    for (role, person) in &fact.related {
        let divorce = matches!(fact.kind, Kind::DivorceReg | Kind::DivorceCourt);
        let mut open = truth.links.iter_mut().filter(|link| link.3.is_none());
        if divorce {
            open.filter(|link| (link.0, link.1) == (Role::Spouse, *person))
                .for_each(|link| link.3 = Some(fact.position));
        } else if !open.any(|link| (link.0, link.1) == (*role, *person)) {
            truth.links.push((*role, *person, fact.position, None));
        }
    }
}

/// The items that an event of the kind concludes beside those that it states: each with the word
/// of the catalogue, and whether a stated value goes before it.
fn concluded(fact: &Step, day: Date) -> Vec<(Item, bool, Word)> {
    use Item::*;
    let is = |text: &str| Word::Is(text.to_owned());
    let on = || Word::Is(day.to_string());
    let village = (fact.place.len() == 12).then_some(fact.place);
    let here = |item| village.map(|code| (item, true, is(code)));
    let married = |code| vec![(MaritalStatus, false, is(code)), (MaritalChangeDate, false, on())];
    match (fact.kind, fact.side) {
        (Kind::Birth, false) => vec![(BirthDate, true, on())],
        (Kind::Death, false) => vec![(DeathDate, false, on())],
        (Kind::MarryFirst, _) => {
            let mut first = married("21");
            first.push((FirstMarriageDate, false, on()));
            first
        }
        (Kind::MarryAgain, _) => married("22"),
        (Kind::MarryRestore, _) => married("23"),
        (Kind::DivorceReg | Kind::DivorceCourt, _) => married("40"),
        (Kind::HukouOut, _) => vec![(HukouStatus, false, is("moved_out"))],
        (Kind::HukouIn, _) => {
            let mut words: Vec<_> = here(Hukou).into_iter().collect();
            words.push((HukouStatus, false, is("normal")));
            words.push((MigrationDate, true, Word::GoneAtHome));
            words
        }
        (Kind::ResidenceChange | Kind::TempStayReg, _) => {
            here(Residence).into_iter().chain([(MigrationDate, true, on())]).collect()
        }
        (Kind::Leave, _) => vec![(MigrationDate, true, on())],
        (Kind::Return, _) => vec![
            (Residence, true, Word::SameAs(Hukou)),
            (ResidenceAddress, true, Word::SameAs(HukouAddress)),
            (MigrationDate, false, Word::Gone),
        ],
        _ => vec![],
    }
}

fn say_all(fact: &Step, day: Date, corrections: &[&Step], said: &mut Vec<Said>) {
    let position = fact.position;
    let stated = fact.items.iter().filter(|_| !fact.side);
    for (item, text) in stated {
        let word = Word::Is((*text).to_owned());
        said.push(Said { item: *item, word, position, day });
    }
    for (item, gives_way, word) in concluded(fact, day) {
        if !(gives_way && fact.items.contains_key(&item)) {
            said.push(Said { item, word, position, day });
        }
    }
    for correction in corrections {
        let (position, day) = (correction.position, correction.day);
        for (item, text) in &correction.items {
            let word = Word::Is((*text).to_owned());
            said.push(Said { item: *item, word, position, day });
        }
        let date = match fact.kind {
            Kind::Birth if !fact.side => Some(Item::BirthDate),
            Kind::Death => Some(Item::DeathDate),
            _ => None,
        };
        if let (Some(item), Some(true_day)) = (date, correction.true_day) {
            said.push(Said { item, word: Word::Is(true_day.to_string()), position, day });
        }
    }
}

fn last_word(said: &[Said], item: Item) -> Option<(String, u64, Date)> {
    for (at, word) in said.iter().enumerate().rev().filter(|(_, said)| said.item == item) {
        let before = &said[..at];
        let township = |item| last_word(before, item).map(|(code, ..)| code[..9].to_owned());
        let text = match &word.word {
            Word::Is(text) => Some(text.clone()),
            Word::SameAs(other) => last_word(before, *other).map(|(text, ..)| text),
            Word::Gone => None,
            Word::GoneAtHome => {
                let homes = (township(Item::Residence), township(Item::Hukou));
                match homes {
                    (Some(here), Some(home)) if here != home => continue,
                    _ => None,
                }
            }
        };
        return text.map(|text| (text, word.position, word.day));
    }
    None
}
