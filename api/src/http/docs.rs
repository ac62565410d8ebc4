//! The description of this service, for machines and for people: one document, kept by hand beside
//! the routes, and one page that shows it without any other server.

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

/// The page may run its own script and ask this service, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; \
    style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// The page. A browser that opens it cannot send a token, so it holds nothing: it asks for one and
/// reads the document with it.
pub fn open_routes() -> Router {
    Router::new().route("/docs", get(read_docs))
}

/// The document, for those with a token.
pub fn routes() -> Router {
    Router::new().route("/openapi.json", get(read_openapi))
}

async fn read_openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], include_str!("openapi.json"))
}

async fn read_docs() -> impl IntoResponse {
    let headers =
        [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, PAGE_POLICY)];
    (headers, include_str!("docs.html"))
}
