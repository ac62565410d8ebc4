//! The public keys of an issuer (JWK Set, RFC 7517): read strictly, each bound to one algorithm by
//! its type, so that a token cannot choose what a key is used for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde_json::{Map, Value};

use super::strict_json;
use super::token::Algorithm;
use crate::outward::ANSWER_BYTES_MAX;

/// Keys of a set that are kept.
const KEYS_MAX: usize = 64;

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    id: Option<String>,
    material: Material,
}

#[derive(Clone, PartialEq, Eq)]
enum Material {
    Ed25519([u8; 32]),
    P256([u8; 65]),
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
}

impl Key {
    /// The only algorithm that this key is good for.
    pub fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Ed25519(_) => Algorithm::EdDsa,
            Material::P256(_) => Algorithm::Es256,
            Material::Rsa { .. } => Algorithm::Rs256,
        }
    }

    /// Whether the holder of the key made this signature.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.material {
            Material::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature)
            }
            Material::P256(key) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature)
            }
            Material::Rsa { modulus, exponent } => {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.is_ok()
    }

    /// A key that may verify signatures; none where the object is another thing, or too weak.
    fn read(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        if jwk.contains_key("use") && text("use") != Some("sig") {
            return None;
        }
        if let Some(uses) = jwk.get("key_ops") {
            uses.as_array()?.iter().find(|one| *one == "verify")?;
        }
        let material = match (text("kty")?, text("crv")) {
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x")?.try_into().ok()?),
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes("x")?, bytes("y")?);
                // An uncompressed point.
                let point = [&[4][..], &x, &y].concat();
                Material::P256(point.try_into().ok().filter(|_| x.len() == 32)?)
            }
            ("RSA", None) => {
                let stripped = |bytes: Vec<u8>| {
                    bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<_>>()
                };
                let (modulus, exponent) = (stripped(bytes("n")?), stripped(bytes("e")?));
                // An exponent below 65537 has been the way in of forgers; an even one is none.
                let is_fit = (256..=1024).contains(&modulus.len())
                    && (3..=5).contains(&exponent.len())
                    && exponent.last().is_some_and(|last| last % 2 == 1);
                is_fit.then_some(Material::Rsa { modulus, exponent })?
            }
            _ => return None,
        };
        let key = Self { id: text("kid").map(str::to_owned), material };
        let is_of_algorithm = match jwk.get("alg") {
            None => true,
            Some(named) => named.as_str().and_then(Algorithm::named) == Some(key.algorithm()),
        };
        is_of_algorithm.then_some(key)
    }
}

/// The keys of an issuer at a time.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeySet(Vec<Key>);

impl KeySet {
    /// Reads a set. Keys that are not for signatures of our algorithms are passed over; none where
    /// it is no key set, or one of more keys than can be meant.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > ANSWER_BYTES_MAX {
            return None;
        }
        let set = strict_json::object(bytes)?;
        let listed = set.get("keys")?.as_array()?;
        if listed.len() > KEYS_MAX {
            return None;
        }
        let keys: Vec<_> = listed.iter().filter_map(|jwk| Key::read(jwk.as_object()?)).collect();
        Some(Self(keys))
    }

    /// The key for a token: the one of its id, or, where the token names none, the only one of its
    /// algorithm.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let mut fitting = self.0.iter().filter(|key| {
            key.algorithm() == algorithm && id.is_none_or(|id| key.id.as_deref() == Some(id))
        });
        let first = fitting.next()?;
        // Two keys that cannot be told apart: neither is meant.
        fitting.next().is_none().then_some(first)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
