//! An event of a life as the outside contract shows it to who sees all of it.

use domain::Payload;
use replay::history::Entry;
use serde_json::{Value, json};

use super::archive_json::{DIVISIONS, ascii, department};

/// One event of a history.
pub fn entry(entry: &Entry) -> Value {
    let envelope = &entry.event.envelope;
    let clocks = &envelope.clocks;
    let kind = domain::Kind::from_number(envelope.event_type.number);
    let code = kind.map_or("unknown", |(kind, _)| kind.code());
    // It is shown in the newest form, whatever form it was recorded in.
    let recorded = envelope.event_type.version;
    let shown = kind.map_or(recorded, |(kind, _)| kind.entry().version);
    let changes: Vec<_> = entry
        .changes
        .iter()
        .map(|change| json!({"item": change.item, "before": change.before, "after": change.after}))
        .collect();
    let correlation = envelope.correlation.0.iter().map(|byte| format!("{byte:02x}"));
    let mut told = json!({
        "position": envelope.position,
        "sequence": envelope.sequence,
        "type": format!("renkou.{code}.v{shown}"),
        "recorded_version": recorded,
        "event": code,
        "told_for_another": kind.is_some_and(|(_, side)| side),
        "occurred_on": clocks.occurred_on,
        "known_on": clocks.known_on,
        "sent_at": clocks.sent_at,
        "received_at": clocks.received_at,
        "recorded_at": clocks.recorded_at,
        "verified_at": clocks.verified_at,
        "lag_days": clocks.total_lag_days(),
        "place": envelope.place,
        "place_name": DIVISIONS.full_name(envelope.place, clocks.occurred_on),
        "department": department(envelope.department),
        "channel": ascii(&envelope.channel),
        "actor": envelope.actor,
        "source": envelope.source,
        "correlation": correlation.collect::<String>(),
        "changes": changes,
        "corrects": Some(envelope.corrects).filter(|position| position.0 > 0),
        "corrected_by": entry.acted_on_by,
        "annulled": entry.is_annulled,
    });
    if let (Some(Payload::Life(life)), Value::Object(map)) = (&entry.event.payload, &mut told) {
        let optional = [
            ("id", &life.id),
            ("certificate_no", &life.certificate_no),
            ("reason", &life.reason),
            ("approved_by", &life.approved_by),
        ];
        for (name, value) in optional {
            map.extend(value.as_ref().map(|value| (name.to_owned(), json!(value))));
        }
        if !life.related.is_empty() {
            map.insert("related".into(), json!(life.related));
        }
        if !life.later.is_empty() {
            map.insert("later".into(), Value::Object(life.later.clone()));
        }
        if !life.details.is_empty() {
            map.insert("details".into(), Value::Object(life.details.clone()));
        }
    } else if let Value::Object(map) = &mut told {
        map.insert("erased".into(), json!(true));
    }
    told
}
