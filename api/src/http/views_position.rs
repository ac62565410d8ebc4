//! Answers from views say how far the views are, and a reader may ask to wait for a position.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{HeaderName, RETRY_AFTER};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use domain::Position;

use super::problem::Problem;
use super::problem_kinds as kinds;
use crate::registry::Registry;

const REGISTRY_POSITION: HeaderName = HeaderName::from_static("registry-position");
/// How long a reader may wait for the views.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The position of an `At-Least` header, when there is one. An extractor; 400 when it is no position.
#[derive(Clone, Copy, Debug)]
pub struct AtLeast(Option<Position>);

impl AtLeast {
    fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(stated) = headers.get("at-least") else { return Ok(Self(None)) };
        let position = stated.to_str().ok().and_then(|text| text.trim().parse().ok());
        let position = position.ok_or_else(|| Problem::new(&kinds::BAD_REQUEST))?;
        Ok(Self(Some(Position(position))))
    }

    /// Waits until the views are at it.
    ///
    /// # Errors
    /// 503 `view_behind` after the longest wait.
    pub async fn wait(self, registry: &Registry) -> Result<(), Problem> {
        let Self(Some(position)) = self else { return Ok(()) };
        if registry.wait_until_folded(position, WAIT_MAX).await {
            return Ok(());
        }
        Err(Problem::new(&kinds::VIEW_BEHIND).header(RETRY_AFTER, 1.into()))
    }
}

impl<S: Sync> FromRequestParts<S> for AtLeast {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers)
    }
}

/// Waits until the views are at the position of an `At-Least` header, when there is one.
///
/// # Errors
/// 503 `view_behind` after the longest wait, 400 when the header is no position.
pub async fn wait_at_least(registry: &Registry, headers: &HeaderMap) -> Result<(), Problem> {
    AtLeast::read(headers)?.wait(registry).await
}

/// An answer with the position of the views that it was made from.
pub fn at_position(position: Position, answer: impl IntoResponse) -> Response {
    ([(REGISTRY_POSITION, position.0.to_string())], answer).into_response()
}
