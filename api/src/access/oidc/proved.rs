//! Tokens that were proved lately, by their hash: a client sends the same one for minutes.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use crate::access::Grant;

/// Tokens that are remembered at once.
const PROVED_MAX: usize = 10_000;

/// The tokens that were proved and have not ended.
#[derive(Default)]
pub struct Proved(Mutex<FxHashMap<[u8; 32], Entry>>);

struct Entry {
    grant: Arc<Grant>,
    /// Unix time in seconds.
    good_until: i64,
    issuer: String,
    /// Of the issuer's keys: with others it must be proved again.
    edition: u64,
}

impl Proved {
    /// The grant of a token; `is_current` says whether keys of an edition are an issuer's of now.
    pub fn find(
        &self,
        token: &str,
        now: Timestamp,
        is_current: impl Fn(&str, u64) -> bool,
    ) -> Option<Arc<Grant>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.is_empty() {
            return None;
        }
        let hash = hash(token);
        let entry = entries.get(&hash)?;
        if now.as_second() < entry.good_until && is_current(&entry.issuer, entry.edition) {
            return Some(Arc::clone(&entry.grant));
        }
        entries.remove(&hash);
        None
    }

    /// Remembers a token.
    pub fn keep(
        &self,
        token: &str,
        grant: &Arc<Grant>,
        good_until: i64,
        issuer: &str,
        edition: u64,
    ) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= PROVED_MAX {
            let now = Timestamp::now().as_second();
            entries.retain(|_, entry| now < entry.good_until);
            if entries.len() >= PROVED_MAX {
                // Rare, and costs each of them one more proof.
                entries.clear();
            }
        }
        let (grant, issuer) = (Arc::clone(grant), issuer.to_owned());
        entries.insert(hash(token), Entry { grant, good_until, issuer, edition });
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
