//! A service that listens while its registry opens: it lives and says how far it is, and from then
//! on hands every request to the service over the registry.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::routing::get;
use serde_json::json;
use tower::layer::layer_fn;

use super::problem::{self, Problem};
use super::problem_kinds as kinds;
use super::read_health;
use crate::registry::progress::Progress;

/// Seconds after which who was answered that the log is being checked may ask again.
const RETRY_SECONDS: u32 = 5;

/// What is served.
#[derive(Clone)]
pub enum Served {
    /// A service.
    Service(Router),
    /// One that may not be there yet.
    Opening(Opening),
}

impl Served {
    /// What answers a request that comes now. One service does not answer through another one:
    /// finding a way through each takes as long as a tenth of an answer.
    pub(super) fn now(&self) -> Router {
        match self {
            Self::Service(service) => service.clone(),
            Self::Opening(opening) => opening.service.get().unwrap_or(&opening.early).clone(),
        }
    }
}

impl From<Router> for Served {
    fn from(service: Router) -> Self {
        Self::Service(service)
    }
}

/// The place of a service that is not there yet.
#[derive(Clone)]
pub struct Opening {
    /// How far the registry is.
    pub progress: Arc<Progress>,
    /// What is served until then.
    early: Router,
    service: Arc<OnceLock<Router>>,
}

impl Default for Opening {
    fn default() -> Self {
        let progress = Arc::<Progress>::default();
        let early = Router::new()
            .route("/healthz", get(read_health))
            .fallback(say_how_far)
            .with_state(Arc::clone(&progress))
            .layer(layer_fn(problem::finishing));
        Self { progress, early, service: Arc::default() }
    }
}

impl Opening {
    /// From now on every request is the service's.
    pub fn is_over(&self, service: Router) {
        // It opens once.
        let _ = self.service.set(service);
    }
}

async fn say_how_far(State(progress): State<Arc<Progress>>) -> Problem {
    let (stage, done, of) = progress.told();
    let checked = json!({"stage": stage.name(), "done": done, "of": of});
    Problem::new(&kinds::CHECKING)
        .member("checked", checked)
        .header(RETRY_AFTER, RETRY_SECONDS.into())
}
