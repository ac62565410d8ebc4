//! The door: every token is shown here, whoever made it, and everybody who shows too many bad ones
//! is kept waiting.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::attempts::{Attempts, Rates};
use super::oidc::{Flaw, Issuers};
use super::{Grant, TokenError, TokenStore};
use crate::counts::COUNTS;

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The token opens nothing.
    Token(TokenError),
    /// Too many bad tokens came from there; whatever this one is, it is not looked at.
    LockedOut {
        /// How long it will stay so.
        retry_after_seconds: u32,
    },
    /// The token is good, and was used too often.
    TooOften {
        /// When it may be used again.
        retry_after_seconds: u32,
    },
}

/// Our own tokens, those of issuers, and who tried what.
pub struct Gate {
    tokens: Arc<TokenStore>,
    issuers: Issuers,
    attempts: Attempts,
}

impl From<Arc<TokenStore>> for Gate {
    fn from(tokens: Arc<TokenStore>) -> Self {
        Self::new(tokens, Issuers::default(), Rates::default())
    }
}

impl Gate {
    /// A door for these tokens.
    pub fn new(tokens: Arc<TokenStore>, issuers: Issuers, rates: Rates) -> Self {
        Self { tokens, issuers, attempts: Attempts::new(rates) }
    }

    /// The grant of a token that `peer` shows.
    ///
    /// From an address that is locked out only those go on who were let in a while ago: behind one
    /// address there may be a whole office, or everybody when a proxy stands before the service.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn enter(
        &self,
        peer: IpAddr,
        token: &str,
        now: Timestamp,
    ) -> Result<Arc<Grant>, Refused> {
        let locked = self.attempts.locked_out(peer);
        if let Some(retry_after_seconds) = locked
            && !self.is_known(token, now)
        {
            COUNTS.peers_locked_out.add();
            return Err(Refused::LockedOut { retry_after_seconds });
        }
        let grant = self.verify(token, now).await.map_err(|error| {
            self.attempts.count_bad(peer);
            Refused::Token(error)
        })?;
        if let Some(retry_after_seconds) = self.attempts.count_request(&grant.id) {
            COUNTS.requests_limited.add();
            return Err(Refused::TooOften { retry_after_seconds });
        }
        self.attempts.count_good(&grant.id);
        Ok(grant)
    }

    fn is_known(&self, token: &str, now: Timestamp) -> bool {
        if self.issuers.known(token, now).is_some() {
            return true;
        }
        self.tokens.verify(token, now).is_ok_and(|grant| self.attempts.was_good(&grant.id))
    }

    async fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Grant>, TokenError> {
        if token.starts_with("rk_") || self.issuers.is_empty() {
            return self.tokens.verify(token, now).inspect_err(|_| COUNTS.tokens_refused.add());
        }
        self.issuers.verify(token, now).await.map_err(|flaw| {
            COUNTS.refuse_issuer_token(flaw);
            // What was wrong is for those who run the service; whoever sent it may be anybody.
            tracing::debug!(%flaw, "a token of an issuer was refused");
            if flaw == Flaw::Expired { TokenError::Expired } else { TokenError::Unknown }
        })
    }
}
