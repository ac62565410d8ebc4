//! Tasks that press the peer, and what that takes of the processor and of the database's log.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use postgres_es::PostgresCqrs;
use sqlx::{PgPool, Row as _};
use tokio::task::JoinHandle;

use super::fault_of;
use super::lives;
use super::person::Person;
use super::postgres::Postgres;
use crate::Error;
use crate::samples::{Percentiles, Samples};
use crate::table::figure;
use crate::usage::Usage;

/// What a number of tasks came to.
pub struct Level {
    /// Tasks at the same time.
    pub tasks: usize,
    /// Commands a second.
    pub per_second: f64,
    /// How long they took.
    pub latency: Percentiles,
    /// What each took, for the note of a row.
    pub spent: String,
}

/// Looks at what is used meanwhile.
#[derive(Clone, Copy)]
pub struct Meter<'a>(pub &'a Postgres);

/// What was used up to a moment.
pub struct Used {
    at: Instant,
    own_seconds: f64,
    database_seconds: f64,
    /// Syncs of the database's log; none where its version does not tell.
    log_syncs: Option<i64>,
}

impl Meter<'_> {
    /// Begins a measurement.
    pub async fn begin(self, pool: &PgPool) -> Result<Used, Error> {
        // Only some versions tell; the others have no such column.
        let syncs = "SELECT wal_sync FROM pg_stat_wal";
        let log_syncs = sqlx::query(syncs).fetch_one(pool).await.ok();
        let own_seconds = Usage::own().cpu_seconds;
        Ok(Used {
            at: Instant::now(),
            own_seconds,
            database_seconds: self.0.cpu_seconds()?,
            log_syncs: log_syncs.map(|row| row.get(0)),
        })
    }

    /// Awaits the workers and tells what they came to.
    pub async fn end(
        self,
        pool: &PgPool,
        began: Used,
        tasks: usize,
        workers: Vec<JoinHandle<Result<Samples, Error>>>,
    ) -> Result<Level, Error> {
        let mut samples = Samples::default();
        for worker in workers {
            samples.merge(worker.await.map_err(|error| fault_of(&error))??);
        }
        let ended = self.begin(pool).await?;
        let count = samples.len().max(1) as f64;
        let each = |before: f64, after: f64| figure(1e6 * (after - before) / count);
        let mut spent = format!(
            "µs of CPU each: database {}, client {}",
            each(began.database_seconds, ended.database_seconds),
            each(began.own_seconds, ended.own_seconds)
        );
        if let (Some(before), Some(after)) = (began.log_syncs, ended.log_syncs)
            && after > before
        {
            let shared = figure(count / (after - before) as f64);
            spent.push_str(&format!("; {shared} a sync of its log"));
        }
        let per_second = samples.len() as f64 / ended.at.duration_since(began.at).as_secs_f64();
        Ok(Level { tasks, per_second, latency: samples.percentiles(), spent })
    }
}

/// Lets `tasks` tasks send the commands of whole lives, one after another, for some seconds.
pub async fn press(
    cqrs: &Arc<PostgresCqrs<Person>>,
    (pool, meter): (&PgPool, Meter<'_>),
    next_person: &Arc<AtomicU64>,
    (tasks, seconds): (usize, f64),
) -> Result<Level, Error> {
    let began = meter.begin(pool).await?;
    let end = Instant::now() + Duration::from_secs_f64(seconds);
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
    let workers = (0..tasks).map(work).collect();
    meter.end(pool, began, tasks, workers).await
}
