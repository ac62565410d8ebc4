//! Records that are closed: erased for good, or hidden until a day. Who may not see a hidden record
//! is answered as if there were none.

use std::sync::Arc;

use domain::clocks::day_in_china;
use domain::order::items_of;
use domain::{Kind, PersonId, Topic};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::Row;
use projections::archive::is_erasure;
use replay::history::Entry;
use serde_json::{Map, Value};

use super::persons::internal;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::who::Who;
use crate::access::{Action, may};
use crate::registry::Registry;

/// The row of a person. 410 for somebody who is erased, where the grant reaches what they last
/// were reported for; else 404 without a row.
pub(super) fn row(registry: &Registry, who: &Who, id: PersonId) -> Result<Arc<Row>, Problem> {
    let is_destroyed = registry.log().keys().is_destroyed(id.as_uuid());
    let row = match is_destroyed {
        true => None,
        false => registry.views.people.row(id).map_err(|error| internal(&error))?,
    };
    match row {
        Some(row) => Ok(row),
        None if is_erased_for(registry, who, id)? => Err(Problem::new(&kinds::ERASED)),
        None => Err(Problem::new(&kinds::NOT_FOUND)),
    }
}

/// Whether a person is erased and the grant would reach them.
pub(super) fn is_erased_for(registry: &Registry, who: &Who, id: PersonId) -> Result<bool, Problem> {
    let log = registry.log();
    let head = log.journal().stream_head(id.into()).map_err(|error| internal(&error))?;
    let Some((_, position)) = head else { return Ok(false) };
    let newest = log.event(position).map_err(|error| internal(&error))?;
    let Some(erasure) = newest.filter(is_erasure) else { return Ok(false) };
    Ok(who.0.may_read(id) && who.0.covers(erasure.envelope.place))
}

/// The erased person of an id, for those who follow who did what: of the events only what stands
/// in the clear is left.
pub(super) fn erased_to_audit(
    registry: &Registry,
    who: &Who,
    id: PersonId,
) -> Result<bool, Problem> {
    Ok(may(who.0.role, Action::ReadAudit) && is_erased_for(registry, who, id)?)
}

/// 404 for a record that is hidden today from this reader.
pub(super) fn refuse_hidden(who: &Who, row: &Row) -> Result<(), Problem> {
    let is_hidden = row.hidden_until().is_some_and(|until| today() < until);
    match is_hidden && !may(who.0.role, Action::ReadSealed) {
        true => Err(Problem::new(&kinds::NOT_FOUND)),
        false => Ok(()),
    }
}

/// Whether a person must not be listed for this reader.
pub(super) fn is_unlisted(registry: &Registry, who: &Who, id: PersonId) -> Result<bool, Problem> {
    if may(who.0.role, Action::ReadSealed) {
        return Ok(false);
    }
    registry.views.people.is_hidden(id, today()).map_err(|error| internal(&error))
}

/// The topics of a record that are hidden today from this reader, with their days.
pub(super) fn hidden_topics(who: &Who, row: &Row) -> Vec<(Topic, Date)> {
    match may(who.0.role, Action::ReadSealed) {
        true => Vec::new(),
        false => row.topics_hidden_on(today()),
    }
}

/// The items that stand in hidden topics.
pub(super) fn items_of_topics(hidden: &[(Topic, Date)]) -> impl Iterator<Item = domain::Item> {
    hidden.iter().flat_map(|(topic, _)| items_of(*topic))
}

fn today() -> Date {
    day_in_china(Timestamp::now())
}

/// The events of a history without what belongs to hidden topics. Of an event of such a topic, and
/// of what corrects or annuls one, the envelope alone is told.
pub(super) fn entries(seen: Vec<(&Entry, Value)>, hidden: &[(Topic, Date)]) -> Vec<Value> {
    let mut withheld = Vec::new();
    let mut told = Vec::with_capacity(seen.len());
    for (entry, mut one) in seen {
        let envelope = &entry.event.envelope;
        let kind = Kind::from_number(envelope.event_type.number).map(|(kind, _)| kind);
        let is_of = |topic: &Topic| hidden.iter().any(|(hidden, _)| hidden == topic);
        let is_hidden = kind.is_some_and(|kind| kind.entry().topics.iter().any(is_of));
        if is_hidden || withheld.contains(&envelope.corrects) {
            withheld.push(envelope.position);
            withhold(&mut one);
        } else {
            withhold_parts(&mut one, hidden);
        }
        told.push(one);
    }
    told
}

fn withhold(told: &mut Value) {
    let Value::Object(told) = told else { return };
    for name in ["id", "certificate_no", "reason", "related", "later", "details"] {
        told.remove(name);
    }
    told.insert("changes".into(), Value::Array(Vec::new()));
    told.insert("withheld".into(), Value::Bool(true));
}

/// Items and details of an event that tells of several topics.
fn withhold_parts(told: &mut Value, hidden: &[(Topic, Date)]) {
    for (topic, _) in hidden {
        if let Some(details) = told.get_mut("details").and_then(Value::as_object_mut) {
            details.remove(topic.name());
            // What is told of topics beside the fields of the event.
            if let Some(topics) = details.get_mut("topic").and_then(Value::as_object_mut) {
                topics.remove(topic.name());
                if topics.is_empty() {
                    details.remove("topic");
                }
            }
        }
        let names: Vec<_> = items_of(*topic).map(|item| item.name()).collect();
        if let Some(changes) = told.get_mut("changes").and_then(Value::as_array_mut) {
            let is_theirs =
                |change: &Value| change["item"].as_str().is_some_and(|item| names.contains(&item));
            changes.retain(|change| !is_theirs(change));
        }
    }
    let details = told.get("details").and_then(Value::as_object);
    if let (true, Value::Object(told)) = (details.is_some_and(Map::is_empty), told) {
        told.remove("details");
    }
}
