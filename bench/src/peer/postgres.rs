//! A PostgreSQL of our own for the time of the run: a fresh cluster on the measured disk, durable as
//! it comes (fsync and synchronous_commit on), reached over a Unix socket only.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use crate::Error;
use crate::server::{end, output};
use crate::usage::Usage;

const START_SECONDS_MAX: u64 = 60;
const USER: &str = "bench";
/// It refuses to run as root, so root lends it one of these.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];
/// Room enough that neither its cache nor its checkpoints hold the peer back.
const SETTINGS: [&str; 5] = [
    "listen_addresses=",
    "max_connections=100",
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    "logging_collector=off",
];

/// A running PostgreSQL; stopped and removed when dropped.
pub struct Postgres {
    child: Child,
    sockets: TempDir,
    _cluster: TempDir,
    /// What it calls itself.
    pub version: String,
}

impl Postgres {
    /// Makes a cluster below `directory` and starts it.
    ///
    /// # Errors
    /// When the programs cannot be found or fail; the message holds what they said.
    pub fn start(directory: &Path) -> Result<Self, Error> {
        let programs = programs()?;
        let owner = owner()?;
        let home = directory.parent().unwrap_or(directory);
        let cluster = tempfile::Builder::new().prefix("renkou-peer-").tempdir_in(home)?;
        // The path of a Unix socket may have 107 bytes, so it stands apart.
        let sockets = tempfile::Builder::new().prefix("pg-").tempdir()?;
        for directory in [&cluster, &sockets] {
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700))?;
            if let Some((user, group)) = owner {
                chown(directory.path(), Some(user), Some(group))?;
            }
        }
        let command = |name: &str| {
            let mut command = Command::new(programs.join(name));
            if let Some((user, group)) = owner {
                command.uid(user).gid(group);
            }
            command.current_dir("/").env("LC_ALL", "C.UTF-8");
            command
        };
        let version = output(command("postgres").arg("--version"))?.trim().to_owned();
        output(command("initdb").arg("-D").arg(cluster.path()).args([
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-instructions",
        ]))?;
        let mut postgres = command("postgres");
        postgres.arg("-D").arg(cluster.path()).arg("-k").arg(sockets.path());
        for setting in SETTINGS {
            postgres.args(["-c", setting]);
        }
        let log = fs::File::create(directory.join("postgres.log"))?;
        let child = postgres.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut postgres = Self { child, sockets, _cluster: cluster, version };
        postgres.await_socket(directory)?;
        Ok(postgres)
    }

    /// How to reach it.
    pub fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.sockets.path())
            .username(USER)
            .database("postgres")
    }

    /// Processor time that it has used up to now, in seconds: its own and that of the processes it
    /// has started and not ended.
    ///
    /// # Errors
    /// When processes cannot be listed.
    pub fn cpu_seconds(&self) -> Result<f64, Error> {
        let own = self.child.id();
        let mut seconds = 0.0;
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            if pid == own || parent(pid) == Some(own) {
                // One that ended meanwhile has used nothing any more.
                seconds += Usage::of(pid).map_or(0.0, |usage| usage.cpu_seconds);
            }
        }
        Ok(seconds)
    }

    /// Stops it and removes its cluster.
    ///
    /// # Errors
    /// When it had to be killed.
    pub fn stop(mut self) -> Result<(), Error> {
        end(&mut self.child, "INT")
    }

    fn await_socket(&mut self, directory: &Path) -> Result<(), Error> {
        let began = Instant::now();
        let pid_file = self._cluster.path().join("postmaster.pid");
        loop {
            // Its last line says `ready` once it takes connections.
            let told = fs::read_to_string(&pid_file).unwrap_or_default();
            if told.lines().last().is_some_and(|line| line.trim() == "ready") {
                return Ok(());
            }
            let ended = self.child.try_wait()?.is_some();
            if ended || began.elapsed() > Duration::from_secs(START_SECONDS_MAX) {
                let log = fs::read_to_string(directory.join("postgres.log")).unwrap_or_default();
                return Err(Error::Other(format!("PostgreSQL did not start: {}", log.trim())));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // `QUIT` ends its children too, which killing it would not.
            let _ = end(&mut self.child, "QUIT");
        }
    }
}

/// Who started a process; none when it is gone.
fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// The directory of PostgreSQL's programs: `PG_BIN`, then the path, then where Debian puts them.
fn programs() -> Result<PathBuf, Error> {
    let named = std::env::var_os("PG_BIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort_unstable();
    let has_all = |directory: &PathBuf| {
        ["initdb", "postgres"].iter().all(|name| directory.join(name).is_file())
    };
    let mut places =
        named.into_iter().chain(std::env::split_paths(&path)).chain(debian.into_iter().rev());
    places.find(has_all).ok_or_else(|| {
        Error::Other(
            "PostgreSQL is not installed: apt-get install postgresql, or set PG_BIN".into(),
        )
    })
}

/// Whom the database is to run as; none when it may run as ourselves.
fn owner() -> Result<Option<(u32, u32)>, Error> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let found = UNPRIVILEGED.iter().find_map(|name| {
        let fields: Vec<&str> = users
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next() == Some(name)).then(|| fields.collect()))?;
        Some((fields.get(1)?.parse().ok()?, fields.get(2)?.parse().ok()?))
    });
    found.map(Some).ok_or_else(|| {
        Error::Other("PostgreSQL refuses root, and there is no user `postgres` or `nobody`".into())
    })
}
