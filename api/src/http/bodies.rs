//! The bodies of one connection's requests and answers: they say when they are over, so that the
//! connection below knows whose turn it is, and a request's must come in time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::Phase;

/// A request's body that says when it has been read to its end, or given up: a peer that is still
/// sending is not expected to read its answer.
pub struct RequestBody {
    body: Incoming,
    phase: Arc<Phase>,
    /// How long all of it may take, and the time when that is over, once somebody waits for it.
    patience: Option<Duration>,
    deadline: Option<Pin<Box<Sleep>>>,
    begun: Instant,
}

impl RequestBody {
    /// Wraps a body that must have come within `patience`; none = it may take for ever.
    pub fn new(body: Incoming, phase: Arc<Phase>, patience: Option<Duration>) -> Self {
        phase.begin_body(!body.is_end_stream());
        Self { body, phase, patience, deadline: None, begun: Instant::now() }
    }

    /// Whether the time for the body is over; else wakes the reader when it is.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let Some(patience) = self.patience else { return false };
        let end = self.begun + patience;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep_until(end)));
        deadline.as_mut().poll(context).is_ready()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.phase.end_receiving();
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            if !self.is_late(context) {
                return Poll::Pending;
            }
            self.phase.give_up_body();
            self.phase.end_receiving();
            let late = io::Error::from(io::ErrorKind::TimedOut);
            return Poll::Ready(Some(Err(axum::Error::new(late))));
        };
        let frame = frame.map(|frame| frame.map_err(axum::Error::new));
        if self.body.is_end_stream() || !matches!(frame, Some(Ok(_))) {
            self.phase.end_receiving();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body that says when it is over, so that the connection counts as idle again.
pub struct AnswerBody {
    body: Body,
    phase: Arc<Phase>,
}

impl AnswerBody {
    /// Wraps a body.
    pub fn new(body: Body, phase: Arc<Phase>) -> Self {
        Self { body, phase }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.phase.end_answer();
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
