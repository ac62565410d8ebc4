//! What a sender is told of one submission.

use domain::{Fault, PersonId, Position};
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
}

/// What became of one person of a household visit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ObservationReceipt {
    /// Who, when they could be told.
    pub person_id: Option<PersonId>,
    /// Where the event stands; none when it was refused.
    pub position: Option<Position>,
    /// Every broken rule, when it was refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
}
