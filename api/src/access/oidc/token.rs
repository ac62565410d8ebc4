//! A signed token in its compact form (RFC 7515, 7519; rules of RFC 8725): taken apart, held
//! against one key, its times judged. Nothing here trusts what the token says of itself: the
//! algorithm must be on our list and be that of the key's own type, and keys that a token brings
//! along or points to (`jwk`, `jku`, `x5u`, `x5c`) are never looked at.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::keys::Key;
use super::strict_json;

/// The longest token that is looked at.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;
/// The longest id of a key.
const KEY_ID_BYTES_MAX: usize = 256;

/// A way of signing that is accepted. There is no `none` and nothing with a shared secret here, so
/// no setting can let one in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA over P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 to 8192 bits.
    #[serde(rename = "RS256")]
    Rs256,
}

impl Algorithm {
    /// The algorithm of a name in `alg`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "EdDSA" => Some(Self::EdDsa),
            "ES256" => Some(Self::Es256),
            "RS256" => Some(Self::Rs256),
            _ => None,
        }
    }
}

/// Why a token of an issuer opens nothing. For logs and measures; who sent it learns only whether
/// its time was over, and that only where its signature is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Flaw {
    /// Not three parts of base64url, JSON objects, every member once, within the length.
    #[error("malformed")]
    Malformed,
    /// No algorithm of ours, or not one that this issuer may use.
    #[error("algorithm")]
    Algorithm,
    /// Another kind of token, or one that demands what we do not know (`crit`).
    #[error("type")]
    Type,
    /// Of no configured issuer.
    #[error("issuer")]
    Issuer,
    /// No key of the issuer has this id and algorithm.
    #[error("key")]
    Key,
    /// Signed by somebody else, or altered.
    #[error("signature")]
    Signature,
    /// Meant for others.
    #[error("audience")]
    Audience,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// Its time has not come, it has none, or it lasts too long.
    #[error("time")]
    Time,
    /// Its claims grant nothing here, or more than the issuer may grant.
    #[error("claims")]
    Claims,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Self; 10] = [
        Self::Malformed,
        Self::Algorithm,
        Self::Type,
        Self::Issuer,
        Self::Key,
        Self::Signature,
        Self::Audience,
        Self::Expired,
        Self::Time,
        Self::Claims,
    ];
}

/// A token taken apart, of which nothing has been proved yet.
#[derive(Debug)]
pub struct Unproved<'a> {
    /// What its signature must be of.
    pub algorithm: Algorithm,
    /// Which key, when it says so.
    pub key_id: Option<String>,
    /// `typ`, in lower case and without `application/`.
    pub kind: Option<String>,
    /// Whose it says it is.
    pub issuer: String,
    signed: &'a [u8],
    signature: Vec<u8>,
    claims: Map<String, Value>,
}

impl<'a> Unproved<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`Flaw::Malformed`], [`Flaw::Algorithm`], [`Flaw::Type`], [`Flaw::Issuer`].
    pub fn read(token: &'a str) -> Result<Self, Flaw> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Flaw::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Flaw::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Flaw::Malformed)?;
        let part = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| Flaw::Malformed);
        let header = strict_json::object(&part(header)?).ok_or(Flaw::Malformed)?;
        let claims = strict_json::object(&part(claims)?).ok_or(Flaw::Malformed)?;
        let signature = part(signature)?;
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::named);
        let algorithm = algorithm.ok_or(Flaw::Algorithm)?;
        // Extensions that must be understood (RFC 7515, 4.1.11): none is.
        if header.contains_key("crit") {
            return Err(Flaw::Type);
        }
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) if id.len() <= KEY_ID_BYTES_MAX => Some(id.clone()),
            Some(_) => return Err(Flaw::Malformed),
        };
        let kind = match header.get("typ") {
            None => None,
            Some(Value::String(kind)) => {
                let kind = kind.to_ascii_lowercase();
                Some(kind.strip_prefix("application/").unwrap_or(&kind).to_owned())
            }
            Some(_) => return Err(Flaw::Malformed),
        };
        let issuer = claims.get("iss").and_then(Value::as_str).ok_or(Flaw::Issuer)?.to_owned();
        Ok(Self { algorithm, key_id, kind, issuer, signed: signed.as_bytes(), signature, claims })
    }

    /// The claims, when the signature is that of `key`.
    ///
    /// # Errors
    /// [`Flaw::Key`] when the key is of another algorithm, [`Flaw::Signature`].
    pub fn prove(self, key: &Key) -> Result<Claims, Flaw> {
        if key.algorithm() != self.algorithm {
            return Err(Flaw::Key);
        }
        if !key.has_signed(self.signed, &self.signature) {
            return Err(Flaw::Signature);
        }
        Ok(Claims(self.claims))
    }
}

/// What an issuer says of the holder of a token; its signature was good.
#[derive(Debug)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// A claim by its name; of `a.b` the member `b` of the claim `a`, where no claim has the whole
    /// name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).or_else(|| {
            let (outer, inner) = name.split_once('.')?;
            self.0.get(outer)?.as_object()?.get(inner)
        })
    }

    /// Whether `audience` is among those for whom the token was made.
    pub fn is_for(&self, audience: &str) -> bool {
        match self.0.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        }
    }

    /// When the token ends, in seconds of Unix time, given that it is good now.
    ///
    /// # Errors
    /// [`Flaw::Expired`]; [`Flaw::Time`] without an end, before its time, or when it lasts longer
    /// than `lifetime_max`. All in seconds.
    pub fn end(&self, now: i64, leeway: i64, lifetime_max: i64) -> Result<i64, Flaw> {
        let end = self.seconds("exp")?.ok_or(Flaw::Time)?;
        if now >= end.saturating_add(leeway) {
            return Err(Flaw::Expired);
        }
        if end > now.saturating_add(lifetime_max).saturating_add(leeway) {
            return Err(Flaw::Time);
        }
        for begin in ["nbf", "iat"] {
            if self.seconds(begin)?.is_some_and(|begin| begin > now.saturating_add(leeway)) {
                return Err(Flaw::Time);
            }
        }
        Ok(end)
    }

    fn seconds(&self, name: &str) -> Result<Option<i64>, Flaw> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        // Fractions are allowed (RFC 7519, NumericDate); what no clock will show is not.
        let seconds = value.as_f64().filter(|seconds| (0.0..1e12).contains(seconds));
        seconds.map(|seconds| Some(seconds as i64)).ok_or(Flaw::Time)
    }
}
