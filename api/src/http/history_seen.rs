//! A history as far as somebody sees it: without the events, values and words of parts that they do
//! not see, and with what its masks leave of the others. What a read is recorded to have told is
//! taken from the same look. Whoever does not see every part is told no place of an event in its
//! stream; events are named by their positions in the log, among those of everybody.

use std::collections::HashSet;

use domain::catalogue::{Entry as KindEntry, Sets};
use domain::life_event::{ItemsTold, Related};
use domain::{Item, Kind, Topic};
use replay::history::{Change, Entry};
use serde_json::{Map, Value, json};

use super::history_json;
use crate::access::{Part, Show, Sight, masks};

/// The events that are seen, each as it is seen, and the values that they tell.
pub fn seen(entries: &[Entry], sight: Sight) -> (Vec<(&Entry, Value)>, ItemsTold) {
    let mut unseen = HashSet::new();
    let leaves_out = sight.parts(Show::None).next().is_some();
    let (mut shown, mut told) = (Vec::with_capacity(entries.len()), ItemsTold::default());
    for entry in entries {
        let envelope = &entry.event.envelope;
        if !is_seen(entry, sight) || unseen.contains(&envelope.corrects) {
            unseen.insert(envelope.position);
            continue;
        }
        tell(&entry.changes, sight, &mut told);
        let mut one = history_json::entry(entry);
        if !sight.is_whole() {
            narrow(&mut one, entry, sight);
        }
        if let (true, Value::Object(one)) = (leaves_out, &mut one) {
            // A gap would tell that there is something of what is not seen.
            one.remove("sequence");
        }
        shown.push((entry, one));
    }
    (shown, told)
}

/// Whether it is told that an event happened: an event of topics to who sees one of them.
fn is_seen(entry: &Entry, sight: Sight) -> bool {
    let Some(kind) = kind_of(entry) else { return true };
    let topics = kind.topics;
    match kind.kind {
        Kind::NeedRaised | Kind::NeedAnswered => sight.sees(Part::Needs),
        Kind::CorrectionRequest | Kind::Discrepancy => show_claim(entry, sight) != Show::None,
        _ => topics.is_empty() || topics.iter().any(|topic| sight.sees(Part::of_topic(*topic))),
    }
}

fn kind_of(entry: &Entry) -> Option<&'static KindEntry> {
    let kind = Kind::from_number(entry.event.envelope.event_type.number);
    kind.map(|(kind, _)| kind.entry())
}

/// Values before and after that are told in full.
fn tell(changes: &[Change], sight: Sight, told: &mut ItemsTold) {
    let full = changes.iter().filter(|change| sight.show_item(change.item) == Show::Full);
    for change in full {
        change.from.iter().flatten().for_each(|position| told.add(change.item, *position));
    }
}

fn narrow(told: &mut Value, entry: &Entry, sight: Sight) {
    let Value::Object(told) = told else { return };
    let changes = entry.changes.iter().filter_map(|change| shown_change(change, sight));
    told.insert("changes".into(), changes.collect());
    let plain = [
        ("certificate_no", sight.show(Part::Certificates)),
        ("reason", sight.show(Part::Reason)),
        ("approved_by", sight.show(Part::Reason).min(sight.show(Part::Actor))),
        ("actor", sight.show(Part::Actor)),
        ("later", sight.show(Part::Details)),
    ];
    for (name, show) in plain {
        match show {
            Show::Full => {}
            Show::Masked if name == "certificate_no" => {
                if let Some(Value::String(text)) = told.get_mut(name) {
                    *text = masks::certificate(text);
                }
            }
            _ if name == "actor" => drop(told.insert("actor".into(), Value::Null)),
            _ => drop(told.remove(name)),
        }
    }
    if let Some(payload) = entry.event.payload.as_ref().and_then(|payload| payload.life()) {
        narrow_related(told, &payload.related, sight.show(Part::Family));
        if let Some(Value::Object(details)) = told.remove("details") {
            let details = shown_details(details, entry, sight);
            if !details.is_empty() {
                told.insert("details".into(), Value::Object(details));
            }
        }
    }
}

fn narrow_related(told: &mut Map<String, Value>, related: &[Related], show: Show) {
    match show {
        Show::Full => {}
        Show::None => drop(told.remove("related")),
        // That there is somebody, and not who.
        Show::Masked if related.is_empty() => {}
        Show::Masked => {
            let roles = related.iter().map(|one| json!({"role": one.role, "masked": true}));
            told.insert("related".into(), roles.collect());
        }
    }
}

