//! What the register must hold and measure once it has received everything: counted here by small
//! rules of its own, so that the figures of the registry can be checked against it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use domain::{Item, Kind, Role};
use rustc_hash::FxHashMap;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::clock::date_of;
use super::event::{Counted, Event, Value};
use super::line::{write_named, write_value};
use super::person::Day;
use super::simulation::Simulation;
use super::{Options, Summary};

/// The running truth.
pub(super) struct Truth {
    rows: FxHashMap<Group, Tally>,
    /// What was said of the persons whose record is written out, in the order of delivery.
    lives: BTreeMap<u32, Vec<Statement>>,
    /// Every so many persons one is written out; 0 for none.
    stride: u32,
    delivered: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Group {
    kind: Kind,
    place: u16,
    department: &'static str,
    channel: &'static str,
    /// Months since the year 0.
    month: i32,
}

#[derive(Default)]
struct Tally {
    count: i64,
    on_time: i64,
    with_rule: i64,
    lags: BTreeMap<i32, i64>,
}

/// What one report says of one person; `None` where an item ends, or where the register may or may
/// not draw a conclusion of its own.
struct Statement {
    id: u32,
    day: Day,
    order: u32,
    is_death: bool,
    items: Vec<(Item, Option<Value>)>,
}

#[derive(Serialize)]
struct Row<'a> {
    event: &'a str,
    place: &'a str,
    department: &'a str,
    channel: &'a str,
    month: String,
    count: i64,
    on_time: i64,
    with_rule: i64,
    lags: &'a BTreeMap<i32, i64>,
}

impl Truth {
    /// Nothing received yet.
    pub(super) fn new(options: &Options) -> Self {
        let stride = match options.truth_persons {
            0 => 0,
            persons => options.people.div_ceil(persons).max(1),
        };
        Self { rows: FxHashMap::default(), lives: BTreeMap::new(), stride, delivered: 0 }
    }

    /// The register records a report.
    pub(super) fn record(&mut self, simulation: &Simulation, event: &Event) {
        self.delivered += 1;
        match (&event.amends, event.subject) {
            (Some(amends), Some(subject)) => {
                let counted = amends.counted;
                if event.kind == Kind::Annulment {
                    self.count(simulation, counted, -1);
                } else if let Some(true_day) = amends.true_day {
                    self.count(simulation, counted, -1);
                    self.count(simulation, Counted { occurred: true_day, ..counted }, 1);
                }
                self.amend(event, amends.target, amends.true_day, subject.person);
            }
            _ => self.record_primary(simulation, event),
        }
    }

    fn record_primary(&mut self, simulation: &Simulation, event: &Event) {
        for (observed, items) in &event.observations {
            self.count(simulation, event.counted(), 1);
            let items = items.iter().map(|(item, value)| (*item, Some(*value))).collect();
            self.state(event, observed.person, items);
        }
        let Some(subject) = event.subject else { return };
        self.count(simulation, event.counted(), 1);
        self.state(event, subject.person, concluded(event));
        for (role, related) in &event.related {
            if *role == Role::Spouse && event.kind != Kind::Registration {
                self.state(event, related.person, concluded_of_spouse(event));
            }
        }
    }

    fn state(&mut self, event: &Event, person: u32, items: Vec<(Item, Option<Value>)>) {
        if self.stride == 0 || !person.is_multiple_of(self.stride) {
            return;
        }
        let is_subject = event.subject.is_some_and(|subject| subject.person == person);
        let is_death = event.kind == Kind::Death && is_subject;
        let (id, day, order) = (event.id, event.occurred, self.delivered);
        self.lives.entry(person).or_default().push(Statement { id, day, order, is_death, items });
    }

    fn amend(&mut self, event: &Event, target: u32, true_day: Option<Day>, person: u32) {
        let Some(life) = self.lives.get_mut(&person) else { return };
        let Some(at) = life.iter().position(|statement| statement.id == target) else { return };
        if event.kind == Kind::Annulment {
            life.remove(at);
            return;
        }
        let statement = &mut life[at];
        statement.day = true_day.unwrap_or(statement.day);
        for (item, value) in &event.items {
            statement.items.retain(|(known, _)| known != item);
            statement.items.push((*item, Some(*value)));
        }
    }

    fn count(&mut self, simulation: &Simulation, counted: Counted, times: i64) {
        let date = date_of(counted.occurred);
        let group = Group {
            kind: counted.kind,
            place: counted.place,
            department: counted.department,
            channel: counted.channel,
            month: i32::from(date.year()) * 12 + i32::from(date.month()) - 1,
        };
        let lag = counted.recorded - counted.occurred;
        let is_urban = is_urban(&simulation.county.village(counted.place).code);
        let tally = self.rows.entry(group).or_default();
        tally.count += times;
        *tally.lags.entry(lag).or_default() += times;
        if let Some(days) = days_allowed(counted.kind, is_urban) {
            tally.with_rule += times;
            tally.on_time += if lag <= days { times } else { 0 };
        }
    }

