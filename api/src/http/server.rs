//! The accept loop. Written out because the framework's own has no limit on slow connections: a
//! handful of idle sockets would hold the service for ever.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::connection::{AnswerBody, PatientStream, Phase, RequestBody};
use super::who::Peer;

/// How long the service is patient, and with how many.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the connection to its first byte.
    pub first_byte: Duration,
    /// From the first byte of a request to the end of its headers.
    pub headers: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// While the peer takes nothing of an answer, its request having been read to its end.
    pub unread_answer: Duration,
    /// From the order to stop to the closing of requests that still run.
    pub shutdown: Duration,
    /// Connections at once; more wait in the system's queue.
    pub connections_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(10),
            headers: Duration::from_secs(10),
            idle: Duration::from_secs(120),
            unread_answer: Duration::from_secs(60),
            shutdown: Duration::from_secs(30),
            connections_max: 1024,
        }
    }
}

/// Serves `router` until `stop` completes; then takes no more requests, lets the running ones end
/// within [`Limits::shutdown`], and returns.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let stopping = CancellationToken::new();
    let places = Arc::new(Semaphore::new(limits.connections_max as usize));
    let accepting = async {
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Mostly too many open files: wait for some to close.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (router, stopping) = (router.clone(), stopping.clone());
            tokio::spawn(async move {
                converse(stream, Peer(peer.ip()), router, limits, stopping).await;
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
    let _ = places.acquire_many(limits.connections_max).await;
}

/// One connection from its first byte to its last.
async fn converse(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    limits: Limits,
    stopping: CancellationToken,
) {
    // Answers are written whole; waiting to fill a packet would only delay them.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let phase = Phase::fresh();
    let stream = TokioIo::new(PatientStream::new(stream, Arc::clone(&phase), limits));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        phase.begin_request();
        request.extensions_mut().insert(peer);
        let (router, phase) = (router.clone(), Arc::clone(&phase));
        async move {
            let body = |body| Body::new(RequestBody::new(body, Arc::clone(&phase)));
            let response = match router.oneshot(request.map(body)).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            Ok::<_, Infallible>(response.map(|body| AnswerBody::new(body, phase)))
        }
    });
    let connection =
        http1::Builder::new().header_read_timeout(None).serve_connection(stream, service);
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