fn shown_change(change: &Change, sight: Sight) -> Option<Value> {
    let Change { item, before, after, .. } = change;
    match sight.show_item(*item) {
        Show::None => None,
        Show::Full => Some(json!({"item": item, "before": before, "after": after})),
        Show::Masked => {
            let left = |text: &Option<String>| masks::of_item(*item, text.as_deref()?);
            let (before, after) = (left(before), left(after));
            Some(json!({"item": item, "before": before, "after": after, "masked": true}))
        }
    }
}

/// The sender's own words of an event: fields of its data, topics as a whole, and anything else.
fn shown_details(details: Map<String, Value>, entry: &Entry, sight: Sight) -> Map<String, Value> {
    let shown = details.into_iter().filter_map(|(name, value)| {
        let value = match value {
            // What a sender tells of topics beside the fields of the event.
            Value::Object(topics) if name == "topic" => shown_topics(topics, sight),
            value => shown_value(value, show_detail(&name, entry, sight), &name),
        };
        Some((name, value?))
    });
    shown.collect()
}

fn shown_topics(topics: Map<String, Value>, sight: Sight) -> Option<Value> {
    let shown = topics.into_iter().filter_map(|(topic, value)| {
        let value = match value {
            Value::Object(fields) if Topic::from_name(&topic).is_some() => {
                shown_fields(&topic, fields, sight)
            }
            value => shown_value(value, sight.show_field(&topic, ""), ""),
        };
        Some((topic, value?))
    });
    let shown: Map<_, _> = shown.collect();
    (!shown.is_empty()).then_some(Value::Object(shown))
}

fn shown_fields(topic: &str, fields: Map<String, Value>, sight: Sight) -> Option<Value> {
    let shown = fields.into_iter().filter_map(|(field, value)| {
        let value = shown_value(value, sight.show_field(topic, &field), &field)?;
        Some((field, value))
    });
    let shown: Map<_, _> = shown.collect();
    (!shown.is_empty()).then_some(Value::Object(shown))
}

fn shown_value(value: Value, show: Show, field: &str) -> Option<Value> {
    match show {
        Show::None => None,
        Show::Full => Some(value),
        Show::Masked => {
            let left = value.as_str().and_then(|text| masks::of_field(field, text));
            Some(left.map_or_else(|| json!({"masked": true}), Value::String))
        }
    }
}

/// How much is seen of a datum that an event brings: no more than of all that it sets, or, where it
/// sets nothing, of the topics of the event; what the catalogue does not know, as the sender's own
/// words.
fn show_detail(name: &str, entry: &Entry, sight: Sight) -> Show {
    let Some(kind) = kind_of(entry) else { return sight.show(Part::Details) };
    match kind.kind {
        Kind::NeedRaised | Kind::NeedAnswered => return sight.show(Part::Needs),
        Kind::CorrectionRequest | Kind::Discrepancy if name == "item" => return Show::Full,
        Kind::CorrectionRequest | Kind::Discrepancy => return show_claim(entry, sight),
        // The words of an order name nobody; which topics are sealed is said of those topics.
        Kind::Sealed if name == "topics" && !sight.is_whole() => return Show::None,
        kind if kind.is_order() => return Show::Full,
        _ => {}
    }
    let of_sets = |sets: &Sets| match sets {
        Sets::Item(item) => sight.show_item(*item),
        Sets::Topic(topic, field) => sight.show_field(topic.name(), field),
    };
    let least = |shows: &mut dyn Iterator<Item = Show>| shows.min();
    let Some(field) = kind.field(name) else {
        // Members of a household are persons.
        let is_members = kind.has_members && name == "members";
        return sight.show(if is_members { Part::Family } else { Part::Details });
    };
    let of_topics = || kind.topics.iter().map(|topic| sight.show(Part::of_topic(*topic)));
    let of_field = least(&mut field.sets.iter().map(of_sets));
    let show = of_field.or_else(|| least(&mut of_topics()));
    let held = masks::held_by_field(name).map_or(Show::Full, |part| sight.show(part));
    show.unwrap_or(sight.show(Part::Details)).min(held)
}

/// How much is seen of what somebody claims of an item, or a department says otherwise: what is seen
/// of the item, or of a masked one that something is claimed.
fn show_claim(entry: &Entry, sight: Sight) -> Show {
    let life = entry.event.payload.as_ref().and_then(|payload| payload.life());
    let item = life.and_then(|life| Item::from_name(life.details.get("item")?.as_str()?));
    item.map_or(sight.show(Part::Details), |item| sight.show_item(item))
}