    /// Writes the truth as one JSON object.
    pub(super) fn write(
        &mut self,
        simulation: &Simulation,
        summary: &Summary,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        out.write_all(b"{\"options\":")?;
        serde_json::to_writer(&mut *out, &simulation.options)?;
        let Json::Object(counts) = serde_json::to_value(summary)? else { return Ok(()) };
        for (name, count) in counts {
            write!(out, ",\"{name}\":{count}")?;
        }
        out.write_all(b",\n\"timeliness\":[")?;
        self.write_rows(simulation, out)?;
        out.write_all(b"],\n\"persons\":[")?;
        for (index, (person, life)) in self.lives.iter_mut().enumerate() {
            out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
            write_person(simulation, *person, life, out)?;
        }
        out.write_all(b"]}\n")
    }

    fn write_rows(&mut self, simulation: &Simulation, out: &mut dyn Write) -> io::Result<()> {
        let mut groups: Vec<_> =
            self.rows.iter_mut().filter(|(_, tally)| tally.count > 0).collect();
        groups.sort_by_key(|(group, _)| **group);
        for (index, (group, tally)) in groups.into_iter().enumerate() {
            tally.lags.retain(|_, count| *count > 0);
            out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
            let row = Row {
                event: group.kind.code(),
                place: &simulation.county.village(group.place).code,
                department: group.department,
                channel: group.channel,
                month: format!("{:04}-{:02}", group.month / 12, group.month % 12 + 1),
                count: tally.count,
                on_time: tally.on_time,
                with_rule: tally.with_rule,
                lags: &tally.lags,
            };
            serde_json::to_writer(&mut *out, &row)?;
        }
        Ok(())
    }
}

/// Writes what must stand in a person's record: of each item what the latest day says; of one day,
/// what was delivered last.
fn write_person(
    simulation: &Simulation,
    person: u32,
    life: &mut [Statement],
    out: &mut dyn Write,
) -> io::Result<()> {
    life.sort_by_key(|statement| (statement.day, statement.order));
    let mut items = BTreeMap::new();
    for (item, value) in life.iter().flat_map(|statement| &statement.items) {
        items.insert(*item, *value);
    }
    let alive = !life.iter().any(|statement| statement.is_death);
    let in_words = |value| {
        let mut text = Vec::new();
        write_value(simulation, value, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    };
    let stated: Map<String, Json> = items
        .iter()
        .filter_map(|(item, value)| Some((item.name().to_owned(), in_words((*value)?).into())))
        .collect();
    let is_born_here = simulation.person(person).certificate > 0;
    let by_certificate = is_born_here && !items.contains_key(&Item::CitizenId);
    let mut named = Vec::new();
    write_named(simulation, super::event::Named { person, by_certificate }, &mut named);
    // `{"document":{…}}` goes on with two more fields.
    named.pop();
    out.write_all(&named)?;
    write!(out, ",\"alive\":{alive},\"items\":")?;
    serde_json::to_writer(&mut *out, &stated)?;
    out.write_all(b"}")
}

/// What a report says of its subject, with what the register concludes from it.
fn concluded(event: &Event) -> Vec<(Item, Option<Value>)> {
    let mut items: Vec<_> = event.items.iter().map(|(item, value)| (*item, Some(*value))).collect();
    let day = Some(Value::Day(event.occurred));
    let moved = |items: &mut Vec<(Item, Option<Value>)>| {
        if !items.iter().any(|(item, _)| *item == Item::MigrationDate) {
            items.push((Item::MigrationDate, day));
        }
    };
    match event.kind {
        Kind::Birth => items.push((Item::BirthDate, day)),
        Kind::Death => items.push((Item::DeathDate, day)),
        Kind::ResidenceChange | Kind::TempStayReg | Kind::Leave => moved(&mut items),
        Kind::Return | Kind::HukouIn => items.push((Item::MigrationDate, None)),
        Kind::HukouOut => items.extend([(Item::Hukou, None), (Item::HukouStatus, None)]),
        kind if kind.is_marriage() || kind.is_divorce() => {
            items.extend(concluded_of_spouse(event));
        }
        _ => {}
    }
    items
}

/// What the register concludes of the spouse who is named.
fn concluded_of_spouse(event: &Event) -> Vec<(Item, Option<Value>)> {
    let day = Some(Value::Day(event.occurred));
    let code = match event.kind {
        Kind::MarryFirst => 21,
        Kind::MarryAgain => 22,
        Kind::MarryRestore => 23,
        Kind::DivorceReg | Kind::DivorceCourt => 40,
        _ => return vec![(Item::MaritalStatus, None), (Item::MaritalChangeDate, None)],
    };
    let mut items =
        vec![(Item::MaritalStatus, Some(Value::Code(code))), (Item::MaritalChangeDate, day)];
    if code == 21 {
        items.push((Item::FirstMarriageDate, day));
    }
    items
}

/// Days from the event until it is late, where there is a limit.
fn days_allowed(kind: Kind, is_urban: bool) -> Option<i32> {
    Some(match kind {
        Kind::Birth | Kind::Death | Kind::ResidenceChange | Kind::Leave | Kind::Return => 30,
        Kind::MarryFirst | Kind::MarryAgain | Kind::MarryRestore | Kind::HukouOut => 0,
        Kind::DivorceReg => 60,
        Kind::HukouIn if is_urban => 3,
        Kind::HukouIn => 10,
        Kind::TempStayReg => 3,
        _ => return None,
    })
}

/// Whether a village is urban, by the last three digits of its code.
fn is_urban(code: &str) -> bool {
    matches!(code[9..].parse(), Ok(1..=199 | 400..=499))
}
