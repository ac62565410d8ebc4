//! `renkou replay person`: a life, event by event. It reads the directory as the operator of the
//! machine may, and is a read about a person like any other: on record before a line is printed.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use domain::life_event::PersonRead;
use domain::{PersonId, Place};
use jiff::Timestamp;
use replay::history;
use serde_json::Value;

use super::Failure;
use super::replay_log::{Served, served};
use super::serve::runtime;
use crate::access::{NewGrant, PURPOSES, Role, TokenStore};
use crate::http::{self, OperatorId};
use crate::registry::{Home, Read, Reads};

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
        let mut out = io::stdout().lock();
        let mut printed = false;
        for event in events.iter().filter(|event| self.is_wanted(event)) {
            writeln!(out, "{event}")?;
            printed = true;
        }
        if printed {
            Ok(())
        } else {
            Err("the register has no such person, or had none then".into())
        }
    }

    fn is_wanted(&self, event: &Value) -> bool {
        let recorded_at = event["recorded_at"].as_str().and_then(|text| text.parse().ok());
        self.known_at.is_none_or(|known_at| recorded_at.is_some_and(|at: Timestamp| at <= known_at))
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
        let told = http::values_of_history(&entries);
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
        };
        let reads = Reads::start(logs.reads, Arc::clone(logs.log.keys()));
        runtime()?.block_on(reads.record(read))?;
        Ok(entries.iter().map(http::event_json).collect())
    }

    fn question(&self, service: &str) -> String {
        let known_at = self.known_at.map(|at| format!("?known_at={at}")).unwrap_or_default();
        format!("{service}/v1/persons/{}/history{known_at}", self.id)
    }

    /// Asks the running service, with a token made for the question.
    async fn ask(&self, home: &Home, service: &Served) -> Result<Vec<Value>, Failure> {
        #[derive(serde::Deserialize)]
        struct History {
            events: Vec<Value>,
        }
        let tokens = TokenStore::open(home.access())?;
        let (token, grant) = tokens.create(NewGrant {
            role: Role::Auditor,
            purposes: vec![self.purpose.to_owned()],
            ..super::ingest::everything("replay-person")
        })?;
        // A running service looks for new tokens once a second.
        tokio::time::sleep(std::time::Duration::from_millis(1_200)).await;
        let mut asked = reqwest::Client::new()
            .get(self.question(&service.url))
            .header("purpose", self.purpose)
            .bearer_auth(token);
        if let Some(operator) = operator() {
            asked = asked.header("on-behalf-of", operator.as_str());
        }
        let answer = asked.send().await;
        tokens.revoke(&grant.id)?;
        let answer = answer?;
        if answer.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        Ok(answer.error_for_status()?.json::<History>().await?.events)
    }
}

/// Who works at the machine, as far as the system says.
fn operator() -> Option<OperatorId> {
    ["SUDO_USER", "USER"].iter().find_map(|name| OperatorId::read(&std::env::var(name).ok()?))
}
