//! Random lives, and what is true of them told a second time, slowly and from the definitions:
//! every fact in the order of the day it is about, each word on an item taken or kept beside, by
//! the catalogue and by the sentences on who has the word. Shares no code with the archive.

use std::collections::BTreeMap;

use domain::catalogue::{Sets, Word};
use domain::{Document, Item, Kind, PersonId, Role, Topic};
use jiff::civil::{Date, date};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::archive_naive_needs::{Need, answer, raise};
use crate::archive_naive_ties::{Claim, Tie, link, marital, reappear};
use crate::archive_naive_topics::{Name, Noted};

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
    /// Fields of the kind.
    pub fields: Map<String, Value>,
    pub department: &'static str,
    pub channel: &'static str,
    pub document: Option<Document>,
    /// Place in the life of what it acts on.
    pub target: Option<usize>,
    pub true_day: Option<Date>,
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

/// What is true of a person: everything with the position and the day that it comes from.
#[derive(Debug, Default, PartialEq)]
pub struct Truth {
    pub items: BTreeMap<Item, Held>,
    /// What those without the word say: the newest of each department.
    pub beside: Vec<(Item, Held)>,
    pub documents: Vec<(String, String)>,
    pub ties: Vec<Tie>,
    /// Ties claimed by those without the word, where others stand.
    pub claims: Vec<Claim>,
    pub topics: BTreeMap<Name, Noted>,
    /// What those without the word say of topics: the newest of each department.
    pub topics_beside: Vec<(Name, Noted)>,
    pub needs: Vec<Need>,
    pub is_dead: bool,
    pub is_missing: bool,
    pub is_registered: bool,
}

/// A value and who said it.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub text: String,
    pub position: u64,
    pub day: Date,
    pub department: &'static str,
    pub has_word: bool,
}

/// Items, who has the word on them, and whether so has who has authority over the change.
const WORDS: [(&str, &str, bool); 7] = [
    (
        "full_name citizen_id sex birth_date ethnic_code hukou_code hukou_nature hukou_address",
        "POL",
        false,
    ),
    ("hukou_status", "POL", true),
    ("birth_place_code death_date", "HLT", true),
    ("marital_code marital_change_date first_marriage_date", "CIV JUD", true),
    ("education_code", "EDU", true),
    ("employer employment_status", "HRS", true),
    ("health_code", "HLT DPF", true),
];
const LIVING: &str = "residence_code residence_address door_plate migration_date relation_code";

/// Who speaks: the fact, and the step that tells it or corrects it.
#[derive(Clone, Copy)]
pub struct Speaker<'a> {
    pub fact: &'a Step,
    pub told: &'a Step,
    pub day: Date,
}

impl Speaker<'_> {
    pub fn has_word(&self, item: Item) -> bool {
        let named = |list: &str, name: &str| list.split(' ').any(|one| one == name);
        let (entry, told) = (self.fact.kind.entry(), self.told);
        let is_death = self.fact.kind.is_death();
        let rules = named(LIVING, item.name()).then_some(("", true));
        let row = WORDS.iter().find(|row| named(row.0, item.name()));
        let Some((words, by_event)) = row.map(|row| (row.1, row.2)).or(rules) else {
            return false;
        };
        let department: [u8; 3] = told.department.as_bytes().try_into().unwrap();
        let is_change = entry.changes.contains(&item) || is_death && item == Item::DeathDate;
        let over_event = entry.authority.is_empty() || entry.authority.contains(&department);
        self.fact.side && is_death
            || named(words, told.department)
            || words.is_empty() && matches!(told.channel, "HV" | "VF")
            || by_event && is_change && over_event
    }

    pub fn held(&self, item: Item, text: &str) -> Held {
        Held {
            text: text.to_owned(),
            position: self.told.position,
            day: self.day,
            department: self.told.department,
            has_word: self.has_word(item),
        }
    }
}

impl Truth {
    pub fn gives_way(&self, item: Item, to: Speaker<'_>) -> bool {
        self.items.get(&item).is_none_or(|held| {
            !held.has_word || held.department == to.told.department || to.has_word(item)
        })
    }

