//! The batch: a file of events streamed as NDJSON, its receipts read as they come. A receipt is
//! counted when it arrives; the clock stops at the last one.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use memchr::memchr;

use crate::Error;
use crate::receipts::Receipts;
use crate::samples::Samples;
use crate::server::Tokens;
use crate::wire::{self, Connection};

/// A view that has not followed by then is reported as such.
const FOLLOW_SECONDS_MAX: u64 = 120;
/// How often the views are asked how far they are while events stream in.
const LAG_EVERY: Duration = Duration::from_millis(250);
/// How often the receipts are put beside the clock, by count.
const MARK_EVERY: u64 = 1000;

/// What streaming a file gave.
#[derive(Debug, Default)]
pub struct Ingested {
    /// From the first byte sent to the last receipt.
    pub elapsed: Duration,
    /// What the receipts said.
    pub receipts: Receipts,
    /// How long a view took to show what had a receipt, asked now and then meanwhile.
    pub lag: Samples,
    /// Receipts a second over the first and over the last tenth of all receipts.
    pub tenths: (f64, f64),
}

/// What the workers of one ingest share.
struct Progress {
    began: Instant,
    end: Instant,
    /// Receipts counted, and when: ascending.
    marks: Mutex<Vec<(u64, Instant)>>,
    /// Positions with a receipt, and when: ascending.
    positions: Mutex<Vec<(u64, Instant)>>,
    recorded: AtomicU64,
    someone: Mutex<Option<u128>>,
    done: AtomicBool,
}

/// Streams each file over a connection of its own and reads every receipt, or those that came
/// before `end`.
///
/// # Errors
/// When the server refuses a stream as a whole or a connection breaks.
pub fn ingest(
    address: SocketAddr,
    tokens: &Tokens,
    files: &[PathBuf],
    end: Instant,
) -> Result<Ingested, Error> {
    let progress = Progress {
        began: Instant::now(),
        end,
        marks: Mutex::default(),
        positions: Mutex::default(),
        recorded: AtomicU64::new(0),
        someone: Mutex::default(),
        done: AtomicBool::new(false),
    };
    let progress = &progress;
    let (streams, lag) = thread::scope(|scope| {
        let watch = scope.spawn(move || watch_lag(address, &tokens.reader, progress));
        let stream = |file: &PathBuf| {
            let file = file.clone();
            scope.spawn(move || stream(address, &tokens.writer, &file, progress))
        };
        let workers: Vec<_> = files.iter().map(stream).collect();
        let streams: Vec<_> = workers.into_iter().map(|w| w.join().expect("no panic")).collect();
        progress.done.store(true, Ordering::Relaxed);
        (streams, watch.join().expect("no panic"))
    });
    let mut ingested = Ingested { lag, ..Ingested::default() };
    let all = &mut ingested.receipts;
    for stream in streams {
        let (one, ended) = stream?;
        ingested.elapsed = ingested.elapsed.max(ended.duration_since(progress.began));
        all.recorded += one.recorded;
        all.duplicates += one.duplicates;
        all.refused += one.refused;
        all.is_cut_short |= one.is_cut_short;
        all.last_position = all.last_position.max(one.last_position);
        all.persons.extend(one.persons);
        all.refusal = all.refusal.take().or(one.refusal);
    }
    all.persons.sort_unstable();
    all.persons.dedup();
    ingested.tenths = tenths(progress.began, &progress.marks.lock().expect("no panic"));
    Ok(ingested)
}

fn stream(
    address: SocketAddr,
    token: &str,
    file: &Path,
    progress: &Progress,
) -> Result<(Receipts, Instant), Error> {
    let mut connection = Connection::open(address)?;
    let mut sender = connection.sender()?;
    let mut events = File::open(file)?;
    let length = events.metadata()?.len();
    let mut head = Vec::new();
    let headers = format!(
        "Authorization: Bearer {token}\r\nContent-Type: application/x-ndjson\r\n\
         Content-Length: {length}\r\n"
    );
    wire::head(&mut head, "POST", format_args!("/v1/events"), &headers);
    thread::scope(|scope| {
        // From a file to a socket this is `sendfile`: the client spends next to nothing on it.
        let send = move || -> io::Result<u64> {
            io::Write::write_all(&mut sender, &head)?;
            io::copy(&mut events, &mut sender)
        };
        let sending = scope.spawn(send);
        let received = receive(&mut connection, progress);
        let is_whole = received.as_ref().is_ok_and(|(receipts, _)| !receipts.is_cut_short);
        if !is_whole {
            // Else the sender would wait for ever for a server that no longer reads.
            connection.close();
        }
        let sent = sending.join().expect("no panic");
        if is_whole {
            sent?;
        }
        received
    })
}

