//! One issuer: its settings, its keys as they were last fetched, and the proving of its tokens.
//!
//! Keys are fetched when a token first needs them, again when a token names one that is not there,
//! and now and then. Whoever sends tokens with ids of keys that do not exist causes no more than
//! one request in [`Settings::refetch_seconds`].

use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use hyper::header::ACCEPT;
use hyper::{Request, Uri};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::Mutex;

use super::keys::{Key, KeySet};
use super::mapping;
use super::settings::{self, Settings, SettingsError};
use super::strict_json;
use super::token::{Flaw, Unproved};
use crate::access::Grant;
use crate::counts::COUNTS;
use crate::outward::{Bounds, OutwardError, Trust, ask};

/// Keys of this age are fetched again, so that one that was taken back goes.
const FRESH_MAX: Duration = Duration::from_secs(600);
/// A document of an issuer must have come within so long.
const PATIENCE: Duration = Duration::from_secs(5);
/// An issuer that cannot be reached is believed on its last keys for so long.
const STALE_MAX: Duration = Duration::from_secs(24 * 3600);

/// An issuer whose tokens are taken.
pub struct Issuer {
    settings: Settings,
    trust: Trust,
    held: RwLock<Held>,
    /// When keys were last asked for; held while they are, so that one asks for all.
    asked_at: Mutex<Option<Instant>>,
}

#[derive(Clone, Default)]
struct Held {
    keys: Arc<KeySet>,
    fetched_at: Option<Instant>,
    /// Grows whenever the keys change.
    edition: u64,
}

/// What the proof of a token gave.
pub struct Proof {
    /// Its grant.
    pub grant: Grant,
    /// Until when it may be believed without another proof, in seconds of Unix time.
    pub good_until: i64,
    /// Of the keys.
    pub edition: u64,
}

impl Issuer {
    /// An issuer of which nothing has been fetched yet.
    ///
    /// # Errors
    /// When the certificates that its settings name cannot be read.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let ca_file = settings.ca_file.as_deref();
        let trust = Trust::of(ca_file).map_err(|source| SettingsError::Io {
            path: ca_file.unwrap_or(Path::new("/")).into(),
            source,
        })?;
        Ok(Self { settings, trust, held: RwLock::default(), asked_at: Mutex::new(None) })
    }

    /// Name in the settings.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Whether it is the one of a name.
    pub fn is(&self, name: &str) -> bool {
        self.settings.name == name
    }

    /// Whether it is the one that a token's `iss` names.
    pub fn is_issuer(&self, url: &str) -> bool {
        self.settings.url == url
    }

    /// Of its keys as they are held.
    pub fn edition(&self) -> u64 {
        self.held().edition
    }

    /// Proves a token and maps its claims.
    ///
    /// # Errors
    /// [`Flaw`].
    pub async fn verify(&self, token: Unproved<'_>, now: Timestamp) -> Result<Proof, Flaw> {
        let settings = &self.settings;
        if !settings.algorithms.contains(&token.algorithm) {
            return Err(Flaw::Algorithm);
        }
        let kind = token.kind.as_deref().unwrap_or("jwt");
        if !settings.types.iter().any(|accepted| accepted == kind) {
            return Err(Flaw::Type);
        }
        let (key, edition) = self.key(&token).await.ok_or(Flaw::Key)?;
        let claims = token.prove(&key)?;
        let (now, leeway) = (now.as_second(), settings.leeway_seconds);
        let end = claims.end(now, leeway, settings.lifetime_seconds_max)?;
        if !claims.is_for(&settings.audience) {
            return Err(Flaw::Audience);
        }
        let good_until = end.saturating_add(leeway);
        let grant = mapping::grant(settings, &claims, good_until)?;
        // Proved again now and then, so that a key that was taken back takes its tokens along.
        let good_until = good_until.min(now.saturating_add(FRESH_MAX.as_secs().cast_signed()));
        Ok(Proof { grant, good_until, edition })
    }

    /// The key of a token, fetched anew where it is not held.
    async fn key(&self, token: &Unproved<'_>) -> Option<(Key, u64)> {
        let find = |held: &Held| {
            let age = held.fetched_at?.elapsed();
            let key = held.keys.find(token.key_id.as_deref(), token.algorithm)?.clone();
            Some((key, held.edition, age)).filter(|_| age < STALE_MAX)
        };
        let held = self.held();
        match find(&held) {
            Some((key, edition, age)) if age < FRESH_MAX => return Some((key, edition)),
            _ => self.refresh(held.edition).await,
        }
        let (key, edition, _) = find(&self.held())?;
        Some((key, edition))
    }

    /// Fetches the keys, unless somebody did while we waited or it was tried a moment ago.
    async fn refresh(&self, seen: u64) {
        let mut asked_at = self.asked_at.lock().await;
        let pause = Duration::from_secs(self.settings.refetch_seconds.into());
        if self.held().edition != seen || asked_at.is_some_and(|at| at.elapsed() < pause) {
            return;
        }
        *asked_at = Some(Instant::now());
        COUNTS.key_sets_fetched.add();
        match self.fetched().await {
            Ok(keys) => {
                let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
                held.fetched_at = Some(Instant::now());
                if *held.keys != keys {
                    tracing::info!(issuer = self.name(), keys = keys.len(), "keys of an issuer");
                    held.keys = Arc::new(keys);
                    held.edition += 1;
                }
            }
            Err(error) => {
                COUNTS.key_sets_failed.add();
                tracing::warn!(issuer = self.name(), %error, "an issuer's keys could not be had");
            }
        }
    }

    async fn fetched(&self) -> Result<KeySet, OutwardError> {
        let address = match &self.settings.keys {
            Some(address) => address.clone(),
            None => self.discovered().await?,
        };
        let bytes = self.document(&address).await?;
        KeySet::read(&bytes).ok_or(OutwardError::Unfit("the answer is no key set"))
    }

    /// Where the issuer says that its keys are (OpenID Connect Discovery 1.0).
    async fn discovered(&self) -> Result<Uri, OutwardError> {
        let url = self.settings.url.trim_end_matches('/');
        let address = format!("{url}/.well-known/openid-configuration");
        let address = settings::address(&address).map_err(OutwardError::Unfit)?;
        let told = strict_json::object(&self.document(&address).await?)
            .ok_or(OutwardError::Unfit("the discovery document is no JSON object"))?;
        if told.get("issuer").and_then(Value::as_str) != Some(&self.settings.url) {
            return Err(OutwardError::Unfit("the discovery document is another issuer's"));
        }
        let keys = told.get("jwks_uri").and_then(Value::as_str);
        let keys = keys.ok_or(OutwardError::Unfit("the discovery document names no keys"))?;
        settings::address(keys).map_err(OutwardError::Unfit)
    }

    async fn document(&self, address: &Uri) -> Result<Bytes, OutwardError> {
        let request = Request::get(address).header(ACCEPT, "application/json");
        let request = request.body(Body::empty()).map_err(io::Error::other)?;
        ask(request, &self.trust, Bounds { patience: PATIENCE, ..Bounds::default() }).await
    }

    fn held(&self) -> Held {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
