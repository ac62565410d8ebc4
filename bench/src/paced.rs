//! The paced load: requests leave when they are due, whether or not those before were answered. It
//! shows the latency at a given rate.
//!
//! One thread sends and one receives for all connections. A thread for each would be woken twice a
//! request, and on the server's own processors that is most of what a request costs there.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use memchr::memmem;
use mio::{Events, Interest, Poll, Token};

use crate::Error;
use crate::load::Outcome;
use crate::samples::Samples;

/// So often it is looked whether all was sent and answered.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Answers that do not come within so long after the last request was sent never come.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Read at once.
const READ_BYTES: usize = 64 << 10;

/// When requests are due. A latency counts from that moment, not from when it was sent.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Requests a second over all connections.
    pub per_second: f64,
    /// Of which so many are due at the same moment.
    pub together: usize,
}

/// A connection: requests go out on one side in turn, and their answers come in on the other.
struct Line {
    out: TcpStream,
    /// When the requests were due that are not answered yet.
    due: Mutex<VecDeque<Instant>>,
}

/// What the two threads share.
struct Shared {
    lines: Vec<Line>,
    sent: AtomicU64,
    is_sent: AtomicBool,
    has_failed: AtomicBool,
}

/// Sends at a pace for so many seconds over so many connections, in turn. `next` and `wanted` are as
/// in [`crate::load::run`].
///
/// # Errors
/// When a connection breaks, or an answer is no HTTP with a length.
pub fn run(
    address: SocketAddr,
    connections: usize,
    (pace, seconds_max): (Pace, f64),
    wanted: &[u16],
    next: impl Fn(usize, u64, &mut Vec<u8>) -> bool + Sync,
) -> Result<Outcome, Error> {
    let (mut lines, mut coming) = (Vec::new(), Vec::new());
    for _ in 0..connections {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        // Both sides, since they are one socket.
        stream.set_nonblocking(true)?;
        lines.push(Line { out: stream.try_clone()?, due: Mutex::default() });
        coming.push(Coming { stream: mio::net::TcpStream::from_std(stream), bytes: Vec::new() });
    }
    let (sent, is_sent, has_failed) = Default::default();
    let shared = Shared { lines, sent, is_sent, has_failed };
    let began = Instant::now();
    let (sent, received) = thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let sent = send(&shared, (pace, seconds_max), began, &next);
            shared.has_failed.fetch_or(sent.is_err(), Ordering::Release);
            shared.is_sent.store(true, Ordering::Release);
            sent
        });
        let received = receive(&shared, coming, wanted);
        shared.has_failed.fetch_or(received.is_err(), Ordering::Release);
        (sender.join().expect("no panic in the sender"), received)
    });
    sent?;
    let (mut outcome, mut samples) = received?;
    outcome.seconds = began.elapsed().as_secs_f64();
    outcome.latency = samples.percentiles();
    Ok(outcome)
}

fn send(
    shared: &Shared,
    (pace, seconds_max): (Pace, f64),
    began: Instant,
    next: impl Fn(usize, u64, &mut Vec<u8>) -> bool,
) -> io::Result<()> {
    let mut request = Vec::with_capacity(4096);
    for turn in 0.. {
        let together = turn - turn % pace.together.max(1) as u64;
        let after = together as f64 / pace.per_second;
        if after >= seconds_max || shared.has_failed.load(Ordering::Acquire) {
            break;
        }
        let due = began + Duration::from_secs_f64(after);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let connections = shared.lines.len() as u64;
        let (at, n) = ((turn % connections) as usize, turn / connections);
        request.clear();
        if !next(at, n, &mut request) {
            break;
        }
        let line = &shared.lines[at];
        line.due.lock().expect("no panic in a thread").push_back(due);
        shared.sent.fetch_add(1, Ordering::Release);
        (&line.out).write_all(&request)?;
    }
    Ok(())
}

fn receive(
    shared: &Shared,
    mut coming: Vec<Coming>,
    wanted: &[u16],
) -> io::Result<(Outcome, Samples)> {
    let mut poll = Poll::new()?;
    for (at, one) in coming.iter_mut().enumerate() {
        poll.registry().register(&mut one.stream, Token(at), Interest::READABLE)?;
    }
    let (mut outcome, mut samples) = (Outcome::default(), Samples::default());
    let (mut events, mut room) = (Events::with_capacity(coming.len()), vec![0; READ_BYTES]);
    let (mut received, mut newest) = (0, Instant::now());
    loop {
        if shared.is_sent.load(Ordering::Acquire) {
            if received == shared.sent.load(Ordering::Acquire) {
                return Ok((outcome, samples));
            }
            if shared.has_failed.load(Ordering::Acquire) || newest.elapsed() > SILENCE_MAX {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        match poll.poll(&mut events, Some(LOOK_EVERY)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            let at = event.token().0;
            let due = &shared.lines[at].due;
            coming[at].read(&mut room, |status, body_bytes| {
                newest = Instant::now();
                received += 1;
                *outcome.statuses.entry(status).or_default() += 1;
                outcome.body_bytes += body_bytes;
                let due = due.lock().expect("no panic in a thread").pop_front();
                if let Some(due) = due.filter(|_| wanted.contains(&status)) {
                    samples.add(newest.duration_since(due));
                }
            })?;
        }
    }
}

/// The side on which answers come.
struct Coming {
    stream: mio::net::TcpStream,
    /// Of answers that are not whole yet.
    bytes: Vec<u8>,
}

impl Coming {
    /// Reads all that is there, and gives status and length of the body of each whole answer.
    fn read(&mut self, room: &mut [u8], mut whole: impl FnMut(u16, u64)) -> io::Result<()> {
        loop {
            match self.stream.read(room) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.bytes.extend_from_slice(&room[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            let mut from = 0;
            while let Some((status, head, body)) = answer(&self.bytes[from..])? {
                if self.bytes.len() - from < head + body {
                    break;
                }
                whole(status, body as u64);
                from += head + body;
            }
            self.bytes.drain(..from);
        }
    }
}

/// Status, length of the head and of the body of the answer that bytes begin with; none while the
/// head is not whole.
fn answer(bytes: &[u8]) -> io::Result<Option<(u16, usize, usize)>> {
    let Some(head) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..head]).unwrap_or_default();
    let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let mut headers = text.split("\r\n").filter_map(|line| line.split_once(':'));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, value)| value.trim().parse().ok());
    match status.zip(length) {
        Some((status, length)) => Ok(Some((status, head + 4, length))),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "an answer without a length")),
    }
}
