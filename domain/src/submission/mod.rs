//! From what an upstream system sent to a typed report: every missing or malformed field is
//! found, each with its JSON pointer, and nothing that was sent is dropped.

mod fields;
mod of_kind;
mod persons;
mod reading;
mod received;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

pub use of_kind::NEVER;
pub use persons::{MEMBERS_MAX, OBSERVATIONS_MAX, PERSONS_OF_ROLE_MAX};
pub use reading::Reader;
pub use received::Received;

use crate::catalogue::Kind;
use crate::codes;
use crate::divisions::Place;
use crate::document::{Document, DocumentKind};
use crate::fault::Fault;
use crate::ids::{IdentityKey, PersonId, Position};
use crate::life_event::{Items, Role};
use crate::person::Doubt;
use crate::recorded::{ContentTag, EventKey};

/// One event as an upstream system handed it in, readable and typed.
#[derive(Clone, Debug)]
pub struct Submission {
    /// CloudEvents id.
    pub id: String,
    /// CloudEvents source.
    pub source: Source,
    /// What kind of event.
    pub kind: Kind,
    /// In which version of its form it was sent.
    pub version: u16,
    /// Keyed hash of source and id: the idempotency key.
    pub key: EventKey,
    /// Keyed hash of type and data.
    pub content: ContentTag,
    /// CloudEvents `time`.
    pub sent_at: Option<Timestamp>,
    /// When the socket had it.
    pub received_at: Timestamp,
    /// Who sent it: the token's subject.
    pub actor: String,
    /// What it says.
    pub report: Report,
    /// The event as it was sent, to be kept when it is refused.
    pub received: Received,
}

/// CloudEvents source, `/<department>/<division>/<system>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// As sent.
    pub text: String,
    /// Code of the department, three capital letters.
    pub department: [u8; 3],
    /// The division that it reports for.
    pub division: Place,
}

/// How a submission names a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonRef {
    /// By a document, with its stream where that was computed.
    Document(Document, Option<PersonId>),
    /// By the registry's own id.
    Id(PersonId),
}

/// How a correction or annulment names the event that it acts on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By position in the log.
    Position(Position),
    /// By the CloudEvents id under which the same source sent it.
    EventId(String),
}

/// One person of a household visit, or one member of a household.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Who.
    pub person: PersonRef,
    /// What was seen.
    pub items: Items,
    /// All else that was said of this person.
    pub details: Map<String, Value>,
}

/// One person of a household visit as they could be read, or why they could not.
pub type Seen = Result<Observed, Vec<Fault>>;

/// What a submission says.
#[derive(Clone, Debug)]
pub struct Report {
    /// Whom it is about; only a household visit may leave it out.
    pub person: Option<PersonRef>,
    /// The day it happened.
    pub occurred_on: Date,
    /// The day the first official channel knew of it.
    pub known_on: Option<Date>,
    /// Code of the channel, two capital letters.
    pub channel: [u8; 2],
    /// Where it happened or was reported.
    pub place: Place,
    /// Whether that division stood on the day it happened.
    pub place_stood: bool,
    /// Who keyed it.
    pub operator: Option<String>,
    /// Items stated of the person.
    pub items: Items,
    /// Related persons by role.
    pub related: Vec<(Role, PersonRef)>,
    /// Number of the certificate.
    pub certificate_no: Option<String>,
    /// The persons of a household visit, one of whom at least could be read.
    pub observations: Vec<Seen>,
    /// Other members of a household, and what becomes of them.
    pub members: Vec<Observed>,
    /// What is expected of such an event and was not sent, by name.
    pub missing: Vec<&'static str>,
    /// Fields that were kept as sent because they do not have their form, by name.
    pub unusable: Vec<&'static str>,
    /// Correction or annulment: what it acts on. Split: the merge that it undoes.
    pub target: Option<Target>,
    /// Correction: the day on which the target truly happened.
    pub true_day: Option<Date>,
    /// Correction or annulment: why.
    pub reason: Option<String>,
    /// Correction or annulment: who approved it.
    pub approved_by: Option<String>,
    /// All else, kept as sent.
    pub details: Map<String, Value>,
}

