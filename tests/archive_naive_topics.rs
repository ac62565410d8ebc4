//! Fields of topics told from the definitions: who has the word on them, what is kept beside, what a
//! death ends while it is open and a return from the dead reopens.

use domain::catalogue::{Conclusion, Sets};
use domain::{Item, Topic};
use jiff::civil::Date;
use serde_json::Value;

use crate::archive_naive::{Speaker, Truth};

/// Topic and field.
pub type Name = (String, String);

/// A field of a topic and who said it.
#[derive(Clone, Debug, PartialEq)]
pub struct Noted {
    pub json: String,
    pub position: u64,
    pub day: Date,
    pub department: &'static str,
    pub has_word: bool,
    /// Ended by a death, and by nobody's word.
    pub by_death: bool,
}

/// The sentences on who keeps which topic.
const KEEPERS: [(&str, &str); 8] = [
    ("household", "POL"),
    ("education", "EDU"),
    ("military", "MIL VET"),
    ("medical", "HLT MED"),
    ("fertility", "HLT"),
    ("employment", "HRS"),
    ("relief", "CIV MED"),
    ("welfare", "DPF CIV"),
];

/// Who keeps the topic has the word on its fields, and who decides the event that sets one.
fn has_word(topic: &str, field: &str, by: Speaker<'_>) -> bool {
    let department = by.told.department;
    let keeps = |row: &(&str, &str)| row.0 == topic && row.1.split(' ').any(|d| d == department);
    let entry = by.fact.kind.entry();
    let code: [u8; 3] = department.as_bytes().try_into().unwrap();
    let decides = entry.authority.is_empty() || entry.authority.contains(&code);
    let mut set: Vec<Sets> = entry.fields.iter().flat_map(|field| field.sets).copied().collect();
    set.extend(entry.concludes.iter().map(|conclusion| conclusion.sets));
    let sets = set.iter().any(|one| match one {
        Sets::Topic(of, name) => (of.name(), *name) == (topic, field),
        Sets::Item(_) => false,
    });
    KEEPERS.iter().any(keeps) || decides && sets
}

fn name(topic: &str, field: &str) -> Name {
    (topic.to_owned(), field.to_owned())
}

fn noted(value: &Value, by: Speaker<'_>, has_word: bool) -> Noted {
    let (json, position, day) = (value.to_string(), by.told.position, by.day);
    Noted { json, position, day, department: by.told.department, has_word, by_death: false }
}

impl Truth {
    fn topic_gives_way(&self, name: &Name, by: Speaker<'_>) -> bool {
        self.topics.get(name).is_none_or(|stands| {
            !stands.has_word
                || stands.department == by.told.department
                || has_word(&name.0, &name.1, by)
        })
    }

    pub fn note(&mut self, topic: &str, field: &str, value: &Value, by: Speaker<'_>) {
        let name = name(topic, field);
        let said = noted(value, by, has_word(topic, field, by));
        let says_the_same = self.topics.get(&name).is_some_and(|stands| stands.json == said.json);
        if self.topic_gives_way(&name, by) {
            if !says_the_same || by.told.channel == "VF" {
                self.topics_beside.retain(|(beside, _)| *beside != name);
            }
            self.topics.insert(name, said);
            return;
        }
        let settles = says_the_same && by.told.channel == "VF";
        let is_theirs = |other: &Noted| settles || other.department == said.department;
        self.topics_beside.retain(|(beside, other)| *beside != name || !is_theirs(other));
        if !says_the_same {
            self.topics_beside.push((name, Noted { has_word: false, ..said }));
        }
    }

    pub fn take_topic_away(&mut self, topic: Topic, field: &str, by: Speaker<'_>) {
        let name = name(topic.name(), field);
        if self.topic_gives_way(&name, by) {
            self.topics.remove(&name);
        }
    }

    /// The day as the end of what is open.
    pub fn end_open(&mut self, conclusion: &Conclusion, by: Speaker<'_>) {
        let (Sets::Topic(topic, end), Some(open)) = (conclusion.sets, conclusion.ends) else {
            panic!("an end is of a topic");
        };
        let (open, end) = (name(topic.name(), open), name(topic.name(), end));
        if !self.topics.contains_key(&open) || self.topics.contains_key(&end) {
            return;
        }
        let day = Value::String(by.day.to_string());
        if by.fact.kind.is_death() {
            let ended = Noted { by_death: true, ..noted(&day, by, false) };
            self.topics.insert(end, ended);
        } else {
            self.note(topic.name(), &end.1, &day, by);
        }
    }

    /// A death closes what was asked for and is not answered.
    pub fn close_needs(&mut self, by: Speaker<'_>) {
        let open = self.needs.iter_mut().filter(|n| n.answered.is_none() && n.closed.is_none());
        open.for_each(|need| need.closed = Some(by.fact.position));
    }

    /// There was no death.
    pub fn reopen(&mut self) {
        self.topics.retain(|_, noted| !noted.by_death);
        self.needs.iter_mut().for_each(|need| need.closed = None);
    }

    /// Where a death says itself that somebody is widowed, they are since its day as corrected.
    pub fn date_widowhood(&mut self, by: Speaker<'_>) {
        if by.fact.items.contains_key(&Item::MaritalChangeDate) {
            self.say(Item::MaritalChangeDate, &by.day.to_string(), by);
        }
    }
}
