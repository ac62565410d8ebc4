//! Needs as an archive's answer shows them: what was raised, by when it is due, what came of it.

use domain::{Clocks, Kind, Place};
use jiff::civil::Date;
use projections::Archive;
use projections::archive::{Origin, ShownNeed};
use projections::deadlines::Deadlines;
use serde_json::{Map, Value, json};

use super::archive_json::{Page, told};
use crate::access::Show;

/// About so many bytes tell an event.
const TELLER_BYTES: usize = 256;

/// Needs, raised and answered, as they are on a day; of masked ones, when they were and by when an
/// answer is due.
pub(super) fn needs(
    archive: &Archive,
    deadlines: &Deadlines,
    today: Date,
    show: Show,
) -> Vec<Value> {
    let shown = |need: ShownNeed<'_>| match show {
        Show::Full => shown(archive, &need, deadlines, today),
        _ => masked(archive, &need, deadlines, today),
    };
    archive.needs().map(shown).collect()
}

/// What is left of a need without what was needed and what came of it.
fn masked(archive: &Archive, need: &ShownNeed<'_>, deadlines: &Deadlines, today: Date) -> Value {
    let mut left = told_by(archive, need.raised_by);
    left.remove("record_id");
    tell_times(&mut left, archive, need, deadlines, today);
    left.insert("answered".to_owned(), json!(need.answered.map(|_| json!({"masked": true}))));
    left.insert("masked".to_owned(), json!(true));
    Value::Object(left)
}

fn shown(archive: &Archive, need: &ShownNeed<'_>, deadlines: &Deadlines, today: Date) -> Value {
    let mut shown = object(need.raised);
    shown.extend(told_by(archive, need.raised_by));
    let answered = need.answered.map(|(answer, by)| {
        let mut answer = object(answer);
        let responded = answer.remove("department");
        answer.extend(told_by(archive, by));
        answer.insert("responded_by".to_owned(), responded.unwrap_or_default());
        answer
    });
    shown.insert("answered".to_owned(), json!(answered));
    tell_times(&mut shown, archive, need, deadlines, today);
    shown.insert("items_confirmed".to_owned(), json!(need.confirmed));
    Value::Object(shown)
}

/// Adds by when an answer is due, whether it is late, and what closed the need.
fn tell_times(
    shown: &mut Map<String, Value>,
    archive: &Archive,
    need: &ShownNeed<'_>,
    deadlines: &Deadlines,
    today: Date,
) {
    let ended = [need.answered.map(|(_, by)| by), need.closed_by].into_iter().flatten();
    let ended = ended.map(|by| by.occurred_on).min();
    let due_on = need.place.and_then(|place| due_on(need.raised_by, place, deadlines));
    shown.insert("closed".to_owned(), json!(need.closed_by.map(|by| told_by(archive, by))));
    shown.insert("due_on".to_owned(), json!(due_on));
    // Until it ended, or until today.
    let overdue = due_on.map(|due| ended.unwrap_or(today) > due);
    shown.insert("overdue".to_owned(), json!(overdue));
}

/// By when an answer is due, by the rule of the day on which it was asked for.
fn due_on(raised_by: &Origin, place: Place, deadlines: &Deadlines) -> Option<Date> {
    let clocks = Clocks {
        occurred_on: raised_by.occurred_on,
        known_on: raised_by.known_on,
        sent_at: None,
        received_at: raised_by.recorded_at(),
        recorded_at: raised_by.recorded_at(),
        verified_at: None,
    };
    Some(deadlines.due(Kind::NeedRaised as u16, place, &clocks)?.on)
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

/// The event that something comes from.
fn told_by(archive: &Archive, origin: &Origin) -> Map<String, Value> {
    let mut page = Page::with_room(TELLER_BYTES);
    told(archive, None, origin).write(&mut page);
    serde_json::from_slice(&page.into_bytes()).unwrap_or_default()
}