    pub fn say(&mut self, item: Item, text: &str, by: Speaker<'_>) {
        if !self.gives_way(item, by) {
            return self.keep_beside(item, text, by);
        }
        let stood = self.items.insert(item, by.held(item, text));
        if stood.is_none_or(|stood| stood.text != text) || by.told.channel == "VF" {
            self.beside.retain(|(beside, _)| *beside != item);
        }
    }

    fn keep_beside(&mut self, item: Item, text: &str, by: Speaker<'_>) {
        let department = by.told.department;
        let stands = self.items.get(&item).is_some_and(|held| held.text == text);
        let settles = stands && by.told.channel == "VF";
        self.beside
            .retain(|(beside, held)| *beside != item || !settles && held.department != department);
        if self.items.get(&item).is_none_or(|held| held.text != text) {
            let held = Held { has_word: false, ..by.held(item, text) };
            self.beside.push((item, held));
            self.beside.sort_by_key(|(item, _)| *item);
        }
    }

    fn take_away(&mut self, item: Item, by: Speaker<'_>) {
        if self.gives_way(item, by) {
            self.items.remove(&item);
        }
    }

    fn township(&self, item: Item) -> Option<String> {
        self.items.get(&item).map(|held| held.text[..9].to_owned())
    }
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
    for at in facts {
        let (fact, day) = (&known[at], true_day(&known, at));
        happen(&mut truth, fact, day, &corrections(&known, at));
        if let Some(number) = truth.items.get(&Item::CitizenId).map(|held| held.text.clone()) {
            learn(&mut truth, "citizen_id", &number);
        }
    }
    truth
}

fn happen(truth: &mut Truth, fact: &Step, day: Date, corrections: &[&Step]) {
    let by = Speaker { fact, told: fact, day };
    if let Some(document) = &fact.document {
        learn(truth, document.kind().name(), document.number());
    }
    let before = marital(truth);
    let name = truth.items.get(&Item::FullName).map(|held| held.text.clone());
    let says_name = fact.kind == Kind::NameChange && !fact.fields.contains_key("old_name");
    if let Some(name) = name.filter(|_| says_name) {
        truth.note("household", "former_name", &Value::String(name), by);
    }
    state(truth, fact, by);
    let spouse = fact.related.iter().find(|(role, _)| *role == Role::Spouse);
    let is_widowed = spouse.is_some_and(|(_, dead)| {
        let last = truth.ties.iter().rev().find(|tie| tie.role == Role::Spouse);
        !truth.is_dead && last.is_some_and(|tie| tie.person == *dead && tie.ended.is_none())
    });
    let follows = match (fact.side, fact.kind.is_death()) {
        (false, _) => true,
        (true, false) => spouse.is_some(),
        (true, true) => is_widowed,
    };
    if follows {
        conclude(truth, fact, by);
    }
    odd(truth, fact, corrections, by);
    link(truth, by, before);
    state_topics(truth, fact, by);
    for correction in corrections {
        let by = Speaker { fact, told: correction, day: correction.day };
        state(truth, correction, by);
        state_topics(truth, correction, by);
        let date = match fact.kind {
            Kind::Birth if !fact.side => Some(Item::BirthDate),
            kind if kind.is_death() && !fact.side => Some(Item::DeathDate),
            _ => None,
        };
        if let (Some(item), Some(true_day)) = (date, correction.true_day) {
            truth.say(item, &true_day.to_string(), by);
        }
    }
}

