//! What the register must hold and measure once it has received everything: counted here by small
//! rules of its own, so that the figures of the registry can be checked against it.

mod authority;
mod deadlines;
mod facts;
mod guardians;
mod heads;
mod write;

use std::collections::BTreeMap;
use std::io::{self, Write};

use domain::{Kind, Role};
use rustc_hash::FxHashMap;
use serde::Serialize;
use serde_json::Value as Json;

use super::clock::date_of;
use super::event::{Amends, Counted, Event};
use super::person::mark;
use super::simulation::Simulation;
use super::{Options, Summary};
use deadlines::Limits;
use facts::{Change, Effect, Fact, corrected, effects_of};
use guardians::Guardians;
use heads::Heads;
use write::write_person;

/// The running truth.
pub(super) struct Truth {
    rows: FxHashMap<Group, Tally>,
    /// What was said of the persons whose record is written out, in the order of delivery.
    lives: BTreeMap<u32, Vec<Fact>>,
    heads: Heads,
    guardians: Guardians,
    limits: Limits,
    /// Every so many persons one is written out; 0 for none.
    stride: u32,
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
        let (rows, lives, limits) = (FxHashMap::default(), BTreeMap::new(), Limits::new());
        let (heads, guardians) = (Heads::default(), Guardians::default());
        Self { rows, lives, heads, guardians, limits, stride }
    }

    /// The register records a report.
    pub(super) fn record(&mut self, simulation: &Simulation, event: &Event) {
        if let Some(amends) = &event.amends {
            let counted = amends.counted;
            if event.kind == Kind::Annulment {
                self.count(simulation, counted, -1);
            } else if let Some(true_day) = amends.true_day {
                self.count(simulation, counted, -1);
                self.count(simulation, Counted { occurred: true_day, ..counted }, 1);
            }
            return self.amend(event, amends);
        }
        let times = match event.kind {
            Kind::HouseholdVisit => event.observations.len() as i64,
            _ => 1,
        };
        self.count(simulation, event.counted(), times);
        if self.stride == 0 {
            return;
        }
        let lost = self.heads.take(event).into_iter();
        let lost =
            lost.map(|(head, member)| (head, true, vec![Effect::End(Role::Member, Some(member))]));
        let parted = self.guardians.take(event);
        let mut told = effects_of(event);
        if let Some((_, _, own)) = told.first_mut() {
            own.extend(Guardians::own(&parted));
        }
        let parted = parted.into_iter().map(|(who, effect)| (who, true, vec![effect]));
        for (person, side, effects) in told.into_iter().chain(lost).chain(parted) {
            if person.is_multiple_of(self.stride) {
                self.lives.entry(person).or_default().push(Fact {
                    id: event.id,
                    kind: event.kind,
                    side,
                    day: event.occurred,
                    known: event.recorded,
                    department: event.upstream.department,
                    effects,
                    changes: Vec::new(),
                });
            }
        }
    }

    /// A correction or annulment acts wherever its target was told.
    fn amend(&mut self, event: &Event, amends: &Amends) {
        let mut besides = self.heads.amend(amends);
        besides.extend(self.guardians.amend(amends, event.kind == Kind::Annulment));
        besides.retain(|person| !amends.told_to.contains(person));
        for person in amends.told_to.iter().chain(&besides) {
            let Some(life) = self.lives.get_mut(person) else { continue };
            let facts = life.iter_mut().rev().filter(|fact| fact.id == amends.target);
            for fact in facts {
                let annuls = event.kind == Kind::Annulment;
                let effects = if annuls {
                    Vec::new()
                } else {
                    corrected(fact.kind, fact.side, event, amends.true_day)
                };
                fact.changes.push(Change {
                    known: event.recorded,
                    department: event.upstream.department,
                    annuls,
                    true_day: amends.true_day,
                    effects,
                });
            }
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
        let allowed = self.limits.days_allowed(counted.kind, is_urban, counted.occurred);
        let tally = self.rows.entry(group).or_default();
        tally.count += times;
        *tally.lags.entry(lag).or_default() += times;
        if let Some(days) = allowed {
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
        let doubles = |person: u32| simulation.person(person).has(mark::DOUBLE);
        let lives = self.lives.iter().filter(|(person, _)| !doubles(**person));
        for (index, (person, life)) in lives.enumerate() {
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

/// Whether a village is urban, by the last three digits of its code.
fn is_urban(code: &str) -> bool {
    matches!(code[9..].parse(), Ok(1..=199 | 400..=499))
}
