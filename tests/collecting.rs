//! A service with a stand-in for the registry behind it, for the tests of the collecting side.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::access::{Gate, NewGrant, Role, TokenStore};
use api::http::{Limits, Tls, assemble, events, listen, serve_over};
use api::registry::receipt::{Accepted, Flag, Receipt};
use api::registry::{CloudEvent, Collector, Overloaded, Prepared, Sender, Unfit};
use domain::recorded::{ContentTag, EventKey};
use domain::submission::{Reader, Received, Source, Submission};
use domain::{Divisions, Fault, Kind, PersonId, Place, Position};
use reqwest::{Client, RequestBuilder};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Remembers what it was handed, and answers as the registry would.
pub struct StandIn {
    divisions: Divisions,
    /// Every event that reached it, in the order of preparing.
    pub events: Mutex<Vec<CloudEvent>>,
    /// What was sent, of everything that was refused.
    pub refused: Mutex<Vec<Unfit>>,
    recorded: Mutex<HashMap<(String, String), (String, u64)>>,
    /// Ids in the order of deciding.
    pub decided: Mutex<Vec<String>>,
    /// So many submits to come find the queue full.
    pub full: AtomicUsize,
    /// Whether it says that its queue is pressed.
    pub is_pressed: AtomicBool,
    /// How long a sync to its disk takes, in milliseconds.
    pub sync_ms: AtomicU64,
    in_flight: AtomicUsize,
    /// The most submissions that were handed in and not answered at once.
    pub in_flight_max: AtomicUsize,
    folder: PathBuf,
    /// So many answers went to a file because they were not read.
    pub spooled: AtomicUsize,
}

impl StandIn {
    fn unfit(&self, id: &str, kind: &str, source: Option<Source>, faults: Vec<Fault>) -> Unfit {
        let source = source.unwrap_or_else(|| Source {
            text: "/vil/99/unknown".into(),
            department: *b"VIL",
            division: Place::parse("99").unwrap(),
        });
        Unfit {
            id: id.into(),
            source,
            event_type: kind.into(),
            person: None,
            faults,
            received: Received::default(),
            received_at: jiff::Timestamp::UNIX_EPOCH,
            actor: String::new(),
        }
    }

    fn read(&self, event: CloudEvent, sender: &Sender) -> Result<Submission, Vec<Fault>> {
        let source = Source::read(&event.source).map_err(|fault| vec![fault])?;
        sender.check_source(&source).map_err(|fault| vec![fault])?;
        let (kind, version) = Kind::of_type(&event.event_type).expect("the tests send known types");
        let today = jiff::civil::date(2026, 12, 1);
        // The content is compared by its text; `approved_by` carries it.
        let content = event.data.to_string();
        let reader = Reader { divisions: &self.divisions, today };
        let mut report = reader.read(kind, event.data)?;
        report.approved_by = Some(content);
        sender.check_place(report.place).map_err(|fault| vec![fault])?;
        Ok(Submission {
            id: event.id,
            source,
            kind,
            version,
            key: EventKey([0; 16]),
            content: ContentTag([0; 8]),
            sent_at: event.time,
            received_at: sender.received_at,
            actor: sender.subject.clone(),
            report,
            received: Received::default(),
        })
    }

    fn decide(&self, submission: &Submission) -> Receipt {
        let mut recorded = self.recorded.lock().unwrap();
        let key = (submission.source.text.clone(), submission.id.clone());
        let content = submission.report.approved_by.clone().unwrap();
        let next = recorded.len() as u64 + 1;
        let (first, position) = recorded.entry(key).or_insert((content.clone(), next)).clone();
        let accepted = Accepted {
            person_id: PersonId::from_uuid(uuid::Uuid::from_u128(7)),
            position: Position(position),
            recorded_at: "2026-12-01T00:00:00Z".parse().unwrap(),
            flags: vec![Flag {
                rule: "C08".into(),
                severity: "error",
                items: vec!["hukou_code"],
                fields: vec![],
            }],
            observations: Vec::new(),
            proof: None,
        };
        match (position == next, first == content) {
            (true, _) => Receipt::Recorded(accepted),
            (false, true) => Receipt::Duplicate(accepted),
            (false, false) => Receipt::Conflict(accepted),
        }
    }
}

impl Collector for StandIn {
    fn prepare(&self, event: CloudEvent, received: Received, sender: &Sender) -> Prepared {
        assert_ne!(event.id, "panic", "asked to");
        self.events.lock().unwrap().push(event.clone());
        let (id, kind) = (event.id.clone(), event.event_type.clone());
        let source = Source::read(&event.source).ok();
        match self.read(event, sender) {
            Ok(submission) => Prepared::Ready(Box::new(submission)),
            Err(faults) => {
                let unfit = self.unfit(&id, &kind, source, faults);
                Prepared::Unfit(Box::new(Unfit { received, ..unfit }))
            }
        }
    }

    fn unreadable(
        &self,
        id: &str,
        event_type: &str,
        source: Option<&str>,
        faults: Vec<Fault>,
        received: Received,
        _: &Sender,
    ) -> Prepared {
        let source = source.and_then(|text| Source::read(text).ok());
        let unfit = self.unfit(id, event_type, source, faults);
        Prepared::Unfit(Box::new(Unfit { received, ..unfit }))
    }

