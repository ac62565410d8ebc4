//! `POST /v1/events`: life events come in, receipts go out.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use futures_util::StreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::answer::{Item, Sent, Tally, prepare, problem_of_one};
use super::batch::{self, EVENTS_MAX};
use super::cloudevents::{self, Mode};
use super::language::Language;
use super::looking::senders_sight;
use super::problem::{Problem, ProblemKind};
use super::problem_kinds as kinds;
use super::receipts_seen;
use super::stream::{self, LinePatience};
use super::who::Who;
use crate::access::Sight;
use crate::counts::COUNTS;
use crate::registry::receipt::Receipt;
use crate::registry::{Collector, Lacks, Overloaded, Prepared, Sender};

/// The longest body of one event.
pub const EVENT_BYTES_MAX: usize = 256 << 10;
/// The longest body of a batch.
pub const BATCH_BYTES_MAX: usize = 16 << 20;

/// The routes of collecting, over any collector.
pub fn routes<C: Collector>(registry: Arc<C>) -> Router {
    Router::new().route("/v1/events", post(post_events::<C>)).with_state(registry)
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    atomic: bool,
}

async fn post_events<C: Collector>(
    State(registry): State<Arc<C>>,
    who: Who,
    language: Language,
    Query(Parameters { atomic }): Query<Parameters>,
    line_patience: Option<Extension<LinePatience>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let mode = Mode::of(&headers).ok_or_else(unknown_media_type)?;
    let sight = senders_sight(&who);
    match mode {
        Mode::Lines if atomic => Err(Problem::new(&kinds::STREAM_NOT_ATOMIC)),
        Mode::Lines => {
            let patience = line_patience.map(|told| told.0).unwrap_or_default();
            let lines = stream::answer(registry, who.0, (language, sight), body, patience);
            Ok(([(CONTENT_TYPE, "application/x-ndjson")], lines).into_response())
        }
        Mode::Batch => {
            let body = whole(&headers, body, BATCH_BYTES_MAX).await?;
            let sender = who.0.sender(Timestamp::now());
            collect_batch(registry, sender, (language, sight), body, atomic).await
        }
        Mode::Structured | Mode::Binary => {
            let body = whole(&headers, body, EVENT_BYTES_MAX).await?;
            let read = match mode {
                Mode::Binary => cloudevents::read_binary(&headers, &body),
                _ => cloudevents::read_structured(&body),
            };
            let (sent, prepared) = prepare(&*registry, read, &who.0.sender(Timestamp::now()));
            collect_one(&*registry, sent, prepared, (language, sight)).await
        }
    }
}

async fn collect_one<C: Collector>(
    registry: &C,
    sent: Sent,
    prepared: Prepared,
    (language, sight): (Language, Sight),
) -> Result<Response, Problem> {
    let mut receipts = registry.submit(vec![prepared], false).await.map_err(overloaded)?;
    receipts_seen::narrow(&mut receipts, sight);
    let receipt = receipts.first().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
    if let Some(problem) = problem_of_one(&sent, receipt) {
        return Err(problem);
    }
    let status = match receipt {
        Receipt::Recorded(_) => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    Ok((status, Json(Item::new(&sent, receipt, language))).into_response())
}

async fn collect_batch<C: Collector>(
    registry: Arc<C>,
    sender: Sender,
    (language, sight): (Language, Sight),
    body: Bytes,
    atomic: bool,
) -> Result<Response, Problem> {
    // Reading megabytes of JSON would hold up the other connections of this thread.
    let collector = Arc::clone(&registry);
    let reading = tokio::task::spawn_blocking(move || {
        let events = batch::split(&body)?;
        let one = |event: &RawValue| {
            prepare(&*collector, cloudevents::read_structured(event.get().as_bytes()), &sender)
        };
        Ok::<_, Problem>(events.into_iter().map(one).unzip::<_, _, Vec<_>, Vec<_>>())
    });
    let (sent, prepared) = reading.await.map_err(|_| Problem::new(&kinds::INTERNAL))??;
    let mut receipts = registry.submit(prepared, atomic).await.map_err(overloaded)?;
    receipts_seen::narrow(&mut receipts, sight);
    if receipts.len() != sent.len() {
        return Err(Problem::new(&kinds::INTERNAL));
    }
    let mut tally = Tally::default();
    receipts.iter().for_each(|receipt| tally.count(receipt));
    let pairs = sent.iter().zip(&receipts);
    let items = pairs.map(|(sent, receipt)| Item::new(sent, receipt, language)).collect();

    #[derive(Serialize)]
    struct Answer<'a> {
        #[serde(flatten)]
        tally: Tally,
        items: Vec<Item<'a>>,
    }
    let refused = atomic && tally.errors;
    let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, Json(Answer { tally, items })).into_response())
}

/// The whole body, or why not. The connection below ends one that comes too slowly.
async fn whole(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let stated = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if stated.is_some_and(|bytes| bytes > bytes_max) && headers.contains_key(EXPECT) {
        // The sender waits to be told before it sends: answer at once.
        return Err(too_large(bytes_max));
    }
    let mut frames = body.into_data_stream();
    let mut whole = Vec::with_capacity(stated.unwrap_or(0).min(EVENT_BYTES_MAX));
    let mut bytes = 0_usize;
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|_| Problem::new(&kinds::BAD_REQUEST))?;
        bytes += frame.len();
        if bytes <= bytes_max {
            whole.extend_from_slice(&frame);
        } else if bytes > bytes_max.saturating_mul(4) {
            // A little over the limit is read to its end and dropped, because closing on a sender
            // that still writes would destroy the answer.
            break;
        }
    }
    if bytes > bytes_max { Err(too_large(bytes_max)) } else { Ok(Bytes::from(whole)) }
}

fn too_large(bytes_max: usize) -> Problem {
    Problem::new(&kinds::BODY_TOO_LARGE).detail(
        format!("请求内容不得超过{bytes_max}字节"),
        format!("the body may have at most {bytes_max} bytes"),
    )
}

/// The problem of a batch with more than [`EVENTS_MAX`] events.
pub(super) fn too_many() -> Problem {
    Problem::new(&kinds::TOO_MANY_EVENTS).detail(
        format!("一批不得超过{EVENTS_MAX}个事件;更多请用 application/x-ndjson"),
        format!("a batch holds at most {EVENTS_MAX} events; send more as application/x-ndjson"),
    )
}

fn unknown_media_type() -> Problem {
    Problem::new(&kinds::UNKNOWN_MEDIA_TYPE).detail(
        "可用: application/cloudevents+json, application/cloudevents-batch+json, \
         application/json(带 ce-* 请求头), application/x-ndjson",
        "use application/cloudevents+json, application/cloudevents-batch+json, \
         application/json with ce-* headers, or application/x-ndjson",
    )
}

/// The problem of a full queue or a full disk.
pub fn overloaded(overloaded: Overloaded) -> Problem {
    let kind = match overloaded.lacks {
        Lacks::Time => &kinds::OVERLOADED,
        Lacks::Room => {
            COUNTS.events_without_room.add();
            &kinds::STORAGE_FULL
        }
    };
    retry_after(kind, overloaded)
}

/// The problem of a full disk, where no event was sent.
pub(super) fn storage_full() -> Problem {
    retry_after(&kinds::STORAGE_FULL, Overloaded::storage_full())
}

fn retry_after(kind: &'static ProblemKind, overloaded: Overloaded) -> Problem {
    Problem::new(kind).header(RETRY_AFTER, overloaded.retry_after_seconds.into())
}
