//! `renkou replay person`: a life, event by event. It reads the directory as the operator of the
//! machine may, and is a read about a person like any other: on record before a line is printed.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use domain::life_event::PersonRead;
use domain::{PersonId, Place};
use hyper::{Request, StatusCode};
use jiff::Timestamp;
use replay::history;
use serde_json::Value;

use super::Failure;
use super::serve::runtime;
use super::served::{Served, served};
use crate::access::table::TABLE;
use crate::access::{NewGrant, PURPOSES, Role};
use crate::http::{self, OperatorId};
use crate::outward::{Bounds, OutwardError};
use crate::registry::{Home, Read, Reads, Space};

/// The role by which a life is told to whoever works at the machine.
const ASKS_AS: Role = Role::Auditor;
/// No life is longer as JSON.
const LIFE_BYTES_MAX: usize = 64 << 20;

/// Whose life to print, and why.
#[derive(clap::Args)]
pub struct ReplayPerson {
    /// The person's id.
    id: uuid::Uuid,
    /// The registry's directory.
    #[arg(long)]
    data: PathBuf,
    /// Why: a code of purpose, such as audit. It is put on record.
    #[arg(long, value_parser = purpose)]
    purpose: &'static str,
    /// Only what was recorded up to then (RFC 3339).
    #[arg(long)]
    known_at: Option<Timestamp>,
}

fn purpose(code: &str) -> Result<&'static str, String> {
    let known = PURPOSES.iter().find(|known| **known == code);
    known.copied().ok_or_else(|| format!("a purpose is one of {}", PURPOSES.join(", ")))
}

impl ReplayPerson {
    /// Prints the life. A running service is asked, and records the read; else it is recorded here.
    pub fn run(self) -> Result<(), Failure> {
        let home = Home::open(&self.data)?;
        let events = match served(&home)? {
            Some(service) => runtime()?.block_on(self.ask(&home, &service))?,
            None => self.read(&home)?,
        };
        if events.is_empty() {
            return Err("the register has no such person, or had none then".into());
        }
        let mut out = io::stdout().lock();
        for event in &events {
            writeln!(out, "{event}")?;
        }
        Ok(())
    }

    /// Reads the logs of a registry that nobody serves; the lock keeps a service from starting.
    fn read(&self, home: &Home) -> Result<Vec<Value>, Failure> {
        let person = PersonId::from_uuid(self.id);
        let logs = home.logs()?;
        // A record tells then the life of whoever absorbed it, and of all that they absorbed.
        let whose = history::known_then(&logs.log, person, self.known_at)?;
        let entries = match (whose, self.known_at) {
            (None, _) => Vec::new(),
            (Some((whose, _)), Some(known_at)) => {
                history::history_then(&logs.log, whose, known_at)?
            }
            (Some((whose, _)), None) => history::history(&logs.log, whose)?,
        };
        let newest = entries.iter().map(|entry| entry.event.envelope.position).max();
        // As a service would answer: who has the machine is no reason to see more.
        let sight = TABLE.sight(ASKS_AS, None, self.purpose);
        let (seen, told) = http::history_seen(&entries, sight);
        let persons = if entries.is_empty() { Vec::new() } else { vec![(person, told)] };
        let read = PersonRead {
            purpose: self.purpose.into(),
            operation: "replay_person".into(),
            fields: vec![Cow::Borrowed("history")],
            role: Some("operator".into()),
            on_behalf_of: operator().map(|operator| operator.as_str().to_owned()),
            position: newest,
            count: Some(persons.len() as u32),
            query: entries.is_empty().then(|| person.to_string()),
            ..PersonRead::default()
        };
        let read = Read {
            persons,
            actor: "replay-person".to_owned(),
            department: *b"\0\0\0",
            place: Place::from_code(0, 2).expect("two digits"),
            read,
            glasses: Vec::new(),
        };
        let space = Arc::new(Space::of(home.folder(), 0));
        let reads = Reads::start(logs.reads, Arc::clone(logs.log.keys()), space);
        runtime()?.block_on(reads.record(read))?;
        Ok(seen.into_iter().map(|(_, event)| event).collect())
    }

    /// Asks the running service.
    async fn ask(&self, home: &Home, service: &Served) -> Result<Vec<Value>, Failure> {
        #[derive(serde::Deserialize)]
        struct History {
            events: Vec<Value>,
        }
        let grant = NewGrant {
            role: ASKS_AS,
            purposes: vec![self.purpose.to_owned()],
            ..super::ingest::everything("replay-person")
        };
        let known_at = self.known_at.map(|at| format!("?known_at={at}")).unwrap_or_default();
        let path = format!("/v1/persons/{}/history{known_at}", self.id);
        let mut question = Request::builder().header("purpose", self.purpose);
        if let Some(operator) = operator() {
            question = question.header("on-behalf-of", operator.as_str());
        }
        let bounds = Bounds { bytes_max: LIFE_BYTES_MAX, ..Bounds::default() };
        match service.ask(home, grant, &path, question, bounds).await? {
            Err(OutwardError::Status(StatusCode::NOT_FOUND)) => Ok(Vec::new()),
            answer => Ok(serde_json::from_slice::<History>(&answer?)?.events),
        }
    }
}

/// Who works at the machine, as far as the system says.
fn operator() -> Option<OperatorId> {
    ["SUDO_USER", "USER"].iter().find_map(|name| OperatorId::read(&std::env::var(name).ok()?))
}