fn learn(truth: &mut Truth, kind: &str, number: &str) {
    let document = (kind.to_owned(), number.to_owned());
    if !truth.documents.contains(&document) {
        truth.documents.push(document);
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a step states: items, fields of the kind of its fact, topics in the sender's words.
fn state(truth: &mut Truth, step: &Step, by: Speaker<'_>) {
    for (item, text) in &step.items {
        truth.say(*item, text, by);
    }
    for field in by.fact.kind.entry().fields {
        let Some(value) = step.fields.get(field.name) else { continue };
        for sets in field.sets {
            match sets {
                Sets::Item(item) if step.items.contains_key(item) => {}
                Sets::Item(item) => truth.say(*item, &text(value), by),
                Sets::Topic(topic, name) => truth.note(topic.name(), name, value, by),
            }
        }
    }
}

/// The topics that a step tells in the sender's words: after all else that the step does.
fn state_topics(truth: &mut Truth, step: &Step, by: Speaker<'_>) {
    if let Some((name, value)) = step.topic {
        let field = if Topic::from_name(name).is_some() { "n" } else { "" };
        let value = if field.is_empty() { serde_json::json!({"n": value}) } else { value.into() };
        truth.note(name, field, &value, by);
    }
}

fn conclude(truth: &mut Truth, fact: &Step, by: Speaker<'_>) {
    let entry = fact.kind.entry();
    let conclusions = if fact.side { entry.concludes_aside } else { entry.concludes };
    for conclusion in conclusions {
        let by_field = entry.fields.iter().any(|field| {
            field.sets.contains(&conclusion.sets) && fact.fields.contains_key(field.name)
        });
        let by_item = matches!(conclusion.sets, Sets::Item(item) if fact.items.contains_key(&item));
        if conclusion.gives_way && (by_field || by_item) {
            continue;
        }
        if conclusion.ends.is_some() {
            truth.end_open(conclusion, by);
            continue;
        }
        let said = match conclusion.word {
            Word::Is(text) => Some(text.to_owned()),
            Word::Day => Some(by.day.to_string()),
            Word::Village if fact.place.len() < 12 => continue,
            Word::Village => Some(fact.place.to_owned()),
            Word::SameAs(item) => truth.items.get(&item).map(|held| held.text.clone()),
            Word::Gone => None,
            Word::GoneAtHome => {
                let homes = (truth.township(Item::Residence), truth.township(Item::Hukou));
                if matches!(&homes, (Some(here), Some(home)) if here != home) {
                    continue;
                }
                None
            }
        };
        match (conclusion.sets, said) {
            (Sets::Item(item), Some(text)) => truth.say(item, &text, by),
            (Sets::Item(item), None) => truth.take_away(item, by),
            (Sets::Topic(topic, name), Some(text)) => {
                truth.note(topic.name(), name, &Value::String(text), by);
            }
            (Sets::Topic(topic, name), None) => truth.take_topic_away(topic, name, by),
        }
    }
}

/// What the catalogue does not say in its tables.
fn odd(truth: &mut Truth, fact: &Step, corrections: &[&Step], by: Speaker<'_>) {
    let field = |name: &str| fact.fields.get(name).and_then(Value::as_str).map(str::to_owned);
    truth.is_registered |= fact.kind.entry().opens && !fact.side;
    match fact.kind {
        kind if kind.is_death() && !fact.side => {
            (truth.is_dead, truth.is_missing) = (true, false);
            truth.close_needs(by);
        }
        kind if kind.is_death() => truth.date_widowhood(by),
        Kind::Missing => truth.is_missing = true,
        Kind::Reappear if !fact.side => reappear(truth, fact, by),
        Kind::DisabilityCert if !fact.items.contains_key(&Item::Health) => {
            if let Some(kind) = field("disability_type") {
                truth.say(Item::Health, &format!("6{kind}"), by);
            }
        }
        Kind::DibaoChange if field("change").as_deref() == Some("ended") => {
            truth.note("relief", "end", &Value::String(by.day.to_string()), by);
        }
        Kind::CorrectionRequest | Kind::Discrepancy => {
            let said = field("claimed_value").or(field("their_value"));
            let item = field("item").and_then(|name| Item::from_name(&name));
            if let (Some(item), Some(said)) = (item, said)
                && truth.items.get(&item).is_none_or(|held| held.text != said)
            {
                truth.keep_beside(item, &said, by);
            }
        }
        Kind::NeedRaised => raise(truth, fact, corrections),
        Kind::NeedAnswered => answer(truth, fact, corrections),
        _ => {}
    }
}
