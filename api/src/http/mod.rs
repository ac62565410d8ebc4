//! The HTTP side of the service: routes are put together here, and every error leaves as a problem.

mod answer;
mod archive_json;
mod archive_parts;
pub mod batch;
mod catalogue;
mod closed;
pub mod cloudevents;
mod connection;
mod divisions;
mod docs;
pub mod events;
mod flags;
pub mod language;
pub mod lines;
mod log;
mod metrics;
mod operate;
mod orders;
mod persons;
pub mod problem;
pub mod problem_kinds;
mod quality;
mod rejections;
pub mod server;
mod spool;
mod stream;
mod views_position;
pub mod who;

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router, middleware, response::IntoResponse};
use serde_json::json;

use crate::access::TokenStore;
use crate::registry::Registry;

pub use archive_json::entry as event_json;
pub use language::Language;
pub use problem::{Problem, ProblemKind};
pub use server::{Limits, serve};
pub use who::{Purpose, Who};

/// The whole service over a registry. A route that is added here or in a module beside must be
/// described in `openapi.json`; a test reads both.
pub fn service(registry: &Arc<Registry>, tokens: Arc<TokenStore>) -> Router {
    let shared = || Arc::clone(registry);
    let guarded = Router::new()
        .merge(events::routes(shared()))
        .merge(rejections::routes(shared()))
        .merge(persons::routes(shared()))
        .merge(flags::routes(shared()))
        .merge(orders::routes(shared()))
        .merge(quality::routes(shared()))
        .merge(metrics::routes(shared()))
        .merge(log::routes(shared()))
        .merge(operate::routes(shared()))
        .merge(catalogue::routes())
        .merge(divisions::routes(shared()))
        .merge(docs::routes());
    let open = operate::open_routes(shared()).merge(docs::open_routes());
    assemble(open, guarded, tokens)
}

/// Puts a service together. Every route of `guarded` needs a good token and may extract [`Who`];
/// those of `open` and `/healthz` need none. Unknown paths, wrong methods, rejections and panics
/// come out as problems.
pub fn assemble(open: Router, guarded: Router, tokens: Arc<TokenStore>) -> Router {
    let guarded = guarded.route_layer(middleware::from_fn_with_state(tokens, who::authenticate));
    Router::new()
        .route("/healthz", get(read_health))
        .merge(open)
        .merge(guarded)
        .layer(middleware::from_fn(problem::finish))
}

async fn read_health() -> impl IntoResponse {
    Json(json!({"status": "ok"}))
}
