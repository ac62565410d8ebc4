//! The command line of the bench: the disk, the product, the peer, each alone or all in one table.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bench::run::{Rates, Setting};
use bench::table::Row;
use bench::{Error, disk, existing, run, table};
use clap::{Args, Parser, Subcommand};
use serde_json::json;

/// As the product has it, since the registry and the peer also run in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Measures the registry beside the disk's own limit and beside a peer")]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// How long one small append takes to become durable here
    Disk(Place),
    /// The product, and the peer beside it when it is built in
    Run(Run),
    /// Single POSTs alone, on this disk and on one made slow
    Posts(Run),
    /// Archive reads of a registry that a run with --keep left behind
    Reads {
        /// Its data directory; reads are added to it
        #[arg(long)]
        registry: PathBuf,
        /// How long the closed and the paced run may take each, in seconds
        #[arg(long, default_value_t = 10.0)]
        seconds_each: f64,
        /// The binary to measure; by default the one that stands beside this one
        #[arg(long, env = "RENKOU_BIN")]
        renkou: Option<PathBuf>,
    },
    /// Single events handed in without HTTP, by as many tasks as the peer has
    #[cfg(feature = "peer")]
    Tasks(Run),
    /// The peer alone
    #[cfg(feature = "peer")]
    Peer {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        load: bench::peer::Load,
    },
}

#[derive(Args)]
struct Place {
    /// A directory on the disk to be measured; a fresh one is made inside it
    #[arg(long, default_value = "target/bench")]
    data: PathBuf,
    /// Leave behind what was written
    #[arg(long)]
    keep: bool,
    /// Write every figure to this file as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    place: Place,
    /// People of the full run; 1000000 for the figures that the design names
    #[arg(long, default_value_t = 100_000)]
    people: usize,
    /// Years of events; three years are some five events a person
    #[arg(long, default_value_t = 3)]
    years: usize,
    /// What the fictional people are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Which events: `whole-lives` for every kind, `main-job` for the first nineteen
    #[arg(long, default_value = "whole-lives")]
    mix: String,
    /// NDJSON connections; one division's events stay on one of them
    #[arg(long, default_value_t = 1)]
    streams: usize,
    /// What is added to each sync of the disk that is made slow, in milliseconds: about what a disk
    /// array or a network disk takes. More shows the turns of groups apart from the processor's
    #[arg(long, default_value_t = 4)]
    delay_ms: u32,
    /// How long each load of posts and of reads may take, in seconds
    #[arg(long, default_value_t = 10.0)]
    seconds_each: f64,
    /// Begin no further part after so many minutes
    #[arg(long, default_value_t = 8)]
    minutes_max: u64,
    /// The binary to measure; by default the one that stands beside this one
    #[arg(long, env = "RENKOU_BIN")]
    renkou: Option<PathBuf>,
    #[cfg(feature = "peer")]
    #[command(flatten)]
    load: bench::peer::Load,
}

impl Run {
    fn setting(&self, directory: &Path) -> Result<Setting, Error> {
        Ok(Setting {
            binary: self.renkou.clone().map_or_else(beside, Ok)?,
            directory: directory.to_owned(),
            people: self.people,
            years: self.years,
            seed: self.seed,
            mix: self.mix.clone(),
            streams: self.streams,
            delay_ms: self.delay_ms,
            seconds_each: self.seconds_each,
            end: Instant::now() + Duration::from_secs(60 * self.minutes_max),
        })
    }
}

