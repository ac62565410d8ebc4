//! One connection's patience: how long it may say nothing, dribble its headers, lie idle, or leave
//! an answer unread once it has sent its request. The reader below HTTP knows when bytes come, the service above it knows when a
//! request is being answered; this joins the two.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::http::StatusCode;
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::bare;
use super::server::Limits;
use crate::counts::COUNTS;

/// So much of a head is read at once.
const HEAD_READ_BYTES: usize = 16 << 10;
/// A peer that is still sending what was refused is read for so long and so many bytes: closing on
/// it at once would destroy the answer on its way.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 1 << 20;

/// Where a connection stands. The steps change in one task, so their orderings need not be strict.
#[derive(Debug)]
pub struct Phase {
    step: AtomicU8,
    /// Whether the body of the request has not been read to its end. Any task may read it.
    is_receiving: AtomicBool,
    /// Whether the body did not come in time.
    is_late: AtomicBool,
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
            is_late: AtomicBool::new(false),
            writer: AtomicWaker::new(),
            reader: AtomicWaker::new(),
        })
    }

    /// A request has been read and is being answered.
    pub fn begin_request(&self) {
        self.is_late.store(false, Ordering::Relaxed);
        self.set(BUSY);
    }

    /// A request's body is due, or there is none.
    pub fn begin_body(&self, is_due: bool) {
        self.is_receiving.store(is_due, Ordering::Release);
    }

    /// The body did not come in time.
    pub fn give_up_body(&self) {
        self.is_late.store(true, Ordering::Relaxed);
        COUNTS.bodies_too_slow.add();
    }

    /// Whether the body of the last request did not come in time.
    pub fn is_body_late(&self) -> bool {
        self.is_late.load(Ordering::Relaxed)
    }

    /// The answer is over: the connection is idle, and its reader may be patient again.
    pub fn end_answer(&self) {
        self.set(IDLE);
        self.reader.wake();
    }

    /// Whether the peer may still be busy sending; when not any more, `context` is woken.
    fn is_receiving(&self, context: &mut Context<'_>) -> bool {
        self.writer.register(context.waker());
        self.is_receiving.load(Ordering::Acquire)
    }

    /// The body has been read to its end, or nobody will read on.
    pub fn end_receiving(&self) {
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
///
/// Answers that hyper makes by itself, of heads that it cannot read, are replaced by problems here.
pub struct PatientStream<S> {
    stream: S,
    phase: Arc<Phase>,
    limits: Limits,
    /// Runs while the peer owes us bytes, and for which phase it was set.
    reading: Option<(u8, Pin<Box<Sleep>>)>,
    /// Runs while the peer does not take what we write.
    writing: Option<Pin<Box<Sleep>>>,
    /// Bytes of the request line and headers that are being read.
    head_bytes: usize,
    /// An answer of our own that is going out in place of another, and how much of it has.
    bare: Option<(Vec<u8>, usize)>,
    /// Runs while a refused peer is read to its end, with the bytes that it has sent.
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> PatientStream<S> {
    /// Watches a socket.
    pub fn new(stream: S, phase: Arc<Phase>, limits: Limits) -> Self {
        let (reading, writing, bare, lingering) = (None, None, None, None);
        Self { stream, phase, limits, reading, writing, head_bytes: 0, bare, lingering }
    }

    /// Writes what is left of our own answer.
    fn poll_bare(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let Some((answer, written)) = &mut self.bare else { return Poll::Ready(Ok(())) };
            let rest = &answer[*written..];
            if rest.is_empty() {
                return Pin::new(&mut self.stream).poll_flush(context);
            }
            let count = Pin::new(&mut self.stream).poll_write(context, rest);
            match ready!(self.wait_for_room(context, count))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => {
                    if let Some((_, written)) = &mut self.bare {
                        *written += count;
                    }
                }
            }
        }
    }

    /// Refuses a head that is too long, then ends the connection.
    fn refuse_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.bare.is_none() {
            COUNTS.requests_unreadable.add();
            let answer = bare::answer(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
            self.bare = Some((answer, 0));
        }
        ready!(self.poll_bare(context))?;
        ready!(self.poll_end(context))?;
        Poll::Ready(Err(io::ErrorKind::InvalidData.into()))
    }

    /// Says that nothing more will come, and reads what a refused peer still sends.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, bare, lingering, .. } = self;
        if lingering.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
            if bare.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
        let (timer, taken) = lingering.get_or_insert_with(|| (Box::pin(sleep(LINGER)), 0));
        let mut space = [0; 4096];
        while *taken < LINGER_BYTES_MAX && timer.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut space);
            match ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => *taken += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
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

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for PatientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.phase.get() == BUSY {
            this.head_bytes = 0;
            let read = Pin::new(&mut this.stream).poll_read(context, buffer);
            return if read.is_pending() { this.wait_for_bytes(context) } else { read };
        }
        if this.phase.get() == IDLE {
            this.head_bytes = 0;
        }
        // Of a head no more is read than it may have; its last bytes may be a body's first.
        let left = this.limits.head_bytes_max.saturating_sub(this.head_bytes);
        if left == 0 {
            return this.refuse_head(context);
        }
        let before = buffer.filled().len();
        let most = left.min(HEAD_READ_BYTES);
        let read = if buffer.remaining() <= most {
            Pin::new(&mut this.stream).poll_read(context, buffer)
        } else {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
            let read = Pin::new(&mut this.stream).poll_read(context, &mut part);
            let count = part.filled().len();
            buffer.advance(count);
            read
        };
        if read.is_pending() {
            return this.wait_for_bytes(context);
        }
        let count = buffer.filled().len() - before;
        this.head_bytes += count;
        this.phase.set(HEADERS);
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for PatientStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.bare.is_none() && this.phase.get() != BUSY {
            this.bare = bare::instead_of(bytes).map(|answer| (answer, 0));
            if this.bare.is_some() {
                COUNTS.requests_unreadable.add();
            }
        }
        if this.bare.is_some() {
            ready!(this.poll_bare(context))?;
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.wait_for_room(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.phase.get() != BUSY
            && let Some(first) = slices.iter().find(|slice| !slice.is_empty())
            && (self.bare.is_some() || bare::instead_of(first).is_some())
        {
            return self.poll_write(context, first);
        }
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
        self.poll_end(context)
    }
}
