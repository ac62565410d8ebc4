//! The door of a service, as the operator sets it: TLS, and how much is taken from whom.

use std::path::PathBuf;

use super::Failure;
use crate::access::Rates;
use crate::http::{Limits, Tls, TlsFiles};

/// Who may come in, and how.
#[derive(Debug, Default, clap::Args)]
pub struct Door {
    /// Certificate of the service with those up to its authority, in PEM; read again on SIGHUP.
    #[arg(long, env = "RENKOU_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM.
    #[arg(long, env = "RENKOU_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Authorities of clients, in PEM: only who shows a certificate of theirs gets a connection.
    #[arg(long, env = "RENKOU_TLS_CLIENT_CA", requires = "tls_cert", value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,
    /// Connections at once [default: 1024].
    #[arg(long, value_name = "N")]
    connections: Option<u32>,
    /// Connections of one address at once [default: 256]; behind a proxy all have its address.
    #[arg(long, value_name = "N")]
    connections_per_peer: Option<u32>,
    /// Bad tokens from one address in a minute, then it is locked out [default: 20]; 0 = any number.
    #[arg(long, value_name = "N")]
    bad_tokens: Option<u32>,
    /// Requests of one token in a second, over ten seconds [default: 0 = any number].
    #[arg(long, value_name = "N")]
    requests_per_second: Option<u32>,
}

impl Door {
    /// Certificate and key, when they were given.
    pub fn tls(&self) -> Result<Option<Tls>, Failure> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let client_ca = self.tls_client_ca.clone();
        let files = TlsFiles { certificate: certificate.clone(), key: key.clone(), client_ca };
        Ok(Some(Tls::open(files)?))
    }

    /// How patient the service is, and with how many.
    pub fn limits(&self) -> Limits {
        let default = Limits::default();
        Limits {
            connections_max: self.connections.unwrap_or(default.connections_max),
            connections_per_peer_max: self
                .connections_per_peer
                .unwrap_or(default.connections_per_peer_max),
            ..default
        }
    }

    /// How often what may be tried.
    pub fn rates(&self) -> Rates {
        let default = Rates::default();
        Rates {
            bad_tokens_max: self.bad_tokens.unwrap_or(default.bad_tokens_max),
            requests_per_second_max: self
                .requests_per_second
                .unwrap_or(default.requests_per_second_max),
            ..default
        }
    }
}
