//! What is measured once nothing is posted any more: what the data takes up on the disk, and with the
//! server stopped how long it takes to rebuild, to start again and to prove the log.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use crate::Error;
use crate::bare_record;
use crate::ingest::Ingested;
use crate::run::GIB;
use crate::server::{Registry, Server, Tokens};
use crate::table::{Goal, Row, figure};
use crate::wire::{self, Connection};

/// Lets `server` come to rest, stops it and measures disk, a read's record on it, rebuild and start, in
/// this order; `posted` events were recorded after the ingest. Beyond `end` only the disk is measured.
///
/// # Errors
/// When the registry cannot be stopped, started or read.
pub fn measure(
    end: Instant,
    registry: &Registry,
    server: Server,
    tokens: &Tokens,
    ingested: &Ingested,
    posted: u64,
) -> Result<Vec<Row>, Error> {
    let mut rows = vec![rest_row(&server)];
    let head = head_position(server.address, &tokens.analyst)?;
    let head = head.max(ingested.receipts.last_position);
    let memory = server.stop()?.memory_bytes_max as f64 / GIB;
    rows.push(
        Row::new("server memory at its peak, whole run", memory, "GiB", Goal::None)
            .note(format!("{head} events in the log")),
    );
    let submitted = ingested.receipts.recorded + posted;
    rows.extend(disk_rows(&registry.data, head, submitted)?);
    if Instant::now() > end {
        rows.push(Row::missing("rebuild of every view", "events/s", Goal::None, "no time left"));
        return Ok(rows);
    }
    rows.push(bare_record::measure(&registry.data)?.row());
    let ingest_rate = ingested.receipts.last_position as f64 / ingested.elapsed.as_secs_f64();
    rows.extend(rebuild_rows(registry, head, ingest_rate)?);
    let again = registry.serve()?;
    let started = again.started_in.as_secs_f64();
    rows.push(Row::new("start with these events, to ready", started, "s", Goal::None));
    again.stop()?;
    Ok(rows)
}

/// Proves log and views of the stopped registry.
///
/// # Errors
/// When the command cannot be started.
pub fn check(registry: &Registry) -> Result<Row, Error> {
    let check = registry.replay("check")?;
    let found = if check.success { "live equals rebuilt, log whole" } else { "IT FAILED" };
    let seconds = check.elapsed.as_secs_f64();
    Ok(Row::new("replay check", seconds, "s", Goal::None).note(found))
}

/// What the server had put off while it was busy: the rules across records.
fn rest_row(server: &Server) -> Row {
    let (began, before) = (Instant::now(), server.usage().cpu_seconds);
    let has_come = server.rest();
    let seconds = figure(began.elapsed().as_secs_f64());
    let note = match has_come {
        true => format!("in {seconds} s"),
        false => format!("not at rest after {seconds} s"),
    };
    let spent = server.usage().cpu_seconds - before;
    Row::new("after the loads: server CPU until it is at rest", spent, "s", Goal::None).note(note)
}

fn rebuild_rows(registry: &Registry, head: u64, ingest_rate: f64) -> Result<Vec<Row>, Error> {
    let rebuilt = registry.replay("rebuild")?;
    let times = Goal::More { least: 4.0, reach: 10.0 };
    let name = "rebuild of every view";
    if !rebuilt.success {
        let times_missing = Row::missing(name, "× ingest", times, "the command failed");
        return Ok(vec![times_missing]);
    }
    let rate = head as f64 / rebuilt.elapsed.as_secs_f64();
    let memory = figure(rebuilt.usage.memory_bytes_max as f64 / GIB);
    let cpu = figure(rebuilt.usage.cpu_seconds);
    let seconds = figure(rebuilt.elapsed.as_secs_f64());
    let note = format!("{seconds} s wall, {cpu} s CPU, {memory} GiB");
    Ok(vec![
        Row::new(name, rate, "events/s", Goal::None).note(note),
        Row::new(format!("{name}, beside the ingest"), rate / ingest_rate, "×", times)
            .note("both counted in events of the log"),
    ])
}

fn disk_rows(data: &Path, events: u64, submitted: u64) -> Result<Vec<Row>, Error> {
    let all = allocated(data)?;
    let part = |name: &str| allocated(&data.join(name)).unwrap_or(0);
    let (journal, views, reads) = (part("journal"), part("views"), part("reads"));
    let others = all - journal - views - reads;
    let each = |bytes: u64| bytes as f64 / events.max(1) as f64;
    let goal = Goal::Less { most: 700.0, reach: Some(350.0) };
    let note = format!(
        "journal, views and {} bytes of keys and the rest; {} bytes per submission",
        figure(each(others)),
        figure((all - reads) as f64 / submitted.max(1) as f64)
    );
    Ok(vec![
        Row::new("disk per event", each(all - reads), "bytes", goal).note(note),
        Row::new("disk per event: journal", each(journal), "bytes", Goal::None),
        Row::new("disk per event: views", each(views), "bytes", Goal::None),
        Row::new("journal of reads", reads as f64 / f64::from(1 << 20), "MiB", Goal::None)
            .note("what the reads of this run left; not in the above"),
    ])
}

/// Bytes that a file, or all under a directory, take up on the disk.
fn allocated(path: &Path) -> Result<u64, Error> {
    let found = fs::symlink_metadata(path)?;
    if !found.is_dir() {
        return Ok(found.blocks() * 512);
    }
    fs::read_dir(path)?.map(|entry| allocated(&entry?.path())).sum()
}

/// The position up to which the timeliness view stands, which is the head once nothing is posted.
fn head_position(address: SocketAddr, token: &str) -> Result<u64, Error> {
    let mut connection = Connection::open(address)?;
    let headers = format!("Authorization: Bearer {token}\r\n");
    let mut request = Vec::new();
    wire::head(&mut request, "GET", format_args!("/v1/metrics/timeliness"), &headers);
    connection.exchange(&request)?;
    let shown = connection.header("registry-position").and_then(|text| text.parse().ok());
    Ok(shown.unwrap_or(0))
}
