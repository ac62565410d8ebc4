//! The history of a household: who came, died and left, by which event, and who led it. A read of
//! everybody told of is on record before the answer leaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use domain::life_event::ItemsTold;
use domain::{Item, PersonId};
use replay::household_history::{self, Became, What};
use replay::household_then::Found;
use serde_json::{Value, json};

use super::household_then::{Question, Then, household_named, too_many, wait_for_index};
use super::households::may_be_told_of;
use super::looking::Looking;
use super::persons::internal;
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::recording::{Answer, record_answer};
use super::views_position::{at_position, wait_at_least};
use crate::access::{Part, Show};
use crate::registry::Registry;

/// Entries that are told at most, from the first on.
const ENTRIES_MAX: usize = 5_000;

/// The route of the history of households.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/v1/households/{id}/history", get(read_household_history))
        .with_state(registry)
}

async fn read_household_history(
    State(registry): State<Arc<Registry>>,
    looking: Looking,
    Path(id): Path<String>,
    Query(question): Query<Question>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    looking.require(Part::Household, Show::Masked)?;
    let Looking { who, purpose, look } = looking;
    let sees_relations = look.sight.show(Part::Household) == Show::Full;
    wait_at_least(&registry, &headers).await?;
    let then = Then::read(&question)?;
    if then.valid_on.is_some() {
        return Err(Problem::new(&kinds::BAD_REQUEST).detail(
            "户的变动记录没有 valid_on,只有 known_at",
            "a history tells of all days: it takes known_at, and no valid_on",
        ));
    }
    let id = household_named(&id)?;
    wait_for_index(&registry).await?;
    let shared = Arc::clone(&registry);
    let read = tokio::task::spawn_blocking(move || {
        household_history::history(shared.log(), &shared.views.people, id, then.known_at)
    });
    let read = read.await.map_err(|error| internal(&error))?;
    let history = match read.map_err(|error| internal(&error))? {
        Found::There(history) => *history,
        Found::Nobody => return Err(Problem::new(&kinds::NOT_FOUND)),
        Found::TooMany => return Err(too_many()),
    };
    let position = registry.folded();
    let mut seen = BTreeMap::<PersonId, bool>::new();
    let mut entries = history.entries;
    let told_of = |entry: &Became| match entry.person {
        Some(person) => {
            *seen.entry(person).or_insert_with(|| may_be_told_of(&registry, &who, person))
        }
        None => true,
    };
    entries.retain(told_of);
    if entries.iter().all(|entry| entry.person.is_none()) {
        return Err(Problem::new(&kinds::NOT_FOUND));
    }
    let more = entries.len() > ENTRIES_MAX;
    entries.truncate(ENTRIES_MAX);
    let mut asked = then.axes();
    asked.insert("household".to_owned(), json!(id));
    let persons = values_told(&entries, sees_relations);
    let told = Answer {
        count: persons.len(),
        persons: persons.into_iter().collect(),
        fields: vec!["household_history"],
        as_of: asked,
        position,
        masked: (!sees_relations).then_some(Part::Household.name()).into_iter().collect(),
        ..Answer::of_nobody("read_household_history")
    };
    record_answer(&registry, &who, purpose, told).await?;
    let answer = json!({
        "household_id": id,
        "basis": history.basis,
        "entries": entries.iter().map(|entry| entry_json(entry, sees_relations)).collect::<Vec<_>>(),
        "more": more,
        "as_of": {"known_at": then.known_at, "position": position},
    });
    Ok(at_position(position, Json(answer)))
}

/// Of everybody told of, the values that the answer tells.
fn values_told(entries: &[Became], sees_relations: bool) -> BTreeMap<PersonId, ItemsTold> {
    let mut persons = BTreeMap::<PersonId, ItemsTold>::new();
    for entry in entries {
        let Some(person) = entry.person else { continue };
        let told = persons.entry(person).or_default();
        let is_related =
            matches!(entry.what, What::Came(Some(_)) | What::Related(Some(_)) | What::Leads);
        if let Some(position) = entry.position.filter(|_| is_related && sees_relations) {
            told.add(Item::RelationToHead, position);
        }
    }
    persons
}

fn entry_json(entry: &Became, sees_relations: bool) -> Value {
    let (what, relation) = match &entry.what {
        What::Came(relation) => ("came", relation.as_deref()),
        What::Related(relation) => ("relation", relation.as_deref()),
        What::Died => ("died", None),
        What::Left => ("left", None),
        What::Leads if entry.person.is_none() => ("no_head", None),
        What::Leads => ("head", None),
    };
    json!({
        "day": entry.day,
        "position": entry.position,
        "person_id": entry.person,
        "what": what,
        "relation_code": relation.filter(|_| sees_relations),
    })
}