impl PersonRef {
    /// Computes the stream of the document that it names. Somebody without any has none: see the
    /// registry's `Acts::stream_named`.
    fn compute_stream(&mut self, identity: &IdentityKey) {
        if let Self::Document(document, stream) = self
            && document.kind() != DocumentKind::None
        {
            *stream = Some(PersonId::of_document(identity, document));
        }
    }

    /// The stream that it names, where that is known without the submission.
    pub fn stream(&self) -> Option<PersonId> {
        match self {
            Self::Document(_, stream) => *stream,
            Self::Id(id) => Some(*id),
        }
    }
}

impl Report {
    /// Computes the streams of all whom it names.
    pub fn compute_streams(&mut self, identity: &IdentityKey) {
        let seen = self.observations.iter_mut().filter_map(|seen| seen.as_mut().ok());
        let listed = seen.chain(&mut self.members).map(|one| &mut one.person);
        let related = self.related.iter_mut().map(|(_, person)| person);
        let all = self.person.iter_mut().chain(related).chain(listed);
        all.for_each(|person| person.compute_stream(identity));
    }

    /// The streams of all whom it names, as far as they are known.
    pub fn streams(&self) -> impl Iterator<Item = PersonId> {
        let seen = self.observations.iter().filter_map(|seen| seen.as_ref().ok());
        let listed = seen.chain(&self.members).map(|one| &one.person);
        let related = self.related.iter().map(|(_, person)| person);
        self.person.iter().chain(related).chain(listed).filter_map(PersonRef::stream)
    }
}

impl Submission {
    /// What is odd about it in itself, whoever it is about: each doubt with the names of what it
    /// is about.
    pub fn doubts(&self) -> Vec<(Doubt, Vec<&'static str>)> {
        let (entry, report) = (self.kind.entry(), &self.report);
        let mut doubts = Vec::new();
        if !report.missing.is_empty() {
            doubts.push((Doubt::Incomplete, report.missing.clone()));
        }
        if !report.unusable.is_empty() {
            doubts.push((Doubt::FieldUnusable, report.unusable.clone()));
        }
        if !report.place_stood {
            doubts.push((Doubt::PlaceNotOfTheDay, vec!["place"]));
        }
        if !entry.may_come_through(report.channel) {
            doubts.push((Doubt::ChannelNotAllowed, Vec::new()));
        }
        if !entry.may_tell(self.source.department, report.channel) {
            doubts.push((Doubt::NoAuthority, Vec::new()));
        }
        doubts
    }
}

impl Source {
    /// Reads a CloudEvents source.
    ///
    /// # Errors
    /// A [`Fault`] at `/source`.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let fault = || {
            Fault::new(
                "not_a_source",
                "source 应为 /<部门>/<区划>/<系统>",
                "a source is /<department>/<division>/<system>",
            )
            .at("/source")
        };
        let mut parts = text.strip_prefix('/').ok_or_else(fault)?.splitn(3, '/');
        let (department, division) = (parts.next(), parts.next());
        let system = parts.next().filter(|s| !s.is_empty() && s.is_ascii()).ok_or_else(fault)?;
        if text.len() > 255 || system.bytes().any(|byte| byte <= b' ' || byte == 127) {
            return Err(fault());
        }
        let department = department.unwrap_or_default().as_bytes();
        let mut department: [u8; 3] = department.try_into().map_err(|_| fault())?;
        department.make_ascii_uppercase();
        let known = std::str::from_utf8(&department).ok();
        known.and_then(|code| codes::DEPARTMENT.find(code)).ok_or_else(fault)?;
        let division = Place::parse(division.unwrap_or_default()).map_err(|_| fault())?;
        Ok(Self { text: text.to_owned(), department, division })
    }
}
