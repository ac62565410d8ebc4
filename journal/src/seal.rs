//! Payloads sealed under the key of the person whom they concern (AES-256-GCM-SIV, RFC 8452).
//!
//! The nonce is the record's sequence and is not stored: within one stream a sequence occurs once.
//! After a crash the same sequence may be sealed again with other bytes; the misuse resistance of
//! GCM-SIV is there for that case. Stream, sequence and algorithm are bound as associated data, so
//! a payload cannot be moved to another place in the log.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Key, Nonce};
use domain::{Sequence, StreamId};

/// The only algorithm of this version; it stands in the associated data.
const ALGORITHM: &[u8] = b"renkou/aes-256-gcm-siv/1";

/// A payload that cannot be opened: another key, another place, or altered bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed payload does not open: altered, moved, or its key is gone")]
pub struct SealBroken;

/// The key of one person. `Debug` shows nothing of it.
pub struct PersonKey(Aes256GcmSiv);

impl std::fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonKey(…)")
    }
}

impl PersonKey {
    /// Takes 32 secret random bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Aes256GcmSiv::new(&Key::<Aes256GcmSiv>::from(*bytes)))
    }

    /// Seals the payload of the record at `sequence` of `stream`; 16 bytes longer than `plain`.
    pub fn seal(&self, stream: StreamId, sequence: Sequence, plain: &[u8]) -> Vec<u8> {
        let aad = place(stream, sequence);
        let payload = Payload { msg: plain, aad: &aad };
        self.0.encrypt(&nonce(sequence), payload).expect("a payload is shorter than 2^36 bytes")
    }

    /// Opens what [`PersonKey::seal`] sealed at the same place.
    ///
    /// # Errors
    /// [`SealBroken`], whichever byte was altered.
    pub fn open(
        &self,
        stream: StreamId,
        sequence: Sequence,
        sealed: &[u8],
    ) -> Result<Vec<u8>, SealBroken> {
        let aad = place(stream, sequence);
        self.0.decrypt(&nonce(sequence), Payload { msg: sealed, aad: &aad }).map_err(|_| SealBroken)
    }
}

fn nonce(sequence: Sequence) -> Nonce {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&sequence.0.to_le_bytes());
    Nonce::from(bytes)
}

fn place(stream: StreamId, sequence: Sequence) -> Vec<u8> {
    let mut bytes = ALGORITHM.to_vec();
    bytes.push(stream.kind.number());
    bytes.extend(stream.id.as_bytes());
    bytes.extend(sequence.0.to_le_bytes());
    bytes
}
