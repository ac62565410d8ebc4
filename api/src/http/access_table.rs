//! The table of access for whoever is subject to it: what the service decides by, as data.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::access::table::{DEPARTMENTS_CSV, TABLE_CSV};
use crate::access::{Part, ROLES};

/// As it is answered: it never changes while the service runs.
static ANSWER: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(told().to_string()));

/// The route, for everybody with a token.
pub fn routes() -> Router {
    Router::new().route("/v1/catalogue/access", get(list_access))
}

async fn list_access() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], ANSWER.clone())
}

fn told() -> Value {
    let roles = ROLES.iter().map(|(role, actions)| {
        let names: Vec<_> = actions.iter().map(|action| action.name()).collect();
        (role.name().to_owned(), json!(names))
    });
    let parts = Part::ALL.iter().map(|(_, name, zh)| ((*name).to_owned(), json!(zh)));
    let mut lines = TABLE_CSV.lines();
    let columns: Vec<_> = lines.next().into_iter().flat_map(|head| head.split(',')).collect();
    let rows = lines.map(|line| {
        let words: Vec<_> = line.split(',').collect();
        let by_role = columns.iter().zip(&words).skip(2);
        let by_role = by_role.map(|(role, word)| ((*role).to_owned(), json!(word)));
        let by_role = Value::Object(by_role.collect());
        json!({"part": words[0], "purpose": words[1], "roles": by_role})
    });
    let departments = DEPARTMENTS_CSV.lines().skip(1).filter_map(|line| {
        let (department, parts) = line.split_once(',')?;
        let parts: Vec<_> = parts.split_whitespace().collect();
        Some((department.to_lowercase(), json!(parts)))
    });
    json!({
        "roles": Value::Object(roles.collect()),
        "parts": Value::Object(parts.collect::<Map<_, _>>()),
        "rows": rows.collect::<Vec<_>>(),
        "departments": Value::Object(departments.collect()),
    })
}
