//! PostgreSQL without the framework: rows like those of its events, each inserted and committed by
//! itself. What the peer cannot exceed on the same machine, disk and day.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cqrs_es::Aggregate;
use serde_json::Value;
use sqlx::PgPool;

use super::person::{self, Person};
use super::press::{Level, Meter};
use super::{fault, fault_of, lives};
use crate::Error;
use crate::samples::Samples;

/// Where the rows go.
pub const TABLE: &str = "inserted";

/// Lets `clients` clients insert rows for some seconds, one row a commit.
pub async fn press(
    pool: &PgPool,
    meter: Meter<'_>,
    next_person: &Arc<AtomicU64>,
    (clients, seconds): (usize, f64),
) -> Result<Level, Error> {
    let began = meter.begin(pool).await?;
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let insert = format!("INSERT INTO {TABLE} VALUES ($1, $2, $3, 'Registered', '1', $4, $5)");
    let metadata: HashMap<String, String> = lives::metadata();
    let metadata = serde_json::to_value(metadata).map_err(|error| fault_of(&error))?;
    let work = |_| {
        let (pool, next_person) = (pool.clone(), Arc::clone(next_person));
        let (insert, metadata) = (insert.clone(), metadata.clone());
        tokio::spawn(async move {
            let mut samples = Samples::default();
            while Instant::now() < end {
                let person = next_person.fetch_add(1, Ordering::Relaxed);
                let id = lives::person_id(person).to_string();
                for (sequence, command) in (1_i64..).zip(lives::life(person)) {
                    if Instant::now() >= end {
                        break;
                    }
                    let event = serde_json::to_value(person::state(command));
                    let event: Value = event.map_err(|error| fault_of(&error))?;
                    let from = Instant::now();
                    let row = sqlx::query(&insert).bind(Person::TYPE).bind(&id).bind(sequence);
                    row.bind(event).bind(&metadata).execute(&pool).await.map_err(fault)?;
                    samples.add(from.elapsed());
                }
            }
            Ok::<_, Error>(samples)
        })
    };
    let workers = (0..clients).map(work).collect();
    meter.end(pool, began, clients, workers).await
}
