//! The peer's tables, as postgres-es prescribes them, filled beforehand with lives like those that
//! are measured, and how large they became.

use sqlx::{PgPool, Row as _};

use cqrs_es::Aggregate;

use super::person::{self, Person};
use super::view::{self, Archive};
use super::{fault, fault_of, lives};
use crate::Error;
use crate::table::{Goal, Row};

const EVENTS: &str = "(
    aggregate_type text NOT NULL, aggregate_id text NOT NULL,
    sequence bigint CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL, event_version text NOT NULL,
    payload json NOT NULL, metadata json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence))";
const VIEWS: &str = "(
    view_id text NOT NULL, version bigint CHECK (version >= 0) NOT NULL, payload json NOT NULL,
    PRIMARY KEY (view_id))";

/// Makes the tables and fills them with `events` events and the archives of their people, without
/// going through the framework.
pub async fn make(pool: &PgPool, events: u64) -> Result<(), Error> {
    let tables = [("events", EVENTS), (super::alone::TABLE, EVENTS), (view::TABLE, VIEWS)];
    for (name, columns) in tables {
        run(pool, &format!("CREATE TABLE {name} {columns}")).await?;
    }
    let life = lives::life(u64::MAX);
    let persons = i64::try_from(events / life.len() as u64).unwrap_or(i64::MAX);
    let mut archive = Archive::default();
    for (at, command) in life.into_iter().enumerate() {
        let event = person::state(command);
        archive.tell(&event);
        sqlx::query(
            "INSERT INTO events SELECT $1, md5('person' || n)::uuid::text, $2, $3, '1', $4, $5 \
             FROM generate_series(1, $6) n",
        )
        .bind(Person::TYPE)
        .bind(i64::try_from(at).unwrap_or(0) + 1)
        .bind(cqrs_es::DomainEvent::event_type(&event))
        .bind(serde_json::to_value(&event).map_err(|error| fault_of(&error))?)
        .bind(serde_json::to_value(lives::metadata()).map_err(|error| fault_of(&error))?)
        .bind(persons)
        .execute(pool)
        .await
        .map_err(fault)?;
    }
    let archives = format!(
        "INSERT INTO {} SELECT md5('person' || n)::uuid::text, 5, $1 FROM generate_series(1, $2) n",
        view::TABLE
    );
    let payload = serde_json::to_value(&archive).map_err(|error| fault_of(&error))?;
    sqlx::query(&archives).bind(payload).bind(persons).execute(pool).await.map_err(fault)?;
    settle(pool).await
}

/// What was written before a measurement is not to be paid for in it.
pub async fn settle(pool: &PgPool) -> Result<(), Error> {
    for tidy in ["VACUUM ANALYZE", "CHECKPOINT"] {
        run(pool, tidy).await?;
    }
    Ok(())
}

/// The versions of all views: one more for each command that reached its view.
pub async fn versions(pool: &PgPool) -> Result<u64, Error> {
    let sum = format!("SELECT coalesce(sum(version), 0)::float8 FROM {}", view::TABLE);
    let sum: f64 = sqlx::query(&sum).fetch_one(pool).await.map_err(fault)?.get(0);
    Ok(sum as u64)
}

/// The rows about sizes.
pub async fn rows(pool: &PgPool) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for (table, what) in [("events", "event"), (view::TABLE, "view")] {
        let size = format!(
            "SELECT pg_total_relation_size('{table}')::float8, count(*)::float8, \
             avg(octet_length(payload::text))::float8 FROM {table}"
        );
        let size = sqlx::query(&size).fetch_one(pool).await.map_err(fault)?;
        let (bytes, count, payload): (f64, f64, f64) = (size.get(0), size.get(1), size.get(2));
        let name = format!("peer: disk per {what}");
        let note = format!(
            "table and index; {count} of them, payload {payload:.0} bytes; its log not counted"
        );
        rows.push(Row::new(name, bytes / count, "bytes", Goal::None).note(note));
    }
    Ok(rows)
}

async fn run(pool: &PgPool, sql: &str) -> Result<(), Error> {
    sqlx::raw_sql(sql).execute(pool).await.map_err(fault).map(|_| ())
}
