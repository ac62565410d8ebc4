//! Puts a read on record: what an answer tells of whom, before it leaves.

use std::borrow::Cow;
use std::future::Future;

use domain::life_event::{Hidden, ItemsTold, PersonRead};
use domain::{PersonId, Place, Position};
use serde_json::{Map, Value};

use super::events::storage_full;
use super::persons::internal;
use super::problem::Problem;
use super::who::{Purpose, Who};
use crate::counts::COUNTS;
use crate::registry::{Read, Registry, Unrecorded};

/// What an answer tells, and what it answers.
pub(super) struct Answer {
    /// The operation's name.
    pub operation: &'static str,
    /// Whom it tells of, each with the values told.
    pub persons: Vec<(PersonId, ItemsTold)>,
    /// How many there are of what was asked for; 0 when nothing was found.
    pub count: usize,
    /// Names of the parts that it has, but items.
    pub fields: Vec<&'static str>,
    /// Names of the parts of the table of access that it shows masked.
    pub masked: Vec<&'static str>,
    /// The question's axes and conditions, which name nobody.
    pub as_of: Map<String, Value>,
    /// A keyed hash of a question that names somebody.
    pub query: Option<String>,
    /// The newest event that it could tell of.
    pub position: Position,
}

impl Answer {
    /// An answer about one person, with the values that it tells.
    pub fn about(operation: &'static str, person: PersonId, told: ItemsTold) -> Self {
        Self { persons: vec![(person, told)], count: 1, ..Self::of_nobody(operation) }
    }

    /// An answer that tells of nobody.
    pub fn of_nobody(operation: &'static str) -> Self {
        Self {
            operation,
            persons: Vec::new(),
            count: 0,
            fields: Vec::new(),
            masked: Vec::new(),
            as_of: Map::new(),
            query: None,
            position: Position(0),
        }
    }
}

/// Hands a read of one person, who is told of without values, in to be recorded; it is on record
/// when the future has ended well.
pub(super) fn record(
    registry: &Registry,
    who: &Who,
    person: Option<PersonId>,
    purpose: Purpose,
    operation: &'static str,
    fields: Vec<&'static str>,
    as_of: Map<String, Value>,
) -> impl Future<Output = Result<(), Problem>> + use<> {
    let answer = match person {
        Some(person) => Answer::about(operation, person, ItemsTold::default()),
        None => Answer::of_nobody(operation),
    };
    let position = registry.folded();
    record_answer(registry, who, purpose, Answer { fields, as_of, position, ..answer })
}

/// Hands a read in to be recorded; it is on record when the future has ended well.
pub(super) fn record_answer(
    registry: &Registry,
    who: &Who,
    purpose: Purpose,
    answer: Answer,
) -> impl Future<Output = Result<(), Problem>> + use<> {
    let Purpose(purpose, terms) = purpose;
    let grant = &who.0;
    let hidden = terms
        .hiding
        .map(|hiding| Hidden { until: hiding.until, basis: Cow::Borrowed(hiding.basis.code) });
    let read = PersonRead {
        purpose: purpose.into(),
        operation: answer.operation.into(),
        fields: answer.fields.into_iter().map(Cow::Borrowed).collect(),
        as_of: answer.as_of,
        role: Some(grant.role.name().into()),
        grant: Some(grant.id.clone()),
        on_behalf_of: terms.on_behalf_of.map(|operator| operator.as_str().to_owned()),
        position: Some(answer.position),
        told: ItemsTold::default(),
        count: Some(u32::try_from(answer.count).unwrap_or(u32::MAX)),
        query: answer.query,
        hidden,
        masked: answer.masked.into_iter().map(Cow::Borrowed).collect(),
        later: Map::new(),
    };
    let read = Read {
        persons: answer.persons,
        actor: grant.subject.clone(),
        department: grant.department.unwrap_or(*b"\0\0\0"),
        place: grant.place.or_else(|| Place::from_code(0, 2)).expect("two digits"),
        read,
    };
    let recorded = registry.reads.record(read);
    async { recorded.await.map_err(unrecorded) }
}

/// The problem of a read that is not on record.
fn unrecorded(error: Unrecorded) -> Problem {
    match error {
        Unrecorded::Failed => internal(&error),
        Unrecorded::StorageFull => {
            COUNTS.reads_without_room.add();
            storage_full()
        }
    }
}

/// A keyed hash of a question, so that nobody reads a name out of the log of reads, and equal
/// questions are told apart from others.
pub(super) fn fingerprint(registry: &Registry, question: &[&str]) -> String {
    let parts: Vec<&[u8]> =
        question.iter().flat_map(|part| [part.as_bytes(), b"\0".as_slice()]).collect();
    let hash: [u8; 16] =
        registry.intake.identity().hash(&[&[&b"query\0"[..]], &parts[..]].concat());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
