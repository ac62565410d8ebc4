//! Orders about a record: erasure, sealing and the protection of whereabouts. They come in beside the submissions, take their turn
//! in the same queue, and are told in every stream of the person: their own, those that were merged
//! into it, and those of numbers that were claimed for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use cqrs_es::Aggregate;
use domain::clocks::day_in_china;
use domain::document::DocumentKind;
use domain::order;
use domain::recorded::{ContentTag, Envelope, EventKey, Recorded};
use domain::{
    Clocks, Document, Fault, Item, Kind, LifeEvent, Order, OrderError, Payload, PersonEvent,
    PersonId, Position, Refusal, Sequence, StreamId, StreamKind,
};
use jiff::Timestamp;
use journal::PersonKey;
use replay::ReplayError;
use uuid::Uuid;

use super::audit::decided_life;
use super::decide::{Decided, Decider, NotRecorded};
use super::receipt::{Accepted, Receipt};

/// The channel of what an office orders over the counter.
const CHANNEL: [u8; 2] = *b"OW";

/// An order as it is handed in.
#[derive(Clone, Debug)]
pub struct Ordered {
    /// About whom; a merged record stands for the one that it was merged into.
    pub person: PersonId,
    /// What.
    pub order: Order,
    /// The reference of the order.
    pub reference: String,
    /// Who approved it; not the actor.
    pub approved_by: String,
    /// Who hands it in.
    pub actor: String,
    /// Code of their department, where they belong to one.
    pub department: Option<[u8; 3]>,
    /// When.
    pub received_at: Timestamp,
}

impl Decider {
    /// Decides an order; the same one again is a duplicate.
    pub(super) fn order(&mut self, ordered: &Ordered) -> Receipt {
        match self.try_order(ordered) {
            Ok(receipt) => receipt,
            Err(NotRecorded::Refused(faults)) => Receipt::Rejected(faults),
            Err(NotRecorded::Log(error)) => {
                tracing::error!(error = %replay::chain(&error), "an order was not decided");
                Receipt::Failed
            }
            Err(NotRecorded::OnItsWay) => Receipt::Failed,
        }
    }

    fn try_order(&mut self, ordered: &Ordered) -> Result<Receipt, NotRecorded> {
        let person = self.memory.behind(ordered.person)?;
        let key = self.order_key(person, ordered);
        let known = self.memory.known(person)?;
        if let Some(position) = known.person.recorded_under(key).map(|at| known.place(at)) {
            let recorded_at = self.recorded_when(position)?;
            return Ok(Receipt::Duplicate(accepted(person, position, recorded_at)));
        }
        let refused = |refusal: Refusal| Err(NotRecorded::Refused(vec![refusal.fault().at("")]));
        if known.person.is_erased() {
            return refused(Refusal::PersonErased);
        }
        if known.person.events() == 0 {
            return refused(Refusal::PersonUnknown);
        }
        let Ordered { order, reference, approved_by, actor, received_at, .. } = ordered;
        let today = day_in_china(*received_at);
        let life = order.event(reference, approved_by, actor, today);
        let mut life = life.map_err(|OrderError(faults)| NotRecorded::Refused(faults))?;
        let lives = self.lives(person)?;
        if *order == Order::Unseal && !is_sealed(&lives) {
            return Err(NotRecorded::Refused(vec![not_sealed()]));
        }
        if *order == Order::Unprotect && !is_protected(&lives) {
            return Err(NotRecorded::Refused(vec![not_protected()]));
        }
        let place = lives.first().and_then(|(_, life)| Some(life.last()?.envelope.place));
        let Some(place) = place else { return Err(NotRecorded::OnItsWay) };
        let recorded_at = self.recorded_at(*received_at);
        let first = self.next;
        let streams = self.streams(person, order, &lives, &mut life)?;
        for person in streams {
            let envelope = Envelope {
                position: self.next,
                stream: person.into(),
                sequence: Sequence(0),
                previous: Position(0),
                event_type: order.kind().event_type(self.next > first),
                key,
                content: ContentTag([0; 8]),
                clocks: Clocks {
                    occurred_on: today,
                    known_on: None,
                    sent_at: None,
                    received_at: *received_at,
                    recorded_at,
                    verified_at: None,
                },
                place,
                department: ordered.department.unwrap_or(*b"\0\0\0"),
                channel: CHANNEL,
                actor: actor.clone(),
                source: String::new(),
                correlation: key,
                causation: if self.next > first { first } else { Position(0) },
                corrects: Position(0),
                sealed_for: (*order == Order::Erase).then(own_key_stream),
            };
            self.tell_order(person, order, envelope, life.clone())?;
        }
        Ok(Receipt::Recorded(accepted(person, first, recorded_at)))
    }

    /// Tells an order in one stream. What is decided after that knows of it.
    fn tell_order(
        &mut self,
        person: PersonId,
        order: &Order,
        envelope: Envelope,
        life: LifeEvent,
    ) -> Result<(), NotRecorded> {
        let life = Arc::new(life);
        let key = self.order_seal(person, order)?;
        let place = self.next;
        let known = self.memory.known(person)?;
        let (sequence, previous) = (Sequence(known.person.events()), known.newest());
        let envelope = Envelope { sequence, previous, ..envelope };
        known.person.apply(PersonEvent {
            number: envelope.event_type.number,
            key: envelope.key,
            occurred_on: envelope.clocks.occurred_on,
            department: envelope.department,
            channel: envelope.channel,
            life: Arc::clone(&life),
        });
        known.placed(place);
        known.standing = None;
        if *order == Order::Erase {
            known.key = None;
            self.memory.forget_packed(person);
        }
        let payload = Payload::Life(life);
        self.push(Decided { envelope, payload, key, step: None });
        Ok(())
    }

