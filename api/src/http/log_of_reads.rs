//! The log of reads as others verify it: that nobody's look was taken out afterwards. Its entries tell
//! in the clear who read about whom, so they are for who audits reads.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::log::{
    post_cosignature as post_reads_cosignature, prove_consistency as prove_reads_consistency,
    prove_inclusion as prove_read_inclusion, read_checkpoint as read_reads_checkpoint,
    read_entry as read_reads_entry, read_log_key as read_reads_key, read_tile as read_reads_tile,
};
use super::logged::Logged;
use crate::access::Action;
use crate::registry::Registry;

/// The routes of the log of reads.
pub fn routes(registry: Arc<Registry>) -> Router {
    let logged = Logged {
        tree: Arc::clone(&registry.trees().reads),
        journal: Arc::clone(registry.reads_log().journal()),
        registry,
        entries_for: Action::ReadAudit,
        waits_to_head_only: true,
    };
    Router::new()
        .route("/v1/log/reads/key", get(read_reads_key))
        .route("/v1/log/reads/checkpoint", get(read_reads_checkpoint))
        .route("/v1/log/reads/tile/{*path}", get(read_reads_tile))
        .route("/v1/log/reads/proof", get(prove_read_inclusion))
        .route("/v1/log/reads/consistency", get(prove_reads_consistency))
        .route("/v1/log/reads/entries/{position}", get(read_reads_entry))
        .route("/v1/log/reads/cosignature", post(post_reads_cosignature))
        .with_state(logged)
}
