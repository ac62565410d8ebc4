//! Archive reads of a registry that is there already, so that two binaries can be compared on the
//! same people without an ingest before each.

use std::path::PathBuf;

use crate::Error;
use crate::bare_record;
use crate::load::mix;
use crate::reads::{Reads, Runs};
use crate::run::shares;
use crate::server::{Registry, Server};
use crate::table::Row;
use crate::usage::Usage;
use crate::wire::{self, Connection};

/// So many people are enough to be everybody.
const PERSONS_MAX: usize = 200_000;
/// Records in a bundle of the log.
const BUNDLE_RECORDS: u64 = 256;
/// Events told in somebody else's stream have greater numbers.
const OWN_TYPE_MAX: u16 = 999;
const OK: u16 = 200;

/// What to read.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The binary `renkou`.
    pub binary: PathBuf,
    /// The data directory that a run left behind; reads are added to it.
    pub data: PathBuf,
    /// How long the closed and the paced run may take each.
    pub seconds_each: f64,
}

/// Serves the registry, waits until it is at rest, and reads archives of people drawn from the log.
///
/// # Errors
/// When it cannot be served, or its log cannot be read.
pub fn measure(setting: &Setting) -> Result<Vec<Row>, Error> {
    let registry = Registry::existing(&setting.binary, &setting.data)?;
    let token = registry.tokens()?.reader;
    let server = registry.serve()?;
    eprintln!("waiting for the server to come to rest");
    if !server.rest() {
        eprintln!("it did not: figures hold what it does beside");
    }
    let persons = people(&server, &token)?;
    eprintln!("reading {} people", persons.len());
    let (address, seconds_max) = (server.address, setting.seconds_each);
    let reads = Reads { address, token: &token, persons: &persons, days: ("", ""), seconds_max };
    let began = (server.usage(), Usage::own());
    let closed = reads.closed_now()?;
    let between = (server.usage(), Usage::own());
    let asked = closed.latency.count;
    let runs = Runs { closed, paced: reads.paced_now()? };
    let ended = (server.usage(), Usage::own());
    let mut rows = vec![
        shares("archive read, closed", began, between, asked),
        shares("archive read, paced", between, ended, runs.answers() - asked),
    ];
    rows.extend(runs.rows_now());
    server.stop()?;
    rows.push(bare_record::measure(&setting.data)?.row());
    Ok(rows)
}

/// People who had an event of their own, each as likely as any other: those whose stream begins in
/// bundles of the log drawn at random.
fn people(server: &Server, token: &str) -> Result<Vec<u128>, Error> {
    let mut connection = Connection::open(server.address)?;
    let mut ask = |path: &str| -> Result<Vec<u8>, Error> {
        let mut request = Vec::new();
        let headers = format!("Authorization: Bearer {token}\r\n");
        wire::head(&mut request, "GET", format_args!("/v1/log/{path}"), &headers);
        match connection.exchange(&request)? {
            OK => Ok(connection.body().to_vec()),
            status => Err(Error::Other(format!("the log answers {path} with {status}"))),
        }
    };
    let checkpoint = ask("checkpoint")?;
    let size = checkpoint.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
    let size: u64 = std::str::from_utf8(size).ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let bundles = size / BUNDLE_RECORDS;
    // In the order of a random permutation: each at most once.
    let mut order: Vec<u64> = (0..bundles).collect();
    order.sort_unstable_by_key(|bundle| mix(*bundle));
    let mut persons = Vec::new();
    for bundle in order {
        read_bundle(&ask(&format!("tile/{}", tile(bundle)))?, &mut persons);
        if persons.len() >= PERSONS_MAX {
            break;
        }
    }
    if persons.is_empty() {
        return Err(Error::Other("no person begins in a whole bundle of the log".into()));
    }
    Ok(persons)
}

/// The path of a bundle of entries (c2sp.org/tlog-tiles).
fn tile(index: u64) -> String {
    let mut path = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1_000);
        rest /= 1_000;
    }
    format!("entries/{path}")
}

/// Adds the persons whose stream begins with a record of a bundle: each record comes with its
/// length before it.
fn read_bundle(mut bytes: &[u8], persons: &mut Vec<u128>) {
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((record, rest)) = rest.split_at_checked(length) else { return };
        persons.extend(begins(record));
        bytes = rest;
    }
}

/// Whose life a record begins; its layout is that of `journal/src/record.rs`.
fn begins(record: &[u8]) -> Option<u128> {
    const PERSON: u8 = 1;
    let (stream_kind, rest) = record.get(10..)?.split_first()?;
    let (id, rest) = rest.split_first_chunk()?;
    let (sequence, rest) = rest.split_first_chunk::<4>()?;
    let event_type = rest.get(8..)?.first_chunk()?;
    let is_own = u16::from_le_bytes(*event_type) <= OWN_TYPE_MAX;
    let is_first = *sequence == [0; 4];
    (*stream_kind == PERSON && is_first && is_own).then(|| u128::from_be_bytes(*id))
}
