//! `renkou serve`: the service, until it is told to stop.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::door::Door;
use super::{Failure, tell};
use crate::access::oidc::Issuers;
use crate::access::{Gate, TokenStore};
use crate::http::opening::{Opening, Served};
use crate::http::{self, Tls};
use crate::registry::space::{RESERVE_BYTES, parse_bytes};
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
    /// Room on the disk that no event may take, so that reads go on when it is full, as 256M.
    #[arg(long, env = "RENKOU_DISK_RESERVE", value_name = "BYTES", default_value = "256M",
          value_parser = parse_bytes)]
    disk_reserve: u64,
    #[command(flatten)]
    door: Door,
}

impl Serve {
    /// Serves until the process is told to stop.
    pub fn run(self) -> Result<(), Failure> {
        runtime()?.block_on(async {
            let mut stop = StopSignals::listen()?;
            let service =
                Service::start_behind(&self.data, self.listen, &self.door, self.disk_reserve)
                    .await?;
            tell(&format!("Serving {} at {}", self.data.display(), service.url));
            tokio::select! {
                () = stop.come() => {}
                never = service.reload_when_told() => never?,
            }
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
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

impl Service {
    /// Opens the registry and listens, as the defaults are.
    pub async fn start(data: &Path, listen: SocketAddr) -> Result<Self, Failure> {
        Self::start_behind(data, listen, &Door::default(), RESERVE_BYTES).await
    }

    /// Listens behind a door and opens the registry, with bytes of the disk kept free of events.
    /// Where it answers is told to others once it does.
    pub async fn start_behind(
        data: &Path,
        listen: SocketAddr,
        door: &Door,
        reserve_bytes: u64,
    ) -> Result<Self, Failure> {
        let folder = data.to_owned();
        let home = Home::open(data)?;
        let tls = door.tls()?.map(Arc::new);
        let issuers = Issuers::open(&home.issuers())?;
        let listener = http::listen(listen)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr()?);
        // It listens before the log is checked: that may take long, and shall not look like death.
        let (opening, stop) = (Opening::default(), CancellationToken::new());
        let (served, stopped) = (Served::Opening(opening.clone()), stop.clone().cancelled_owned());
        let serving = http::serve_over(listener, tls.clone(), served, door.limits(), stopped);
        let serving = tokio::spawn(serving);
        tracing::info!(url, "listening; the log is being checked");
        let progress = Arc::clone(&opening.progress);
        let opened = tokio::task::spawn_blocking(move || {
            Registry::open_telling(&folder, reserve_bytes, &progress)
        });
        // Should it not open, nobody goes on listening.
        let listening = stop.clone().drop_guard();
        let registry = Arc::new(opened.await??);
        let tokens = Arc::new(TokenStore::open(home.access())?);
        let gate = Gate::new(Arc::clone(&tokens), issuers, door.rates());
        opening.is_over(http::service(&registry, gate));
        listening.disarm();
        let address_file = data.join("serve.json");
        let service = Self { url, registry, tokens, address_file, tls, stop, serving };
        service.tell_address()?;
        tracing::info!(url = service.url, "serving");
        Ok(service)
    }

    /// Writes down where the service answers, and by which certificate it is known.
    fn tell_address(&self) -> Result<(), Failure> {
        let mut address = json!({"url": self.url});
        if let Some(tls) = &self.tls {
            address["certificate_sha256"] = json!(tls.fingerprint());
        }
        Ok(fs::write(&self.address_file, address.to_string())?)
    }

    /// Reads the certificate again whenever SIGHUP comes; without TLS nothing is heard.
    async fn reload_when_told(&self) -> Result<(), Failure> {
        let Some(tls) = &self.tls else { return std::future::pending().await };
        let mut hang_up = signal(SignalKind::hangup())?;
        while hang_up.recv().await.is_some() {
            match tls.reload() {
                Ok(()) => {
                    self.tell_address()?;
                    tracing::info!("certificate and key were read again");
                }
                Err(error) => {
                    let error = replay::chain(&error);
                    tracing::error!(error, "certificate and key stay as they were");
                }
            }
        }
        Ok(())
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
