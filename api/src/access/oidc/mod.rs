//! Tokens of other issuers (OpenID Connect): whose, proved with which key, worth which grant.
//!
//! A token costs one signature the first time and one hash after that. Nothing that somebody sends
//! makes more than one request a half minute to an issuer, or fills memory.

mod issuer;
mod keys;
mod mapping;
mod proved;
mod settings;
mod strict_json;
mod token;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use self::issuer::Issuer;
pub use self::keys::{Key, KeySet};
use self::proved::Proved;
pub use self::settings::{Settings, SettingsError};
pub use self::token::{Algorithm, Flaw, TOKEN_BYTES_MAX, Unproved};
use super::Grant;

/// Every issuer whose tokens are taken.
#[derive(Default)]
pub struct Issuers {
    issuers: Vec<Issuer>,
    proved: Proved,
}

impl Issuers {
    /// Reads the settings of a file; no file, no issuers. Fetches nothing yet.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn open(path: &Path) -> Result<Self, SettingsError> {
        let issuers = settings::read(path)?.into_iter().map(Issuer::new);
        Ok(Self { issuers: issuers.collect::<Result<_, _>>()?, proved: Proved::default() })
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }

    /// The grant of a token that was proved before and is still good, without proving it again.
    pub fn known(&self, token: &str, now: Timestamp) -> Option<Arc<Grant>> {
        self.proved.find(token, now, |name, edition| {
            self.issuers.iter().any(|one| one.is(name) && one.edition() == edition)
        })
    }

    /// The grant of a token at an instant.
    ///
    /// # Errors
    /// [`Flaw`].
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Grant>, Flaw> {
        // A text of any length is hashed no further than a token can be long.
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Flaw::Malformed);
        }
        if let Some(grant) = self.known(token, now) {
            return Ok(grant);
        }
        let unproved = Unproved::read(token)?;
        let of = |one: &&Issuer| one.is_issuer(&unproved.issuer);
        let issuer = self.issuers.iter().find(of).ok_or(Flaw::Issuer)?;
        let proof = issuer.verify(unproved, now).await?;
        let grant = Arc::new(proof.grant);
        self.proved.keep(token, &grant, proof.good_until, issuer.name(), proof.edition);
        Ok(grant)
    }
}
