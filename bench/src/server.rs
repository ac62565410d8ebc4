//! The product as its operator runs it: the binary `renkou`, started, watched through `/proc` and
//! stopped again. Only processes that were started here are ever ended.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Error;
use crate::usage::{Threads, Usage};
use crate::wire::{self, Connection};

/// As whom the bench asks, for any department and place: role and purposes.
const WRITER: [&str; 2] = ["upstream", "registration"];
const READER: [&str; 2] = ["auditor", "service,audit"];
/// No ceiling for the reader: the table of limits of the directory.
const READING_LIMITS: &str = "role,alarm_1,alarm_2,alarm_3,ceiling\nauditor,25,250,2500,\n";
const ANALYST: [&str; 2] = ["analyst", "statistics"];
/// Until it answers, a server may open its log and its views for so long.
const START_SECONDS_MAX: u64 = 300;
const STOP_SECONDS_MAX: u64 = 60;

/// A data directory and the binary that works on it.
pub struct Registry {
    binary: PathBuf,
    /// The data directory.
    pub data: PathBuf,
}

/// The tokens of one registry.
pub struct Tokens {
    /// Posts events.
    pub writer: String,
    /// Reads persons.
    pub reader: String,
    /// Reads metrics.
    pub analyst: String,
}

/// A running server; it is stopped when dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process to the first ready answer.
    pub started_in: Duration,
}

/// A command that ran to its end.
pub struct Finished {
    /// Wall time.
    pub elapsed: Duration,
    /// What it used, as last seen before its end.
    pub usage: Usage,
    /// Whether it ended well.
    pub success: bool,
}

impl Registry {
    /// Makes a fictional registry in `data`, which must not exist yet.
    ///
    /// # Errors
    /// When `renkou init` fails.
    pub fn init(binary: &Path, data: &Path) -> Result<Self, Error> {
        let registry = Self { binary: binary.to_owned(), data: data.to_owned() };
        let mut command = Command::new(binary);
        output(command.arg("init").arg(data).arg("--fictional"))?;
        // The reader asks about everybody, for which an auditor would need a second person's word.
        fs::write(data.join("reading_limits.csv"), READING_LIMITS)?;
        Ok(registry)
    }

    /// A registry that an earlier run of the bench made and left behind.
    ///
    /// # Errors
    /// When there is none.
    pub fn existing(binary: &Path, data: &Path) -> Result<Self, Error> {
        let limits = data.join("reading_limits.csv");
        if !limits.is_file() {
            let data = data.display();
            return Err(Error::Other(format!("{data} is no registry that a run with --keep left")));
        }
        Ok(Self { binary: binary.to_owned(), data: data.to_owned() })
    }

