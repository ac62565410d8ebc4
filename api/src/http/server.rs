//! The accept loop. Written out because the framework's own has no limit on slow connections: a
//! handful of idle sockets would hold the service for ever.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::bare;
use super::bodies::{AnswerBody, RequestBody};
use super::cloudevents::Mode;
use super::connection::{PatientStream, Phase};
use super::opening::Served;
use super::places::Places;
use super::stream::LinePatience;
use super::tls::Tls;
use super::who::Peer;
use crate::counts::COUNTS;

/// So many connections wait to be taken, if the system lets them (Linux: `net.core.somaxconn`). Of a
/// burst beyond it the system drops some without a word, and they wait for seconds or for ever: a
/// library that is not told otherwise asks for 128.
const WAITING_MAX: u32 = 4096;

/// How long the service is patient, and with how many.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the connection to its first byte, and, where there is TLS, to the end of its handshake.
    pub first_byte: Duration,
    /// From the first byte of a request to the end of its headers.
    pub headers: Duration,
    /// From the headers to the end of the body, unless it is a stream of lines.
    pub body: Duration,
    /// From one line of a stream to the next.
    pub line: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// While the peer takes nothing of an answer, its request having been read to its end.
    pub unread_answer: Duration,
    /// From the order to stop to the closing of requests that still run.
    pub shutdown: Duration,
    /// Connections at once; more wait in the system's queue.
    pub connections_max: u32,
    /// Connections of one address at once; more are closed.
    pub connections_per_peer_max: u32,
    /// The longest request line with its headers.
    pub head_bytes_max: usize,
    /// The most headers.
    pub headers_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(10),
            headers: Duration::from_secs(10),
            body: Duration::from_secs(60),
            line: Duration::from_secs(120),
            idle: Duration::from_secs(120),
            unread_answer: Duration::from_secs(60),
            shutdown: Duration::from_secs(30),
            connections_max: 1024,
            connections_per_peer_max: 256,
            head_bytes_max: 64 << 10,
            headers_max: 100,
        }
    }
}

/// Listens on an address. Whoever knocks while all places are taken, or many at once, waits in the
/// system's queue.
///
/// # Errors
/// When the address is taken, or not this machine's.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of a process that has just ended do not keep the next one from listening.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_MAX)
}

/// Serves `router` until `stop` completes; then takes no more requests, lets the running ones end
/// within [`Limits::shutdown`], and returns.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    serve_over(listener, None, router, limits, stop).await;
}

/// The same over TLS, where there is a certificate.
pub async fn serve_over(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    served: impl Into<Served>,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let served = served.into();
    let stopping = CancellationToken::new();
    let places = Places::new(limits.connections_max, limits.connections_per_peer_max);
    let accepting = async {
        while let Some(free) = places.free().await {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Mostly too many open files: wait for some to close.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let peer = Peer(peer.ip().to_canonical());
            let Some(place) = places.take(free, peer.0) else {
                COUNTS.connections_refused.add();
                if tls.is_none() {
                    refuse(&stream);
                }
                continue;
            };
            COUNTS.connections.add();
            let (served, stopping, tls) = (served.clone(), stopping.clone(), tls.clone());
            tokio::spawn(async move {
                connect(stream, tls, peer, served, limits, stopping).await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop => {}
    }
    drop(listener);
    stopping.cancel();
    // All places free: all connections closed. Each keeps the deadline itself.
    places.all_free().await;
}

/// Tells a peer who has its share, as far as that costs nothing, and closes.
fn refuse(stream: &TcpStream) {
    let answer = bare::answer(StatusCode::SERVICE_UNAVAILABLE);
    // A new connection has room for so little; whoever does not take it has lost nothing.
    let _ = stream.try_write(&answer);
}

/// One connection from its first byte to its last.
async fn connect(
    stream: TcpStream,
    tls: Option<Arc<Tls>>,
    peer: Peer,
    served: Served,
    limits: Limits,
    stopping: CancellationToken,
) {
    // Answers are written whole; waiting to fill a packet would only delay them.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let Some(tls) = tls else { return converse(stream, peer, served, limits, stopping).await };
    let shaken = tokio::select! {
        shaken = timeout(limits.first_byte, tls.acceptor().accept(stream)) => shaken,
        () = stopping.cancelled() => return,
    };
    match shaken {
        Ok(Ok(stream)) => converse(stream, peer, served, limits, stopping).await,
        Ok(Err(error)) => {
            COUNTS.handshakes_failed.add();
            tracing::debug!(%error, "a TLS handshake failed");
        }
        Err(_) => COUNTS.handshakes_failed.add(),
    }
}

/// The requests of one connection.
async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: Peer,
    served: Served,
    limits: Limits,
    stopping: CancellationToken,
) {
    let phase = Phase::fresh();
    let stream = TokioIo::new(PatientStream::new(stream, Arc::clone(&phase), limits));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        phase.begin_request();
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(Arc::clone(&phase));
        request.extensions_mut().insert(LinePatience(limits.line));
        let (router, phase) = (served.now(), Arc::clone(&phase));
        async move {
            let is_endless = Mode::of(request.headers()) == Some(Mode::Lines);
            let patience = (!is_endless).then_some(limits.body);
            let body = |body| Body::new(RequestBody::new(body, Arc::clone(&phase), patience));
            let response = match router.oneshot(request.map(body)).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            Ok::<_, Infallible>(response.map(|body| AnswerBody::new(body, phase)))
        }
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_headers(limits.headers_max)
        .serve_connection(stream, service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match timeout(limits.shutdown, connection.as_mut()).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
