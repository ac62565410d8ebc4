//! Questions to another server, over HTTPS: keys of an issuer, digests of a service beside us, and
//! files of events to a service elsewhere. Written on the parts that the service has already: nothing here follows a redirect, asks a
//! proxy, or reads more than it must.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme,
    WantsVerifier,
};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The longest answer that is read, unless it is said otherwise.
pub const ANSWER_BYTES_MAX: usize = 256 << 10;

/// How long to wait for an answer, and how much of one is read.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From the connection to the end of the answer.
    pub patience: Duration,
    /// The longest answer.
    pub bytes_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { patience: Duration::from_secs(60), bytes_max: ANSWER_BYTES_MAX }
    }
}

/// Why an answer was not had.
#[derive(Debug, thiserror::Error)]
pub enum OutwardError {
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
    #[error("the answer is longer than anything that is meant")]
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
    pub fn of(ca_file: Option<&Path>) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        match ca_file {
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Some(path) => {
                let pem = std::fs::read(path)?;
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
                }
                if roots.is_empty() {
                    return Err(io::Error::other("the file holds no certificate"));
                }
            }
        }
        Ok(Self::from(builder().with_root_certificates(roots)))
    }

    /// No certificate at all: for who asks without TLS.
    pub fn nobody() -> Self {
        Self::from(builder().with_root_certificates(RootCertStore::empty()))
    }

    /// The one certificate whose SHA-256 is this, whatever its name: that of a service whose own
    /// files told it.
    pub fn only(fingerprint: [u8; 32]) -> Self {
        let verifier = Arc::new(Only { fingerprint, provider: provider() });
        Self::from(builder().dangerous().with_custom_certificate_verifier(verifier))
    }

    fn from(builder: ConfigBuilder<ClientConfig, WantsClientCert>) -> Self {
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self(Arc::new(config))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn builder() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has the suites of both versions")
}

/// Believes one certificate.
#[derive(Debug)]
struct Only {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if Sha256::digest(certificate)[..] == self.fingerprint {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Sends a request and gives the body of its answer, which must be a 200.
///
/// # Errors
/// [`OutwardError`].
pub async fn ask(
    request: Request<Body>,
    trust: &Trust,
    bounds: Bounds,
) -> Result<Bytes, OutwardError> {
    let asking = connect(request, trust, bounds.bytes_max);
    tokio::time::timeout(bounds.patience, asking).await.map_err(|_| OutwardError::TooSlow)?
}

async fn connect(
    mut request: Request<Body>,
    trust: &Trust,
    bytes_max: usize,
) -> Result<Bytes, OutwardError> {
    let line = dial(&mut request, trust).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(line)).await?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(OutwardError::Status(response.status()));
        }
        whole(response.into_body(), bytes_max).await
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

/// All of an answer's body.
///
/// # Errors
/// [`OutwardError`].
pub async fn whole(body: Incoming, bytes_max: usize) -> Result<Bytes, OutwardError> {
    match Limited::new(body, bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(OutwardError::TooLong),
        Err(error) => Err(OutwardError::Io(io::Error::other(error))),
    }
}

/// Sends a request whose body and answer may be of any length and take any time; gives the answer as
/// soon as it begins, which may be before the body was sent.
///
/// # Errors
/// [`OutwardError`].
pub async fn begin(
    mut request: Request<Body>,
    trust: &Trust,
) -> Result<Response<Incoming>, OutwardError> {
    let line = dial(&mut request, trust).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(line)).await?;
    // What goes wrong with it is told by the answer, or by its body.
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}

/// A connection, plain or under TLS.
trait Line: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}

/// Connects to whom a request is for, and makes it one that can be sent there.
async fn dial(request: &mut Request<Body>, trust: &Trust) -> Result<Box<dyn Line>, OutwardError> {
    let uri = request.uri().clone();
    let host = uri.host().ok_or(OutwardError::Unfit("the address names no host"))?;
    let host = host.trim_matches(['[', ']']);
    let is_tls = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(io::Error::other)?;
    let authority = HeaderValue::from_str(authority).map_err(io::Error::other)?;
    let agent = HeaderValue::from_static(concat!("renkou/", env!("CARGO_PKG_VERSION")));
    request.headers_mut().insert(HOST, authority);
    request.headers_mut().insert(USER_AGENT, agent);
    let stream = TcpStream::connect((host, port)).await?;
    if !is_tls {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(Arc::clone(&trust.0)).connect(name, stream).await?;
    Ok(Box::new(stream))
}
