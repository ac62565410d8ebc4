//! `renkou replay person`: a life, event by event. It is a read about a person like any other: on
//! record before a line is printed, and whoever has the machine is told no more of it than who audits.

use std::io::{self, Write};
use std::path::PathBuf;

use axum::body::{Body, Bytes};
use hyper::header::AUTHORIZATION;
use hyper::http::request;
use hyper::{Request, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use super::Failure;
use super::door::Door;
use super::serve::{Service, runtime};
use super::served::served;
use crate::access::{NewGrant, PURPOSES, Role};
use crate::http::OperatorId;
use crate::outward::{self, Bounds, OutwardError, Trust};
use crate::registry::Home;

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
    /// Prints the life. A running service is asked, else one that is started for this question: what
    /// is sealed, whose whereabouts are protected and who was told of too many is the same then.
    pub fn run(self) -> Result<(), Failure> {
        let home = Home::open(&self.data)?;
        let bounds = Bounds { bytes_max: LIFE_BYTES_MAX, ..Bounds::default() };
        let answer = runtime()?.block_on(async {
            match served(&home)? {
                Some(service) => {
                    service.ask(&home, self.grant(), &self.path(), self.question(), bounds).await
                }
                None => self.ask_alone(bounds).await,
            }
        })?;
        let events = match answer {
            Err(OutwardError::Status(StatusCode::NOT_FOUND)) => Vec::new(),
            answer => serde_json::from_slice::<History>(&answer?)?.events,
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

    /// Asks a service of our own, which ends with the answer and needs no room on the disk but for
    /// the record of the read.
    async fn ask_alone(&self, bounds: Bounds) -> Result<Result<Bytes, OutwardError>, Failure> {
        let here = ([127, 0, 0, 1], 0).into();
        let service = Service::start_behind(&self.data, here, &Door::default(), 0).await?;
        let (token, grant) = service.tokens.create(self.grant())?;
        let question = self.question().uri(format!("{}{}", service.url, self.path()));
        let question = question.header(AUTHORIZATION, format!("Bearer {token}"));
        let question = question.body(Body::empty())?;
        let answer = outward::ask(question, &Trust::nobody(), bounds).await;
        service.tokens.revoke(&grant.id)?;
        service.stop().await?;
        Ok(answer)
    }

    fn grant(&self) -> NewGrant {
        NewGrant {
            role: ASKS_AS,
            purposes: vec![self.purpose.to_owned()],
            ..super::ingest::everything("replay-person")
        }
    }

    fn path(&self) -> String {
        let known_at = self.known_at.map(|at| format!("?known_at={at}")).unwrap_or_default();
        format!("/v1/persons/{}/history{known_at}", self.id)
    }

    fn question(&self) -> request::Builder {
        let question = Request::builder().header("purpose", self.purpose);
        match operator() {
            Some(operator) => question.header("on-behalf-of", operator.as_str()),
            None => question,
        }
    }
}

#[derive(serde::Deserialize)]
struct History {
    events: Vec<Value>,
}

/// Who works at the machine, as far as the system says.
fn operator() -> Option<OperatorId> {
    ["SUDO_USER", "USER"].iter().find_map(|name| OperatorId::read(&std::env::var(name).ok()?))
}
