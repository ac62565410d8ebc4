//! Puts a read on record: what an answer tells of whom, before it leaves.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use domain::life_event::{Hidden, ItemsTold, Oversight, PersonRead};
use domain::recorded::Recorded;
use domain::{PersonId, Place, Position};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::events::storage_full;
use super::persons::internal;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::who::{Purpose, Who};
use crate::counts::COUNTS;
use crate::registry::{ApprovalRequired, Overseen, Read, Registry, Unrecorded};

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
    registry: &Arc<Registry>,
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
    registry: &Arc<Registry>,
    who: &Who,
    purpose: Purpose,
    answer: Answer,
) -> impl Future<Output = Result<(), Problem>> + use<> {
    let Purpose(purpose, terms) = purpose;
    let grant = &who.0;
    let hidden = terms.hiding.map(|hiding| Hidden {
        until: hiding.until,
        basis: Cow::Borrowed(hiding.basis.code),
        approved_by: terms.hiding_approved_by.map(|approver| approver.as_str().to_owned()),
    });
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
        break_glass: None,
        later: Map::new(),
    };
    let now = Timestamp::now();
    let persons = answer.persons.iter().map(|(person, _)| *person);
    let admitted = registry.oversight.admit(grant, persons.clone(), now);
    let glass = |person| Some((person, registry.oversight.glass(&grant.subject, person, now)?));
    let glasses = persons.filter_map(glass).collect();
    let Acting { actor, department, place } = Acting::of(who);
    let read = Read { persons: answer.persons, actor, department, place, read, glasses };
    let recorded = match admitted {
        Ok(alarms) => {
            let alarms =
                alarms.into_iter().map(|act| hand_in(registry, who, act, None, Position(0)));
            // In the order of the log: the read, then what it raised.
            let read = registry.reads.record(read);
            Ok((read, alarms.collect::<Vec<_>>()))
        }
        Err(ApprovalRequired { ceiling }) => Err(approval_required(ceiling)),
    };
    let (registry, grant) = (Arc::clone(registry), Arc::clone(grant));
    async move {
        let (read, alarms) = recorded?;
        for alarm in alarms {
            let alarm = match alarm.await {
                Ok(alarm) => alarm,
                Err(error) => {
                    registry.oversight.forget_raising(&grant.subject);
                    return Err(unrecorded(error));
                }
            };
            registry.oversight.learn(&alarm);
            COUNTS.alarms_raised.add();
            tracing::warn!(
                position = alarm.envelope.position.0,
                "a reader was told of many persons"
            );
        }
        read.await.map_err(unrecorded)
    }
}

fn approval_required(ceiling: u32) -> Problem {
    COUNTS.reads_beyond_ceiling.add();
    Problem::new(&kinds::APPROVAL_REQUIRED).member("ceiling", ceiling.into())
}

/// Who does something, as envelopes say it.
struct Acting {
    actor: String,
    department: [u8; 3],
    place: Place,
}

impl Acting {
    fn of(who: &Who) -> Self {
        let grant = &who.0;
        Self {
            actor: grant.subject.clone(),
            department: grant.department.unwrap_or(*b"\0\0\0"),
            place: grant.place.or_else(|| Place::from_code(0, 2)).expect("two digits"),
        }
    }
}

fn hand_in(
    registry: &Registry,
    who: &Who,
    act: Oversight,
    about: Option<PersonId>,
    causation: Position,
) -> impl Future<Output = Result<Recorded, Unrecorded>> + use<> {
    let Acting { actor, department, place } = Acting::of(who);
    registry.reads.oversee(Overseen { act, actor, department, place, about, causation })
}

/// Puts an act of oversight on record; from then on it holds. What tells of a person goes with their
/// key.
pub(super) async fn oversee(
    registry: &Registry,
    who: &Who,
    act: Oversight,
    about: Option<PersonId>,
    causation: Position,
) -> Result<Recorded, Problem> {
    let recorded = hand_in(registry, who, act, about, causation).await;
    let recorded = recorded.map_err(unrecorded)?;
    registry.oversight.learn(&recorded);
    Ok(recorded)
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
