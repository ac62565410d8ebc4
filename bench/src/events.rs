//! The events of a run, made before any clock is started: what is streamed, what is kept back to
//! be posted one by one, and which span of time they tell of.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use memchr::memmem;

use crate::Error;
use crate::load::mix;
use crate::run::Setting;

/// At most so many events are kept back, and no more than one in five.
const KEPT_BACK_MAX: usize = 100_000;

/// The events of one run.
pub struct Events {
    /// One file per connection. One division's events stand in one file, in their order.
    pub streams: Vec<PathBuf>,
    /// How many events the streams hold.
    pub streamed: usize,
    /// The last events, to be posted one by one; one person's events stand in one lane, in order.
    pub lanes: Vec<Vec<Vec<u8>>>,
    /// RFC 3339 day of the first and of the last event's `time`.
    pub days: (String, String),
}

/// Lets `renkou generate` write the events of `people` persons to `path`.
///
/// # Errors
/// When it fails.
pub fn generate(setting: &Setting, path: &Path, people: usize) -> Result<(), Error> {
    let binary = &setting.binary;
    let status = Command::new(binary)
        .arg("generate")
        .args(["--people", &people.to_string()])
        .args(["--years", &setting.years.to_string()])
        .args(["--seed", &setting.seed.to_string()])
        .args(["--mix", &setting.mix])
        .stdin(Stdio::null())
        .stdout(File::create(path)?)
        .status()
        .map_err(|error| Error::Command(binary.clone(), error.to_string()))?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::Command(binary.clone(), format!("generate: {status}")))
    }
}

impl Events {
    /// Splits the file `path` into `streams` files beside it and `lanes` lanes of single posts.
    ///
    /// # Errors
    /// When a file cannot be read or written, or holds too few events to be split.
    pub fn split(path: &Path, streams: usize, lanes: usize) -> Result<Self, Error> {
        let total = BufReader::new(File::open(path)?).split(b'\n').count();
        let kept_back = (total / 5).min(KEPT_BACK_MAX);
        if kept_back == 0 || streams == 0 || lanes == 0 {
            return Err(Error::Other(format!("{total} events are too few to measure with")));
        }
        let files: Vec<PathBuf> =
            (0..streams).map(|n| path.with_extension(format!("{n}.ndjson"))).collect();
        let mut writers = files
            .iter()
            .map(|file| File::create(file).map(|file| BufWriter::with_capacity(1 << 20, file)))
            .collect::<io::Result<Vec<_>>>()?;
        let mut events = Self {
            streams: files,
            streamed: total - kept_back,
            lanes: vec![Vec::new(); lanes],
            days: (String::new(), String::new()),
        };
        let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
        let mut line = Vec::new();
        for at in 0..total {
            line.clear();
            reader.read_until(b'\n', &mut line)?;
            if at < events.streamed {
                let division = value_of(&line, b"\"source\":\"").unwrap_or_default();
                let division = division.split(|byte| *byte == b'/').nth(2).unwrap_or_default();
                writers[lane(division, streams)].write_all(&line)?;
            } else {
                let person = &line[memmem::find(&line, b"\"person\":").unwrap_or(0)..];
                let person = value_of(person, b"\"number\":\"").unwrap_or_default();
                events.lanes[lane(person, lanes)].push(line.trim_ascii_end().to_vec());
            }
            if at == 0 || at + 1 == total {
                let day = value_of(&line, b"\"time\":\"").and_then(|time| time.get(..10));
                let day = String::from_utf8_lossy(day.unwrap_or_default()).into_owned();
                if at == 0 { events.days.0 = day } else { events.days.1 = day }
            }
        }
        for writer in &mut writers {
            writer.flush()?;
            // Else the system writes it out half a minute later, into somebody's sync.
            writer.get_ref().sync_all()?;
        }
        Ok(events)
    }
}

/// The text that follows the first `key` in a line of JSON, up to its closing quote.
pub fn value_of<'a>(line: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let from = memmem::find(line, key)? + key.len();
    let length = memchr::memchr(b'"', &line[from..])?;
    Some(&line[from..from + length])
}

fn lane(text: &[u8], lanes: usize) -> usize {
    let folded = text.iter().fold(0_u64, |seed, byte| mix(seed ^ u64::from(*byte)));
    usize::try_from(folded % lanes as u64).unwrap_or(0)
}
