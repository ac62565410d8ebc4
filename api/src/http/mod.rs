//! The HTTP side of the service: routes are put together here, and every error leaves as a problem.

mod access_table;
mod accesses;
mod accesses_json;
mod answer;
mod archive_family;
mod archive_json;
mod archive_needs;
mod archive_parts;
mod archive_tasks;
mod audit_accesses;
mod bare;
pub mod batch;
mod bodies;
mod break_glass;
mod catalogue;
mod closed;
pub mod cloudevents;
mod connection;
mod divisions;
mod docs;
pub mod events;
mod finding;
mod flags;
mod history_json;
mod history_seen;
mod household_history;
mod household_then;
mod households;
mod json_body;
pub mod language;
pub mod lines;
mod log;
mod log_of_reads;
mod logged;
mod looking;
mod metrics;
pub mod opening;
mod operate;
mod orders;
mod persons;
mod places;
pub mod problem;
pub mod problem_kinds;
mod quality;
mod query;
mod reading_limits;
mod receipts_seen;
mod recording;
mod rejections;
pub mod route_table;
pub mod server;
mod shelter;
mod spool;
mod stream;
mod terms;
pub mod tls;
mod values_told;
mod views_position;
pub mod who;

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router, response::IntoResponse};
use serde_json::json;
use tower::layer::layer_fn;

use crate::access::Gate;
use crate::registry::Registry;

pub use history_json::entry as event_json;
pub use language::Language;
pub use looking::Looking;
pub use problem::{Problem, ProblemKind};
pub use server::{Limits, listen, serve, serve_over};
pub use terms::OperatorId;
pub use tls::{Tls, TlsError, TlsFiles};
pub use who::{Peer, Purpose, Who};

/// The whole service over a registry. A route that is added here or in a module beside must have
/// its row in `route_table.rs`, without which nobody may use it, and be described in `openapi.json`;
/// tests read all three.
pub fn service(registry: &Arc<Registry>, gate: impl Into<Gate>) -> Router {
    let shared = || Arc::clone(registry);
    let guarded = Router::new()
        .merge(events::routes(shared()))
        .merge(rejections::routes(shared()))
        .merge(persons::routes(shared()))
        .merge(finding::routes(shared()))
        .merge(flags::routes(shared()))
        .merge(households::routes(shared()))
        .merge(household_history::routes(shared()))
        .merge(accesses::routes(shared()))
        .merge(audit_accesses::routes(shared()))
        .merge(orders::routes(shared()))
        .merge(break_glass::routes(shared()))
        .merge(reading_limits::routes(shared()))
        .merge(quality::routes(shared()))
        .merge(metrics::routes(shared()))
        .merge(log::routes(shared()))
        .merge(log_of_reads::routes(shared()))
        .merge(operate::routes(shared()))
        .merge(catalogue::routes())
        .merge(access_table::routes())
        .merge(divisions::routes(shared()))
        .merge(docs::routes());
    let open = operate::open_routes(shared()).merge(docs::open_routes());
    assemble(open, guarded, gate)
}

/// Puts a service together. Every route of `guarded` needs a good token and may extract [`Who`];
/// those of `open` and `/healthz` need none. Unknown paths, wrong methods, rejections and panics
/// come out as problems.
pub fn assemble(open: Router, guarded: Router, gate: impl Into<Gate>) -> Router {
    let gate = Arc::new(gate.into());
    let guarded =
        guarded.route_layer(layer_fn(move |inner| who::guarding(Arc::clone(&gate), inner)));
    Router::new()
        .route("/healthz", get(read_health))
        .merge(open)
        .merge(guarded)
        .layer(layer_fn(problem::finishing))
}

async fn read_health() -> impl IntoResponse {
    Json(json!({"status": "ok"}))
}