fn main() -> ExitCode {
    let done = match Cli::parse().what {
        What::Disk(place) => measure_disk(&place),
        What::Run(run) => measure_product(run),
        What::Posts(run) => measure_posts(&run),
        What::Reads { registry, seconds_each, renkou } => {
            measure_reads(registry, seconds_each, renkou)
        }
        #[cfg(feature = "peer")]
        What::Tasks(run) => measure_tasks(&run),
        #[cfg(feature = "peer")]
        What::Peer { place, load } => measure_peer(&place, &load),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure_disk(place: &Place) -> Result<(), Error> {
    let directory = directory(place)?;
    let disk = disk::measure(directory.path(), 10)?;
    let rows = disk.rows("alone");
    finish(place, directory, &rows, json!({ "disk": disk }))
}

fn measure_reads(data: PathBuf, seconds_each: f64, renkou: Option<PathBuf>) -> Result<(), Error> {
    let binary = renkou.map_or_else(beside, Ok)?;
    let rows = existing::measure(&existing::Setting { binary, data, seconds_each })?;
    io::stdout().lock().write_all(table::markdown(&rows).as_bytes())?;
    Ok(())
}

#[cfg(feature = "peer")]
fn measure_peer(place: &Place, load: &bench::peer::Load) -> Result<(), Error> {
    let directory = directory(place)?;
    let mut rows = disk::measure(directory.path(), 3)?.rows("before");
    rows.extend(bench::peer::measure(directory.path(), load, None)?);
    finish(place, directory, &rows, json!({}))
}

fn measure_posts(asked: &Run) -> Result<(), Error> {
    let directory = directory(&asked.place)?;
    let rows = run::posts_alone(&asked.setting(directory.path())?)?;
    finish(&asked.place, directory, &rows, json!({ "people": asked.people }))
}

#[cfg(feature = "peer")]
fn measure_tasks(asked: &Run) -> Result<(), Error> {
    let directory = directory(&asked.place)?;
    let pressed =
        bench::in_process::measure(&asked.setting(directory.path())?, run::POST_CONNECTIONS)?;
    finish(&asked.place, directory, &pressed.rows(), json!({}))
}

fn measure_product(asked: Run) -> Result<(), Error> {
    let directory = directory(&asked.place)?;
    let setting = asked.setting(directory.path())?;
    let end = setting.end;
    let mut report = run::run(&setting)?;
    report.rows.extend(peer_rows(&asked, directory.path(), end, report.rates)?);
    let more = json!({
        "people": asked.people, "years": asked.years, "seed": asked.seed,
        "mix": asked.mix,
        "streams": asked.streams, "timeliness": report.groupings,
    });
    finish(&asked.place, directory, &report.rows, more)
}

#[cfg(feature = "peer")]
fn peer_rows(asked: &Run, directory: &Path, end: Instant, rates: Rates) -> Result<Vec<Row>, Error> {
    if Instant::now() > end {
        eprintln!("no time left for the peer");
        return Ok(Vec::new());
    }
    bench::peer::measure(directory, &asked.load, Some(rates))
}

#[cfg(not(feature = "peer"))]
fn peer_rows(_: &Run, _: &Path, _: Instant, _: Rates) -> Result<Vec<Row>, Error> {
    eprintln!("the peer is left out: build with --features peer to have it beside the product");
    Ok(Vec::new())
}

fn directory(place: &Place) -> Result<tempfile::TempDir, Error> {
    std::fs::create_dir_all(&place.data)?;
    let data = place.data.canonicalize()?;
    let mut directory = tempfile::Builder::new().prefix("renkou-bench-").tempdir_in(data)?;
    directory.disable_cleanup(place.keep);
    Ok(directory)
}

fn beside() -> Result<PathBuf, Error> {
    let binary = std::env::current_exe()?.with_file_name("renkou");
    let hint = "not there: cargo build --release -p api, or name it with --renkou";
    if binary.is_file() { Ok(binary) } else { Err(Error::Command(binary, hint.into())) }
}

fn finish(
    place: &Place,
    directory: tempfile::TempDir,
    rows: &[Row],
    more: serde_json::Value,
) -> Result<(), Error> {
    if let Some(path) = &place.json {
        let report = json!({ "rows": rows, "setting": more });
        std::fs::write(path, format!("{report:#}\n"))?;
    }
    if place.keep {
        eprintln!("kept: {}", directory.keep().display());
    } else {
        directory.close()?;
    }
    io::stdout().lock().write_all(table::markdown(rows).as_bytes())?;
    Ok(())
}
