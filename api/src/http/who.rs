//! Who is asking: the token of a request becomes its grant, and the grant decides.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::header::{ALLOW, AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use jiff::Timestamp;
use tower::{Service, service_fn};

use super::problem::Problem;
use super::problem_kinds as kinds;
use super::route_table::{self, Asks};
use super::terms::Terms;
use crate::access::{Action, Gate, Grant, PURPOSES, Refused, TokenError, may};

/// The address at the other end of a connection. No header of a proxy is believed instead: anybody
/// can write one.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The grant of the token that a request carries. An extractor; 401 where there is none.
#[derive(Clone, Debug)]
pub struct Who(pub Arc<Grant>);

impl Who {
    /// Lets the request pass when its role may do `action`.
    ///
    /// # Errors
    /// 403 `not_allowed`.
    pub fn require(&self, action: Action) -> Result<(), Problem> {
        if may(self.0.role, action) { Ok(()) } else { Err(Problem::new(&kinds::NOT_ALLOWED)) }
    }
}

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(token_required)
    }
}

/// Why somebody reads about a person: the `Purpose` header, checked against the grant, and on what
/// further terms. An extractor; 400 `purpose_required` without a known one, 403 when it was not
/// granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose(pub &'static str, pub Terms);

impl<S: Sync> FromRequestParts<S> for Purpose {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let who = Who::from_request_parts(parts, state).await?;
        let stated = parts.headers.get("purpose").and_then(|value| value.to_str().ok());
        let code = PURPOSES.iter().find(|code| Some(**code) == stated.map(str::trim));
        let code = code.ok_or_else(|| Problem::new(&kinds::PURPOSE_REQUIRED))?;
        if who.0.purposes.iter().any(|granted| granted == code) {
            return Ok(Self(code, Terms::read(&parts.headers, &who.0, Timestamp::now())?));
        }
        Err(Problem::new(&kinds::PURPOSE_NOT_GRANTED))
    }
}

/// A layer before every route but the open ones: no good token, no entry, and none for a role
/// that may not do what the route is for.
pub fn guarding(
    gate: Arc<Gate>,
    inner: Route,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone {
    service_fn(move |request: Request| {
        let (gate, mut inner) = (Arc::clone(&gate), inner.clone());
        async move {
            match authenticate(&gate, request).await {
                Ok(request) => inner.call(request).await,
                Err(problem) => Ok(problem.into_response()),
            }
        }
    })
}

/// The request with who is asking.
async fn authenticate(gate: &Gate, mut request: Request) -> Result<Request, Problem> {
    let token = bearer(request.headers()).ok_or_else(token_required)?;
    let peer = request.extensions().get::<Peer>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    let grant = gate.enter(peer, token, Timestamp::now()).await.map_err(refused)?;
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let who = Who(grant);
    pass(&who, request.method(), path.unwrap_or_default())?;
    request.extensions_mut().insert(who);
    Ok(request)
}

/// Lets pass who may do what the table of routes says of the route; nobody where it says nothing,
/// but for methods that the path has none of, which the router answers.
fn pass(who: &Who, method: &Method, path: &str) -> Result<(), Problem> {
    match route_table::find(method, path).map(|route| route.asks) {
        Some(Asks::Actions(actions)) => actions.iter().try_for_each(|action| who.require(*action)),
        Some(Asks::Token | Asks::Nothing) => Ok(()),
        None => {
            let allowed: Vec<_> = route_table::methods(path).map(|route| route.method).collect();
            if allowed.is_empty() {
                tracing::error!(path, "the table of routes lacks a route, so nobody may use it");
                return Err(Problem::new(&kinds::NOT_ALLOWED));
            }
            let problem = Problem::new(&kinds::METHOD_NOT_ALLOWED);
            let allowed = HeaderValue::from_str(&allowed.join(",")).expect("names of methods");
            Err(problem.header(ALLOW, allowed))
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn token_required() -> Problem {
    Problem::new(&kinds::TOKEN_REQUIRED)
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

fn refused(refused: Refused) -> Problem {
    let (kind, seconds) = match refused {
        Refused::Token(error) => return invalid_token(&error),
        Refused::LockedOut { retry_after_seconds } => (&kinds::LOCKED_OUT, retry_after_seconds),
        Refused::TooOften { retry_after_seconds } => (&kinds::TOO_OFTEN, retry_after_seconds),
    };
    Problem::new(kind).header(RETRY_AFTER, seconds.into())
}

fn invalid_token(error: &TokenError) -> Problem {
    let problem = Problem::new(&kinds::INVALID_TOKEN)
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""));
    match error {
        TokenError::Unknown => problem,
        TokenError::Expired => problem.detail("令牌已过期", "the token has expired"),
        TokenError::Revoked => problem.detail("令牌已撤销", "the token was revoked"),
    }
}
