//! `renkou demo`: a fictional county on a bare machine, taken in through the real path, served.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::{PersonId, Place};
use serde_json::{Map, Value, json};

use super::generate::yesterday;
use super::ingest::{Counts, To, everything, send_file};
use super::serve::{Service, StopSignals, runtime};
use super::{Failure, tell};
use crate::access::{NewGrant, Role};
use crate::generate::{Options, write};
use crate::registry::Home;

/// Years that the county's events span.
const YEARS: u32 = 3;
/// How long the views may take to follow the last event.
const FOLLOW_MAX: Duration = Duration::from_secs(120);
/// Division of the county.
const COUNTY: &str = "990101";

/// How large, and where.
#[derive(clap::Args)]
pub struct Demo {
    /// A directory that does not exist or is empty; a temporary one when not given.
    #[arg(long)]
    data: Option<PathBuf>,
    /// People of the county.
    #[arg(long, default_value_t = 20_000)]
    people: u32,
    /// Port on this machine; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The same seed gives the same county.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Demo {
    /// Makes the county and serves it until the process is told to stop.
    pub fn run(self) -> Result<(), Failure> {
        let data = match &self.data {
            Some(data) => data.clone(),
            None => tempfile::Builder::new().prefix("renkou-demo-").tempdir()?.keep(),
        };
        Home::init(&data, true)?;
        writeln!(std::io::stdout(), "{}", data.display())?;
        runtime()?.block_on(self.serve(&data))
    }

    async fn serve(self, data: &Path) -> Result<(), Failure> {
        let mut stop = StopSignals::listen()?;
        let service = Service::start(data, ([127, 0, 0, 1], self.port).into()).await?;
        let ready = tokio::select! {
            taken = self.take_in(&service) => Some(taken?),
            () = stop.come() => None,
        };
        if let Some(counts) = ready {
            let tokens = make_tokens(&service)?;
            write_demo_file(data, &service, &tokens)?;
            tell(&what_to_try(&service.url, data, counts));
            stop.come().await;
        }
        tell("Stopping.");
        service.stop().await
    }

    async fn take_in(&self, service: &Service) -> Result<Counts, Failure> {
        tell(&format!("Making up a county of {} people and {YEARS} years…", self.people));
        let options = Options::new(self.people, YEARS, self.seed, yesterday());
        // Apart from the registry, in whose directory no name stands in plain.
        let folder = tempfile::Builder::new().prefix("renkou-county-").tempdir()?;
        let path = folder.path().join("county.ndjson");
        let making = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || {
                let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
                write(&options, &mut out, None)?;
                out.flush()
            })
        };
        making.await??;
        tell("Taking its events in…");
        let (token, grant) = service.tokens.create(everything("demo-county"))?;
        let counts = send_file(&path, &To::own(&service.url, &token)).await?;
        service.tokens.revoke(&grant.id)?;
        let head = service.registry.log().journal().head();
        if !service.registry.wait_until_folded(head, FOLLOW_MAX).await {
            return Err("the views did not follow in time".into());
        }
        Ok(counts)
    }
}

fn make_tokens(service: &Service) -> Result<Map<String, Value>, Failure> {
    let county = Place::parse(COUNTY)?;
    let citizen = some_person(service, county)?;
    type Named = (&'static str, Role, Option<[u8; 3]>, &'static [&'static str]);
    let grants: [Named; 8] = [
        ("upstream_hlt", Role::Upstream, Some(*b"HLT"), &["registration", "service"]),
        ("upstream_pol", Role::Upstream, Some(*b"POL"), &["registration", "service"]),
        ("upstream_civ", Role::Upstream, Some(*b"CIV"), &["registration", "service"]),
        ("verifier", Role::Verifier, None, &["verification", "service"]),
        ("auditor", Role::Auditor, None, &["audit"]),
        ("analyst", Role::Analyst, None, &["statistics"]),
        ("citizen", Role::Citizen, None, &["own_record"]),
        ("admin", Role::Admin, None, &[]),
    ];
    let mut tokens = Map::new();
    for (name, role, department, purposes) in grants {
        let (token, _) = service.tokens.create(NewGrant {
            subject: format!("demo-{name}"),
            role,
            department,
            place: (role != Role::Admin).then_some(county),
            purposes: purposes.iter().map(|purpose| (*purpose).to_owned()).collect(),
            expires_at: None,
            person: citizen.filter(|_| role == Role::Citizen),
        })?;
        tokens.insert(name.to_owned(), json!(token));
    }
    Ok(tokens)
}

fn some_person(service: &Service, county: Place) -> Result<Option<PersonId>, Failure> {
    let people = service.registry.views.people.living_in(county, None, 1)?;
    Ok(people.first().map(|(_, person)| *person))
}

/// Villages of the county in which somebody lives.
fn villages(service: &Service, county: Place) -> Result<Vec<Place>, Failure> {
    let mut villages: Vec<Place> = Vec::new();
    let mut after = None;
    let past = PersonId::from_uuid(uuid::Uuid::max());
    loop {
        let next = service.registry.views.people.living_in(county, after, 1)?;
        let Some((place, _)) = next.first() else { return Ok(villages) };
        if place.digits() == 12 {
            villages.push(*place);
        }
        // The greatest id there may be: the next one lives in another village.
        after = Some((*place, past));
    }
}

fn write_demo_file(
    data: &Path,
    service: &Service,
    tokens: &Map<String, Value>,
) -> Result<(), Failure> {
    let places = villages(service, Place::parse(COUNTY)?)?;
    let citizen = some_person(service, Place::parse(COUNTY)?)?;
    let text = json!({
        "url": service.url,
        "places": places,
        "tokens": tokens,
        "citizen_person_id": citizen,
    });
    let path = data.join("demo.json");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(file.write_all(serde_json::to_string_pretty(&text)?.as_bytes())?)
}

fn what_to_try(url: &str, data: &Path, counts: Counts) -> String {
    let data = data.display();
    format!(
        "\n{} events recorded, {} duplicates, {} conflicts, {} rejected.\n\
         Serving at {url}; tokens are in {data}/demo.json. Try:\n\n  \
         token() {{ python3 -c \"import json;print(json.load(open('{data}/demo.json'))['tokens']['$1'])\"; }}\n  \
         curl -s '{url}/v1/metrics/timeliness?place={COUNTY}&group_by=event' -H \"Authorization: Bearer $(token analyst)\"\n  \
         curl -s '{url}/v1/places/{COUNTY}/people?limit=3' -H \"Authorization: Bearer $(token verifier)\" -H 'Purpose: verification'\n\n\
         Ctrl-C stops it.",
        counts.recorded, counts.duplicates, counts.conflicts, counts.rejected,
    )
}
