//! The fields of a submission's data, laid out once, then taken one by one. Pointers to faults are
//! written only where there is a fault: nearly every event has none, and there are many.

use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::codes::CodeTable;
use crate::fault::Fault;
use crate::items::parse_day;

/// The longest free text, in characters.
const TEXT_CHARACTERS_MAX: usize = 200;

macro_rules! fields {
    ($($field:ident = $name:literal,)*) => {
        /// A field that a report may have.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(super) enum Field { $($field,)* }

        impl Field {
            const ALL: &[Field] = &[$(Field::$field),*];

            /// Its name in the contract.
            pub fn name(self) -> &'static str {
                match self { $(Field::$field => $name,)* }
            }

            fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Field::$field),)* _ => None }
            }
        }
    };
}

fields! {
    Person = "person",
    OccurredOn = "occurred_on",
    KnownOn = "known_on",
    Channel = "channel",
    Place = "place",
    Items = "items",
    Mother = "mother",
    Father = "father",
    Spouse = "spouse",
    Head = "head",
    Guardian = "guardian",
    Adopter = "adopter",
    Child = "child",
    Observations = "observations",
    Members = "members",
    Absorbed = "absorbed",
    Undoes = "undoes",
    Corrects = "corrects",
    Annuls = "annuls",
    TrueDay = "true_day",
    Reason = "reason",
    ApprovedBy = "approved_by",
    Operator = "operator",
    CertificateNo = "certificate_no",
}

/// The object that fields stand in.
#[derive(Clone, Copy)]
pub(super) enum Within {
    /// The data of the event.
    Data,
    /// One person of a household visit.
    Observation(usize),
    /// One member of a household.
    Member(usize),
}

impl Within {
    /// The JSON pointer to a field of it; to itself when `field` is empty.
    pub fn pointer(self, field: &str) -> String {
        let slash = if field.is_empty() { "" } else { "/" };
        match self {
            Within::Data => format!("/data{slash}{field}"),
            Within::Observation(index) => format!("/data/observations/{index}{slash}{field}"),
            Within::Member(index) => format!("/data/members/{index}{slash}{field}"),
        }
    }
}

/// The fields that have not been read yet, and what was wrong with the others.
pub(super) struct Fields {
    known: [Option<Value>; Field::ALL.len()],
    others: Map<String, Value>,
    /// What was wrong, in the order of reading.
    pub faults: Vec<Fault>,
}

impl Fields {
    /// Sorts the fields of `data`.
    pub fn new(data: Map<String, Value>) -> Self {
        let mut known = [const { None }; Field::ALL.len()];
        let mut others = Map::new();
        for (name, value) in data {
            match Field::from_name(&name) {
                Some(field) => known[field as usize] = Some(value),
                None => {
                    others.insert(name, value);
                }
            }
        }
        Self { known, others, faults: Vec::new() }
    }

    /// Takes a field of the kind of event, by its name.
    pub fn of_kind(&mut self, name: &str) -> Option<Value> {
        if self.others.is_empty() { None } else { self.others.remove(name) }
    }

    /// Keeps a field of the kind of event.
    pub fn keep(&mut self, name: &str, value: Value) {
        self.others.insert(name.to_owned(), value);
    }

    /// Whether a field is there that nobody takes.
    pub fn has_other(&self, name: &str) -> bool {
        self.others.contains_key(name)
    }

    /// What nobody took, and the faults.
    pub fn rest(self) -> (Map<String, Value>, Vec<Fault>) {
        let mut others = self.others;
        for (field, value) in Field::ALL.iter().zip(self.known) {
            if let Some(value) = value {
                others.insert(field.name().to_owned(), value);
            }
        }
        (others, self.faults)
    }

    /// Some fields as they were sent, as far as they are there.
    pub fn copied(&self, fields: &[Field]) -> Vec<(Field, Value)> {
        let there = |field: &Field| Some((*field, self.known[*field as usize].clone()?));
        fields.iter().filter_map(there).collect()
    }

    /// Takes a field as it was sent.
    pub fn take(&mut self, field: Field) -> Option<Value> {
        self.known[field as usize].take()
    }

    /// Takes a field; nothing is there when it is null.
    pub fn value(&mut self, field: Field) -> Option<Value> {
        self.take(field).filter(|value| !value.is_null())
    }

    /// Notes a fault of a field of the data.
    pub fn fault(&mut self, field: Field, fault: Fault) {
        self.faults.push(fault.at(Within::Data.pointer(field.name())));
    }

    /// Takes a text of 1 to 200 characters.
    pub fn text(&mut self, field: Field, required: bool) -> Option<String> {
        match self.value(field) {
            None if required => self.fault(field, missing()),
            None => {}
            Some(Value::String(text)) if fits(&text) => return Some(text),
            Some(_) => {
                let fault = Fault::new(
                    "not_a_text",
                    "应为1至200个字符的字符串",
                    "a string of 1 to 200 characters is due",
                );
                self.fault(field, fault);
            }
        }
        None
    }

    /// Takes a day.
    pub fn day(&mut self, field: Field) -> Option<Date> {
        let text = self.text(field, false)?;
        parse_day(&text).map_err(|fault| self.fault(field, fault)).ok()
    }

    /// Takes a day that must not be later than today.
    pub fn past_day(&mut self, field: Field, today: Date) -> Option<Date> {
        let day = self.day(field);
        if day.is_some_and(|day| day > today) {
            self.fault(
                field,
                Fault::new("in_future", "日期晚于今天", "the day is later than today"),
            );
        }
        day
    }

    /// Takes a code of a table.
    pub fn code(&mut self, field: Field, table: &CodeTable) -> Option<String> {
        let text = self.text(field, true)?;
        if table.find(&text).is_some() {
            return Some(text);
        }
        let fault = Fault::new("no_such_code", "代码表中没有这个代码", "not a code of its table");
        self.fault(field, fault);
        None
    }
}

fn fits(text: &str) -> bool {
    let few = |text: &str| text.chars().count() <= TEXT_CHARACTERS_MAX;
    !text.is_empty() && (text.len() <= TEXT_CHARACTERS_MAX || few(text))
}

/// A required field is not there.
pub(super) fn missing() -> Fault {
    Fault::new("missing", "缺少必填字段", "this field is required")
}
