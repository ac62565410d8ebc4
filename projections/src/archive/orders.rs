//! Orders about a record, as a stream tells them.

use domain::recorded::Recorded;
use domain::{Kind, Order};

/// The order that an event is; none of other events.
pub(crate) fn order(event: &Recorded) -> Option<Order> {
    let (kind, _) = Kind::from_number(event.envelope.event_type.number)?;
    match kind {
        Kind::Erased => Some(Order::Erase),
        _ if kind.is_order() => Order::read(kind, event.payload.as_ref()?.life()?),
        _ => None,
    }
}

/// Whether the person of the stream is erased by the event.
pub fn is_erasure(event: &Recorded) -> bool {
    let kind = Kind::from_number(event.envelope.event_type.number);
    kind.is_some_and(|(kind, _)| kind == Kind::Erased)
}

/// Whether by these events of a stream the person's key is gone: an erasure is among them, or
/// stands further down in the log.
pub(crate) fn is_gone<'a>(events: impl IntoIterator<Item = &'a Recorded>) -> bool {
    events.into_iter().any(|event| event.payload.is_none() || is_erasure(event))
}
