//! `renkou ingest`: files of events into a registry, through its own HTTP door.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyDataStream;
use hyper::Request;
use hyper::header::{ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::serve::{Service, runtime};
use super::{Failure, tell};
use crate::access::{NewGrant, Role};
use crate::outward::{self, ANSWER_BYTES_MAX, Trust};

/// Bytes sent at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// Lines after which the place in the file is written down.
const PLACE_EVERY_LINES: u64 = 20_000;

/// Which files, and whereto.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("whereto").required(true).args(["data", "url"])))]
pub struct Ingest {
    /// Files of NDJSON CloudEvents.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The directory of a registry that nobody serves.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Address of a running service, as https://registry.example:8443.
    #[arg(long)]
    url: Option<String>,
    /// Certificates (PEM) to believe of `--url` in the place of the system's.
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,
    /// Token for `--url`.
    #[arg(long, env = "RENKOU_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// How a file's lines were answered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// New.
    pub recorded: u64,
    /// Recorded before.
    pub duplicates: u64,
    /// Recorded before with other content.
    pub conflicts: u64,
    /// Refused.
    pub rejected: u64,
}

impl Ingest {
    /// Sends the files one after the other.
    pub fn run(self) -> Result<(), Failure> {
        runtime()?.block_on(async {
            let Some(data) = &self.data else {
                let url = self.url.as_deref().ok_or("--data or --url is due")?;
                let token = self.token.as_deref().ok_or("--token or RENKOU_TOKEN is due")?;
                let trust = match url.starts_with("https:") {
                    true => self.trust()?,
                    false if self.ca.is_some() => {
                        return Err("--ca is for an address that begins with https://".into());
                    }
                    false => Trust::nobody(),
                };
                return send_all(&self.files, &To { url, token, trust }).await;
            };
            let service = Service::start(data, ([127, 0, 0, 1], 0).into()).await?;
            let (token, grant) = service.tokens.create(everything("ingest"))?;
            let sent = send_all(&self.files, &To::own(&service.url, &token)).await;
            service.tokens.revoke(&grant.id)?;
            service.stop().await?;
            sent
        })
    }

    fn trust(&self) -> Result<Trust, Failure> {
        let file = self.ca.as_deref();
        let named = |error| match file {
            Some(file) => format!("{}: {error}", file.display()),
            None => format!("the certificates of the system: {error}"),
        };
        Ok(Trust::of(file).map_err(named)?)
    }
}

/// Whom events are sent to.
pub struct To<'a> {
    url: &'a str,
    token: &'a str,
    trust: Trust,
}

impl<'a> To<'a> {
    /// A service of our own process.
    pub fn own(url: &'a str, token: &'a str) -> Self {
        Self { url, token, trust: Trust::nobody() }
    }
}

/// A grant to hand in events of every source.
pub fn everything(subject: &str) -> NewGrant {
    NewGrant {
        subject: subject.to_owned(),
        role: Role::Upstream,
        department: None,
        place: None,
        purposes: Vec::new(),
        expires_at: None,
        person: None,
    }
}

async fn send_all(files: &[PathBuf], to: &To<'_>) -> Result<(), Failure> {
    for path in files {
        let counts = send_file(path, to).await?;
        tell(&format!(
            "{}: {} recorded, {} duplicates, {} conflicts, {} rejected",
            path.display(),
            counts.recorded,
            counts.duplicates,
            counts.conflicts,
            counts.rejected,
        ));
    }
    Ok(())
}

/// Sends a file from where an earlier try was answered; refused lines go to `<file>.rejected`,
/// each with its answer. A place beside the file, `<file>.place`, is kept until all is answered.
///
/// # Errors
/// What the file system, the connection or the service said. What was answered stays recorded.
pub async fn send_file(path: &Path, to: &To<'_>) -> Result<Counts, Failure> {
    let place_file = beside(path, "place");
    let skip: u64 = match fs::read_to_string(&place_file) {
        Ok(text) => text.trim().parse()?,
        Err(_) => 0,
    };
    let bar = progress(path)?;
    let (send, body) = mpsc::channel::<Result<Bytes, std::io::Error>>(4);
    let reading = {
        let (path, bar) = (path.to_owned(), bar.clone());
        tokio::task::spawn_blocking(move || read_chunks(&path, skip, &send, &bar))
    };
    let stream = futures_util::stream::unfold(body, |mut body| async move {
        body.recv().await.map(|chunk| (chunk, body))
    });
    let request = Request::post(format!("{}/v1/events", to.url))
        .header(AUTHORIZATION, format!("Bearer {}", to.token))
        .header(CONTENT_TYPE, "application/x-ndjson")
        .header(ACCEPT_LANGUAGE, "en")
        .body(Body::from_stream(stream))?;
    let response = outward::begin(request, &to.trust).await?;
    let status = response.status();
    if !status.is_success() {
        let text = outward::whole(response.into_body(), ANSWER_BYTES_MAX).await?;
        let text = String::from_utf8_lossy(&text);
        return Err(format!("the service answered {status}: {text}").into());
    }
    let mut answers = Answers::new(path, skip);
    let mut chunks = BodyDataStream::new(response.into_body());
    while let Some(chunk) = chunks.next().await {
        answers.take(&chunk?)?;
    }
    reading.await??;
    let counts = answers.end()?;
    bar.finish_and_clear();
    if place_file.exists() {
        fs::remove_file(place_file)?;
    }
    Ok(counts)
}

