//! HTTP/1.1 as cheap as it gets: client and server share two cores, so whatever the client spends
//! is taken from what it measures. One blocking keep-alive connection, bytes in, bytes out.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// A server that is silent for so long has failed; a view may take its time to follow.
const SILENCE_SECONDS_MAX: u64 = 120;
/// Longer heads are no answer of ours.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A keep-alive connection with one request under way at a time.
pub struct Connection {
    reader: BufReader<TcpStream>,
    head: Vec<u8>,
    body: Vec<u8>,
}

/// How the end of a body is told.
#[derive(Clone, Copy)]
enum Framing {
    Length(u64),
    Chunked,
    UntilClosed,
}

impl Connection {
    /// Connects, with answers bounded in time and small packets sent at once.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(SILENCE_SECONDS_MAX)))?;
        let reader = BufReader::with_capacity(64 * 1024, stream);
        Ok(Self { reader, head: Vec::new(), body: Vec::new() })
    }

    /// A second handle of the socket, to send a long body while the answer is being read.
    ///
    /// # Errors
    /// When the system has no more handles.
    pub fn sender(&self) -> io::Result<TcpStream> {
        self.reader.get_ref().try_clone()
    }

    /// Ends the connection in both directions, so that nobody waits on it any more.
    pub fn close(&self) {
        // It may be closed already, which is as good.
        let _ = self.reader.get_ref().shutdown(Shutdown::Both);
    }

    /// Sends one whole request and reads the whole answer; gives its status.
    ///
    /// # Errors
    /// When the connection broke or the answer is no HTTP.
    pub fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        self.reader.get_mut().write_all(request)?;
        let status = self.read_head()?;
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        let read = self.read_body(|bytes| {
            body.extend_from_slice(bytes);
            true
        });
        self.body = body;
        read.map(|()| status)
    }

    /// The body of the last [`Connection::exchange`].
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// A header of the last answer, `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
            let (found, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Reads status and headers of the next answer, passing over interim ones; gives the status.
    ///
    /// # Errors
    /// When the connection broke or the answer is no HTTP.
    pub fn read_head(&mut self) -> io::Result<u16> {
        loop {
            self.head.clear();
            loop {
                let before = self.head.len();
                self.reader.read_until(b'\n', &mut self.head)?;
                match &self.head[before..] {
                    [] => return Err(io::ErrorKind::UnexpectedEof.into()),
                    b"\r\n" | b"\n" => break,
                    _ if self.head.len() > HEAD_BYTES_MAX => return Err(odd("a head too long")),
                    _ => {}
                }
            }
            let status = self.head.get(9..12).and_then(|code| std::str::from_utf8(code).ok());
            match status.and_then(|code| code.parse().ok()) {
                Some(100..=199) => {}
                Some(status) if self.head.starts_with(b"HTTP/1.") => return Ok(status),
                _ => return Err(odd("no HTTP/1.1 status")),
            }
        }
    }

    /// Reads the body that follows the head, handing it over piece by piece for as long as `piece`
    /// wants more.
    ///
    /// # Errors
    /// When the connection broke or the framing is odd; `TimedOut` when no more was wanted.
    pub fn read_body(&mut self, mut piece: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
        match self.framing()? {
            Framing::Length(length) => self.pass(length, &mut piece),
            Framing::UntilClosed => self.pass(u64::MAX, &mut piece).or_else(|error| {
                if error.kind() == io::ErrorKind::UnexpectedEof { Ok(()) } else { Err(error) }
            }),
            Framing::Chunked => loop {
                let length = self.chunk_length()?;
                self.pass(length, &mut piece)?;
                let mut end = [0; 2];
                self.reader.read_exact(&mut end)?;
                if end != *b"\r\n" {
                    return Err(odd("a chunk longer than it says"));
                }
                if length == 0 {
                    return Ok(());
                }
            },
        }
    }

    fn framing(&self) -> io::Result<Framing> {
        if self.header("transfer-encoding").is_some_and(|value| value.ends_with("chunked")) {
            return Ok(Framing::Chunked);
        }
        match self.header("content-length") {
            Some(length) => length.parse().map(Framing::Length).map_err(|_| odd("a bad length")),
            None if self.head.get(9..12) == Some(b"204") => Ok(Framing::Length(0)),
            None => Ok(Framing::UntilClosed),
        }
    }

    fn chunk_length(&mut self) -> io::Result<u64> {
        let mut line = Vec::with_capacity(16);
        self.reader.by_ref().take(1024).read_until(b'\n', &mut line)?;
        let digits = line.split(|byte| !byte.is_ascii_hexdigit()).next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).unwrap_or_default();
        u64::from_str_radix(digits, 16).map_err(|_| odd("a chunk without a length"))
    }

    fn pass(&mut self, mut length: u64, piece: &mut impl FnMut(&[u8]) -> bool) -> io::Result<()> {
        while length > 0 {
            let bytes = self.reader.fill_buf()?;
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let taken = bytes.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            let wants_more = piece(&bytes[..taken]);
            self.reader.consume(taken);
            if !wants_more {
                return Err(io::ErrorKind::TimedOut.into());
            }
            length -= taken as u64;
        }
        Ok(())
    }
}

fn odd(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the server answered with {what}"))
}

/// Writes the head of a request to `out`, up to its empty line; `headers` are whole lines, each
/// ended by CR LF. A body may follow when they hold its length.
pub fn head(out: &mut Vec<u8>, method: &str, path: std::fmt::Arguments<'_>, headers: &str) {
    write!(out, "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
        .expect("memory takes every write");
}
