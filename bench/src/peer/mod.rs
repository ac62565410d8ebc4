//! The peer: the same domain events on cqrs-es with postgres-es, over a PostgreSQL that is made,
//! started and stopped here. Its commands run in process, without HTTP, so it has less to do. Once
//! bare, and once with one view, which the registry's receipts have behind them too.

mod alone;
mod lives;
mod person;
mod postgres;
mod press;
mod tables;
mod view;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cqrs_es::Query;
use postgres_es::postgres_cqrs;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Row as _};

use crate::Error;
use crate::run::Rates;
use crate::samples::Percentiles;
use crate::table::{Goal, Row};
use person::Person;
use postgres::Postgres;
use press::{Level, Meter, press};

/// Tasks that send commands at the same time; the last one is compared with our 64 connections.
const TASKS: [usize; 3] = [1, 16, TASKS_COMPARED];
const TASKS_COMPARED: usize = 64;
/// Let the caches of the database fill before the clock starts.
const WARM_SECONDS: f64 = 1.0;
/// What the rows are called.
const BARE: &str = "peer cqrs-es + postgres-es";
const VIEWED: &str = "peer with a view";
const ALONE: &str = "PostgreSQL alone, one row a commit";

/// How the peer is pressed.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Load {
    /// How long the peer is measured at each number of tasks, in seconds
    #[arg(long, default_value_t = 10.0)]
    pub peer_seconds_each: f64,
    /// Events that the peer's table holds beforehand
    #[arg(long, default_value_t = 200_000)]
    pub peer_preload: u64,
    /// The peer's database connections, at most; the task waits for one
    #[arg(long, default_value_t = 64)]
    pub peer_connections: u32,
}

/// Measures the peer with its database below `directory`; `ours` is compared with it.
///
/// # Errors
/// When PostgreSQL is not installed, cannot be started, or refuses a command.
pub fn measure(directory: &Path, load: &Load, ours: Option<Rates>) -> Result<Vec<Row>, Error> {
    let postgres = Postgres::start(directory)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows = runtime.block_on(measure_in(&postgres, load, ours))?;
    if let Some(row) = rows.first_mut() {
        row.note.push_str(&format!("; {}", postgres.version));
    }
    postgres.stop()?;
    Ok(rows)
}

async fn measure_in(
    postgres: &Postgres,
    load: &Load,
    ours: Option<Rates>,
) -> Result<Vec<Row>, Error> {
    let pool = PgPoolOptions::new().max_connections(load.peer_connections);
    let pool = pool.connect_with(postgres.options()).await.map_err(fault)?;
    tables::make(&pool, load.peer_preload).await?;
    let next_person = Arc::new(AtomicU64::new(0));
    let peer = Peer { pool: &pool, meter: Meter(postgres), next_person: &next_person };
    let seconds = load.peer_seconds_each;
    let alone = peer.alone(seconds).await?;
    let bare = peer.levels(Vec::new(), &TASKS, seconds).await?;
    let viewed = peer.with_a_view(seconds).await?;
    let settings = "SELECT current_setting('fsync') || ', synchronous_commit ' || \
                    current_setting('synchronous_commit')";
    let settings: String = sqlx::query(settings).fetch_one(&pool).await.map_err(fault)?.get(0);
    let settings = format!("in process, no HTTP; fsync {settings}");
    let mut rows = level_rows(BARE, &bare);
    rows.extend(level_rows(VIEWED, &viewed));
    rows.extend(level_rows(ALONE, &[alone]));
    rows[0].note = format!("{settings}; {}", rows[0].note);
    rows.extend(tables::rows(&pool).await?);
    pool.close().await;
    for (name, levels) in [("the peer", &bare), ("the peer with a view", &viewed)] {
        rows.extend(ours.into_iter().flat_map(|ours| ratios(ours, name, levels)));
    }
    Ok(rows)
}

