//! One connection's patience: how long it may say nothing, dribble its headers, lie idle, or leave
//! an answer unread once it has sent its request. The reader below HTTP knows when bytes come, the service above it knows when a
//! request is being answered; this joins the two.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use futures_util::task::AtomicWaker;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::server::Limits;

/// Where a connection stands. The steps change in one task, so their orderings need not be strict.
#[derive(Debug)]
pub struct Phase {
    step: AtomicU8,
    /// Whether the body of the request has not been read to its end. Any task may read it.
    is_receiving: AtomicBool,
    /// Wakes the writer of an unread answer when the body has been read: its patience begins then.
    writer: AtomicWaker,
    /// Wakes the reader that found the connection busy: nothing else asks it again when the
    /// answer is over, and its patience begins then.
    reader: AtomicWaker,
}

const FRESH: u8 = 0;
const HEADERS: u8 = 1;
const BUSY: u8 = 2;
const IDLE: u8 = 3;

impl Phase {
    /// A connection that has said nothing yet.
    pub fn fresh() -> Arc<Self> {
        Arc::new(Self {
            step: AtomicU8::new(FRESH),
            is_receiving: AtomicBool::new(false),
            writer: AtomicWaker::new(),
            reader: AtomicWaker::new(),
        })
    }

    /// A request has been read and is being answered.
    pub fn begin_request(&self) {
        self.set(BUSY);
    }

    /// Whether the peer may still be busy sending; when not any more, `context` is woken.
    fn is_receiving(&self, context: &mut Context<'_>) -> bool {
        self.writer.register(context.waker());
        self.is_receiving.load(Ordering::Acquire)
    }

    fn end_receiving(&self) {
        self.is_receiving.store(false, Ordering::Release);
        self.writer.wake();
    }

    fn get(&self) -> u8 {
        self.step.load(Ordering::Relaxed)
    }

    fn set(&self, step: u8) {
        self.step.store(step, Ordering::Relaxed);
    }
}

/// A socket that fails when the peer's time is up.
pub struct PatientStream {
    stream: TcpStream,
    phase: Arc<Phase>,
    limits: Limits,
    /// Runs while the peer owes us bytes, and for which phase it was set.
    reading: Option<(u8, Pin<Box<Sleep>>)>,
    /// Runs while the peer does not take what we write.
    writing: Option<Pin<Box<Sleep>>>,
}

impl PatientStream {
    /// Watches a socket.
    pub fn new(stream: TcpStream, phase: Arc<Phase>, limits: Limits) -> Self {
        Self { stream, phase, limits, reading: None, writing: None }
    }

    fn wait_for_bytes(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let phase = self.phase.get();
        let patience = match phase {
            FRESH => self.limits.first_byte,
            HEADERS => self.limits.headers,
            IDLE => self.limits.idle,
            // The handler has its own patience with a body.
            _ => {
                self.phase.reader.register(context.waker());
                return Poll::Pending;
            }
        };
        let timer = match &mut self.reading {
            Some((set_for, timer)) if *set_for == phase => timer,
            Some((set_for, timer)) => {
                *set_for = phase;
                timer.as_mut().reset(Instant::now() + patience);
                timer
            }
            none => &mut none.insert((phase, Box::pin(sleep(patience)))).1,
        };
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn wait_for_room<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing = None;
            return written;
        }
        if self.phase.is_receiving(context) {
            self.writing = None;
            return Poll::Pending;
        }
        let patience = self.limits.unread_answer;
        let timer = self.writing.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if read.is_pending() {
            return this.wait_for_bytes(context);
        }
        if matches!(this.phase.get(), FRESH | IDLE) {
            this.phase.set(HEADERS);
        }
        read
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wait_for_room(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wait_for_room(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A request's body that says when it has been read to its end, or given up: a peer that is still
/// sending is not expected to read its answer.
pub struct RequestBody {
    body: Incoming,
    phase: Arc<Phase>,
}

impl RequestBody {
    /// Wraps a body.
    pub fn new(body: Incoming, phase: Arc<Phase>) -> Self {
        phase.is_receiving.store(!body.is_end_stream(), Ordering::Release);
        Self { body, phase }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.phase.end_receiving();
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
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
        self.phase.set(IDLE);
        self.phase.reader.wake();
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
