//! The log of events as others verify it, and how the routes of either log are answered.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};

use super::logged::{Consistency, Inclusion, Logged, Which};
use super::problem::Problem;
use super::who::Who;
use crate::access::Action;
use crate::registry::Registry;

/// The routes of the log of events.
pub fn routes(registry: Arc<Registry>) -> Router {
    let logged = Logged {
        tree: Arc::clone(&registry.trees().events),
        journal: Arc::clone(registry.log().journal()),
        registry,
        entries_for: Action::ReadLog,
        waits_to_head_only: false,
    };
    Router::new()
        .route("/v1/log/key", get(read_log_key))
        .route("/v1/log/checkpoint", get(read_checkpoint))
        .route("/v1/log/tile/{*path}", get(read_tile))
        .route("/v1/log/proof", get(prove_inclusion))
        .route("/v1/log/consistency", get(prove_consistency))
        .route("/v1/log/entries/{position}", get(read_entry))
        .route("/v1/log/cosignature", post(post_cosignature))
        .with_state(logged)
}

pub(super) async fn read_log_key(State(logged): State<Logged>) -> Response {
    logged.key()
}

pub(super) async fn read_checkpoint(
    State(logged): State<Logged>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    logged.checkpoint(which, &headers).await
}

pub(super) async fn read_tile(
    State(logged): State<Logged>,
    who: Who,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    logged.tile(&who, &path, &headers).await
}

pub(super) async fn prove_inclusion(
    State(logged): State<Logged>,
    Query(asked): Query<Inclusion>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    logged.proof(asked, &headers).await
}

pub(super) async fn prove_consistency(
    State(logged): State<Logged>,
    Query(asked): Query<Consistency>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    logged.consistency(asked, &headers).await
}

pub(super) async fn read_entry(
    State(logged): State<Logged>,
    who: Who,
    Path(position): Path<u64>,
) -> Result<Response, Problem> {
    logged.entry(&who, position).await
}

pub(super) async fn post_cosignature(
    State(logged): State<Logged>,
    body: Bytes,
) -> Result<Response, Problem> {
    logged.cosign(body).await
}
