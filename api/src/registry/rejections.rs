//! What is sent in vain is kept in the stream of its source, so that nothing that was sent is ever
//! silently dropped. It is sealed for the person whom it is about, or under a key of its own where
//! it may name others too.

use std::sync::Arc;

use domain::life_event::Rejection;
use domain::recorded::{ContentTag, Envelope};
use domain::submission::{PersonRef, Source, Submission};
use domain::{
    Clocks, Fault, Kind, Payload, PersonId, Place, Position, Sequence, StreamId, StreamKind,
};
use jiff::Timestamp;
use replay::ReplayError;
use serde_json::Map;

use super::Prepared;
use super::acts::{ActError, event_key};
use super::decide::{Decided, Decider};
use super::naming::own_slot;

/// Bytes of a refused submission that are kept: what fits a record with room to spare.
const RECEIVED_BYTES_MAX: usize = 24 * 1024;

/// The rule by which nothing is recorded about somebody who is erased.
const ERASED: &str = "person_erased";

/// A refused submission, ready to be kept.
pub(super) struct Refusal {
    source: Source,
    person: Option<PersonRef>,
    place: Place,
    channel: [u8; 2],
    sent_at: Option<Timestamp>,
    received_at: Timestamp,
    actor: String,
    /// Whether it names one person and nobody else.
    names_one: bool,
    rejection: Rejection,
}

/// What is kept of a refused submission.
pub(super) fn of(prepared: &Prepared, faults: &[Fault], conflict: bool) -> Refusal {
    match prepared {
        Prepared::Ready(submission) => of_submission(submission, faults, conflict),
        Prepared::Unfit(unfit) => Refusal {
            source: unfit.source.clone(),
            person: unfit.person.clone(),
            place: unfit.source.division,
            channel: *b"DX",
            sent_at: None,
            received_at: unfit.received_at,
            actor: unfit.actor.clone(),
            names_one: false,
            rejection: Rejection {
                id: cut(&unfit.id, 255).to_owned(),
                event_type: cut(&unfit.event_type, 255).to_owned(),
                conflict,
                faults: faults.to_vec(),
                person: None,
                received: cut(&unfit.received, RECEIVED_BYTES_MAX).to_owned(),
                later: Map::new(),
            },
        },
    }
}

/// What is kept of the refused persons of a visit that was recorded for others.
pub(super) fn of_visit(submission: &Submission, faults: &[Fault]) -> Refusal {
    of_submission(submission, faults, false)
}

fn of_submission(submission: &Submission, faults: &[Fault], conflict: bool) -> Refusal {
    let report = &submission.report;
    Refusal {
        source: submission.source.clone(),
        person: report.person.clone(),
        place: report.place,
        channel: report.channel,
        sent_at: submission.sent_at,
        received_at: submission.received_at,
        actor: submission.actor.clone(),
        names_one: report.related.is_empty()
            && report.members.is_empty()
            && report.observations.is_empty(),
        rejection: Rejection {
            id: submission.id.clone(),
            event_type: format!("renkou.{}.v{}", submission.kind.code(), submission.version),
            conflict,
            faults: faults.to_vec(),
            person: None,
            received: cut(&submission.received, RECEIVED_BYTES_MAX).to_owned(),
            later: Map::new(),
        },
    }
}

impl Decider {
    /// Keeps a refused submission.
    pub(super) fn reject(&mut self, refusal: Refusal) -> Result<(), ReplayError> {
        let Refusal { source, person, rejection: mut kept, .. } = refusal;
        let stream = unit_stream(&self.identity, &source);
        let key = event_key(&self.identity, &source.text, &kept.id);
        let resolved = person.map(|named| self.acts().resolve(&named, key, format_args!("")));
        let names_erased = matches!(&resolved, Some(Err(ActError::Refused(rule)))
            if *rule == domain::Refusal::PersonErased);
        let person = resolved.and_then(Result::ok);
        kept.person = person;
        let is_of_erased = |fault: &Fault| fault.code == ERASED;
        if names_erased || kept.faults.iter().any(is_of_erased) {
            // What was erased does not come in again by this door.
            kept.received.clear();
        }
        let sequence = self.unit_sequence(stream)?;
        let person_key = match person.filter(|_| refusal.names_one) {
            Some(person) => self.memory.known(person)?.key.clone(),
            None => None,
        };
        let (sealed_for, sealing) = match (person, person_key) {
            (Some(person), Some(key)) => (StreamId::from(person), key),
            _ => {
                let slot = own_slot(&self.identity, stream, sequence);
                (slot, self.own_key(slot)?)
            }
        };
        let sealed_for = Some(sealed_for);
        let recorded_at = self.recorded_at(refusal.received_at);
        let envelope = Envelope {
            position: self.next,
            stream,
            sequence,
            // Nobody walks back through a source's stream within one group; the log fills it in.
            previous: Position(0),
            event_type: Kind::SubmissionRejected.event_type(false),
            key,
            content: if kept.conflict { ContentTag::CONFLICT } else { ContentTag::REFUSED },
            clocks: Clocks {
                occurred_on: domain::clocks::day_in_china(refusal.received_at),
                known_on: None,
                sent_at: refusal.sent_at,
                received_at: refusal.received_at,
                recorded_at,
                verified_at: None,
            },
            place: refusal.place,
            department: source.department,
            channel: refusal.channel,
            actor: refusal.actor,
            source: source.text,
            correlation: key,
            causation: Position(0),
            corrects: Position(0),
            sealed_for,
        };
        let payload = Payload::Rejection(Arc::new(kept));
        self.push(Decided { envelope, payload, key: sealing, step: None });
        Ok(())
    }

    fn own_key(&mut self, slot: StreamId) -> Result<Arc<journal::PersonKey>, ReplayError> {
        self.group.issue(&self.keys, slot.id)
    }

    fn unit_sequence(&mut self, stream: StreamId) -> Result<Sequence, ReplayError> {
        let next = match self.unit_next.get(&stream) {
            Some(next) => *next,
            None => {
                let head = self.memory.log().journal().stream_head(stream)?;
                Sequence(head.map_or(0, |(sequence, _)| sequence.0 + 1))
            }
        };
        self.unit_next.insert(stream, Sequence(next.0 + 1));
        Ok(next)
    }
}

/// The stream of a source.
pub fn unit_stream(identity: &domain::IdentityKey, source: &Source) -> StreamId {
    unit_stream_of(identity, &source.text)
}

/// The same by the text of the source.
pub(super) fn unit_stream_of(identity: &domain::IdentityKey, source: &str) -> StreamId {
    let id = identity.hash(&[b"unit|", source.as_bytes()]);
    let id = PersonId::from_custom_bytes(id).as_uuid();
    StreamId { kind: StreamKind::Unit, id }
}

/// The longest beginning of a text that has at most so many bytes.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
