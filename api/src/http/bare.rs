//! Answers that are made below HTTP, where there is no request yet: a connection too many, a head
//! that cannot be read. They are problems like all others; whose language it is nobody knows.

use axum::http::StatusCode;

use super::language::Language;
use super::problem::Problem;

/// A whole answer of a status, after which the connection ends.
pub fn answer(status: StatusCode) -> Vec<u8> {
    let problem = Problem::of_status(status);
    let language = Language::default();
    let body = serde_json::to_vec(&problem.view(language)).unwrap_or_default();
    let retry = if status == StatusCode::SERVICE_UNAVAILABLE { "retry-after: 5\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\ncontent-language: {}\r\n\
         cache-control: no-store\r\nconnection: close\r\n{retry}content-length: {}\r\n\r\n",
        language.tag(),
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// What takes the place of an answer that hyper made by itself; none where these bytes are another
/// thing. Its own answers have no body, and ours are never without a media type.
pub fn instead_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let rest = bytes.strip_prefix(b"HTTP/1.")?;
    let code = rest.get(2..5).filter(|code| matches!(code[0], b'4' | b'5'))?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let mut lines = bytes[..end].split(|byte| *byte == b'\n');
    if lines.any(|line| line.to_ascii_lowercase().starts_with(b"content-type:")) {
        return None;
    }
    Some(answer(StatusCode::from_bytes(code).ok()?))
}
