//! One small document from the server of an issuer, over HTTPS. Written on the parts that the
//! service has already: nothing here follows a redirect, asks a proxy, or reads more than it must.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, HOST, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::keys::KEY_SET_BYTES_MAX;
use super::settings::SettingsError;

/// A document must have come within so long, from the first packet to its end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a document was not had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The network, or TLS.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// HTTP.
    #[error("{0}")]
    Http(#[from] hyper::Error),
    /// Another answer than 200.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// Longer than anything that is meant.
    #[error("the answer is longer than {KEY_SET_BYTES_MAX} bytes")]
    TooLong,
    /// It did not come in time.
    #[error("no answer came in time")]
    TooSlow,
    /// What came is not what was asked for.
    #[error("{0}")]
    Unfit(&'static str),
}

/// Whom to believe that they are the server of a name.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// The certificates of a file, or those of the system.
    ///
    /// # Errors
    /// When the file cannot be read. A system without certificates is trusted by nobody.
    pub fn of(ca_file: Option<&Path>) -> Result<Self, SettingsError> {
        let mut roots = RootCertStore::empty();
        match ca_file {
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Some(path) => {
                let error = |source| SettingsError::Io { path: path.into(), source };
                let pem = std::fs::read(path).map_err(error)?;
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    let certificate = certificate.map_err(|e| error(io::Error::other(e)))?;
                    roots.add(certificate).map_err(|e| error(io::Error::other(e)))?;
                }
                if roots.is_empty() {
                    return Err(error(io::Error::other("the file holds no certificate")));
                }
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has the suites of both versions");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

/// GET of a document.
///
/// # Errors
/// [`FetchError`].
pub async fn fetch(uri: &Uri, trust: &Trust) -> Result<Bytes, FetchError> {
    let asking = ask(uri, trust);
    tokio::time::timeout(PATIENCE, asking).await.map_err(|_| FetchError::TooSlow)?
}

async fn ask(uri: &Uri, trust: &Trust) -> Result<Bytes, FetchError> {
    let host = uri.host().ok_or(FetchError::Unfit("the address names no host"))?;
    let host = host.trim_matches(['[', ']']);
    let is_tls = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await?;
    if is_tls {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        converse(TlsConnector::from(Arc::clone(&trust.0)).connect(name, stream).await?, uri).await
    } else {
        converse(stream, uri).await
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    uri: &Uri,
) -> Result<Bytes, FetchError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(HOST, authority)
        .header(USER_AGENT, concat!("renkou/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "application/json")
        .body(Body::empty())
        .map_err(io::Error::other)?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), KEY_SET_BYTES_MAX).collect().await;
        match body {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(FetchError::TooLong),
            Err(error) => Err(FetchError::Io(io::Error::other(error))),
        }
    };
    tokio::pin!(connection);
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        told = &mut exchange => told,
        ended = &mut connection => {
            ended?;
            // The peer closed as soon as it had answered; what it said is still there to read.
            exchange.await
        }
    }
}
