//! A registry in a folder of its own, and a clerk who hands in events.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::registry::{
    Accepted, CloudEvent, Collector, Home, Ordered, Prepared, Receipt, Registry, Sender,
};
use domain::citizen_number::check_character;
use domain::recorded::{Envelope, EventKey, EventType, Recorded};
use domain::{Document, DocumentKind, Kind, Order, PersonId, Position, Sequence};
use jiff::Timestamp;
use journal::{Draft, Expected, StreamAppend, compress};
use projections::{Archive, Row, RowSeals};
use replay::rebuild::{self, Live};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const SOURCE: &str = "/pol/990101/desk";
pub const PLACE: &str = "990101001001";

/// An event to hand in: id, name of the kind, data.
pub type Event<'a> = (&'a str, &'a str, Value);

pub struct Desk {
    folder: TempDir,
    registry: Option<Registry>,
    runtime: tokio::runtime::Runtime,
    /// Seconds of the simulated clock; it goes on by an hour with every batch.
    pub clock: Cell<i64>,
}

/// A fictional citizen number that tells a birth date (`YYYYMMDD`); odd serials are men.
pub fn number(born: &str, serial: u32) -> String {
    let digits = format!("990101{born}{serial:03}");
    let check = char::from(check_character(digits.as_bytes()));
    digits + &check.to_string()
}

/// Names somebody by a document.
pub fn by(kind: &str, number: &str) -> Value {
    json!({"document": {"kind": kind, "number": number}})
}

/// Names a citizen.
pub fn citizen(number: &str) -> Value {
    by("citizen_id", number)
}

/// Data about a person on a day, with more fields.
pub fn data(person: &Value, on: &str, more: Value) -> Value {
    let mut data = json!({"person": person, "occurred_on": on, "channel": "DX", "place": PLACE});
    let fields = data.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    data
}

impl Desk {
    pub fn new() -> Self {
        Self::of(true)
    }

    /// A fictional registry, or one for living people.
    pub fn of(fictional: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Home::init(folder.path(), fictional).expect("a new registry");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let registry = Some(Registry::open(folder.path()).expect("it opens"));
        let clock = Cell::new("2026-06-01T00:00:00Z".parse::<Timestamp>().unwrap().as_second());
        Self { folder, registry, runtime: runtime.expect("a runtime"), clock }
    }

    pub fn registry(&self) -> &Registry {
        self.registry.as_ref().expect("open")
    }

    pub fn reopen(&mut self) {
        drop(self.registry.take());
        self.registry = Some(Registry::open(self.folder.path()).expect("it opens again"));
    }

