//! The log of events as others verify it.

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
    Router::new()
        .route("/v1/log/key", get(read_log_key))
        .route("/v1/log/checkpoint", get(read_checkpoint))
        .route("/v1/log/tile/{*path}", get(read_tile))
        .route("/v1/log/proof", get(prove_inclusion))
        .route("/v1/log/consistency", get(prove_consistency))
        .route("/v1/log/entries/{position}", get(read_entry))
        .route("/v1/log/cosignature", post(post_cosignature))
        .with_state(registry)
}

type Shared = State<Arc<Registry>>;

fn logged(registry: &Arc<Registry>) -> Logged {
    Logged {
        registry: Arc::clone(registry),
        tree: Arc::clone(&registry.trees().events),
        journal: Arc::clone(registry.log().journal()),
        entries_for: Action::ReadLog,
        waits_to_head_only: false,
    }
}

async fn read_log_key(State(registry): Shared) -> Response {
    logged(&registry).key()
}

async fn read_checkpoint(
    State(registry): Shared,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    logged(&registry).checkpoint(which, &headers).await
}

async fn read_tile(
    State(registry): Shared,
    who: Who,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    logged(&registry).tile(&who, &path, &headers).await
}

async fn prove_inclusion(
    State(registry): Shared,
    Query(asked): Query<Inclusion>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    logged(&registry).proof(asked, &headers).await
}

async fn prove_consistency(
    State(registry): Shared,
    Query(asked): Query<Consistency>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    logged(&registry).consistency(asked, &headers).await
}

async fn read_entry(
    State(registry): Shared,
    who: Who,
    Path(position): Path<u64>,
) -> Result<Response, Problem> {
    logged(&registry).entry(&who, position).await
}

async fn post_cosignature(State(registry): Shared, body: Bytes) -> Result<Response, Problem> {
    logged(&registry).cosign(body).await
}
