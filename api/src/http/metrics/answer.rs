//! How measures are answered: as JSON or, by `Accept: text/csv`, as CSV; and page by page, so that
//! no answer is unbounded.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use axum::response::Response;
use domain::Position;
use serde::{Serialize, Serializer};

use crate::csv_text::csv_of;
use crate::http::persons::internal;
use crate::http::problem::Problem;
use crate::http::problem_kinds as kinds;
use crate::http::views_position::at_position;

/// Rows of an answer, at most; also when nobody says how many.
const ROWS_MAX: usize = 10_000;
/// No row has a longer key.
const CURSOR_BYTES_MAX: usize = 2_000;
/// Most rows are shorter as JSON.
const ROW_BYTES_EXPECTED: usize = 400;
/// Where the next page begins, for readers of CSV.
const NEXT_CURSOR: HeaderName = HeaderName::from_static("next-cursor");

/// Which rows are asked for.
pub struct Page {
    limit: usize,
    after: Option<String>,
}

/// The rows of a page, and where the next one begins; none after the last.
pub struct Rows<R> {
    rows: Vec<R>,
    next: Option<String>,
}

impl Page {
    /// At most `limit` rows after those up to a cursor, which an answer gave as `next`.
    ///
    /// # Errors
    /// 400 for a limit or cursor that is none.
    pub fn read(limit: Option<usize>, cursor: Option<&str>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(ROWS_MAX);
        let is_fit = cursor.is_none_or(|cursor| cursor.len() <= CURSOR_BYTES_MAX);
        if limit == 0 || limit > ROWS_MAX || !is_fit {
            return Err(Problem::new(&kinds::BAD_REQUEST).detail(
                "limit 应为 1 至 10000,cursor 应为上一页的 next",
                "limit is 1 to 10000, and cursor what the page before gave as next",
            ));
        }
        Ok(Self { limit, after: cursor.map(str::to_owned) })
    }

    /// The page of rows that stand in the order of their keys.
    pub fn of<R>(&self, mut rows: Vec<R>, key: impl Fn(&R) -> String) -> Rows<R> {
        if let Some(after) = &self.after {
            let passed = rows.partition_point(|row| key(row) <= *after);
            rows.drain(..passed);
        }
        let is_last = rows.len() <= self.limit;
        rows.truncate(self.limit);
        let next = rows.last().filter(|_| !is_last).map(key);
        Rows { rows, next }
    }
}

/// Answers rows, each told by `tell`, as the reader accepts them.
///
/// # Errors
/// 500 when a row cannot be written.
pub fn answer<'a, R, T: Serialize>(
    position: Position,
    headers: &HeaderMap,
    as_of: &'a impl Serialize,
    page: &'a Rows<R>,
    tell: fn(&'a R) -> T,
) -> Result<Response, Problem> {
    let rows = &page.rows;
    let mut answer = if is_csv(headers) {
        let rows = rows.iter().map(tell).map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
        let text = csv_of(&rows.map_err(|error| internal(&error))?);
        let text = text.map_err(|error| internal(&error))?;
        at_position(position, ([(CONTENT_TYPE, "text/csv; charset=utf-8")], text))
    } else {
        let answer = Answer { as_of, next: page.next.as_deref(), rows: Told(rows, tell) };
        let mut text = Vec::with_capacity(128 + rows.len() * ROW_BYTES_EXPECTED);
        serde_json::to_writer(&mut text, &answer).map_err(|error| internal(&error))?;
        at_position(position, ([(CONTENT_TYPE, "application/json")], text))
    };
    let next = page.next.as_deref().and_then(|next| HeaderValue::from_str(next).ok());
    answer.headers_mut().extend(next.map(|next| (NEXT_CURSOR, next)));
    Ok(answer)
}

fn is_csv(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/csv"))
}

#[derive(Serialize)]
#[serde(bound = "A: Serialize, T: Serialize")]
struct Answer<'a, A, R, T> {
    as_of: &'a A,
    next: Option<&'a str>,
    rows: Told<'a, R, T>,
}

/// Rows and how each is told; told one by one while they are written.
struct Told<'a, R, T>(&'a [R], fn(&'a R) -> T);

impl<R, T: Serialize> Serialize for Told<'_, R, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}
