//! Finding persons: from a document to an id, by name, and the people of a place. Nobody searches by
//! what they do not see.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::life_event::ItemsTold;
use domain::{Document, DocumentKind, Item, PersonId};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, json};

use super::archive_json;
use super::closed;
use super::json_body::JsonBody;
use super::looking::Looking;
use super::persons::{internal, masked_parts, visible_id};
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::query::{parse_cursor, parse_place};
use super::recording::{self, Answer, record_answer};
use super::shelter;
use super::values_told;
use super::views_position::{at_position, wait_at_least};
use crate::access::{Object, Part, Show};
use crate::registry::Registry;

/// Persons in an answer to a search.
const FOUND_MAX: usize = 20;
/// What the answer to a search tells of a person.
const OF_HITS: [&str; 4] = ["full_name", "sex", "birth_date", "citizen_id"];
/// Persons on a page of a place.
const PAGE_MAX: usize = 1_000;

/// The routes of finding.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/v1/persons/lookup", post(look_up_person))
        .route("/v1/persons/search", post(search_persons))
        .route("/v1/places/{code}/people", get(list_people))
        .with_state(registry)
}

#[derive(Deserialize)]
struct LookUp {
    document: Named,
}

#[derive(Deserialize)]
struct Named {
    kind: String,
    number: String,
}

async fn look_up_person(
    State(registry): State<Arc<Registry>>,
    looking: Looking,
    headers: HeaderMap,
    JsonBody(LookUp { document }): JsonBody<LookUp>,
) -> Result<Response, Problem> {
    let Looking { who, purpose, .. } = looking;
    wait_at_least(&registry, &headers).await?;
    let id = document_id(&registry, &document)?;
    let found = visible_id(&registry, &who, id);
    let told = match &found {
        Ok((id, _)) => Answer::about("look_up_person", *id, ItemsTold::default()),
        Err(_) => Answer::of_nobody("look_up_person"),
    };
    let (fields, position) = (vec!["person_id"], registry.folded());
    // The id is a keyed hash of the document, and mostly that of the person.
    let is_theirs = found.as_ref().is_ok_and(|(person, _)| *person == id);
    let query = (!is_theirs).then(|| id.to_string());
    let told = Answer { fields, position, query, ..told };
    record_answer(&registry, &who, purpose, told).await?;
    let (id, _) = found?;
    Ok(at_position(registry.folded(), Json(json!({"person_id": id}))))
}

fn document_id(registry: &Registry, named: &Named) -> Result<PersonId, Problem> {
    let kind = DocumentKind::from_name(&named.kind).ok_or_else(|| {
        Problem::new(&kinds::BAD_REQUEST)
            .detail("证件种类未知", "the kind of document is not known")
    })?;
    let reader = registry.intake.reader(Timestamp::now());
    let document: Document = reader
        .document(kind, &named.number)
        .map_err(|fault| Problem::new(&kinds::BAD_REQUEST).errors(vec![fault.at("/document")]))?;
    Ok(PersonId::of_document(registry.intake.identity(), &document))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    full_name: String,
    birth_date: Option<String>,
    place: Option<String>,
}

impl Search {
    fn fingerprint(&self, registry: &Registry) -> String {
        let [day, place] = [&self.birth_date, &self.place].map(|text| text.as_deref());
        let parts = [self.full_name.trim(), day.unwrap_or_default(), place.unwrap_or_default()];
        recording::fingerprint(registry, &parts)
    }
}

async fn search_persons(
    State(registry): State<Arc<Registry>>,
    looking: Looking,
    headers: HeaderMap,
    JsonBody(search): JsonBody<Search>,
) -> Result<Response, Problem> {
    looking.require(Part::Name, Show::Full)?;
    if search.birth_date.is_some() {
        looking.require(Part::BirthDate, Show::Full)?;
    }
    if search.place.is_some() {
        looking.require(Part::Place, Show::Full)?;
    }
    let Looking { who, purpose, look } = looking;
    wait_at_least(&registry, &headers).await?;
    let place = search.place.as_deref().map(parse_place).transpose()?;
    let named = registry.views.people.named(search.full_name.trim(), PAGE_MAX);
    let position = registry.folded();
    let (mut found, mut persons) = (Vec::new(), Vec::new());
    let mut is_cut = false;
    for id in named.map_err(|error| internal(&error))? {
        let Ok((id, row)) = visible_id(&registry, &who, id) else { continue };
        let is_sheltered = shelter::hides(&registry, &who, id, &row)?;
        let sight = match is_sheltered {
            true => look.sight.with(Part::Place, Show::None),
            false => look.sight,
        };
        let born = row.archive.get(Item::BirthDate);
        let fits = search.birth_date.as_deref().is_none_or(|day| born == Some(day))
            && place.is_none_or(|whole| {
                !is_sheltered && row.places().any(|place| place.lies_in(whole))
            });
        if fits && found.len() == FOUND_MAX {
            is_cut = true;
            break;
        }
        if fits && !persons.iter().any(|(known, _)| *known == id) {
            persons.push((id, values_told::of_hit(&row, sight)));
            found.push(archive_json::hit(id, &row, sight));
        }
    }
    let told = Answer {
        count: found.len(),
        persons,
        masked: masked_parts(look.sight.with(Part::Number, Show::Masked), Some(&OF_HITS)),
        query: Some(search.fingerprint(&registry)),
        position,
        ..Answer::of_nobody("search_persons")
    };
    record_answer(&registry, &who, purpose, told).await?;
    Ok(at_position(position, Json(json!({"persons": found, "more": is_cut}))))
}

#[derive(Deserialize)]
struct Page {
    after: Option<String>,
    limit: Option<usize>,
}

async fn list_people(
    State(registry): State<Arc<Registry>>,
    looking: Looking,
    Path(code): Path<String>,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    looking.require(Part::Place, Show::Full)?;
    let Looking { who, purpose, look } = looking;
    wait_at_least(&registry, &headers).await?;
    let place = parse_place(&code)?;
    look.reach(Object::Place(place))?;
    let after = page.after.as_deref().map(parse_cursor).transpose()?;
    let limit = page.limit.unwrap_or(100).clamp(1, PAGE_MAX);
    let position = registry.folded();
    let people = registry.views.people.living_in(place, after, limit);
    let people = people.map_err(|error| internal(&error))?;
    let next = people.last().filter(|_| people.len() == limit);
    let next = next.map(|(place, person)| format!("{place}.{person}"));
    let (mut list, mut persons) = (Vec::new(), Vec::with_capacity(people.len()));
    for (place, id) in people {
        if closed::is_unlisted(&registry, &who, id)? {
            continue;
        }
        let row = registry.views.people.row(id).map_err(|error| internal(&error))?;
        // The list and the row are read one after the other: who has moved in between is left out.
        let Some(row) = row.filter(|row| row.places().any(|one| one == place)) else { continue };
        if shelter::hides(&registry, &who, id, &row)? {
            continue;
        }
        persons.push((id, values_told::of_resident(&row, place)));
        list.push(json!({"person_id": id, "place": place}));
    }
    let mut asked = Map::new();
    asked.insert("place".into(), json!(place));
    let told = Answer {
        count: list.len(),
        persons,
        fields: vec!["person_id", "place"],
        as_of: asked,
        position,
        ..Answer::of_nobody("list_people")
    };
    record_answer(&registry, &who, purpose, told).await?;
    Ok(at_position(position, Json(json!({"people": list, "next": next}))))
}
