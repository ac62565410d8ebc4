//! A read on record as the outside contract shows it: to the person whom it was about, and to who
//! audits the readers.

use domain::life_event::PersonRead;
use domain::recorded::Recorded;
use domain::{Payload, PersonId};
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::archive_json::department;
use crate::access::{Look, Show, Sight, TOLD_WHO_READ};

/// To whom reads are shown, and on which day.
#[derive(Clone, Copy)]
pub(super) struct Viewer {
    /// Whether they are told who a reader is, and of reads that are hidden from the person.
    pub is_auditor: bool,
    /// Today, in China.
    pub today: Date,
    /// What they see of persons: items that they do not see are not named.
    pub sight: Sight,
}

impl Viewer {
    /// Who looks.
    pub fn new(look: &Look, today: Date) -> Self {
        let is_auditor = TOLD_WHO_READ.contains(&look.grant.role);
        Self { is_auditor, today, sight: look.sight }
    }

    /// Whether a read is shown to them. What cannot be opened any more could be hidden.
    pub fn sees(&self, recorded: &Recorded) -> bool {
        self.is_auditor || read_of(recorded).is_some_and(|read| read.is_open_on(self.today))
    }

    /// A read as they are told of it.
    pub fn told(&self, recorded: &Recorded) -> Map<String, Value> {
        let mut told = Map::new();
        let mut tell = |name: &str, value: Value| drop(told.insert(name.to_owned(), value));
        let envelope = &recorded.envelope;
        tell("recorded_at", json!(envelope.clocks.recorded_at));
        tell("department", json!(department_told(envelope.department)));
        tell("place", json!(envelope.place));
        tell("read_position", json!(envelope.position));
        if self.is_auditor {
            tell("subject", json!(envelope.actor));
            let act: Vec<_> = envelope.correlation.0.iter().map(|b| format!("{b:02x}")).collect();
            tell("act", json!(act.concat()));
        }
        let Some(read) = read_of(recorded) else {
            tell("erased", json!(true));
            return told;
        };
        tell("role", json!(read.role));
        tell("purpose", json!(read.purpose));
        tell("operation", json!(read.operation));
        tell("fields", json!(fields(read, self.sight)));
        if !read.masked.is_empty() {
            tell("masked", json!(read.masked));
        }
        tell("as_of", json!(read.as_of));
        tell("position", json!(read.position));
        tell("count", json!(read.count));
        if let Some(glass) = read.break_glass {
            tell("break_glass", json!(glass));
        }
        if let Some(hidden) = &read.hidden {
            tell("hidden_until", json!(hidden.until));
            tell("legal_basis", json!(hidden.basis));
        }
        if self.is_auditor {
            tell("grant", json!(read.grant));
            tell("on_behalf_of", json!(read.on_behalf_of));
            tell("query", json!(read.query));
            tell("hidden_now", json!(!read.is_open_on(self.today)));
            if let Some(approver) = read.hidden.iter().find_map(|it| it.approved_by.as_ref()) {
                tell("hidden_approved_by", json!(approver));
            }
        }
        told
    }
}

/// The department of a reader; those of none in particular have none.
pub(super) fn department_told(code: [u8; 3]) -> Option<String> {
    code.iter().all(u8::is_ascii_alphabetic).then(|| department(code))
}

/// What a record of the log of reads says; none when its key is destroyed.
pub(super) fn read_of(recorded: &Recorded) -> Option<&PersonRead> {
    match &recorded.payload {
        Some(Payload::Read(read)) => Some(read),
        _ => None,
    }
}

/// Whom a read was about; none when it told of nobody.
pub(super) fn person_of(recorded: &Recorded) -> Option<PersonId> {
    let id = recorded.envelope.stream.id;
    (!id.is_nil()).then(|| PersonId::from_uuid(id))
}

/// Parts and items that were told. Older records have the items among the parts.
fn fields(read: &PersonRead, sight: Sight) -> Vec<&str> {
    let parts = read.fields.iter().map(AsRef::as_ref);
    let items = read.told.items().filter(|item| sight.show_item(*item) != Show::None);
    parts.chain(items.map(|item| item.name())).collect()
}
