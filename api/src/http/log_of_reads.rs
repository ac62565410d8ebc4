//! The log of reads as others verify it: that nobody's look was taken out afterwards. Its entries tell
//! in the clear who read about whom, so they are for who audits reads.

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

/// The routes of the log of reads.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/v1/log/reads/key", get(read_reads_key))
        .route("/v1/log/reads/checkpoint", get(read_reads_checkpoint))
        .route("/v1/log/reads/tile/{*path}", get(read_reads_tile))
        .route("/v1/log/reads/proof", get(prove_read_inclusion))
        .route("/v1/log/reads/consistency", get(prove_reads_consistency))
        .route("/v1/log/reads/entries/{position}", get(read_reads_entry))
        .route("/v1/log/reads/cosignature", post(post_reads_cosignature))
        .with_state(registry)
}

type Shared = State<Arc<Registry>>;

fn logged(registry: &Arc<Registry>) -> Logged {
    Logged {
        registry: Arc::clone(registry),
        tree: Arc::clone(&registry.trees().reads),
        journal: Arc::clone(registry.reads_log().journal()),
        entries_for: Action::ReadAudit,
        waits_to_head_only: true,
    }
}

async fn read_reads_key(State(registry): Shared) -> Response {
    logged(&registry).key()
}

async fn read_reads_checkpoint(
    State(registry): Shared,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    logged(&registry).checkpoint(which, &headers).await
}

async fn read_reads_tile(
    State(registry): Shared,
    who: Who,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    logged(&registry).tile(&who, &path, &headers).await
}

async fn prove_read_inclusion(
    State(registry): Shared,
    Query(asked): Query<Inclusion>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    logged(&registry).proof(asked, &headers).await
}

async fn prove_reads_consistency(
    State(registry): Shared,
    Query(asked): Query<Consistency>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    logged(&registry).consistency(asked, &headers).await
}

async fn read_reads_entry(
    State(registry): Shared,
    who: Who,
    Path(position): Path<u64>,
) -> Result<Response, Problem> {
    logged(&registry).entry(&who, position).await
}

async fn post_reads_cosignature(State(registry): Shared, body: Bytes) -> Result<Response, Problem> {
    logged(&registry).cosign(body).await
}
