//! A report as text: one CloudEvent in structured mode on one line. Every text comes from the
//! generator's own tables, none of which holds a character that JSON would escape.

use domain::Kind;
use domain::citizen_number::check_character;

use super::clock::date_of;
use super::contacts::SERVICES;
use super::event::{Event, Level, Named, Stated, Value};
use super::person::Day;
use super::simulation::Simulation;

const APPROVERS: [&str; 4] =
    ["pol-reviewer-01", "pol-reviewer-02", "hlt-reviewer-01", "civ-reviewer-01"];

/// Writes a report as one line, the line's end included.
pub(super) fn write_line(simulation: &Simulation, event: &Event, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"specversion":"1.0","id":""#);
    write_id(event, event.id, out);
    out.extend_from_slice(br#"","source":""#);
    write_source(simulation, event, out);
    out.extend_from_slice(br#"","type":"renkou."#);
    text(event.kind.code(), out);
    out.extend_from_slice(b".v");
    digits(u32::from(event.kind.entry().version), 1, out);
    out.extend_from_slice(br#"","time":""#);
    write_time(event.sent, out);
    out.extend_from_slice(br#"","recordedtime":""#);
    write_time(event.recorded, out);
    out.extend_from_slice(br#"","data":{"#);
    if let Some(subject) = event.subject {
        out.extend_from_slice(br#""person":"#);
        write_named(simulation, subject, out);
        out.push(b',');
    }
    out.extend_from_slice(br#""occurred_on":""#);
    write_day(event.occurred, out);
    out.extend_from_slice(br#"","known_on":""#);
    write_day(event.known, out);
    out.extend_from_slice(br#"","channel":""#);
    text(event.upstream.channel, out);
    out.extend_from_slice(br#"","place":""#);
    text(&simulation.county.village(event.place).code, out);
    out.extend_from_slice(br#"","operator":"op-"#);
    digits(event.id % 97 + 1, 4, out);
    out.push(b'"');
    if !event.items.is_empty() {
        out.push(b',');
        write_items(simulation, &event.items, out);
    }
    for group in event.related.chunk_by(|one, other| one.0 == other.0) {
        out.extend_from_slice(b",\"");
        text(group[0].0.name(), out);
        out.extend_from_slice(if group.len() == 1 { b"\":" } else { b"\":[" });
        for (at, (_, related)) in group.iter().enumerate() {
            out.extend_from_slice(if at == 0 { b"" } else { b"," });
            write_named(simulation, *related, out);
        }
        out.extend_from_slice(if group.len() == 1 { b"" } else { b"]" });
    }
    for (name, value) in &event.fields {
        out.extend_from_slice(b",\"");
        text(name, out);
        out.extend_from_slice(b"\":");
        write_json(simulation, *value, out);
    }
    write_rest(simulation, event, out);
    out.extend_from_slice(b"}}\n");
}

/// What only some kinds have.
fn write_rest(simulation: &Simulation, event: &Event, out: &mut Vec<u8>) {
    if event.certificate > 0 {
        out.extend_from_slice(br#","certificate_no":""#);
        write_certificate(event.certificate, event.kind == Kind::Birth, out);
        out.push(b'"');
    }
    if event.service > 0 {
        out.extend_from_slice(br#","service":{"asked":""#);
        text(SERVICES[usize::from(event.service)], out);
        let decided = if event.id.is_multiple_of(41) { "refused" } else { "approved" };
        out.extend_from_slice(br#"","decided":""#);
        text(decided, out);
        out.extend_from_slice(br#""}"#);
    }
    if let Some(amends) = &event.amends {
        let word = if event.kind == Kind::Annulment { "annuls" } else { "corrects" };
        out.extend_from_slice(b",\"");
        text(word, out);
        out.extend_from_slice(b"\":\"");
        write_id(event, amends.target, out);
        if let Some(day) = amends.true_day {
            out.extend_from_slice(br#"","true_day":""#);
            write_day(day, out);
        }
        out.extend_from_slice(br#"","reason":""#);
        text(amends.reason, out);
        out.extend_from_slice(br#"","approved_by":""#);
        text(APPROVERS[event.id as usize % APPROVERS.len()], out);
        out.push(b'"');
    }
    let visit = event.kind == Kind::HouseholdVisit;
    for (index, (person, items)) in event.observations.iter().enumerate() {
        match (index, visit) {
            (0, true) => out.extend_from_slice(br#","observations":[{"#),
            (0, false) => out.extend_from_slice(br#","members":[{"#),
            _ => out.extend_from_slice(b",{"),
        }
        out.extend_from_slice(br#""person":"#);
        write_named(simulation, *person, out);
        out.push(b',');
        write_items(simulation, items, out);
        out.push(b'}');
    }
    if !event.observations.is_empty() {
        out.push(b']');
    }
}

fn write_items(simulation: &Simulation, items: &Stated, out: &mut Vec<u8>) {
    out.extend_from_slice(br#""items":{"#);
    for (index, (item, value)) in items.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
        text(item.name(), out);
        out.extend_from_slice(b"\":\"");
        write_value(simulation, *value, out);
        out.push(b'"');
    }
    out.push(b'}');
}

/// Writes a value as the contract's text, without quotes.
pub(super) fn write_value(simulation: &Simulation, value: Value, out: &mut Vec<u8>) {
    let county = &simulation.county;
    match value {
        Value::Digit(code) => digits(u32::from(code), 1, out),
        Value::Code(code) => digits(u32::from(code), 2, out),
        Value::Region(code) => digits(code, 6, out),
        Value::Day(day) => write_day(day, out),
        Value::Village(village) => text(&county.village(village).code, out),
        Value::Address(home) => county.write_address(home, out),
        Value::Plate(home) => county.write_plate(home, out),
        Value::Name(name) => name.write(out),
        Value::ProvisionalName(name) => name.write_provisional(out),
        Value::Number(person, number) => write_number(simulation, person, number, out),
        Value::Household(household) => {
            let household = &simulation.households[household as usize];
            text(&county.village(household.home.village).code, out);
            digits(household.home.plate % 12 + 1, 2, out);
            digits(u32::from(household.serial), 4, out);
        }
        Value::Employer(village, employer) => county.write_employer(village, employer, out),
        Value::Word(word) => text(word, out),
        Value::Serial(letters, serial) => {
            text(letters, out);
            digits(serial, 8, out);
        }
        Value::Disability(person, kind, level) => {
            write_number(simulation, person, 0, out);
            digits(u32::from(kind) * 10 + u32::from(level), 2, out);
        }
        Value::CountyOf(village) => text(&county.village(village).code[..6], out),
        Value::Whom(named) => write_named(simulation, named, out),
        Value::Count(count) => digits(count, 1, out),
        Value::Yes(is) => text(if is { "true" } else { "false" }, out),
        Value::Words(words) => {
            out.push(b'[');
            for (at, word) in words.iter().enumerate() {
                out.extend_from_slice(if at == 0 { b"\"" } else { b",\"" });
                text(word, out);
                out.push(b'"');
            }
            out.push(b']');
        }
    }
}

/// Writes a value as JSON.
pub(super) fn write_json(simulation: &Simulation, value: Value, out: &mut Vec<u8>) {
    if matches!(value, Value::Count(_) | Value::Yes(_) | Value::Whom(_) | Value::Words(_)) {
        return write_value(simulation, value, out);
    }
    out.push(b'"');
    write_value(simulation, value, out);
    out.push(b'"');
}

/// Writes the document by which a person is named.
pub(super) fn write_named(simulation: &Simulation, named: Named, out: &mut Vec<u8>) {
    if named.by_certificate {
        out.extend_from_slice(br#"{"document":{"kind":"birth_certificate","number":""#);
        write_certificate(simulation.person(named.person).certificate, true, out);
    } else {
        out.extend_from_slice(br#"{"document":{"kind":"citizen_id","number":""#);
        write_number(simulation, named.person, named.number, out);
    }
    out.extend_from_slice(br#""}}"#);
}

/// Writes a citizen number of a person: region, birth date, order code, check character.
fn write_number(simulation: &Simulation, person: u32, number: u8, out: &mut Vec<u8>) {
    let number = simulation.number_of(person, number);
    let begin = out.len();
    digits(number.region, 6, out);
    let date = date_of(number.birth);
    digits(date.year() as u32, 4, out);
    digits(date.month() as u32, 2, out);
    digits(date.day() as u32, 2, out);
    digits(u32::from(number.order), 3, out);
    out.push(check_character(&out[begin..]));
}

fn write_certificate(serial: u32, of_birth: bool, out: &mut Vec<u8>) {
    text(if of_birth { "X99" } else { "C99" }, out);
    digits(serial, 8, out);
}

pub(super) fn write_id(event: &Event, id: u32, out: &mut Vec<u8>) {
    lower(event.upstream.department, out);
    out.push(b'-');
    digits(id, 9, out);
}

fn write_source(simulation: &Simulation, event: &Event, out: &mut Vec<u8>) {
    let level = match event.upstream.level {
        Level::County => 6,
        Level::Township => 9,
        Level::Village => 12,
    };
    out.push(b'/');
    lower(event.upstream.department, out);
    out.push(b'/');
    text(&simulation.county.village(event.place).code[..level], out);
    out.push(b'/');
    text(event.upstream.system, out);
}

pub(super) fn write_day(day: Day, out: &mut Vec<u8>) {
    let date = date_of(day);
    digits(date.year() as u32, 4, out);
    out.push(b'-');
    digits(date.month() as u32, 2, out);
    out.push(b'-');
    digits(date.day() as u32, 2, out);
}

pub(super) fn write_time(seconds: i64, out: &mut Vec<u8>) {
    write_day(seconds.div_euclid(86_400) as Day, out);
    let second = seconds.rem_euclid(86_400) as u32;
    out.push(b'T');
    digits(second / 3600, 2, out);
    out.push(b':');
    digits(second / 60 % 60, 2, out);
    out.push(b':');
    digits(second % 60, 2, out);
    out.extend_from_slice(b"+08:00");
}

fn text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
}

fn lower(text: &str, out: &mut Vec<u8>) {
    out.extend(text.bytes().map(|byte| byte.to_ascii_lowercase()));
}

/// Writes a number with leading zeros; all its digits where it has more than `width`.
fn digits(number: u32, width: usize, out: &mut Vec<u8>) {
    let begin = out.len();
    let mut rest = number;
    while rest > 0 || out.len() - begin < width {
        out.push(b'0' + (rest % 10) as u8);
        rest /= 10;
    }
    out[begin..].reverse();
}
