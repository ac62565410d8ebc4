//! The truth of one person as JSON: by which document, whether alive and what stands in the end, and
//! every fact with what it does, so that a reader can tell what was true on any day as known at any
//! instant.
//!
//! `facts`: `id`, `kind`, `side` (somebody else's act), `day` it happened, `known` (RFC 3339), `by`
//! (department), `does` (steps, in order), `changes` (`known`, `by`, `annuls` or `does` and perhaps
//! `day`). Steps: `["say", item, value, has the word]`, `["topic", topic, field, value,
//! has the word]`, `["ends", topic, end, field, has the word]` (nothing while the field does not stand
//! or an end does; what a death ends is open again when somebody is back), `["status", word]` (dead
//! closes open needs), `["back", marriage goes on]`, `["tie" | "end" | "end_others" | "widow" |
//! "lose" | "void" | "revive" | "again", role, document]`, `["need" | "answer", number]`. A value is text, or
//! `{"day": true}` for the day of the fact, `{"gone": true}`, `{"gone": "at_home"}`.

use std::io::{self, Write};

use domain::Role;

use super::super::event::Named;
use super::super::line::{write_day, write_json, write_named, write_time};
use super::super::simulation::Simulation;
use super::facts::{Effect, Fact, Said};

/// Writes a person.
///
/// # Errors
/// Those of `out`.
pub(super) fn write_person(
    simulation: &Simulation,
    person: u32,
    life: &[Fact],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut text = Vec::new();
    write_named(simulation, first_document(simulation, person), &mut text);
    // `{"document":{…}}` goes on with more fields.
    text.pop();
    text.extend_from_slice(b",\"facts\":[");
    for (at, fact) in life.iter().enumerate() {
        text.extend_from_slice(if at == 0 { b"\n {\"id\":\"" } else { b",\n {\"id\":\"" });
        text.extend(fact.department.bytes().map(|byte| byte.to_ascii_lowercase()));
        text.extend_from_slice(
            format!("-{:09}\",\"kind\":\"{}\"", fact.id, fact.kind.code()).as_bytes(),
        );
        if fact.side {
            text.extend_from_slice(b",\"side\":true");
        }
        text.extend_from_slice(b",\"day\":\"");
        write_day(fact.day, &mut text);
        text.push(b'"');
        write_teller(fact.known, fact.department, &mut text);
        write_effects(simulation, &fact.effects, &mut text);
        for (at, change) in fact.changes.iter().enumerate() {
            text.extend_from_slice(if at == 0 { b",\"changes\":[{" } else { b",{" });
            text.extend_from_slice(format!("\"annuls\":{}", change.annuls).as_bytes());
            if let Some(day) = change.true_day {
                text.extend_from_slice(b",\"day\":\"");
                write_day(day, &mut text);
                text.push(b'"');
            }
            write_teller(change.known, change.department, &mut text);
            write_effects(simulation, &change.effects, &mut text);
            text.push(b'}');
        }
        text.extend_from_slice(if fact.changes.is_empty() { b"}" } else { b"]}" });
    }
    text.extend_from_slice(b"]}");
    out.write_all(&text)
}

/// The document by which somebody is looked up: their first citizen number, once it was told.
fn first_document(simulation: &Simulation, person: u32) -> Named {
    let known = simulation.person(person);
    let by_certificate = known.certificate > 0 && known.numbered_from > simulation.today;
    Named { person, by_certificate, number: 0 }
}

fn write_teller(known: i64, department: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"known\":\"");
    write_time(known, out);
    out.extend_from_slice(b"\",\"by\":\"");
    out.extend_from_slice(department.as_bytes());
    out.push(b'"');
}

fn write_effects(simulation: &Simulation, effects: &[Effect], out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"does\":[");
    for (at, effect) in effects.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"[" } else { b",[" });
        write_effect(simulation, *effect, out);
        out.push(b']');
    }
    out.push(b']');
}

fn write_effect(simulation: &Simulation, effect: Effect, out: &mut Vec<u8>) {
    let tie = |word: &str, role: Role, person: Option<u32>, out: &mut Vec<u8>| {
        // A member is one of the household's members.
        let role = if role == Role::Member { "member" } else { role.name() };
        out.extend_from_slice(format!("\"{word}\",\"{role}\",").as_bytes());
        match person {
            Some(person) => write_named(simulation, first_document(simulation, person), out),
            None => out.extend_from_slice(b"null"),
        }
    };
    match effect {
        Effect::Say(item, said, has_word) => {
            out.extend_from_slice(format!("\"say\",\"{}\",", item.name()).as_bytes());
            write_said(simulation, said, out);
            out.extend_from_slice(if has_word { b",true" } else { b",false" });
        }
        Effect::Topic(topic, name, said, has_word) => {
            out.extend_from_slice(format!("\"topic\",\"{}\",\"{name}\",", topic.name()).as_bytes());
            write_said(simulation, said, out);
            out.extend_from_slice(format!(",{has_word}").as_bytes());
        }
        Effect::Ends(topic, end, open, has_word) => {
            let topic = topic.name();
            let step = format!("\"ends\",\"{topic}\",\"{end}\",\"{open}\",{has_word}");
            out.extend_from_slice(step.as_bytes());
        }
        Effect::Status(word) => {
            out.extend_from_slice(format!("\"status\",\"{word}\"").as_bytes());
        }
        Effect::Back(goes_on) => out.extend_from_slice(format!("\"back\",{goes_on}").as_bytes()),
        Effect::Tie(role, person) => tie("tie", role, Some(person), out),
        Effect::End(role, person) => tie("end", role, person, out),
        Effect::EndOthers(role, person) => tie("end_others", role, Some(person), out),
        Effect::Widow(person) => tie("widow", Role::Spouse, Some(person), out),
        Effect::Lose(person) => tie("lose", Role::Spouse, Some(person), out),
        Effect::Void(person) => tie("void", Role::Spouse, Some(person), out),
        Effect::Again(role, person) => tie("again", role, Some(person), out),
        Effect::Revive(person) => tie("revive", Role::Spouse, Some(person), out),
        Effect::Need(number) | Effect::Answer(number) => {
            let is_raised = matches!(effect, Effect::Need(_));
            out.extend_from_slice(if is_raised { b"\"need\"," } else { b"\"answer\"," });
            write_json(simulation, number, out);
        }
    }
}

fn write_said(simulation: &Simulation, said: Said, out: &mut Vec<u8>) {
    match said {
        Said::Value(value) => write_json(simulation, value, out),
        Said::Day => out.extend_from_slice(b"{\"day\":true}"),
        Said::Gone => out.extend_from_slice(b"{\"gone\":true}"),
        Said::GoneAtHome => out.extend_from_slice(b"{\"gone\":\"at_home\"}"),
    }
}
