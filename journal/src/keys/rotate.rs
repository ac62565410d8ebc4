//! Another master key for the same persons' keys: every slot is wrapped anew, and nothing that was
//! sealed with a person's key is touched.
//!
//! The slots under the new master key are a whole file that takes the place of the old one at once,
//! so after a cut at any moment the file opens under one of the two, and never some slots under
//! each.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::slot::{SLOT_BYTES, offset};
use super::wrap::{self, cipher};
use super::{KeyError, KeySlots, slot, swap};
use crate::seal::Cipher;
use crate::storage::StorageFile as _;

/// Slots that are wrapped at once.
const SLOTS_AT_ONCE: u32 = 4_096;

/// Whether the slots of a file open under a master key: the first live one tells, since a file is
/// never under two.
///
/// # Errors
/// [`KeyError`], when the file cannot be read or is damaged.
pub fn opens(path: &Path, master: &[u8; 32]) -> Result<bool, KeyError> {
    match KeySlots::open_read_only(path, master) {
        Ok(_) => Ok(true),
        Err(KeyError::MasterKey(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Wraps every slot of the file anew, from the master key `from` to the master key `to`, and puts
/// the new file in the place of the old one; durable on return. Gives how many slots there are. The
/// caller holds the lock of the log, so that nobody has the slots open to write.
///
/// # Errors
/// [`KeyError`]; the old file is then in its place, unless it was swapped already.
pub fn rotate(path: &Path, from: &[u8; 32], to: &[u8; 32]) -> Result<u32, KeyError> {
    let keys = KeySlots::open(path, from)?;
    let count = *keys.turn();
    let new = swap::new(path);
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    let mut out = BufWriter::new(file);
    let to = cipher(to);
    for first in (0..count).step_by(SLOTS_AT_ONCE as usize) {
        let some = SLOTS_AT_ONCE.min(count - first);
        out.write_all(&wrapped_anew(&keys, first, some, &to)?)?;
    }
    out.flush()?;
    out.get_ref().sync_all()?;
    drop(out);
    swap::swap(path)?;
    Ok(count)
}

fn wrapped_anew(keys: &KeySlots, first: u32, some: u32, to: &Cipher) -> Result<Vec<u8>, KeyError> {
    let mut bytes = vec![0; some as usize * SLOT_BYTES];
    keys.file.read_exact_at(&mut bytes, offset(first))?;
    let mut nonces = vec![0; some as usize * 12];
    getrandom::fill(&mut nonces).map_err(io::Error::other)?;
    let each = bytes.chunks_exact_mut(SLOT_BYTES).zip(nonces.as_chunks().0);
    for (number, (slot, nonce)) in (first..).zip(each) {
        if let Some(secret) = wrap::unwrap(&keys.master, slot, number)? {
            slot.copy_from_slice(&wrap::wrap(to, slot::id(slot), &secret, *nonce));
        }
    }
    Ok(bytes)
}
