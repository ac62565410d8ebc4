//! The command line. Data goes to stdout, all else to stderr.

mod access_table;
mod backup;
mod check_trees;
mod demo;
mod door;
mod generate;
mod ingest;
mod orders;
mod replay_log;
mod replay_person;
mod rotate_master_key;
mod serve;
mod served;
mod token;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::registry::{Home, log_key};

/// Whatever ends a command early; printed once, with its causes.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Renkou 人口: an event-sourced population registry.
#[derive(Parser)]
#[command(name = "renkou", version, about, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a fictional county, take its years of events in and serve it
    Demo(demo::Demo),
    /// Make a registry in a new or empty directory
    Init(Init),
    /// Serve a registry over HTTP
    Serve(serve::Serve),
    /// Write the events of a fictional county to stdout, as NDJSON CloudEvents
    Generate(generate::Generate),
    /// Send files of NDJSON CloudEvents to a registry
    Ingest(ingest::Ingest),
    /// Read the log back: rebuild the views, check everything, print a life
    #[command(subcommand)]
    Replay(replay_log::Replay),
    /// Copy the logs, and apart from them the keys, beside a running service
    Backup(backup::Backup),
    /// Make a registry of a backup, to its end or to a point
    Restore(backup::Restore),
    /// Put another master key in the place of the one that wraps the keys of persons
    RotateMasterKey(rotate_master_key::RotateMasterKey),
    /// Destroy the key of a person under a lawful order: what is sealed for them is gone for good
    Erase(orders::Erase),
    /// Hide a record, or topics of it, until a day
    Seal(orders::Seal),
    /// Open a sealed record again
    Unseal(orders::Unseal),
    /// Tell only few where a person is and was, until a day
    Protect(orders::Protect),
    /// Tell it again
    Unprotect(orders::Unprotect),
    /// Make, list and revoke tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Print who may do and see what: roles by part and purpose
    AccessTable,
    /// Print the public keys that the log of events and the log of reads are signed with
    LogKey {
        /// The registry's directory.
        #[arg(long, env = "RENKOU_DATA")]
        data: PathBuf,
    },
    /// Print a shell completion script
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(clap::Args)]
struct Init {
    /// The directory to make.
    folder: PathBuf,
    /// Accept province 99 and the simulated clock of generated events.
    #[arg(long)]
    fictional: bool,
    /// The name under which the logs are signed, such as a domain name of yours with a path.
    #[arg(long)]
    origin: Option<String>,
}

/// Runs the command line; exit code 0 when it did what it was asked, 2 when the words are off,
/// else 1.
pub fn run() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    log_to_stderr();
    let done = match command {
        Command::Demo(demo) => demo.run(),
        Command::Init(init) => init.run(),
        Command::Serve(serve) => serve.run(),
        Command::Generate(generate) => generate.run(),
        Command::Ingest(ingest) => ingest.run(),
        Command::Replay(replay) => replay.run(),
        Command::Backup(backup) => backup.run(),
        Command::Restore(restore) => restore.run(),
        Command::RotateMasterKey(rotate) => rotate.run(),
        Command::Erase(erase) => erase.run(),
        Command::Seal(seal) => seal.run(),
        Command::Unseal(unseal) => unseal.run(),
        Command::Protect(protect) => protect.run(),
        Command::Unprotect(unprotect) => unprotect.run(),
        Command::Token(token) => token.run(),
        Command::AccessTable => access_table::run(),
        Command::LogKey { data } => print_log_keys(&data),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "renkou", &mut io::stdout());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if is_broken_pipe(&*failure) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&format!("renkou: {}", replay::chain(&*failure)));
            ExitCode::FAILURE
        }
    }
}

impl Init {
    fn run(self) -> Result<(), Failure> {
        let home = Home::init_as(&self.folder, self.fictional, self.origin.as_deref())?;
        tell(&format!("A registry was made in {}.", home.folder().display()));
        Ok(())
    }
}

fn print_log_keys(data: &Path) -> Result<(), Failure> {
    let (events, reads) = log_key::read(Home::open(data)?.folder())?;
    let mut out = io::stdout().lock();
    for signer in [events, reads] {
        writeln!(out, "{}", signer.verifier().text())?;
    }
    Ok(())
}

/// One line for the person at the terminal.
fn tell(line: &str) {
    // Nobody is left to be told when stderr is gone.
    let _ = writeln!(io::stderr(), "{line}");
}

/// `head` and the like close our output when they have seen enough.
fn is_broken_pipe(failure: &(dyn std::error::Error + 'static)) -> bool {
    let io = failure.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Readable at a terminal, JSON elsewhere; `RENKOU_LOG` sets what is logged.
fn log_to_stderr() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("RENKOU_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if io::stderr().is_terminal() {
        log.init();
    } else {
        log.json().init();
    }
}