/// What all measurements of the peer share.
struct Peer<'a> {
    pool: &'a PgPool,
    meter: Meter<'a>,
    next_person: &'a Arc<AtomicU64>,
}

impl Peer<'_> {
    async fn alone(&self, seconds: f64) -> Result<Level, Error> {
        let Self { pool, meter, next_person } = *self;
        alone::press(pool, meter, next_person, (TASKS_COMPARED, WARM_SECONDS)).await?;
        let level = alone::press(pool, meter, next_person, (TASKS_COMPARED, seconds)).await?;
        tables::settle(pool).await?;
        Ok(level)
    }

    /// The framework with some queries, at each number of tasks.
    async fn levels(
        &self,
        queries: Vec<Box<dyn Query<Person>>>,
        tasks: &[usize],
        seconds: f64,
    ) -> Result<Vec<Level>, Error> {
        let Self { pool, meter, next_person } = *self;
        let cqrs = Arc::new(postgres_cqrs::<Person>(pool.clone(), queries, ()));
        let mut levels = Vec::new();
        for tasks in tasks {
            press(&cqrs, (pool, meter), next_person, (*tasks, WARM_SECONDS)).await?;
            levels.push(press(&cqrs, (pool, meter), next_person, (*tasks, seconds)).await?);
        }
        Ok(levels)
    }

    /// The same with the one view; an error when a command did not reach it.
    async fn with_a_view(&self, seconds: f64) -> Result<Vec<Level>, Error> {
        tables::settle(self.pool).await?;
        let failed = Arc::new(AtomicU64::new(0));
        let query = Box::new(view::query(self.pool, &failed));
        let before = tables::versions(self.pool).await?;
        let levels = self.levels(vec![query], &[TASKS_COMPARED], seconds).await?;
        let told = tables::versions(self.pool).await? - before;
        let commands: usize = levels.iter().map(|level| level.latency.count).sum();
        let failed = failed.load(Ordering::Relaxed);
        if failed > 0 || told < commands as u64 {
            let why =
                format!("peer: {told} of {commands} commands reached the view, {failed} failed");
            return Err(Error::Other(why));
        }
        Ok(levels)
    }
}

fn level_rows(name: &str, levels: &[Level]) -> Vec<Row> {
    let rows = levels.iter().flat_map(|level| {
        let tasks = if level.tasks == 1 { "task" } else { "tasks" };
        let name = format!("{name}, {} {tasks}", level.tasks);
        let Percentiles { p50_ms, p99_ms, .. } = level.latency;
        [
            Row::new(format!("{name}: rate"), level.per_second, "commands/s", Goal::None)
                .note(level.spent.clone()),
            Row::new(format!("{name}: p50"), p50_ms, "ms", Goal::None),
            Row::new(format!("{name}: p99"), p99_ms, "ms", Goal::None),
        ]
    });
    rows.collect()
}

fn ratios(ours: Rates, name: &str, levels: &[Level]) -> Vec<Row> {
    let Some(peer) = levels.last() else { return Vec::new() };
    let goal = Goal::More { least: 10.0, reach: 40.0 };
    let against = format!("against {name} at {} tasks", peer.tasks);
    let row = |what: &str, rate: f64, note: &str| {
        Row::new(format!("{against}: {what}"), rate / peer.per_second, "×", goal).note(note)
    };
    let over_http = "ours over HTTP";
    let mut rows = vec![
        row("our single POSTs", ours.posts_per_second, over_http),
        row("our NDJSON ingest", ours.ingest_per_second, over_http),
    ];
    let in_process = ours.in_process_per_second;
    rows.extend(in_process.map(|rate| row("our tasks in process", rate, "both without HTTP")));
    rows
}

fn fault(error: sqlx::Error) -> Error {
    fault_of(&error)
}

fn fault_of(error: &dyn std::error::Error) -> Error {
    Error::Other(format!("peer: {error}"))
}
