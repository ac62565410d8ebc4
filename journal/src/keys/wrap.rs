//! A person's key under the master key, as it lies in a slot.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Key, Nonce};
use uuid::Uuid;

use super::KeyError;
use super::slot::{self, CHECKED_BYTES, SLOT_BYTES, offset};
use crate::seal::Cipher;

/// The cipher of a master key.
pub(super) fn cipher(master: &[u8; 32]) -> Cipher {
    Cipher::new(&Key::<Cipher>::from(*master))
}

/// The slot of a key.
pub(super) fn wrap(
    master: &Cipher,
    id: Uuid,
    secret: &[u8; 32],
    nonce: [u8; 12],
) -> [u8; SLOT_BYTES] {
    let payload = Payload { msg: secret, aad: &bound(id) };
    let wrapped = master.encrypt(&Nonce::from(nonce), payload).expect("a short payload");
    let mut bytes = [0; CHECKED_BYTES];
    bytes[..16].copy_from_slice(id.as_bytes());
    bytes[16..28].copy_from_slice(&nonce);
    bytes[28..].copy_from_slice(&wrapped);
    slot::checked(&bytes)
}

/// The key of a whole slot; none when it was destroyed.
pub(super) fn unwrap(
    master: &Cipher,
    slot: &[u8],
    number: u32,
) -> Result<Option<[u8; 32]>, KeyError> {
    if slot::is_destroyed(slot) {
        return Ok(None);
    }
    let nonce: [u8; 12] = slot[16..28].try_into().expect("twelve bytes");
    let payload = Payload { msg: &slot[28..CHECKED_BYTES], aad: &bound(slot::id(slot)) };
    let opened = master.decrypt(&Nonce::from(nonce), payload);
    let secret = opened.map_err(|_| KeyError::MasterKey(offset(number)))?;
    Ok(Some(secret.try_into().expect("thirty-two bytes were wrapped")))
}

/// A wrapped key opens in the slot of its own person only.
fn bound(id: Uuid) -> Vec<u8> {
    [b"renkou/key-slot/1", &id.as_bytes()[..]].concat()
}
