//! For those who run the service: whether it is ready, and how far its views are.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, json};

use super::events::storage_full;
use super::persons::internal;
use super::problem::Problem;
use super::problem_kinds as kinds;
use crate::counts::COUNTS;
use crate::registry::Registry;

/// Events that the views may be behind a service that is ready.
const BEHIND_EVENTS_MAX: u64 = 100_000;

/// The routes that need no token.
pub fn open_routes(registry: Arc<Registry>) -> Router {
    Router::new().route("/readyz", get(read_readiness)).with_state(registry)
}

/// The routes of operating.
pub fn routes(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/metrics", get(read_gauges))
        .route("/v1/operate/views", post(digest_views))
        .with_state(registry)
}

async fn read_readiness(State(registry): State<Arc<Registry>>) -> Result<Response, Problem> {
    let (head, folded) = (registry.log().journal().head(), registry.folded());
    if !registry.is_following() || !registry.is_signing() {
        return Err(Problem::new(&kinds::STOPPED));
    }
    if head.0 > folded.0 + BEHIND_EVENTS_MAX {
        return Err(Problem::new(&kinds::VIEW_BEHIND));
    }
    if !registry.space.takes_reads() {
        return Err(storage_full());
    }
    let signed = registry.trees().events.newest().checkpoint.size;
    let events = if registry.space.takes_events() { "taken" } else { "storage_full" };
    let (proved, of) = registry.proved();
    let ready = json!({
        "status": "ready", "head": head, "views": folded, "signed": signed, "events": events,
        "proved": {"done": proved, "of": of},
    });
    Ok(Json(ready).into_response())
}

async fn read_gauges(State(registry): State<Arc<Registry>>) -> Result<Response, Problem> {
    let (head, folded) = (registry.log().journal().head(), registry.folded());
    let people = &registry.views.people;
    let (across, is_whole) = {
        let across = people.across();
        (across.position, across.is_whole())
    };
    let (trees, space) = (registry.trees(), &registry.space);
    let (proved, of) = registry.proved();
    let signed = |tree: &journal::tree::Tree| tree.newest().checkpoint.size;
    let [open, unreviewed, overdue] = registry.oversight.tally(jiff::Timestamp::now());
    let gauges = [
        ("renkou_log_head", "Position of the newest event.", head.0),
        ("renkou_views_folded", "Position up to which every view is folded.", folded.0),
        ("renkou_views_behind", "Events that the views are behind.", head.0 - folded.0.min(head.0)),
        ("renkou_views_following", "1 while the views follow.", registry.is_following().into()),
        ("renkou_unproved", "Records of the start that are yet to be read.", of - proved.min(of)),
        ("renkou_log_signed", "Events in the newest signed checkpoint.", signed(&trees.events)),
        ("renkou_reads_signed", "Reads in their newest signed checkpoint.", signed(&trees.reads)),
        ("renkou_trees_following", "1 while the trees follow.", registry.is_signing().into()),
        ("renkou_disk_free_bytes", "Bytes free on the registry's disk.", space.free_bytes()),
        ("renkou_disk_reserve_bytes", "Bytes kept free of events.", space.reserve_bytes()),
        ("renkou_events_taken", "1 while there is room for events.", space.takes_events().into()),
        ("renkou_reads_taken", "1 while there is room for reads.", space.takes_reads().into()),
        (
            "renkou_quality_counted",
            "1 when the measures of quality count everybody.",
            people.measures().is_whole().into(),
        ),
        (
            "renkou_across_position",
            "Position up to which rules across records are judged.",
            across.0,
        ),
        ("renkou_across_whole", "1 when they are judged for everybody.", is_whole.into()),
        ("renkou_glass_open", "Broken glass through which somebody is seen now.", open),
        ("renkou_glass_unreviewed", "Broken glass that nobody looked into yet.", unreviewed),
        ("renkou_glass_overdue", "The same of more than a day ago.", overdue),
        ("renkou_across_following", "1 while they follow.", registry.is_judging().into()),
    ];
    let mut text = String::new();
    for (name, help, value) in gauges {
        // Writing into a string does not fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }
    COUNTS.write(&mut text);
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

/// Flushes the views and tells what they then hold: `replay check` compares it with a rebuild.
async fn digest_views(State(registry): State<Arc<Registry>>) -> Result<Response, Problem> {
    let views = Arc::clone(&registry.views);
    let digests = tokio::task::spawn_blocking(move || views.digests()).await;
    let digests = digests.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
    let views: Map<_, _> =
        digests.views.iter().map(|(name, digest)| ((*name).to_owned(), json!(digest))).collect();
    let months: Map<_, _> =
        digests.months.iter().map(|(day, digest)| (day.to_string(), json!(digest))).collect();
    let told = json!({"position": digests.position, "views": views, "months": months});
    Ok(Json(told).into_response())
}
