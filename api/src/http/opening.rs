//! A service that listens while its registry opens: it lives and says how far it is, and from then
//! on hands every request to the service over the registry.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::middleware;
use axum::response::Response;
use axum::routing::get;
use serde_json::json;
use tower::ServiceExt;

use super::problem::{self, Problem};
use super::problem_kinds as kinds;
use super::read_health;
use crate::registry::progress::Progress;

/// Seconds after which who was answered that the log is being checked may ask again.
const RETRY_SECONDS: u32 = 5;

/// The place of a service that is not there yet.
#[derive(Clone, Default)]
pub struct Opening {
    /// How far the registry is.
    pub progress: Arc<Progress>,
    service: Arc<OnceLock<Router>>,
}

impl Opening {
    /// From now on every request is the service's.
    pub fn is_over(&self, service: Router) {
        // It opens once.
        let _ = self.service.set(service);
    }

    /// What is served from the beginning.
    pub fn router(&self) -> Router {
        let early = Router::new()
            .route("/healthz", get(read_health))
            .fallback(say_how_far)
            .with_state(Arc::clone(&self.progress))
            .layer(middleware::from_fn(problem::finish));
        Router::new().fallback(hand_on).with_state((self.clone(), early))
    }
}

async fn hand_on(State((opening, early)): State<(Opening, Router)>, request: Request) -> Response {
    let router = opening.service.get().unwrap_or(&early).clone();
    // A router's error is no value.
    router.oneshot(request).await.unwrap_or_else(|never| match never {})
}

async fn say_how_far(State(progress): State<Arc<Progress>>) -> Problem {
    let (stage, done, of) = progress.told();
    let checked = json!({"stage": stage.name(), "done": done, "of": of});
    Problem::new(&kinds::CHECKING)
        .member("checked", checked)
        .header(RETRY_AFTER, RETRY_SECONDS.into())
}