fn read_chunks(
    path: &Path,
    skip: u64,
    send: &mpsc::Sender<Result<Bytes, std::io::Error>>,
    bar: &ProgressBar,
) -> Result<(), std::io::Error> {
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut passed = Vec::new();
    for _ in 0..skip {
        passed.clear();
        bar.inc(file.read_until(b'\n', &mut passed)? as u64);
    }
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES + 4096);
        while chunk.len() < CHUNK_BYTES && file.read_until(b'\n', &mut chunk)? > 0 {}
        if chunk.is_empty() {
            return Ok(());
        }
        bar.inc(chunk.len() as u64);
        if send.blocking_send(Ok(chunk.into())).is_err() {
            // The connection is gone; its own error says why.
            return Ok(());
        }
    }
}

fn progress(path: &Path) -> Result<ProgressBar, Failure> {
    let style = "{bar:40} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
    let bar = ProgressBar::new(fs::metadata(path)?.len());
    bar.set_style(ProgressStyle::with_template(style)?);
    Ok(bar)
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}

/// Reads the answers, in the order of the lines.
struct Answers {
    path: PathBuf,
    rest: Vec<u8>,
    answered: u64,
    counts: Counts,
    has_summary: bool,
    refused: Option<File>,
    source: BufReader<File>,
    source_line: u64,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    status: Option<&'a str>,
    summary: Option<serde_json::Value>,
}

impl Answers {
    fn new(path: &Path, skip: u64) -> Self {
        let source = File::open(path).map(BufReader::new);
        Self {
            path: path.to_owned(),
            rest: Vec::new(),
            answered: skip,
            counts: Counts::default(),
            has_summary: false,
            refused: None,
            source: source.expect("it was opened for reading just now"),
            source_line: 0,
        }
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(chunk);
        let mut from = 0;
        while let Some(end) = bytes[from..].iter().position(|byte| *byte == b'\n') {
            self.line(&bytes[from..from + end])?;
            from += end + 1;
        }
        bytes.drain(..from);
        self.rest = bytes;
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Failure> {
        let answer: Answer<'_> = serde_json::from_slice(line)?;
        if answer.summary.is_some() {
            self.has_summary = true;
            return Ok(());
        }
        let Some(status) = answer.status else {
            return Err(format!("the service said: {}", String::from_utf8_lossy(line)).into());
        };
        self.answered += 1;
        match status {
            "recorded" => self.counts.recorded += 1,
            "duplicate" => self.counts.duplicates += 1,
            "conflict" => self.counts.conflicts += 1,
            _ => self.counts.rejected += 1,
        }
        if matches!(status, "rejected" | "conflict" | "failed") {
            self.refuse(line)?;
        }
        if self.answered.is_multiple_of(PLACE_EVERY_LINES) {
            fs::write(beside(&self.path, "place"), self.answered.to_string())?;
        }
        Ok(())
    }

    /// Keeps the refused line with its answer.
    fn refuse(&mut self, answer: &[u8]) -> Result<(), Failure> {
        let mut sent = Vec::new();
        while self.source_line < self.answered {
            sent.clear();
            self.source.read_until(b'\n', &mut sent)?;
            self.source_line += 1;
        }
        let file = match &mut self.refused {
            Some(file) => file,
            None => {
                let path = beside(&self.path, "rejected");
                self.refused.insert(File::options().create(true).append(true).open(path)?)
            }
        };
        file.write_all(&sent)?;
        file.write_all(answer)?;
        Ok(file.write_all(b"\n")?)
    }

    fn end(self) -> Result<Counts, Failure> {
        if self.has_summary {
            return Ok(self.counts);
        }
        fs::write(beside(&self.path, "place"), self.answered.to_string())?;
        Err("the connection ended before all was answered; run the same command again".into())
    }
}
