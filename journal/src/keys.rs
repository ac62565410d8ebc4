//! The key slots: one data key a person, wrapped by the master key, in a file overwritten in place.
//!
//! Never log-structured, so a destroyed key leaves no older copy in the file. A slot is
//! `id 16 | nonce 12 | wrapped key 48 | CRC32C 4`; a destroyed one keeps its id over zeros.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Key, Nonce};
use uuid::Uuid;

use crate::seal::PersonKey;

const SLOT_BYTES: usize = 80;
const CHECKED_BYTES: usize = 76;

/// Why the key slots could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file system, or the system's source of randomness, refused.
    #[error("cannot use the key slots")]
    Io(#[from] io::Error),
    /// A slot does not carry what was written.
    #[error("the key slot at byte {0} is damaged")]
    Damaged(u64),
    /// The slot does not open under this master key.
    #[error("the key slot at byte {0} does not open: another master key?")]
    MasterKey(u64),
    /// The person's key was destroyed by lawful erasure and is never issued again.
    #[error("the key was destroyed")]
    Destroyed,
}

/// The open key slots: the only writer of their file.
pub struct KeySlots {
    file: File,
    master: Aes256GcmSiv,
    slots: HashMap<Uuid, u64>,
    bytes: u64,
}

impl KeySlots {
    /// Makes an empty file, readable by its owner alone.
    ///
    /// # Errors
    /// [`KeyError::Io`], also when the file exists.
    pub fn create(path: &Path, master: &[u8; 32]) -> Result<Self, KeyError> {
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(path)?;
        file.try_lock().map_err(io::Error::from)?;
        file.sync_all()?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(Self { file, master: cipher(master), slots: HashMap::new(), bytes: 0 })
    }

    /// Opens the slots, checks each and proves the master key on the first live one. A slot that
    /// was torn in mid-write was never used, since slots are synced before the log, and is cut.
    ///
    /// # Errors
    /// [`KeyError`]; a damaged slot or a wrong master key stops the start.
    pub fn open(path: &Path, master: &[u8; 32]) -> Result<Self, KeyError> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        file.try_lock().map_err(io::Error::from)?;
        let size = file.metadata()?.len();
        let bytes = size - size % SLOT_BYTES as u64;
        let master = cipher(master);
        let mut keys = Self { file, master, slots: HashMap::new(), bytes };
        let mut proved = false;
        for offset in (0..bytes).step_by(SLOT_BYTES) {
            let slot = keys.slot(offset)?;
            let id = Uuid::from_slice(&slot[..16]).expect("sixteen bytes");
            proved = proved || keys.unwrap(&slot, offset)?.is_some();
            keys.slots.insert(id, offset);
        }
        keys.file.set_len(bytes)?;
        keys.file.sync_all()?;
        Ok(keys)
    }

    /// The key of `id`; none when it never had one or it was destroyed.
    ///
    /// # Errors
    /// [`KeyError::Damaged`], [`KeyError::MasterKey`] or [`KeyError::Io`].
    pub fn find(&self, id: Uuid) -> Result<Option<PersonKey>, KeyError> {
        let Some(&offset) = self.slots.get(&id) else { return Ok(None) };
        self.unwrap(&self.slot(offset)?, offset)
    }

    /// The key of `id`, made when it has none. A new key is durable only after
    /// [`KeySlots::sync`], which must come before anything sealed with it is synced.
    ///
    /// # Errors
    /// [`KeyError::Destroyed`] after erasure, else as [`KeySlots::find`].
    pub fn issue(&mut self, id: Uuid) -> Result<PersonKey, KeyError> {
        if self.slots.contains_key(&id) {
            return self.find(id)?.ok_or(KeyError::Destroyed);
        }
        let (mut secret, mut nonce) = ([0; 32], [0; 12]);
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let payload = Payload { msg: &secret, aad: &bound(id) };
        let wrapped = self.master.encrypt(&Nonce::from(nonce), payload).expect("a short payload");
        self.write(self.bytes, &[&id.as_bytes()[..], &nonce, &wrapped].concat())?;
        self.slots.insert(id, self.bytes);
        self.bytes += SLOT_BYTES as u64;
        Ok(PersonKey::new(&secret))
    }

    /// Makes every issued key durable.
    ///
    /// # Errors
    /// [`KeyError::Io`]; never retry it.
    pub fn sync(&self) -> Result<(), KeyError> {
        Ok(self.file.sync_data()?)
    }

    /// Overwrites the key of `id` in place, durable when it returns: what it sealed is unreadable
    /// for ever. The id stays, so that no second key is ever issued under it.
    ///
    /// # Errors
    /// [`KeyError::Io`].
    pub fn destroy(&mut self, id: Uuid) -> Result<(), KeyError> {
        let offset = self.slots.get(&id).copied().unwrap_or(self.bytes);
        let mut slot = [0; CHECKED_BYTES];
        slot[..16].copy_from_slice(id.as_bytes());
        self.write(offset, &slot)?;
        self.sync()?;
        if self.slots.insert(id, offset).is_none() {
            self.bytes += SLOT_BYTES as u64;
        }
        Ok(())
    }

    fn write(&self, offset: u64, checked: &[u8]) -> Result<(), KeyError> {
        let slot = [checked, &crc32c::crc32c(checked).to_le_bytes()].concat();
        Ok(self.file.write_all_at(&slot, offset)?)
    }

    fn slot(&self, offset: u64) -> Result<[u8; SLOT_BYTES], KeyError> {
        let mut slot = [0; SLOT_BYTES];
        self.file.read_exact_at(&mut slot, offset)?;
        if crc32c::crc32c(&slot[..CHECKED_BYTES]).to_le_bytes() != slot[CHECKED_BYTES..] {
            return Err(KeyError::Damaged(offset));
        }
        Ok(slot)
    }

    fn unwrap(&self, slot: &[u8], offset: u64) -> Result<Option<PersonKey>, KeyError> {
        if slot[16..CHECKED_BYTES].iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let id = Uuid::from_slice(&slot[..16]).expect("sixteen bytes");
        let nonce: [u8; 12] = slot[16..28].try_into().expect("twelve bytes");
        let payload = Payload { msg: &slot[28..CHECKED_BYTES], aad: &bound(id) };
        let opened = self.master.decrypt(&Nonce::from(nonce), payload);
        let secret = opened.map_err(|_| KeyError::MasterKey(offset))?;
        Ok(Some(PersonKey::new(&secret.try_into().expect("thirty-two bytes were wrapped"))))
    }
}

fn cipher(master: &[u8; 32]) -> Aes256GcmSiv {
    Aes256GcmSiv::new(&Key::<Aes256GcmSiv>::from(*master))
}

/// A wrapped key opens in the slot of its own person only.
fn bound(id: Uuid) -> Vec<u8> {
    [b"renkou/key-slot/1", &id.as_bytes()[..]].concat()
}
