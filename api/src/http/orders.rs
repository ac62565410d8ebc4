//! Orders about a record: its erasure, its sealing until a day, and the protection of whereabouts. Each names the order of the
//! authority and the second person who approved it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::order::Sealing;
use domain::{Order, PersonId, Topic};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::closed;
use super::events::overloaded;
use super::json_body::JsonBody;
use super::persons::{person_named, reached};
use super::problem::Problem;
use super::problem_kinds as kinds;
use super::query::parse_day;
use super::views_position::wait_at_least;
use super::who::Who;
use crate::registry::{Ordered, Receipt, Registry};

/// The routes of orders.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/v1/persons/{id}/erasure", post(erase_person))
        .route("/v1/persons/{id}/sealing", post(seal_person))
        .route("/v1/persons/{id}/unsealing", post(unseal_person))
        .route("/v1/persons/{id}/protection", post(protect_person))
        .route("/v1/persons/{id}/unprotection", post(unprotect_person))
        .with_state(registry)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    order: String,
    approved_by: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SealingAsked {
    order: String,
    approved_by: String,
    until: String,
    #[serde(default)]
    topics: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProtectionAsked {
    order: String,
    approved_by: String,
    until: String,
}

async fn erase_person(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(Asked { order, approved_by }): JsonBody<Asked>,
) -> Result<Response, Problem> {
    let person = person_reached(&registry, &who, &id, &headers).await?;
    carry_out(&registry, ordered(&who, person, Order::Erase, order, approved_by)).await
}

async fn seal_person(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(SealingAsked { order, approved_by, until, topics }): JsonBody<SealingAsked>,
) -> Result<Response, Problem> {
    let topic = |name: &String| {
        Topic::from_name(name).ok_or_else(|| {
            Problem::new(&kinds::BAD_REQUEST).detail("没有这个专题", "there is no such topic")
        })
    };
    let topics = topics.iter().map(topic).collect::<Result<Vec<_>, _>>()?;
    let sealing = Sealing { until: parse_day(&until)?, topics };
    let person = person_reached(&registry, &who, &id, &headers).await?;
    carry_out(&registry, ordered(&who, person, Order::Seal(sealing), order, approved_by)).await
}

async fn unseal_person(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(Asked { order, approved_by }): JsonBody<Asked>,
) -> Result<Response, Problem> {
    let person = person_reached(&registry, &who, &id, &headers).await?;
    carry_out(&registry, ordered(&who, person, Order::Unseal, order, approved_by)).await
}

async fn protect_person(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(ProtectionAsked { order, approved_by, until }): JsonBody<ProtectionAsked>,
) -> Result<Response, Problem> {
    let protection = Order::Protect { until: parse_day(&until)? };
    let person = person_reached(&registry, &who, &id, &headers).await?;
    carry_out(&registry, ordered(&who, person, protection, order, approved_by)).await
}

async fn unprotect_person(
    State(registry): State<Arc<Registry>>,
    who: Who,
    Path(id): Path<String>,
    headers: HeaderMap,
    JsonBody(Asked { order, approved_by }): JsonBody<Asked>,
) -> Result<Response, Problem> {
    let person = person_reached(&registry, &who, &id, &headers).await?;
    carry_out(&registry, ordered(&who, person, Order::Unprotect, order, approved_by)).await
}

/// The person of an id, when the grant reaches them; hidden and erased ones too, so that an order
/// that is sent again is answered as before.
async fn person_reached(
    registry: &Registry,
    who: &Who,
    id: &str,
    headers: &HeaderMap,
) -> Result<PersonId, Problem> {
    wait_at_least(registry, headers).await?;
    let mut id = person_named(id)?;
    if closed::is_erased_for(registry, who, id)? {
        return Ok(id);
    }
    let mut row = closed::row(registry, who, id)?;
    while let Some(owner) = row.owner {
        (id, row) = (owner, closed::row(registry, who, owner)?);
    }
    reached(who, id, &row)?;
    Ok(id)
}

fn ordered(
    who: &Who,
    person: PersonId,
    order: Order,
    reference: String,
    approved_by: String,
) -> Ordered {
    let (actor, received_at) = (who.0.subject.clone(), Timestamp::now());
    let department = who.0.department;
    Ordered { person, order, reference, approved_by, actor, department, received_at }
}

async fn carry_out(registry: &Registry, ordered: Ordered) -> Result<Response, Problem> {
    let event = ordered.order.kind().code();
    let (status, accepted) = match registry.order(ordered).await.map_err(overloaded)? {
        Receipt::Recorded(accepted) => (StatusCode::CREATED, accepted),
        Receipt::Duplicate(accepted) => (StatusCode::OK, accepted),
        Receipt::Rejected(faults) => {
            return Err(Problem::new(&kinds::REJECTED).errors(faults));
        }
        Receipt::Conflict(_) | Receipt::Withheld | Receipt::Failed => {
            return Err(Problem::new(&kinds::INTERNAL));
        }
    };
    let answer = json!({
        "status": event,
        "person_id": accepted.person_id,
        "position": accepted.position,
        "recorded_at": accepted.recorded_at,
    });
    Ok((status, Json(answer)).into_response())
}
