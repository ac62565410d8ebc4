//! The one place where errors become HTTP: RFC 9457 problems, in Chinese or English.
//!
//! Whatever answers with an error status and without a [`Problem`] (a rejection of the framework,
//! an unknown path, a panic) is turned into one here, so no plain-text error leaves the service.
//! No text of a problem repeats a value that somebody sent.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use domain::Fault;
use futures_util::FutureExt;
use serde::Serialize;
use serde_json::{Map, Value};
use tower::{Service, service_fn};

use super::connection::Phase;
use super::language::Language;
use super::problem_kinds as kinds;

/// What kind of problem: the part that never changes.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemKind {
    /// HTTP status code.
    pub status: u16,
    /// Stable name, never translated.
    pub code: &'static str,
    /// Title in Chinese.
    pub zh: &'static str,
    /// Title in English.
    pub en: &'static str,
}

/// One refusal, as it goes out.
#[derive(Clone, Debug)]
pub struct Problem(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: &'static ProblemKind,
    detail: Option<(Cow<'static, str>, Cow<'static, str>)>,
    errors: Vec<Fault>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem that says no more than its title.
    pub fn new(kind: &'static ProblemKind) -> Self {
        Self(Box::new(Inner {
            kind,
            detail: None,
            errors: Vec::new(),
            members: Map::new(),
            headers: Vec::new(),
        }))
    }

    /// The problem of a bare status code, for answers that were not made here.
    pub fn of_status(status: StatusCode) -> Self {
        Self::new(kinds::of_status(status))
    }

    /// What is wrong this time, in both languages; never a value that was sent.
    #[must_use]
    pub fn detail(
        mut self,
        zh: impl Into<Cow<'static, str>>,
        en: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.0.detail = Some((zh.into(), en.into()));
        self
    }

    /// Every broken rule.
    #[must_use]
    pub fn errors(mut self, errors: Vec<Fault>) -> Self {
        self.0.errors = errors;
        self
    }

    /// An extension member of the body.
    #[must_use]
    pub fn member(mut self, name: &str, value: Value) -> Self {
        self.0.members.insert(name.to_owned(), value);
        self
    }

    /// A header of the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Its HTTP status, which its body repeats.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Stable name of the problem.
    pub fn code(&self) -> &'static str {
        self.0.kind.code
    }

    /// The body in a language.
    pub fn view(&self, language: Language) -> ProblemView<'_> {
        let Inner { kind, detail, errors, members, .. } = &*self.0;
        let detail = detail.as_ref().map(|(zh, en)| language.choose(zh.as_ref(), en.as_ref()));
        ProblemView { detail, members: Some(members), ..ProblemView::of(kind, errors, language) }
    }
}

impl IntoResponse for Problem {
    /// Status and headers; [`finish`] writes the body, because it knows the reader's language.
    fn into_response(mut self) -> Response {
        let mut response = self.status().into_response();
        response.headers_mut().extend(self.0.headers.drain(..));
        response.extensions_mut().insert(self);
        response
    }
}

/// The body of a problem, borrowed.
#[derive(Debug)]
pub struct ProblemView<'a> {
    kind: &'static ProblemKind,
    detail: Option<&'a str>,
    errors: &'a [Fault],
    members: Option<&'a Map<String, Value>>,
    language: Language,
}

impl<'a> ProblemView<'a> {
    /// The body of a problem that lists broken rules.
    pub fn of(kind: &'static ProblemKind, errors: &'a [Fault], language: Language) -> Self {
        Self { kind, detail: None, errors, members: None, language }
    }
}

impl Serialize for ProblemView<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            pointer: &'a str,
            code: &'a str,
            message: &'a str,
        }
        #[derive(Serialize)]
        struct Members<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: &'a str,
            code: &'a str,
            errors: Vec<Shown<'a>>,
            #[serde(flatten)]
            members: Option<&'a Map<String, Value>>,
        }
        fn shown(fault: &Fault, language: Language) -> Shown<'_> {
            let message = language.choose(fault.zh.as_ref(), fault.en.as_ref());
            Shown { pointer: &fault.pointer, code: &fault.code, message }
        }
        let title = self.language.choose(self.kind.zh, self.kind.en);
        Members {
            r#type: format!("urn:renkou:problem:{}", self.kind.code),
            title,
            status: self.kind.status,
            detail: self.detail.unwrap_or(title),
            code: self.kind.code,
            errors: self.errors.iter().map(|fault| shown(fault, self.language)).collect(),
            members: self.members,
        }
        .serialize(serializer)
    }
}

/// A layer, outermost: writes the body of every problem in the reader's language, makes one of
/// a panic, and keeps answers out of shared caches unless the handler said otherwise.
///
/// It is no middleware of the framework's, nor is the door in `who.rs`: such a one copies the whole
/// way to the handler for each request, and both together took a tenth of an answer.
pub fn finishing(
    mut inner: Route,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone {
    service_fn(move |request: Request| {
        let language = Language::of(request.headers());
        let connection = request.extensions().get::<Arc<Phase>>().cloned();
        let answering = inner.call(request);
        async move { Ok(finish(language, connection, answering).await) }
    })
}

async fn finish(
    language: Language,
    connection: Option<Arc<Phase>>,
    answering: impl Future<Output = Result<Response, Infallible>>,
) -> Response {
    let answered = AssertUnwindSafe(answering).catch_unwind().await;
    // What a panic said is not passed on: it may hold a personal value.
    let after_panic = |_| Problem::new(&kinds::INTERNAL).into_response();
    let mut response = match answered {
        Ok(Ok(response)) => response,
        Err(panic) => after_panic(panic),
    };
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().entry(CACHE_CONTROL).or_insert(no_store);
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_late = status.is_client_error() && connection.is_some_and(|c| c.is_body_late());
    if is_late {
        // Whoever read the body saw no more than that it broke off.
        *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
        response.extensions_mut().insert(Problem::new(&kinds::BODY_TOO_SLOW));
    }
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_error && !is_json(&response) => {
            let problem = Problem::of_status(status);
            *response.status_mut() = problem.status();
            problem
        }
        None => return response,
    };
    let body = serde_json::to_vec(&problem.view(language)).unwrap_or_default();
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    *response.body_mut() = Body::from(body);
    response
}

fn is_json(response: &Response) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|text| text.contains("json"))
}