    /// Makes the tokens that the bench needs.
    ///
    /// # Errors
    /// When `renkou token create` fails.
    pub fn tokens(&self) -> Result<Tokens, Error> {
        let token = |[role, purposes]: [&str; 2]| {
            let mut command = Command::new(&self.binary);
            command.args(["token", "create", "--data"]).arg(&self.data);
            command.args(["--role", role, "--purposes", purposes]);
            output(&mut command).map(|text| text.trim().to_owned())
        };
        Ok(Tokens { writer: token(WRITER)?, reader: token(READER)?, analyst: token(ANALYST)? })
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Errors
    /// When it ends early or is not ready in time; the message names its log.
    pub fn serve(&self) -> Result<Server, Error> {
        self.serve_with(&[])
    }

    /// The same with more in the server's environment.
    ///
    /// # Errors
    /// As [`Registry::serve`].
    pub fn serve_with(&self, environment: &[(&str, &OsStr)]) -> Result<Server, Error> {
        let told = self.data.join("serve.json");
        if told.exists() {
            fs::remove_file(&told)?;
        }
        let log = self.data.with_extension("serve.log");
        let began = Instant::now();
        let mut child = Command::new(&self.binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&self.data)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .map_err(|error| Error::Command(self.binary.clone(), error.to_string()))?;
        loop {
            if let Some(status) = child.try_wait()? {
                let tail = tail(&log);
                return Err(Error::Command(self.binary.clone(), format!("{status}: {tail}")));
            }
            if let Some(address) = address_told(&told).filter(|address| is_ready(*address)) {
                return Ok(Server { child, address, started_in: began.elapsed() });
            }
            if began.elapsed() > Duration::from_secs(START_SECONDS_MAX) {
                child.kill()?;
                child.wait()?;
                let why = format!("not ready in {START_SECONDS_MAX} s, see {}", log.display());
                return Err(Error::Command(self.binary.clone(), why));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Runs `renkou replay WHAT` to its end, watching what it uses.
    ///
    /// # Errors
    /// When it cannot be started. A bad end is told in [`Finished::success`].
    pub fn replay(&self, what: &str) -> Result<Finished, Error> {
        let log = File::create(self.data.with_extension(format!("{what}.log")))?;
        let began = Instant::now();
        let mut child = Command::new(&self.binary)
            .args(["replay", what, "--data"])
            .arg(&self.data)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| Error::Command(self.binary.clone(), error.to_string()))?;
        let mut usage = Usage::default();
        loop {
            if let Some(seen) = Usage::of(child.id()) {
                usage = seen;
            }
            if let Some(status) = child.try_wait()? {
                return Ok(Finished { elapsed: began.elapsed(), usage, success: status.success() });
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Server {
    /// What the server has used up to now.
    pub fn usage(&self) -> Usage {
        Usage::of(self.child.id()).unwrap_or_default()
    }

    /// What each kind of its threads has used up to now.
    pub fn threads(&self) -> Threads {
        Threads::of(self.child.id())
    }

    /// Waits until the server has nothing left to do by itself: after a start it counts and proves
    /// for a while. Gives whether it came to rest.
    pub fn rest(&self) -> bool {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(START_SECONDS_MAX) {
            let before = self.usage().cpu_seconds;
            std::thread::sleep(Duration::from_secs(2));
            if self.usage().cpu_seconds - before < 0.05 {
                return true;
            }
        }
        false
    }

    /// Asks the server to end and waits until it has; gives what it used in all.
    ///
    /// # Errors
    /// When it does not end in time; then it is ended hard.
    pub fn stop(mut self) -> Result<Usage, Error> {
        let usage = self.usage();
        end(&mut self.child, "TERM").map(|()| usage)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Nothing is left to be done about a process that cannot be ended.
            let _ = self.child.kill().and_then(|()| self.child.wait());
        }
    }
}

/// Sends a signal to a child of ours and waits for its end; after a minute it is killed.
///
/// # Errors
/// When it had to be killed.
pub fn end(child: &mut Child, signal: &str) -> Result<(), Error> {
    let pid = child.id().to_string();
    Command::new("kill").args(["-s", signal, &pid]).status()?;
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > Duration::from_secs(STOP_SECONDS_MAX) {
            child.kill()?;
            child.wait()?;
            return Err(Error::Other(format!("process {pid} had to be killed")));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Runs a command to its end and gives its standard output.
///
/// # Errors
/// When it cannot be started or ends badly; the message holds what it said.
pub fn output(command: &mut Command) -> Result<String, Error> {
    let program = PathBuf::from(command.get_program());
    let fault = |why: String| Error::Command(program.clone(), why);
    let done = command.stdin(Stdio::null()).output().map_err(|error| fault(error.to_string()))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(fault(format!("{}: {}", done.status, said.trim())));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

fn address_told(path: &Path) -> Option<SocketAddr> {
    let told: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    told["url"].as_str()?.strip_prefix("http://")?.trim_end_matches('/').parse().ok()
}

fn is_ready(address: SocketAddr) -> bool {
    let mut request = Vec::new();
    wire::head(&mut request, "GET", format_args!("/readyz"), "");
    let status = Connection::open(address).and_then(|mut c| c.exchange(&request));
    status.is_ok_and(|status| status == 200)
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("; ")
}
