//! From a CloudEvent to a submission: its names checked, its data read, its source inside the
//! sender's grant.

use domain::catalogue::upcast;
use domain::clocks::day_in_china;
use domain::recorded::ContentTag;
use domain::submission::{PersonRef, Reader, Received, Source, Submission};
use domain::{Divisions, Fault, IdentityKey, Kind};
use jiff::Timestamp;
use serde_json::Value;

use super::acts::event_key;
use super::canonical::write_canonical;
use super::{CloudEvent, Prepared, Sender, Unfit};

/// Bytes of one event at most, so that it fits a record of the log.
const EVENT_BYTES_MAX: usize = 48 * 1024;

/// Makes submissions of CloudEvents.
pub struct Intake {
    divisions: Divisions,
    identity: IdentityKey,
    fictional: bool,
}

impl Intake {
    /// Reads with the divisions of this registry; a fictional one has a simulated clock.
    pub fn new(identity: IdentityKey, fictional: bool) -> Self {
        Self { divisions: Divisions::embedded(fictional), identity, fictional }
    }

    /// The divisions of this registry, and today, for reading what people typed.
    pub fn reader(&self, now: Timestamp) -> Reader<'_> {
        Reader { divisions: &self.divisions, today: day_in_china(now) }
    }

    /// The secret under which documents become persons.
    pub fn identity(&self) -> &IdentityKey {
        &self.identity
    }

    /// Reads an event; `received` is its text as sent.
    pub fn prepare(&self, event: CloudEvent, received: Received, sender: &Sender) -> Prepared {
        let source = match Source::read(&event.source) {
            Ok(source) => source,
            Err(fault) => {
                return self.unfit(event, sender.own_source(), vec![fault], received, sender);
            }
        };
        if let Err(fault) = sender.check_source(&source) {
            return self.unfit(event, source, vec![fault], received, sender);
        }
        let (kind, version, received_at) = match self.kind_and_clock(&event, &received, sender) {
            Ok(known) => known,
            Err(faults) => return self.unfit(event, source, faults, received, sender),
        };
        let content = self.content_tag(&event, received.len());
        let reader = self.reader(received_at);
        let simulated = event.recorded_time;
        let mut data = event.data;
        if let Value::Object(data) = &mut data
            && version < kind.entry().version
        {
            upcast::upcast(kind, version, data);
        }
        let mut report = match reader.read(kind, data) {
            Ok(report) => report,
            Err(faults) => {
                // The data was taken apart; what was sent is still there as its text.
                let mut again = event_head(&event.id, &event.event_type, simulated);
                let text = serde_json::from_str(&received).unwrap_or_default();
                again.data = data_of(text);
                return self.unfit(again, source, faults, received, sender);
            }
        };
        if let Err(fault) = sender.check_place(report.place) {
            let event = event_head(&event.id, &event.event_type, simulated);
            let person = report.person.clone();
            return match self.unfit(event, source, vec![fault], received, sender) {
                Prepared::Unfit(unfit) => Prepared::Unfit(Box::new(Unfit { person, ..*unfit })),
                ready => ready,
            };
        }
        let key = event_key(&self.identity, &source.text, &event.id);
        // Here and not where it is decided: that is done on one thread.
        report.compute_streams(&self.identity);
        Prepared::Ready(Box::new(Submission {
            id: event.id,
            source,
            kind,
            version,
            key,
            content,
            sent_at: event.time,
            received_at,
            actor: sender.subject.clone(),
            report,
            received,
        }))
    }

    /// What the event says as a keyed hash: over its type and its data with sorted names.
    fn content_tag(&self, event: &CloudEvent, bytes_expected: usize) -> ContentTag {
        let mut canonical = Vec::with_capacity(bytes_expected);
        write_canonical(&event.data, &mut canonical);
        let parts: [&[u8]; 4] = [b"content|", event.event_type.as_bytes(), b"|", &canonical];
        ContentTag(self.identity.hash(&parts))
    }

    /// Keeps what could not even be read as a CloudEvent.
    pub fn unreadable(
        &self,
        id: &str,
        event_type: &str,
        source: Option<&str>,
        faults: Vec<Fault>,
        received: Received,
        sender: &Sender,
    ) -> Prepared {
        let source = source.and_then(|text| Source::read(text).ok());
        let source = source.filter(|source| sender.check_source(source).is_ok());
        let source = source.unwrap_or_else(|| sender.own_source());
        self.unfit(event_head(id, event_type, None), source, faults, received, sender)
    }

    fn kind_and_clock(
        &self,
        event: &CloudEvent,
        received: &str,
        sender: &Sender,
    ) -> Result<(Kind, u16, Timestamp), Vec<Fault>> {
        let mut faults = Vec::new();
        let kind = Kind::of_type(&event.event_type);
        if kind.is_none() {
            let fault =
                Fault::new("no_such_event", "没有这种事件类型", "there is no such event type");
            faults.push(fault.at("/type"));
        }
        if event.recorded_time.is_some() && !self.fictional {
            let fault = Fault::new(
                "clock_not_simulated",
                "recordedtime 只用于虚构登记簿",
                "recordedtime is for fictional registries only",
            );
            faults.push(fault.at("/recordedtime"));
        }
        // Recording never goes back in time: a clock ahead of ours would drag all that follows.
        if event.recorded_time.is_some_and(|at| at > sender.received_at) {
            let fault = Fault::new(
                "in_future",
                "recordedtime 晚于当前时间",
                "recordedtime is later than now",
            );
            faults.push(fault.at("/recordedtime"));
        }
        if event.id.len() > 255 {
            let fault = Fault::new("too_long", "id 最长255字节", "an id has at most 255 bytes");
            faults.push(fault.at("/id"));
        }
        if received.len() > EVENT_BYTES_MAX {
            faults.push(Fault::new(
                "too_long",
                "单个事件最长48KiB",
                "one event has at most 48 KiB",
            ));
        }
        match kind {
            Some((kind, version)) if faults.is_empty() => {
                Ok((kind, version, self.clock(event.recorded_time, sender)))
            }
            _ => Err(faults),
        }
    }

    /// When the event was received: by the simulated clock where there is one.
    fn clock(&self, recorded_time: Option<Timestamp>, sender: &Sender) -> Timestamp {
        recorded_time.filter(|_| self.fictional).unwrap_or(sender.received_at)
    }

    fn unfit(
        &self,
        event: CloudEvent,
        source: Source,
        faults: Vec<Fault>,
        received: Received,
        sender: &Sender,
    ) -> Prepared {
        let person = person_of(&event.data, self.reader(sender.received_at));
        Prepared::Unfit(Box::new(Unfit {
            id: event.id,
            source,
            event_type: event.event_type,
            person,
            faults,
            received,
            received_at: self.clock(event.recorded_time, sender),
            actor: sender.subject.clone(),
        }))
    }
}

/// The data of an event's text: the whole text in binary mode.
fn data_of(text: serde_json::Value) -> serde_json::Value {
    match text {
        serde_json::Value::Object(mut map) if map.contains_key("specversion") => {
            map.remove("data").unwrap_or_default()
        }
        data => data,
    }
}

fn event_head(id: &str, event_type: &str, recorded_time: Option<Timestamp>) -> CloudEvent {
    CloudEvent {
        id: id.to_owned(),
        source: String::new(),
        event_type: event_type.to_owned(),
        time: None,
        recorded_time,
        data: serde_json::Value::Null,
    }
}

/// Whom refused data is about, where that much can be read: so that the refusal is sealed for
/// them.
fn person_of(data: &serde_json::Value, reader: Reader<'_>) -> Option<PersonRef> {
    let document = data.get("person")?.get("document")?;
    let kind = domain::DocumentKind::from_name(document.get("kind")?.as_str()?)?;
    reader
        .document(kind, document.get("number")?.as_str()?)
        .ok()
        .map(|document| PersonRef::Document(document, None))
}
