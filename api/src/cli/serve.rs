//! `renkou serve`: the service, until it is told to stop.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Failure, tell};
use crate::access::oidc::Issuers;
use crate::access::{Gate, Rates, TokenStore};
use crate::http::{self, Limits};
use crate::registry::{Home, Registry};

/// Which registry, and where.
#[derive(clap::Args)]
pub struct Serve {
    /// The registry's directory.
    #[arg(long, env = "RENKOU_DATA")]
    data: PathBuf,
    /// Address and port; port 0 takes a free one.
    #[arg(long, env = "RENKOU_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

impl Serve {
    /// Serves until the process is told to stop.
    pub fn run(self) -> Result<(), Failure> {
        runtime()?.block_on(async {
            let mut stop = StopSignals::listen()?;
            let service = Service::start(&self.data, self.listen).await?;
            tell(&format!("Serving {} at {}", self.data.display(), service.url));
            stop.come().await;
            tell("Stopping.");
            service.stop().await
        })
    }
}

/// The runtime of a service.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// A running service and its registry.
pub struct Service {
    /// Where it answers.
    pub url: String,
    /// The registry.
    pub registry: Arc<Registry>,
    /// Its tokens.
    pub tokens: Arc<TokenStore>,
    /// Says to others where the service answers; gone when it does not.
    address_file: PathBuf,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

impl Service {
    /// Opens the registry and listens.
    pub async fn start(data: &Path, listen: SocketAddr) -> Result<Self, Failure> {
        let folder = data.to_owned();
        let home = Home::open(data)?;
        let opening = tokio::task::spawn_blocking(move || Registry::open(&folder));
        let registry = Arc::new(opening.await??);
        let tokens = Arc::new(TokenStore::open(home.access())?);
        let listener = TcpListener::bind(listen).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let issuers = Issuers::open(&home.issuers())?;
        let gate = Gate::new(Arc::clone(&tokens), issuers, Rates::default());
        let router = http::service(&registry, gate);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let serving = tokio::spawn(http::serve(listener, router, Limits::default(), stopped));
        let address_file = data.join("serve.json");
        fs::write(&address_file, json!({"url": url}).to_string())?;
        tracing::info!(url, "serving");
        Ok(Self { url, registry, tokens, address_file, stop, serving })
    }

    /// Takes no more requests, lets the running ones end, records and flushes what is left.
    pub async fn stop(self) -> Result<(), Failure> {
        let Self { registry, address_file, stop, serving, .. } = self;
        stop.cancel();
        serving.await?;
        fs::remove_file(address_file)?;
        tokio::task::spawn_blocking(move || drop(registry)).await?;
        Ok(())
    }
}

/// Hears SIGINT and SIGTERM from when it is made, so that a service that is told to stop while it
/// starts stops as any other.
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Begins to listen.
    pub fn listen() -> Result<Self, Failure> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Ends when one of them has come.
    pub async fn come(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
