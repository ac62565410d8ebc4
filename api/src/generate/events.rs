//! The events of a county one by one, in the order in which the registry receives them.

use std::io::{self, Write};

use serde_json::Value;

use super::event::{Event, Fate};
use super::line::write_line;
use super::simulation::Simulation;
use super::truth::Truth;
use super::{Options, Summary};
use crate::registry::CloudEvent;

/// A county telling its years. Iterating gives [`CloudEvent`]s; [`Events::next_line`] the same
/// events as text.
pub struct Events {
    simulation: Simulation,
    /// The deliveries of today that are still to come, the next one last.
    due: Vec<Event>,
    registered: u32,
    truth: Option<Truth>,
    summary: Summary,
    line: Vec<u8>,
}

impl Events {
    /// The events of a county, from the first load on.
    pub fn new(options: &Options) -> Self {
        Self {
            simulation: Simulation::new(options),
            due: Vec::new(),
            registered: 0,
            truth: None,
            summary: Summary::default(),
            line: Vec::new(),
        }
    }

    /// The same events, with the truth gathered on the way for [`Events::write_truth`].
    pub fn with_truth(options: &Options) -> Self {
        Self { truth: Some(Truth::new(options)), ..Self::new(options) }
    }

    /// Appends the next event to `line` as one line of NDJSON, its end included. False, and
    /// nothing appended, when the period is over.
    pub fn next_line(&mut self, line: &mut Vec<u8>) -> bool {
        let Some(event) = self.next_event() else { return false };
        write_line(&self.simulation, &event, line);
        self.count(&event);
        true
    }

    /// What was given out so far.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// The 12-digit codes of the county's villages.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        let county = &self.simulation.county;
        let inside = (0..).zip(&county.villages).filter(|(number, _)| county.has(*number));
        inside.map(|(_, village)| village.code.as_str())
    }

    /// Writes what the register must hold and measure after the events given out so far, as one
    /// JSON object. Nothing is written where no truth was gathered.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_truth(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match &mut self.truth {
            Some(truth) => truth.write(&self.simulation, &self.summary, out),
            None => Ok(()),
        }
    }

    fn next_event(&mut self) -> Option<Event> {
        if self.registered < self.simulation.options.people {
            let event = self.simulation.register(self.registered);
            self.registered += 1;
            return Some(self.simulation.mishandle(event));
        }
        loop {
            if let Some(event) = self.due.pop() {
                return Some(event);
            }
            if !self.simulation.live_a_day() {
                return None;
            }
            self.due = self.simulation.deliveries();
        }
    }

    fn count(&mut self, event: &Event) {
        let summary = &mut self.summary;
        summary.events += 1;
        summary.out_of_order += u64::from(event.is_out_of_order);
        match event.fate {
            Fate::Recorded => summary.recorded += 1,
            Fate::Duplicate => summary.duplicates += 1,
            Fate::Conflict => summary.conflicts += 1,
            Fate::Rejected => summary.rejected += 1,
        }
        if event.fate != Fate::Recorded {
            return;
        }
        summary.corrections += u64::from(event.kind == domain::Kind::Correction);
        summary.annulments += u64::from(event.kind == domain::Kind::Annulment);
        for named in event.subject.iter().chain(event.observations.iter().map(|(named, _)| named)) {
            let person = self.simulation.person_mut(named.person);
            self.summary.people += u64::from(!person.is_recorded);
            person.is_recorded = true;
        }
        if let Some(truth) = &mut self.truth {
            truth.record(&self.simulation, event);
        }
    }
}

impl Iterator for Events {
    type Item = CloudEvent;

    fn next(&mut self) -> Option<CloudEvent> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let event = self.next_line(&mut line).then(|| read_line(&line)).flatten();
        self.line = line;
        event
    }
}

/// Reads a line that [`write_line`] wrote.
fn read_line(line: &[u8]) -> Option<CloudEvent> {
    let Value::Object(mut envelope) = serde_json::from_slice(line).ok()? else { return None };
    let mut text = |name| match envelope.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let (id, source, event_type) = (text("id")?, text("source")?, text("type")?);
    let (time, recorded_time) = (text("time")?, text("recordedtime")?);
    Some(CloudEvent {
        id,
        source,
        event_type,
        time: Some(time.parse().ok()?),
        recorded_time: Some(recorded_time.parse().ok()?),
        data: envelope.remove("data")?,
    })
}
