//! JSON bodies of requests that are no events: read whole, and refused with what is wrong and
//! where. What was sent is not repeated, since it may name somebody.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use domain::Fault;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use super::problem::Problem;
use super::problem_kinds as kinds;

/// A body in the form of its route. An extractor; whoever may not ask at all was refused before it.
///
/// # Errors
/// 415 for another media type, 413 for a body that is too long, 400 `bad_request` with a pointer to
/// what is missing, unknown or of another form.
pub(super) struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !media_type.is_some_and(is_json) {
            return Err(Problem::new(&kinds::UNKNOWN_MEDIA_TYPE)
                .detail("请以 application/json 提交", "send it as application/json"));
        }
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes
            .map_err(|refused| Problem::of_status(IntoResponse::into_response(refused).status()))?;
        read(&bytes).map(Self)
    }
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut text);
    let value = read.map_err(|error| match error.inner().classify() {
        Category::Data => unfit(&error.inner().to_string(), pointer(error.path())),
        _ => no_json(error.inner()),
    })?;
    text.end().map_err(|error| no_json(&error))?;
    Ok(value)
}

fn no_json(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    Problem::new(&kinds::BAD_REQUEST).detail(
        format!("不是有效的 JSON:第{line}行第{column}列"),
        format!("this is no JSON: line {line}, column {column}"),
    )
}

/// What a form refuses. Of what the form says, the names of its own members alone are told.
fn unfit(said: &str, pointer: String) -> Problem {
    let missing = said.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let fault = match missing {
        Some(name) => Fault::new("missing", "缺少必填字段", "this field is required")
            .at(format!("{pointer}/{name}")),
        None if said.starts_with("unknown field") => {
            Fault::new("unknown_member", "含有未知成员", "there is a member that is not known")
                .at(pointer)
        }
        None => Fault::new("unfit", "格式不符", "of another form").at(pointer),
    };
    Problem::new(&kinds::BAD_REQUEST).errors(vec![fault])
}

/// The place in a body, as far as it is named by the form.
fn pointer(path: &Path) -> String {
    let is_ours = |key: &str| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } if is_ours(key) => pointer.push_str(&format!("/{key}")),
            _ => break,
        }
    }
    pointer
}
