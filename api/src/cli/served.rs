//! A service that runs on the directory at hand, asked one question with a token made for it.

use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::header::AUTHORIZATION;
use hyper::http::request;

use super::Failure;
use crate::access::{NewGrant, TokenStore};
use crate::outward::{Bounds, OutwardError, Trust, ask};
use crate::registry::Home;

/// A running service looks for new tokens once a second.
const UNTIL_A_TOKEN_IS_KNOWN: Duration = Duration::from_millis(1_200);

/// Where a running service answers.
#[derive(serde::Deserialize)]
pub(super) struct Served {
    url: String,
    /// SHA-256 of its certificate, where it speaks TLS.
    certificate_sha256: Option<[u8; 32]>,
}

/// The service that holds the log's lock; none when nobody does.
pub(super) fn served(home: &Home) -> Result<Option<Served>, Failure> {
    let lock = std::fs::File::open(home.folder().join("journal").join("lock"));
    let is_held =
        lock.is_ok_and(|file| matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)));
    if !is_held {
        return Ok(None);
    }
    let address = std::fs::read(home.folder().join("serve.json"))?;
    Ok(Some(serde_json::from_slice(&address)?))
}

impl Served {
    /// Asks `question`, whose address is the path, as the holder of a grant that ends with it.
    pub async fn ask(
        &self,
        home: &Home,
        grant: NewGrant,
        path: &str,
        question: request::Builder,
        bounds: Bounds,
    ) -> Result<Result<Bytes, OutwardError>, Failure> {
        // The service's own file told its certificate, whatever name that is for.
        let only = self.certificate_sha256.map(Trust::only);
        let trust = only.map_or_else(|| Trust::of(None), Ok)?;
        let tokens = TokenStore::open(home.access())?;
        let (token, grant) = tokens.create(grant)?;
        tokio::time::sleep(UNTIL_A_TOKEN_IS_KNOWN).await;
        let request = question
            .uri(format!("{}{path}", self.url))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty());
        let answer = match request {
            Ok(request) => Ok(ask(request, &trust, bounds).await),
            Err(error) => Err(error.into()),
        };
        tokens.revoke(&grant.id)?;
        answer
    }
}
