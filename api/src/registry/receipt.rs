//! What a sender is told of one submission.

use domain::clocks::day_in_china;
use domain::rules::{Rule, RuleBook, RuleId};
use domain::{Doubt, Fault, Item, PersonId, Position, catalogue};
use jiff::Timestamp;
use serde::Serialize;

/// The answer to one submission. It is true when it is given: what it calls recorded is durable.
#[derive(Clone, Debug, PartialEq)]
pub enum Receipt {
    /// New, and durable now.
    Recorded(Accepted),
    /// Recorded before with the same content; the first receipt again.
    Duplicate(Accepted),
    /// Recorded before under the same source and id, with other content. Nothing was changed.
    Conflict(Accepted),
    /// Refused with every broken rule, and kept in the list of the source's rejections.
    Rejected(Vec<Fault>),
    /// An atomic batch in which another submission was refused: not recorded, not at fault.
    Withheld,
    /// The log could not be read: nothing was recorded, and the sender may try again.
    Failed,
}

/// Where an accepted submission stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accepted {
    /// The person whom it is about; for a household visit the first one accepted.
    pub person_id: PersonId,
    /// Position of the subject's event in the log.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Soft faults: recorded, counted, to be verified.
    pub flags: Vec<Flag>,
    /// Household visits: what became of each person, in the order of the visit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<ObservationReceipt>,
    /// A C2SP tlog-proof file: the event is in the signed tree. In the receipt of a single event
    /// that was sent again, once the tree has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

/// A soft fault.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flag {
    /// Which rule.
    pub rule: String,
    /// `error`, `warning` or `info`.
    pub severity: &'static str,
    /// The items concerned, by field name.
    pub items: Vec<&'static str>,
    /// Other fields of the event that are concerned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<&'static str>,
}

impl Flag {
    /// The flag of a doubt about what has these names.
    pub fn new(doubt: Doubt, names: &[&'static str]) -> Self {
        let (rule, severity, items) = doubt.flag();
        let (of_items, fields) = names.iter().partition(|name| Item::from_name(name).is_some());
        let of_items: Vec<&'static str> = of_items;
        let items = items.iter().copied().chain(of_items).collect();
        Self { rule: rule.to_owned(), severity, items, fields }
    }

    /// The flag of an audit rule by which something is wrong.
    pub fn of_rule(rule: &Rule) -> Self {
        let items = rule.items.iter().map(|field| field.name()).collect();
        let (rule, severity) = (rule.id.to_string(), rule.severity.name());
        Self { rule, severity, items, fields: Vec::new() }
    }

    /// As it is stored with the event: the rule and, where it has names, these.
    pub fn stored(&self) -> String {
        let Some(doubt) = Doubt::of_rule(&self.rule) else { return self.rule.clone() };
        let by_rule = doubt.flag().2.len();
        let names: Vec<_> = self.items.iter().skip(by_rule).chain(&self.fields).copied().collect();
        match names.is_empty() {
            true => self.rule.clone(),
            false => format!("{}:{}", self.rule, names.join(",")),
        }
    }

    /// The flag that was stored with an event at an instant: an audit rule is the row that was in
    /// force then.
    pub fn read(stored: &str, recorded_at: Timestamp) -> Option<Self> {
        if Doubt::of_rule(stored).is_none()
            && let Some(id) = RuleId::parse(stored)
        {
            let book = RuleBook::in_force(day_in_china(recorded_at));
            return book.rule(id).map(Self::of_rule);
        }
        let (rule, names) = stored.split_once(':').unwrap_or((stored, ""));
        let names: Vec<_> = names.split(',').filter_map(catalogue::name_of_datum).collect();
        Doubt::of_rule(rule).map(|doubt| Self::new(doubt, &names))
    }
}

/// What became of one person of a household visit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ObservationReceipt {
    /// Who, when they could be told.
    pub person_id: Option<PersonId>,
    /// Where the event stands; none when it was refused.
    pub position: Option<Position>,
    /// `recorded`, `duplicate` or `rejected`.
    pub status: &'static str,
    /// What is doubted of their event and record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
    /// Every broken rule, when it was refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
}