    fn spool_folder(&self) -> PathBuf {
        self.spooled.fetch_add(1, Ordering::SeqCst);
        self.folder.clone()
    }

    fn is_pressed(&self) -> bool {
        self.is_pressed.load(Ordering::SeqCst)
    }

    async fn submit(&self, batch: Vec<Prepared>, atomic: bool) -> Result<Vec<Receipt>, Overloaded> {
        let full = self.full.load(Ordering::SeqCst);
        if full > 0 {
            self.full.store(full - 1, Ordering::SeqCst);
            return Err(Overloaded::busy(3));
        }
        let count = batch.len();
        let in_flight = self.in_flight.fetch_add(count, Ordering::SeqCst) + count;
        self.in_flight_max.fetch_max(in_flight, Ordering::SeqCst);
        let withheld = atomic && batch.iter().any(|one| matches!(one, Prepared::Unfit(_)));
        let mut receipts = Vec::with_capacity(count);
        for one in batch {
            receipts.push(match one {
                Prepared::Ready(_) if withheld => Receipt::Withheld,
                Prepared::Ready(submission) => {
                    self.decided.lock().unwrap().push(submission.id.clone());
                    self.decide(&submission)
                }
                Prepared::Unfit(unfit) => {
                    let faults = unfit.faults.clone();
                    self.refused.lock().unwrap().push(*unfit);
                    Receipt::Rejected(faults)
                }
            });
        }
        // As a sync to disk would.
        let sync = Duration::from_millis(self.sync_ms.load(Ordering::SeqCst));
        tokio::time::sleep(sync).await;
        self.in_flight.fetch_sub(count, Ordering::SeqCst);
        Ok(receipts)
    }
}

/// A running service.
pub struct Service {
    /// What it hands events to.
    pub registry: Arc<StandIn>,
    /// Its tokens.
    pub tokens: Arc<TokenStore>,
    /// Where its files are.
    pub folder: TempDir,
    /// Its address.
    pub address: std::net::SocketAddr,
    /// An upstream token for all of province 99 and department HLT.
    pub token: String,
    /// Ends it.
    pub stop: Option<oneshot::Sender<()>>,
    /// Ends when it has ended.
    pub ended: tokio::task::JoinHandle<()>,
}

/// A grant for a role in county 990106.
pub fn grant(role: Role) -> NewGrant {
    NewGrant {
        subject: "hospital-1".into(),
        role,
        department: Some(*b"HLT"),
        place: Some(Place::parse("990106").unwrap()),
        purposes: vec!["registration".into()],
        expires_at: None,
        person: None,
    }
}

/// Starts a service on a port of its own.
pub async fn start(limits: Limits) -> Service {
    start_behind(limits, Gate::from).await
}

/// The same behind a door made from its tokens.
pub async fn start_behind(limits: Limits, gate: impl FnOnce(Arc<TokenStore>) -> Gate) -> Service {
    start_over(None, limits, gate).await
}

/// The same over TLS, where there is a certificate.
pub async fn start_over(
    tls: Option<Tls>,
    limits: Limits,
    gate: impl FnOnce(Arc<TokenStore>) -> Gate,
) -> Service {
    let folder = tempfile::tempdir().unwrap();
    let tokens = Arc::new(TokenStore::open(folder.path().join("access.json")).unwrap());
    let (token, _) = tokens.create(grant(Role::Upstream)).unwrap();
    let registry = Arc::new(StandIn {
        divisions: Divisions::embedded(true),
        events: Mutex::default(),
        refused: Mutex::default(),
        recorded: Mutex::default(),
        decided: Mutex::default(),
        full: AtomicUsize::new(0),
        is_pressed: AtomicBool::new(false),
        sync_ms: AtomicU64::new(2),
        in_flight: AtomicUsize::new(0),
        in_flight_max: AtomicUsize::new(0),
        folder: folder.path().to_owned(),
        spooled: AtomicUsize::new(0),
    });
    let gate = gate(Arc::clone(&tokens));
    let router = assemble(Default::default(), events::routes(Arc::clone(&registry)), gate);
    let listener = listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let stopped = async { stopped.await.unwrap_or_default() };
    let ended = tokio::spawn(serve_over(listener, tls.map(Arc::new), router, limits, stopped));
    Service { registry, tokens, folder, address, token, stop: Some(stop), ended }
}

impl Service {
    /// A POST of events of a media type, with the token.
    pub fn post(&self, media_type: &str) -> RequestBuilder {
        self.post_to("/v1/events").header("content-type", media_type)
    }

    /// A POST with the token.
    pub fn post_to(&self, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        Client::new().post(url).bearer_auth(&self.token)
    }
}

/// A good event.
pub fn event(id: &str) -> serde_json::Value {
    serde_json::json!({
        "specversion": "1.0", "id": id, "source": "/hlt/990106/hospital-1",
        "type": "renkou.observation.v1", "time": "2026-11-20T09:12:00+08:00", "data": data(),
    })
}

/// What the good event says.
pub fn data() -> serde_json::Value {
    serde_json::json!({
        "person": {"document": {"kind": "passport", "number": "E99000001"}},
        "occurred_on": "2026-11-18", "channel": "DX", "place": "990106001002",
        "items": {"full_name": "张小明"},
    })
}