fn receive(connection: &mut Connection, progress: &Progress) -> Result<(Receipts, Instant), Error> {
    let status = connection.read_head()?;
    if status != 200 {
        let mut said = Vec::new();
        connection.read_body(|bytes| {
            said.extend_from_slice(bytes);
            true
        })?;
        let said = String::from_utf8_lossy(&said).into_owned();
        return Err(Error::Other(format!("NDJSON was answered with {status}: {said}")));
    }
    let mut lines = Lines { receipts: Receipts::default(), rest: Vec::new(), progress };
    match connection.read_body(|bytes| lines.take(bytes)) {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => lines.receipts.is_cut_short = true,
        done => done?,
    }
    Ok((lines.receipts, Instant::now()))
}

/// Cuts the stream of receipts into lines, whatever pieces it comes in.
struct Lines<'a> {
    receipts: Receipts,
    rest: Vec<u8>,
    progress: &'a Progress,
}

impl Lines<'_> {
    /// Takes a piece; says whether there is time for another.
    fn take(&mut self, mut bytes: &[u8]) -> bool {
        let before = self.receipts.recorded;
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, after) = bytes.split_at(end);
            if self.rest.is_empty() {
                self.receipts.read(line);
            } else {
                self.rest.extend_from_slice(line);
                self.receipts.read(&self.rest);
                self.rest.clear();
            }
            bytes = &after[1..];
        }
        self.rest.extend_from_slice(bytes);
        self.progress.add(self.receipts.recorded - before, &self.receipts);
        Instant::now() < self.progress.end
    }
}

impl Progress {
    fn add(&self, recorded: u64, receipts: &Receipts) {
        let before = self.recorded.fetch_add(recorded, Ordering::Relaxed);
        let now = Instant::now();
        if before / MARK_EVERY != (before + recorded) / MARK_EVERY {
            self.marks.lock().expect("no panic").push((before + recorded, now));
            self.positions.lock().expect("no panic").push((receipts.last_position, now));
        }
        let mut someone = self.someone.lock().expect("no panic");
        if someone.is_none() {
            *someone = receipts.persons.first().copied();
        }
    }
}

/// Asks the archive view again and again how far it is, and looks up when that position had its
/// receipt: the difference is how far the view is behind.
fn watch_lag(address: SocketAddr, token: &str, progress: &Progress) -> Samples {
    let mut lag = Samples::default();
    let Ok(mut connection) = Connection::open(address) else { return lag };
    while !progress.done.load(Ordering::Relaxed) {
        thread::sleep(LAG_EVERY);
        let Some(person) = *progress.someone.lock().expect("no panic") else { continue };
        let mut request = Vec::new();
        read_person(&mut request, token, person, "", "");
        let Ok(200) = connection.exchange(&request) else { continue };
        let shown = connection.header("registry-position").and_then(|text| text.parse().ok());
        let Some(shown) = shown else { continue };
        let positions = progress.positions.lock().expect("no panic");
        let first_beyond = positions.partition_point(|(position, _)| *position <= shown);
        lag.add(positions.get(first_beyond).map_or(Duration::ZERO, |(_, at)| at.elapsed()));
    }
    lag
}

/// Waits until the archive and the timeliness view show `position`; gives how long that took, none
/// when they did not follow in time.
///
/// # Errors
/// When the server cannot be reached.
pub fn await_views(
    address: SocketAddr,
    tokens: &Tokens,
    person: u128,
    position: u64,
) -> Result<Option<Duration>, Error> {
    let mut connection = Connection::open(address)?;
    let began = Instant::now();
    let least = format!("At-Least: {position}\r\n");
    let mut requests = [Vec::new(), Vec::new()];
    read_person(&mut requests[0], &tokens.reader, person, "", &least);
    let headers = format!("Authorization: Bearer {}\r\n{least}", tokens.analyst);
    wire::head(&mut requests[1], "GET", format_args!("/v1/metrics/timeliness"), &headers);
    for request in &requests {
        loop {
            let status = connection.exchange(request)?;
            let shown = connection.header("registry-position").and_then(|text| text.parse().ok());
            if status == 200 && shown.is_none_or(|shown: u64| shown >= position) {
                break;
            }
            if began.elapsed() > Duration::from_secs(FOLLOW_SECONDS_MAX) {
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
    Ok(Some(began.elapsed()))
}

/// Writes the request for a person's archive; `query` starts with its question mark when there is
/// one, `headers` are whole further lines.
pub fn read_person(request: &mut Vec<u8>, token: &str, person: u128, query: &str, headers: &str) {
    let id = uuid::Uuid::from_u128(person);
    let headers = format!("Authorization: Bearer {token}\r\nPurpose: service\r\n{headers}");
    wire::head(request, "GET", format_args!("/v1/persons/{id}{query}"), &headers);
}

fn tenths(began: Instant, marks: &[(u64, Instant)]) -> (f64, f64) {
    let Some(&(total, end)) = marks.last() else { return (0.0, 0.0) };
    let at = |count: u64| marks[marks.partition_point(|(n, _)| *n < count)];
    let rate = |n: u64, from: Instant, to: Instant| n as f64 / (to - from).as_secs_f64();
    let (first, last) = (at(total / 10), at(total - total / 10));
    (rate(first.0, began, first.1), rate(total - last.0, last.1, end))
}
