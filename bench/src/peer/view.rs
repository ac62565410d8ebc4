//! The view that a user of the framework would keep of each person: the archive as one JSON row, in
//! the same database, written by the framework's own query after each command.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cqrs_es::persist::GenericQuery;
use cqrs_es::{EventEnvelope, View};
use domain::{Document, Related};
use postgres_es::PostgresViewRepository;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use super::person::{Person, PersonEvent, Told};

/// The name of its table.
pub const TABLE: &str = "person_archive";

/// What is known of a person now, each value with who said it and of which day.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Archive {
    documents: Vec<Document>,
    items: BTreeMap<String, Said>,
    related: Vec<Related>,
    is_registered: bool,
    died_on: Option<String>,
    /// Each event in a line, for the history.
    history: Vec<Line>,
}

/// A value and its origin.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Said {
    value: String,
    source: String,
    channel: String,
    occurred_on: String,
    known_on: String,
}

/// What happened when.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    id: String,
    event: String,
    occurred_on: String,
    place: String,
}

impl View<Person> for Archive {
    fn update(&mut self, envelope: &EventEnvelope<Person>) {
        self.tell(&envelope.payload);
    }
}

impl Archive {
    /// Folds one event.
    pub fn tell(&mut self, event: &PersonEvent) {
        let told = event.told();
        match event {
            PersonEvent::Registered(_) | PersonEvent::BirthRegistered(_) => {
                self.is_registered = true;
            }
            PersonEvent::DeathRegistered(_) => self.died_on = Some(told.occurred_on.clone()),
            _ => {}
        }
        for (item, value) in told.event.items.iter() {
            self.items.insert(item.name().to_owned(), Said::of(told, value));
        }
        if let Some(document) = &told.event.document
            && !self.documents.contains(document)
        {
            self.documents.push(document.clone());
        }
        self.related.extend(&told.event.related);
        self.history.push(Line {
            id: told.id.clone(),
            event: cqrs_es::DomainEvent::event_type(event),
            occurred_on: told.occurred_on.clone(),
            place: told.place.clone(),
        });
    }
}

impl Said {
    fn of(told: &Told, value: &str) -> Self {
        Self {
            value: value.to_owned(),
            source: told.source.clone(),
            channel: told.channel.clone(),
            occurred_on: told.occurred_on.clone(),
            known_on: told.known_on.clone(),
        }
    }
}

/// The query over `pool`. The framework tells nobody when a view could not be written, but for a
/// handler: `failed` counts.
pub fn query(
    pool: &PgPool,
    failed: &Arc<AtomicU64>,
) -> GenericQuery<PostgresViewRepository<Archive, Person>, Archive, Person> {
    let repository = PostgresViewRepository::new(TABLE, pool.clone());
    let mut query = GenericQuery::new(Arc::new(repository));
    let failed = Arc::clone(failed);
    query.use_error_handler(Box::new(move |_| {
        failed.fetch_add(1, Ordering::Relaxed);
    }));
    query
}
