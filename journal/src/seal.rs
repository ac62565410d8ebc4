//! Payloads sealed under the key of the person whom they concern (AES-256-GCM-SIV, RFC 8452).
//!
//! The nonce is the record's sequence and is not stored: within one stream a sequence occurs once.
//! After a crash the same sequence may be sealed again with other bytes; the misuse resistance of
//! GCM-SIV is there for that case. Stream, sequence and algorithm are bound as associated data, so
//! a payload cannot be moved to another place in the log.
//!
//! Rows of views that name a person are sealed under the same key, so that they die with it. Their
//! nonce is the position of the newest event folded into them, marked so that it is never that of
//! a record. The same row sealed twice is the same bytes: live and rebuilt views stay equal.

use aes_gcm_siv::aead::{Aead, AeadInOut, KeyInit, Payload};
use aes_gcm_siv::{AesGcmSiv, Key, Nonce, Tag};
use domain::{PersonId, Sequence, StreamId};

/// AES-256-GCM-SIV with the round keys for encryption alone: this mode needs no others, and making
/// them is a good part of the work on a short text.
pub(crate) type Cipher = AesGcmSiv<aes::Aes256Enc>;

/// The only algorithm of this version; it stands in the associated data.
const ALGORITHM: &[u8] = b"renkou/aes-256-gcm-siv/1";
/// The algorithm, the kind of the stream and its id, the sequence.
const PLACE_BYTES: usize = ALGORITHM.len() + 1 + 16 + 4;
/// The same for rows of views.
const ROW_ALGORITHM: &[u8] = b"renkou/aes-256-gcm-siv/row/1";
/// The end of a row's nonce; a record's ends with zeros.
const ROW_NONCE: [u8; 4] = *b"row1";
/// Bytes that prove a sealed text, at its end.
const TAG_BYTES: usize = 16;
/// Bytes of the version in front of a sealed row.
const VERSION_BYTES: usize = 8;

/// A payload that cannot be opened: another key, another place, or altered bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed payload does not open: altered, moved, or its key is gone")]
pub struct SealBroken;

/// The key of one person. `Debug` shows nothing of it.
///
/// It holds the 32 bytes alone, since a cache holds very many: the cipher's round keys are eight
/// times as large, and making them anew costs less than the sealing itself.
#[derive(Clone)]
pub struct PersonKey([u8; 32]);

impl std::fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonKey(…)")
    }
}

impl PersonKey {
    /// Takes 32 secret random bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    fn cipher(&self) -> Cipher {
        Cipher::new(&Key::<Cipher>::from(self.0))
    }

    /// A further secret that follows from this key, one a purpose.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        domain::ids::keyed_hash(&self.0, &[b"renkou/derive/1|", purpose.as_bytes()])
    }

    /// Seals the payload of the record at `sequence` of `stream`; 16 bytes longer than `plain`.
    pub fn seal(&self, stream: StreamId, sequence: Sequence, plain: &[u8]) -> Vec<u8> {
        let aad = place(stream, sequence);
        let payload = Payload { msg: plain, aad: &aad };
        let sealed = self.cipher().encrypt(&nonce(sequence), payload);
        sealed.expect("a payload is shorter than 2^36 bytes")
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
        let payload = Payload { msg: sealed, aad: &aad };
        self.cipher().decrypt(&nonce(sequence), payload).map_err(|_| SealBroken)
    }

    /// As [`PersonKey::open`], where the bytes lie; they are of no use after an error.
    ///
    /// # Errors
    /// As [`PersonKey::open`].
    pub fn open_in_place<'a>(
        &self,
        stream: StreamId,
        sequence: Sequence,
        sealed: &'a mut [u8],
    ) -> Result<&'a [u8], SealBroken> {
        let (text, tag) = sealed.split_last_chunk_mut::<TAG_BYTES>().ok_or(SealBroken)?;
        let (tag, aad) = (Tag::from(*tag), place(stream, sequence));
        self.cipher()
            .decrypt_inout_detached(&nonce(sequence), &aad, (&mut *text).into(), &tag)
            .map_err(|_| SealBroken)?;
        Ok(text)
    }

    /// Seals a row of a view that names `person`; 24 bytes longer than `plain`. `version` is the
    /// position of the newest event folded into the row and stands in front, in the clear.
    pub fn seal_row(&self, view: &str, person: PersonId, version: u64, plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(VERSION_BYTES + plain.len() + TAG_BYTES);
        self.seal_row_into(view, person, version, plain, &mut sealed);
        sealed
    }

    /// As [`PersonKey::seal_row`], appended to `to`.
    pub fn seal_row_into(
        &self,
        view: &str,
        person: PersonId,
        version: u64,
        plain: &[u8],
        to: &mut Vec<u8>,
    ) {
        let aad = row(view, person, version);
        to.extend(version.to_le_bytes());
        let start = to.len();
        to.extend(plain);
        let text = &mut to[start..];
        let tag = self.cipher().encrypt_inout_detached(&row_nonce(version), &aad, text.into());
        to.extend(tag.expect("a row is shorter than 2^36 bytes"));
    }

    /// Opens, where the bytes lie, what [`PersonKey::seal_row`] sealed for the same view and
    /// person; gives the version and the row. The bytes are of no use after an error.
    ///
    /// # Errors
    /// [`SealBroken`], whichever byte was altered, those of the version included.
    pub fn open_row<'a>(
        &self,
        view: &str,
        person: PersonId,
        sealed: &'a mut [u8],
    ) -> Result<(u64, &'a [u8]), SealBroken> {
        let (version, sealed) =
            sealed.split_first_chunk_mut::<VERSION_BYTES>().ok_or(SealBroken)?;
        let version = u64::from_le_bytes(*version);
        let (text, tag) = sealed.split_last_chunk_mut::<TAG_BYTES>().ok_or(SealBroken)?;
        let (tag, aad) = (Tag::from(*tag), row(view, person, version));
        self.cipher()
            .decrypt_inout_detached(&row_nonce(version), &aad, (&mut *text).into(), &tag)
            .map_err(|_| SealBroken)?;
        Ok((version, text))
    }
}

fn nonce(sequence: Sequence) -> Nonce {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&sequence.0.to_le_bytes());
    Nonce::from(bytes)
}

fn place(stream: StreamId, sequence: Sequence) -> [u8; PLACE_BYTES] {
    let mut bytes = [0; PLACE_BYTES];
    let (algorithm, rest) = bytes.split_at_mut(ALGORITHM.len());
    algorithm.copy_from_slice(ALGORITHM);
    rest[0] = stream.kind.number();
    rest[1..17].copy_from_slice(stream.id.as_bytes());
    rest[17..].copy_from_slice(&sequence.0.to_le_bytes());
    bytes
}

fn row_nonce(version: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[..VERSION_BYTES].copy_from_slice(&version.to_le_bytes());
    bytes[VERSION_BYTES..].copy_from_slice(&ROW_NONCE);
    Nonce::from(bytes)
}

/// The end has a fixed length, so no two rows are bound to the same bytes.
fn row(view: &str, person: PersonId, version: u64) -> Vec<u8> {
    let person = person.as_uuid();
    [ROW_ALGORITHM, view.as_bytes(), person.as_bytes(), &version.to_le_bytes()].concat()
}