    /// Hands in one batch.
    pub fn send(&self, events: &[Event<'_>]) -> Vec<Receipt> {
        self.batch(events, false)
    }

    /// Hands in a batch of which all or nothing is to be recorded.
    pub fn send_atomic(&self, events: &[Event<'_>]) -> Vec<Receipt> {
        self.batch(events, true)
    }

    fn batch(&self, events: &[Event<'_>], atomic: bool) -> Vec<Receipt> {
        self.batch_from(SOURCE, events, atomic)
    }

    /// Hands in one event of a source.
    pub fn send_from(&self, source: &str, event: Event<'_>) -> Receipt {
        self.batch_from(source, &[event], false).remove(0)
    }

    fn batch_from(&self, source: &str, events: &[Event<'_>], atomic: bool) -> Vec<Receipt> {
        self.clock.set(self.clock.get() + 3_600);
        let at = Timestamp::from_second(self.clock.get()).expect("an instant");
        let clerk =
            Sender { subject: "clerk".into(), department: None, place: None, received_at: at };
        let prepared = events.iter().map(|(id, kind, data)| {
            let event = CloudEvent {
                id: (*id).into(),
                source: source.into(),
                event_type: event_type(kind),
                time: None,
                recorded_time: None,
                data: data.clone(),
            };
            self.registry().prepare(event, data.to_string().into(), &clerk)
        });
        self.submit(prepared.collect(), atomic)
    }

    /// Closes the registry and puts an event into its log behind its back, as another version of
    /// the program would have written it; gives its position.
    pub fn write(&mut self, person: PersonId, event_type: EventType, json: &str) -> Position {
        drop(self.registry.take());
        let logs = Home::open(self.folder.path()).and_then(|home| home.logs()).expect("logs");
        let life = logs.log.stream(person.into()).expect("readable");
        let last = &life.last().expect("a known person").envelope;
        let envelope = Envelope {
            position: Position(0),
            sequence: Sequence(life.len() as u32),
            previous: last.position,
            event_type,
            key: EventKey([7; 16]),
            correlation: EventKey([7; 16]),
            ..last.clone()
        };
        let key = logs.log.keys().find(person.as_uuid()).expect("readable").expect("there");
        let packed = compress::pack(json.as_bytes());
        let sealed = key.seal(envelope.stream, envelope.sequence, &packed);
        let record = Draft { envelope, sealed };
        let stream = person.into();
        let records = vec![record];
        let group = vec![StreamAppend { stream, expected: Expected::Any, records }];
        assert!(logs.log.journal().append(group).iter().all(Result::is_ok));
        logs.log.journal().head()
    }

    /// Opens the registry again, or says why not.
    pub fn try_reopen(&mut self) -> Result<(), String> {
        let opened = Registry::open(self.folder.path()).map_err(|error| replay::chain(&error))?;
        self.registry = Some(opened);
        Ok(())
    }

    /// Hands in what is prepared.
    pub fn submit(&self, batch: Vec<Prepared>, atomic: bool) -> Vec<Receipt> {
        let sent = batch.len();
        let receipts = self.runtime.block_on(self.registry().submit(batch, atomic));
        let mut receipts = receipts.expect("there is room");
        assert_eq!(receipts.len(), sent);
        // A proof goes with a receipt once the event is in the signed tree, whenever that is.
        for receipt in &mut receipts {
            if let Receipt::Duplicate(accepted) | Receipt::Conflict(accepted) = receipt {
                accepted.proof = None;
            }
        }
        receipts
    }

    /// Waits for work with the registry that a scenario makes itself.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Hands in an order about somebody, approved by the chief.
    pub fn order(&self, person: PersonId, order: Order, reference: &str) -> Receipt {
        self.order_of("clerk", person, order, reference)
    }

    /// The erasure of somebody, handed in by somebody.
    pub fn order_by(&self, actor: &str, person: PersonId) -> Receipt {
        self.order_of(actor, person, Order::Erase, "(2026) 1")
    }

    fn order_of(&self, actor: &str, person: PersonId, order: Order, reference: &str) -> Receipt {
        self.clock.set(self.clock.get() + 3_600);
        let ordered = Ordered {
            person,
            order,
            reference: reference.into(),
            approved_by: "chief".into(),
            actor: actor.into(),
            department: None,
            received_at: Timestamp::from_second(self.clock.get()).expect("an instant"),
        };
        self.runtime.block_on(self.registry().order(ordered)).expect("there is room")
    }

    /// The registry's directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Closes the registry and does something to its directory.
    pub fn meddle(&mut self, meddle: impl FnOnce(&Path)) {
        drop(self.registry.take());
        meddle(self.folder.path());
    }

    /// Hands in one event that is to be recorded.
    pub fn record(&self, id: &str, kind: &str, data: Value) -> Accepted {
        match self.send(&[(id, kind, data)]).remove(0) {
            Receipt::Recorded(accepted) => accepted,
            other => panic!("{id}: {other:?}"),
        }
    }

    /// Hands in one event that is to be refused; gives the codes of the broken rules.
    pub fn refuse(&self, id: &str, kind: &str, data: Value) -> Vec<(String, String)> {
        faults(&self.send(&[(id, kind, data)])[0])
    }

    /// The row of a person, when the views are as far as the log.
    pub fn row(&self, person: PersonId) -> Option<Arc<Row>> {
        let head = self.registry().log().journal().head();
        let wait = self.registry().wait_until_folded(head, Duration::from_secs(20));
        assert!(self.runtime.block_on(wait), "the views follow");
        self.registry().views.people.row(person).expect("readable")
    }

    /// The archive of a person; it must be the one as of now, too.
    pub fn archive(&self, person: PersonId) -> Archive {
        let live = self.row(person).expect("a known person").archive.clone();
        let now = replay::history::as_of(self.registry().log(), person, None, None);
        assert_eq!(now.expect("readable").as_ref(), Some(&live));
        live
    }

    /// The events of a person's stream.
    pub fn life(&self, person: PersonId) -> Vec<Recorded> {
        self.registry().log().stream(person.into()).expect("readable")
    }

    /// The stream of a document, whoever it belongs to.
    pub fn stream_of(&self, kind: DocumentKind, number: &str) -> PersonId {
        PersonId::of_document(self.registry().intake.identity(), &Document::new(kind, number))
    }

    pub fn stream_of_citizen(&self, number: &str) -> PersonId {
        self.stream_of(DocumentKind::CitizenId, number)
    }

    pub fn head(&self) -> Position {
        self.registry().log().journal().head()
    }

    /// Positions of the source's rejections that wait.
    pub fn waiting(&self) -> Vec<Position> {
        let head = self.head();
        let wait = self.registry().wait_until_folded(head, Duration::from_secs(20));
        assert!(self.runtime.block_on(wait), "the views follow");
        let sources = &self.registry().views.sources;
        sources.waiting(SOURCE, None, Position(0), 1_000).expect("readable")
    }

    /// What the views hold that followed the log.
    pub fn digests(&self) -> Live {
        self.waiting();
        let digests = self.registry().views.digests().expect("digests");
        assert_eq!(digests.position, self.head());
        let views = digests.views.into_iter().map(|(name, digest)| (name.to_owned(), digest));
        Live { position: digests.position, views: views.collect(), months: digests.months }
    }

    /// Names of the views that differ from what the log says when they hold this.
    pub fn differing(&self, live: Live) -> Vec<&'static str> {
        let logs = Home::open(self.folder.path()).and_then(|home| home.logs_read_only());
        let logs = logs.expect("logs");
        let seals: Arc<dyn RowSeals> = logs.seals;
        let place = tempfile::tempdir().expect("a folder");
        let checked = rebuild::compare_with(&logs.log, live, place.path(), &seals, &logs.deadlines);
        checked.expect("comparable").differing()
    }

    /// Closes the registry: the log must be whole, its instants in order, and every view what the
    /// log says.
    pub fn close(mut self) {
        drop(self.registry.take());
        let home = Home::open(self.folder.path()).expect("a registry");
        let logs = home.logs_read_only().expect("logs");
        let head = rebuild::walk(&logs.log, |_| {}).expect("a whole log");
        let events = logs.log.events(Position(1), usize::MAX).expect("events");
        assert_eq!(events.len() as u64, head.0);
        let instants = events.iter().map(|event| event.envelope.clocks.recorded_at);
        assert!(instants.clone().zip(instants.skip(1)).all(|(one, next)| one <= next));
        let seals: Arc<dyn RowSeals> = logs.seals;
        let place = tempfile::tempdir().expect("a folder");
        let checked =
            rebuild::compare(&logs.log, &home.views(), place.path(), &seals, &logs.deadlines);
        let checked = checked.expect("comparable");
        assert_eq!(checked.head, head);
        assert!(checked.differing().is_empty(), "{:?}", checked.differing());
    }
}

/// The CloudEvents type of a kind in its newest version, or of `<kind>.v<version>`.
fn event_type(kind: &str) -> String {
    let version = Kind::posted(kind).map_or(1, |kind| kind.entry().version);
    if kind.contains('.') { format!("renkou.{kind}") } else { format!("renkou.{kind}.v{version}") }
}

/// The receipt's place; it must be one of a recorded event.
pub fn recorded(receipt: &Receipt) -> &Accepted {
    match receipt {
        Receipt::Recorded(accepted) => accepted,
        other => panic!("{other:?}"),
    }
}

/// Codes and pointers of a refusal.
pub fn faults(receipt: &Receipt) -> Vec<(String, String)> {
    match receipt {
        Receipt::Rejected(faults) => {
            faults.iter().map(|f| (f.code.to_string(), f.pointer.clone())).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// What is doubted of the event itself, the audit rules of the record left out.
pub fn doubts(accepted: &Accepted) -> Vec<&str> {
    rules(accepted).filter(|rule| domain::Doubt::of_rule(rule).is_some()).collect()
}

/// Every rule that flagged.
pub fn rules(accepted: &Accepted) -> impl Iterator<Item = &str> {
    accepted.flags.iter().map(|flag| flag.rule.as_str())
}

/// Items by field name.
pub fn items(archive: &Archive) -> BTreeMap<&'static str, String> {
    archive.values().map(|(item, text, _)| (item.name(), text.to_owned())).collect()
}

/// One refusal.
pub fn fault(code: &str, pointer: &str) -> Vec<(String, String)> {
    vec![(code.to_owned(), pointer.to_owned())]
}
