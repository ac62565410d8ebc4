//! The peer: the same domain events on cqrs-es with postgres-es, over a PostgreSQL that is made,
//! started and stopped here. Its commands run in process, without HTTP, so it has less to do.

mod lives;
mod person;
mod postgres;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cqrs_es::Aggregate;
use postgres_es::{PostgresCqrs, postgres_cqrs};
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Row as _};

use crate::Error;
use crate::run::Rates;
use crate::samples::{Percentiles, Samples};
use crate::table::{Goal, Row};
use person::Person;
use postgres::Postgres;

/// Tasks that send commands at the same time; the last one is compared with our 64 connections.
const TASKS: [usize; 3] = [1, 16, 64];
/// Let the caches of the database fill before the clock starts.
const WARM_SECONDS: f64 = 1.0;

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

struct Level {
    tasks: usize,
    per_second: f64,
    latency: Percentiles,
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
    sqlx::raw_sql(EVENTS_TABLE).execute(&pool).await.map_err(fault)?;
    preload(&pool, load.peer_preload).await?;
    let settings = "SELECT current_setting('fsync') || ', synchronous_commit ' || \
                    current_setting('synchronous_commit')";
    let settings: String = sqlx::query(settings).fetch_one(&pool).await.map_err(fault)?.get(0);
    let cqrs = Arc::new(postgres_cqrs::<Person>(pool.clone(), Vec::new(), ()));
    let next_person = Arc::new(AtomicU64::new(0));
    let mut levels = Vec::new();
    for tasks in TASKS {
        press(&cqrs, &next_person, tasks, WARM_SECONDS).await?;
        levels.push(press(&cqrs, &next_person, tasks, load.peer_seconds_each).await?);
    }
    let size = "SELECT pg_total_relation_size('events')::float8, count(*)::float8, \
                avg(octet_length(payload::text))::float8 FROM events";
    let size = sqlx::query(size).fetch_one(&pool).await.map_err(fault)?;
    pool.close().await;
    let (bytes, events, payload): (f64, f64, f64) = (size.get(0), size.get(1), size.get(2));
    let settings = format!("in process, no HTTP; fsync {settings}; {events} events in its table");
    let mut rows = level_rows(&levels, &settings);
    let note = format!("table and index; payload {payload:.0} bytes; its log not counted");
    rows.push(Row::new("peer: disk per event", bytes / events, "bytes", Goal::None).note(note));
    rows.extend(ours.into_iter().flat_map(|ours| ratios(ours, &levels)));
    Ok(rows)
}

/// The table as postgres-es prescribes it.
const EVENTS_TABLE: &str = "CREATE TABLE events (
    aggregate_type text NOT NULL, aggregate_id text NOT NULL,
    sequence bigint CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL, event_version text NOT NULL,
    payload json NOT NULL, metadata json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence))";

/// Fills the table with lives like those that are measured, without going through the framework.
async fn preload(pool: &PgPool, events: u64) -> Result<(), Error> {
    let life = lives::life(u64::MAX);
    let persons = events / life.len() as u64;
    for (at, command) in life.into_iter().enumerate() {
        let event = person::state(command);
        let payload = serde_json::to_value(&event).map_err(|error| fault_of(&error))?;
        sqlx::query(
            "INSERT INTO events SELECT $1, md5('person' || n)::uuid::text, $2, $3, '1', $4, $5 \
             FROM generate_series(1, $6) n",
        )
        .bind(Person::TYPE)
        .bind(i64::try_from(at).unwrap_or(0) + 1)
        .bind(cqrs_es::DomainEvent::event_type(&event))
        .bind(payload)
        .bind(serde_json::to_value(lives::metadata()).map_err(|error| fault_of(&error))?)
        .bind(i64::try_from(persons).unwrap_or(i64::MAX))
        .execute(pool)
        .await
        .map_err(fault)?;
    }
    for tidy in ["VACUUM ANALYZE events", "CHECKPOINT"] {
        sqlx::raw_sql(tidy).execute(pool).await.map_err(fault)?;
    }
    Ok(())
}

/// Lets `tasks` tasks send the commands of whole lives, one after another, for some seconds.
async fn press(
    cqrs: &Arc<PostgresCqrs<Person>>,
    next_person: &Arc<AtomicU64>,
    tasks: usize,
    seconds: f64,
) -> Result<Level, Error> {
    let began = Instant::now();
    let end = began + Duration::from_secs_f64(seconds);
    let work = |_| {
        let (cqrs, next_person) = (Arc::clone(cqrs), Arc::clone(next_person));
        tokio::spawn(async move {
            let mut samples = Samples::default();
            while Instant::now() < end {
                let person = next_person.fetch_add(1, Ordering::Relaxed);
                let id = lives::person_id(person).to_string();
                for command in lives::life(person) {
                    if Instant::now() >= end {
                        break;
                    }
                    let metadata: HashMap<String, String> = lives::metadata();
                    let from = Instant::now();
                    cqrs.execute_with_metadata(&id, command, metadata)
                        .await
                        .map_err(|error| fault_of(&error))?;
                    samples.add(from.elapsed());
                }
            }
            Ok::<_, Error>(samples)
        })
    };
    let workers: Vec<_> = (0..tasks).map(work).collect();
    let mut samples = Samples::default();
    for worker in workers {
        samples.merge(worker.await.map_err(|error| fault_of(&error))??);
    }
    let per_second = samples.len() as f64 / began.elapsed().as_secs_f64();
    Ok(Level { tasks, per_second, latency: samples.percentiles() })
}

fn level_rows(levels: &[Level], settings: &str) -> Vec<Row> {
    let rows = levels.iter().flat_map(|level| {
        let tasks = if level.tasks == 1 { "task" } else { "tasks" };
        let name = format!("peer cqrs-es + postgres-es, {} {tasks}", level.tasks);
        let Percentiles { p50_ms, p99_ms, .. } = level.latency;
        [
            Row::new(format!("{name}: rate"), level.per_second, "commands/s", Goal::None)
                .note(if level.tasks == TASKS[0] { settings } else { "" }),
            Row::new(format!("{name}: p50"), p50_ms, "ms", Goal::None),
            Row::new(format!("{name}: p99"), p99_ms, "ms", Goal::None),
        ]
    });
    rows.collect()
}

fn ratios(ours: Rates, levels: &[Level]) -> Vec<Row> {
    let Some(peer) = levels.last() else { return Vec::new() };
    let goal = Goal::More { least: 10.0, reach: 40.0 };
    let posts = ours.posts_per_second / peer.per_second;
    let ingest = ours.ingest_per_second / peer.per_second;
    let against = format!("against the peer at {} tasks", peer.tasks);
    vec![
        Row::new(format!("{against}: our single POSTs"), posts, "×", goal).note("ours over HTTP"),
        Row::new(format!("{against}: our NDJSON ingest"), ingest, "×", goal).note("ours over HTTP"),
    ]
}

fn fault(error: sqlx::Error) -> Error {
    fault_of(&error)
}

fn fault_of(error: &dyn std::error::Error) -> Error {
    Error::Other(format!("peer: {error}"))
}
