//! Receipts as senders see them: one object a submission, and the counts beneath.

use serde::Serialize;
use serde_json::{Value, json};

use super::cloudevents::Read;
use super::language::Language;
use super::problem::{Problem, ProblemKind, ProblemView};
use super::problem_kinds as kinds;
use crate::registry::receipt::{Accepted, Receipt};
use crate::registry::{Collector, Prepared, Sender};

/// What must be remembered of a submission until its receipt comes.
#[derive(Debug)]
pub struct Sent {
    /// CloudEvents id, as far as it could be read.
    pub id: String,
    /// Whether its envelope could be read.
    pub is_readable: bool,
}

/// Hands what was read to the registry for preparing.
pub fn prepare<C: Collector>(registry: &C, read: Read, sender: &Sender) -> (Sent, Prepared) {
    let Read { received, event } = read;
    match event {
        Ok(event) => {
            let sent = Sent { id: event.id.clone(), is_readable: true };
            (sent, registry.prepare(event, received, sender))
        }
        Err(broken) => {
            let source = broken.source.as_deref();
            let (id, kind) = (&broken.id, &broken.event_type);
            let prepared = registry.unreadable(id, kind, source, broken.faults, received, sender);
            (Sent { id: broken.id, is_readable: false }, prepared)
        }
    }
}

/// One submission's answer, as an item of a batch or a line of a stream.
#[derive(Debug, Serialize)]
pub struct Item<'a> {
    id: &'a str,
    status: &'static str,
    #[serde(flatten)]
    accepted: Option<&'a Accepted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemView<'a>>,
}

impl<'a> Item<'a> {
    /// The answer to `sent`; the texts of its problem are in `language`.
    pub fn new(sent: &'a Sent, receipt: &'a Receipt, language: Language) -> Self {
        let (status, accepted) = match receipt {
            Receipt::Recorded(accepted) => ("recorded", Some(accepted)),
            Receipt::Duplicate(accepted) => ("duplicate", Some(accepted)),
            Receipt::Conflict(accepted) => ("conflict", Some(accepted)),
            Receipt::Rejected(_) => ("rejected", None),
            Receipt::Withheld => ("withheld", None),
            Receipt::Failed => ("failed", None),
        };
        let problem = match receipt {
            Receipt::Rejected(faults) => {
                Some(ProblemView::of(refusal(sent, faults), faults, language))
            }
            _ => None,
        };
        Self { id: &sent.id, status, accepted, problem }
    }
}

/// The problem of a single submission that was not taken; none when it was.
pub fn problem_of_one(sent: &Sent, receipt: &Receipt) -> Option<Problem> {
    let problem = match receipt {
        Receipt::Recorded(_) | Receipt::Duplicate(_) => return None,
        Receipt::Withheld => Problem::new(&kinds::REJECTED),
        Receipt::Failed => Problem::new(&kinds::INTERNAL),
        Receipt::Conflict(_) => {
            let item = serde_json::to_value(Item::new(sent, receipt, Language::Chinese));
            Problem::new(&kinds::CONFLICT).member("receipt", item.unwrap_or_default())
        }
        Receipt::Rejected(faults) => Problem::new(refusal(sent, faults))
            .errors(faults.clone())
            .member("receipt", json!({"id": sent.id, "status": "rejected"})),
    };
    Some(problem.member("id", Value::String(sent.id.clone())))
}

fn refusal(sent: &Sent, faults: &[domain::Fault]) -> &'static ProblemKind {
    if faults.iter().any(|fault| fault.code == kinds::OUTSIDE_GRANT.code) {
        &kinds::OUTSIDE_GRANT
    } else if sent.is_readable {
        &kinds::REJECTED
    } else {
        &kinds::BAD_ENVELOPE
    }
}

/// How many submissions came to what.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Tally {
    /// Whether anything was not taken.
    pub errors: bool,
    /// New and durable.
    pub recorded: u64,
    /// Recorded before.
    pub duplicates: u64,
    /// Recorded before with other content.
    pub conflicts: u64,
    /// Refused.
    pub rejected: u64,
    /// Not at fault, yet not recorded, because another of the same atomic batch was refused.
    #[serde(skip_serializing_if = "is_zero")]
    pub withheld: u64,
    /// Not decided, because the log could not be read.
    #[serde(skip_serializing_if = "is_zero")]
    pub failed: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Tally {
    /// Counts one receipt.
    pub fn count(&mut self, receipt: &Receipt) {
        let (counter, is_error) = match receipt {
            Receipt::Recorded(_) => (&mut self.recorded, false),
            Receipt::Duplicate(_) => (&mut self.duplicates, false),
            Receipt::Conflict(_) => (&mut self.conflicts, true),
            Receipt::Rejected(_) => (&mut self.rejected, true),
            Receipt::Withheld => (&mut self.withheld, true),
            Receipt::Failed => (&mut self.failed, true),
        };
        *counter += 1;
        self.errors |= is_error;
    }
}
