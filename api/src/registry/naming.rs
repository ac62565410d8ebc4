//! What was sent in vain and names somebody: it is erased with them, whoever it was about. A text
//! that names several persons, or could not be read, is sealed under a key of its own for that.

use std::collections::BTreeSet;

use domain::document::DocumentKind;
use domain::life_event::Rejection;
use domain::recorded::Envelope;
use domain::{Document, IdentityKey, Payload, PersonId, Position, Sequence, StreamId, StreamKind};
use replay::ReplayError;

use super::decide::Decider;
use super::rejections::unit_stream_of;

/// A shorter number may stand in a text by chance.
const NUMBER_CHARS_MIN: usize = 6;

/// The slot of the key that seals one rejection alone.
pub(super) fn own_slot(identity: &IdentityKey, unit: StreamId, sequence: Sequence) -> StreamId {
    let parts: [&[u8]; 4] = [b"rejection|", unit.id.as_bytes(), b"|", &sequence.0.to_le_bytes()];
    let id = PersonId::from_custom_bytes(identity.hash(&parts)).as_uuid();
    StreamId { kind: StreamKind::Unit, id }
}

/// By what somebody may be named.
struct Names<'a> {
    streams: &'a [PersonId],
    texts: Vec<String>,
}

impl Names<'_> {
    fn are_in(&self, rejection: &Rejection) -> bool {
        let is_about = rejection.person.is_some_and(|person| self.streams.contains(&person));
        // Read and written again, no character is escaped.
        let plain = serde_json::from_str::<serde_json::Value>(&rejection.received);
        let plain = plain.map_or_else(|_| rejection.received.clone(), |read| read.to_string());
        let is_typed = |c: &char| !c.is_whitespace() && *c != '-';
        let text: String = plain.chars().filter(is_typed).flat_map(char::to_uppercase).collect();
        is_about || self.texts.iter().any(|name| text.contains(name))
    }
}

impl Decider {
    /// The positions of everything that was sent in vain, is sealed by itself, and names somebody
    /// by one of their documents or ids. The views must be as far as the log when the order came.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub(super) fn rejections_naming(
        &mut self,
        streams: &[PersonId],
        documents: &BTreeSet<Document>,
    ) -> Result<Vec<Position>, ReplayError> {
        let numbers = documents.iter().filter(|named| named.kind() != DocumentKind::None);
        let numbers = numbers.map(|named| named.number().replace('-', "").to_uppercase());
        let numbers = numbers.filter(|number| number.chars().count() >= NUMBER_CHARS_MIN);
        let ids = streams.iter().map(|id| id.to_string().replace('-', "").to_uppercase());
        let names = Names { streams, texts: numbers.chain(ids).collect() };
        let log = self.memory.log();
        let first = self.next.0 - self.group.events.len() as u64;
        if let Some(before) = first.checked_sub(1) {
            self.memory.on_the_way.wait(&**log.journal(), Position(before));
        }
        let known = self.views.sources.list("").into_iter();
        let known = known.map(|(source, _)| unit_stream_of(&self.identity, &source));
        let units: BTreeSet<StreamId> = known.chain(self.unit_next.keys().copied()).collect();
        let mut found = Vec::new();
        let mut note = |envelope: &Envelope, payload: Option<&Payload>| {
            let Some(Payload::Rejection(rejection)) = payload else { return };
            if is_sealed_alone(envelope) && names.are_in(rejection) {
                found.push(envelope.position);
            }
        };
        for unit in units {
            if log.journal().stream_head(unit)?.is_some() {
                let sent = log.stream(unit)?;
                sent.iter().for_each(|event| note(&event.envelope, event.payload.as_ref()));
            }
        }
        let of_group = self.group.events.iter();
        of_group.for_each(|event| note(&event.envelope, Some(&event.payload)));
        found.sort_unstable();
        Ok(found)
    }
}

/// Whether a key seals nothing but this rejection.
pub(super) fn is_sealed_alone(envelope: &Envelope) -> bool {
    let sealed_for = envelope.sealed_for.filter(|_| envelope.stream.kind == StreamKind::Unit);
    sealed_for.is_some_and(|slot| {
        slot.kind == StreamKind::Unit && !slot.id.is_nil() && slot != envelope.stream
    })
}