    /// An erasure is sealed under the registry's own key, since it is read when that of the person
    /// is gone.
    fn order_seal(
        &mut self,
        person: PersonId,
        order: &Order,
    ) -> Result<Arc<PersonKey>, ReplayError> {
        if *order != Order::Erase
            && let Some(key) = &self.memory.known(person)?.key
        {
            return Ok(Arc::clone(key));
        }
        let id = if *order == Order::Erase { own_key_stream().id } else { person.as_uuid() };
        self.group.issue(&self.keys, id)
    }

    /// Every stream that an order is told in, the person's own first. An erasure takes the numbers
    /// along that were claimed for the person, and says what was sent in vain and goes with them.
    fn streams(
        &mut self,
        person: PersonId,
        ordered: &Order,
        lives: &[(PersonId, Vec<Recorded>)],
        life: &mut LifeEvent,
    ) -> Result<Vec<PersonId>, NotRecorded> {
        let mut streams: Vec<_> = lives.iter().map(|(stream, _)| *stream).collect();
        if *ordered == Order::Erase {
            let documents: BTreeSet<_> =
                lives.iter().flat_map(|(_, life)| life).flat_map(documents).collect();
            for document in &documents {
                let id = PersonId::of_document(&self.identity, document);
                if !streams.contains(&id)
                    && self.memory.known(id)?.person.events() > 0
                    && self.memory.behind(id)? == person
                {
                    streams.push(id);
                }
            }
            order::add_rejections(life, &self.rejections_naming(&streams, &documents)?);
        }
        Ok(streams)
    }

    /// What was decided of a person and of those who are merged into them, by stream.
    fn lives(&mut self, person: PersonId) -> Result<Vec<(PersonId, Vec<Recorded>)>, ReplayError> {
        let mut lives = Vec::new();
        for stream in self.memory.one_with(person)? {
            self.memory.known(stream)?;
            lives.push((stream, decided_life(&self.memory, self.ahead(), stream)?));
        }
        Ok(lives)
    }

    /// An order is the same as another when it orders the same of the same person under the same
    /// reference.
    fn order_key(&self, person: PersonId, ordered: &Ordered) -> EventKey {
        let Ordered { order, reference, .. } = ordered;
        let what = match order {
            Order::Seal(sealing) => format!("{}|{:?}", sealing.until, sealing.topics),
            Order::Protect { until } => until.to_string(),
            Order::Erase | Order::Unseal | Order::Unprotect => String::new(),
        };
        let id = person.as_uuid();
        let parts: [&[u8]; 7] = [
            b"order|",
            order.kind().code().as_bytes(),
            b"|",
            id.as_bytes(),
            reference.trim().as_bytes(),
            b"|",
            what.as_bytes(),
        ];
        EventKey(self.identity.hash(&parts))
    }

    fn recorded_when(&mut self, position: Position) -> Result<Timestamp, NotRecorded> {
        if let Some(event) = self.ahead().at(position) {
            return Ok(event.envelope.clocks.recorded_at);
        }
        let event = self.memory.log().event(position)?.ok_or(NotRecorded::OnItsWay)?;
        Ok(event.envelope.clocks.recorded_at)
    }
}

/// The registry's own key lies in the slot of nobody.
fn own_key_stream() -> StreamId {
    StreamId { kind: StreamKind::Unit, id: Uuid::nil() }
}

fn accepted(person_id: PersonId, position: Position, recorded_at: Timestamp) -> Accepted {
    let (flags, observations) = (Vec::new(), Vec::new());
    Accepted { person_id, position, recorded_at, flags, observations, proof: None }
}

/// The documents that an event names its person by.
fn documents(event: &Recorded) -> Vec<Document> {
    let Some(life) = event.payload.as_ref().and_then(|payload| payload.life()) else {
        return Vec::new();
    };
    let stated = life.items.get(Item::CitizenId);
    let stated = stated.map(|number| Document::new(DocumentKind::CitizenId, number));
    life.document.iter().cloned().chain(stated).collect()
}

/// Whether the newest order about a record that seals or opens it is a sealing.
fn is_sealed(lives: &[(PersonId, Vec<Recorded>)]) -> bool {
    newest_of(lives, [Kind::Sealed, Kind::Unsealed]) == Some(Kind::Sealed)
}

/// Whether the newest order about the person's whereabouts protects them.
fn is_protected(lives: &[(PersonId, Vec<Recorded>)]) -> bool {
    newest_of(lives, [Kind::Protected, Kind::Unprotected]) == Some(Kind::Protected)
}

/// The newest of these kinds of orders that any stream of the person tells.
fn newest_of(lives: &[(PersonId, Vec<Recorded>)], kinds: [Kind; 2]) -> Option<Kind> {
    let events = lives.iter().flat_map(|(_, life)| life).filter_map(|event| {
        let (kind, _) = Kind::from_number(event.envelope.event_type.number)?;
        kinds.contains(&kind).then_some((event.envelope.position, kind))
    });
    events.max_by_key(|(position, _)| *position).map(|(_, kind)| kind)
}

fn not_sealed() -> Fault {
    Fault::new("not_sealed", "该档案未封存", "the record is not sealed")
}

fn not_protected() -> Fault {
    Fault::new(
        "not_protected",
        "该人员的地址未受保护",
        "the person's whereabouts are not protected",
    )
}
