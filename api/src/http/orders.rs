//! Orders about a record: its erasure, its sealing until a day, and the protection of whereabouts.
//! Each names the order of the authority and the second person who approved it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
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
    record: Record,
    JsonBody(Asked { order, approved_by }): JsonBody<Asked>,
) -> Result<Response, Problem> {
    record.order(Order::Erase, order, approved_by).await
}

async fn seal_person(
    record: Record,
    JsonBody(SealingAsked { order, approved_by, until, topics }): JsonBody<SealingAsked>,
) -> Result<Response, Problem> {
    let topic = |name: &String| {
        Topic::from_name(name).ok_or_else(|| {
            Problem::new(&kinds::BAD_REQUEST).detail("没有这个专题", "there is no such topic")
        })
    };
    let topics = topics.iter().map(topic).collect::<Result<Vec<_>, _>>()?;
    let sealing = Sealing { until: parse_day(&until)?, topics };
    record.order(Order::Seal(sealing), order, approved_by).await
}

async fn unseal_person(
    record: Record,
    JsonBody(Asked { order, approved_by }): JsonBody<Asked>,
) -> Result<Response, Problem> {
    record.order(Order::Unseal, order, approved_by).await
}

async fn protect_person(
    record: Record,
    JsonBody(ProtectionAsked { order, approved_by, until }): JsonBody<ProtectionAsked>,
) -> Result<Response, Problem> {
    let protection = Order::Protect { until: parse_day(&until)? };
    record.order(protection, order, approved_by).await
}

async fn unprotect_person(
    record: Record,
    JsonBody(Asked { order, approved_by }): JsonBody<Asked>,
) -> Result<Response, Problem> {
    record.order(Order::Unprotect, order, approved_by).await
}

/// The record that an order is about, as the path names it, and who gives the order. An extractor.
struct Record {
    registry: Arc<Registry>,
    who: Who,
    id: String,
    headers: HeaderMap,
}

impl FromRequestParts<Arc<Registry>> for Record {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        registry: &Arc<Registry>,
    ) -> Result<Self, Response> {
        let who = Who::from_request_parts(parts, registry).await;
        let who = who.map_err(IntoResponse::into_response)?;
        let id = Path::from_request_parts(parts, registry).await;
        let Path(id) = id.map_err(IntoResponse::into_response)?;
        Ok(Self { registry: Arc::clone(registry), who, id, headers: parts.headers.clone() })
    }
}

impl Record {
    async fn order(
        self,
        order: Order,
        reference: String,
        approved_by: String,
    ) -> Result<Response, Problem> {
        let person = self.person().await?;
        let (actor, received_at) = (self.who.0.subject.clone(), Timestamp::now());
        let department = self.who.0.department;
        let ordered =
            Ordered { person, order, reference, approved_by, actor, department, received_at };
        carry_out(&self.registry, ordered).await
    }

    /// The person of the id, when the grant reaches them; hidden and erased ones too, so that an
    /// order that is sent again is answered as before.
    async fn person(&self) -> Result<PersonId, Problem> {
        let Self { registry, who, id, headers } = self;
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
