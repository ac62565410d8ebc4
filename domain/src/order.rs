//! Orders about a record itself: erasure, sealing until a day, and the protection of somebody's
//! whereabouts. They come from an authority and not from an upstream system, say nothing of a life,
//! and need a second person.
//!
//! An order is stored as an event whose `details` hold its words: `order` always, `until` of a
//! sealing or a protection, `topics` of a sealing. That of an erasure names the order alone, since it is read when all else
//! of the person is gone.

use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::catalogue::{CATALOGUE, Kind};
use crate::fault::Fault;
use crate::ids::Position;
use crate::items::Item;
use crate::life_event::LifeEvent;
use crate::topics::Topic;

/// Bytes of the reference to an order at most.
const REFERENCE_BYTES_MAX: usize = 255;
/// Bytes of an approver's name at most.
const APPROVER_BYTES_MAX: usize = 255;
/// Of an erasure, what goes with the person.
const REJECTIONS: &str = "rejections";

/// What is ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The key of the person is destroyed.
    Erase,
    /// The record, or some topics of it, is hidden until a day.
    Seal(Sealing),
    /// What was sealed is open again.
    Unseal,
    /// Where the person is, and was, is told to few until a day: for those who are threatened or
    /// hunted (Anti-Domestic Violence Law, art. 29; rules on protecting witnesses).
    Protect {
        /// The day on which it is told again.
        until: Date,
    },
    /// It is told again.
    Unprotect,
}

/// What is hidden, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// The day on which it is seen again.
    pub until: Date,
    /// The topics that are hidden; none for the whole record.
    pub topics: Vec<Topic>,
}

/// An order that cannot be carried out, with every fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the order is not in order: {0:?}")]
pub struct OrderError(pub Vec<Fault>);

impl Order {
    /// The kind of event that records it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Erase => Kind::Erased,
            Self::Seal(_) => Kind::Sealed,
            Self::Unseal => Kind::Unsealed,
            Self::Protect { .. } => Kind::Protected,
            Self::Unprotect => Kind::Unprotected,
        }
    }

    /// The event that records it under the reference of the order, as approved by somebody who is
    /// not `actor`. `today` is the day in China.
    ///
    /// # Errors
    /// [`OrderError`] with every fault, each with the field of the request.
    pub fn event(
        &self,
        reference: &str,
        approved_by: &str,
        actor: &str,
        today: Date,
    ) -> Result<LifeEvent, OrderError> {
        let mut faults = Vec::new();
        if !is_plain(reference, REFERENCE_BYTES_MAX) {
            let (zh, en) = ("须写明法律文书编号", "the reference of the order is required");
            faults.push(Fault::new("order_missing", zh, en).at("/order"));
        }
        if !is_plain(approved_by, APPROVER_BYTES_MAX) {
            let (zh, en) = ("须由另一人审批", "a second person must approve");
            faults.push(Fault::new("approval_missing", zh, en).at("/approved_by"));
        } else if approved_by.trim() == actor.trim() {
            let (zh, en) = ("审批人与经办人相同", "approver and actor are one");
            faults.push(Fault::new("approver_is_actor", zh, en).at("/approved_by"));
        }
        if self.until().is_some_and(|until| until <= today) {
            let (zh, en) = ("期限须晚于今天", "the order ends after today");
            faults.push(Fault::new("until_is_past", zh, en).at("/until"));
        }
        if !faults.is_empty() {
            return Err(OrderError(faults));
        }
        let mut details = Map::new();
        details.insert("order".into(), reference.trim().into());
        if let Some(until) = self.until() {
            details.insert("until".into(), until.to_string().into());
        }
        if let Self::Seal(Sealing { topics, .. }) = self {
            let names: Vec<Value> = topics.iter().map(|topic| topic.name().into()).collect();
            if !names.is_empty() {
                details.insert("topics".into(), names.into());
            }
        }
        let approved_by = Some(approved_by.trim().to_owned());
        Ok(LifeEvent { approved_by, details, ..LifeEvent::default() })
    }

    /// The day up to which it holds, where it has one.
    pub fn until(&self) -> Option<Date> {
        match self {
            Self::Seal(Sealing { until, .. }) | Self::Protect { until } => Some(*until),
            Self::Erase | Self::Unseal | Self::Unprotect => None,
        }
    }

    /// What a recorded order says; none of an event that is no order.
    pub fn read(kind: Kind, life: &LifeEvent) -> Option<Self> {
        match kind {
            Kind::Erased => Some(Self::Erase),
            Kind::Unsealed => Some(Self::Unseal),
            Kind::Unprotected => Some(Self::Unprotect),
            Kind::Protected => Some(Self::Protect { until: until(life)? }),
            Kind::Sealed => {
                let until = until(life)?;
                let names = life.details.get("topics").and_then(Value::as_array);
                let topics =
                    names.into_iter().flatten().map(|name| Topic::from_name(name.as_str()?));
                // A topic that is not known hides the whole record rather than nothing.
                let topics = topics.collect::<Option<Vec<_>>>().unwrap_or_default();
                Some(Self::Seal(Sealing { until, topics }))
            }
            _ => None,
        }
    }
}

fn until(life: &LifeEvent) -> Option<Date> {
    life.details.get("until")?.as_str()?.parse().ok()
}

/// The reference under which an order was given.
pub fn reference(life: &LifeEvent) -> Option<&str> {
    life.details.get("order")?.as_str()
}

/// Adds to an erasure what was sent in vain and is erased with the person: the positions.
pub fn add_rejections(life: &mut LifeEvent, positions: &[Position]) {
    if !positions.is_empty() {
        let positions: Vec<Value> = positions.iter().map(|position| position.0.into()).collect();
        life.details.insert(REJECTIONS.into(), positions.into());
    }
}

/// The positions of what was sent in vain and was erased with the person.
pub fn rejections(life: &LifeEvent) -> Vec<Position> {
    let listed = life.details.get(REJECTIONS).and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(Value::as_u64).map(Position).collect()
}

/// The items that are hidden with a topic: its fields, and what events of this topic alone change. The
/// base items of a person, which events of the household change, stay.
pub fn items_of(topic: Topic) -> impl Iterator<Item = Item> {
    let is_field = move |item: Item| topic.fields().iter().any(|field| field.item == Some(item));
    let is_its_own = move |item: Item| {
        let mut changing = CATALOGUE.iter().filter(|entry| entry.may_change(item)).peekable();
        topic != Topic::Household
            && changing.peek().is_some()
            && changing.all(|entry| entry.topics.contains(&topic))
    };
    Item::all().filter(move |item| is_field(*item) || is_its_own(*item))
}

fn is_plain(text: &str, bytes_max: usize) -> bool {
    let text = text.trim();
    !text.is_empty() && text.len() <= bytes_max && !text.chars().any(char::is_control)
}
