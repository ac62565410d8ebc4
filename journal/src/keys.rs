//! The key slots: one data key a person, wrapped by the master key, in a file overwritten in place.
//!
//! Never log-structured, so a destroyed key leaves no older copy in the file. A slot is
//! `id 16 | nonce 12 | wrapped key 48 | CRC32C 4`; a destroyed one keeps its id over zeros.

mod backup;
mod recall;
mod recent;
mod repair;
mod rotate;
mod slot;
mod swap;
mod wrap;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use domain::ById;
use uuid::Uuid;

pub use self::backup::{CopiedKeys, check, copy};
pub use self::rotate::{opens, rotate};
pub use self::swap::finish as finish_swap;

use self::recent::Recent;
use self::repair::Torn;
use self::slot::{SLOT_BYTES, Slot, offset};
use self::wrap::cipher;
use crate::seal::{Cipher, PersonKey};
use crate::storage::{self, Access, Files, Storage, StorageFile};

/// Slots that are read at once when the file is opened.
const SLOTS_AT_ONCE: usize = 4_096;

/// Why the key slots could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file system, or the system's source of randomness, refused.
    #[error("cannot use the key slots")]
    Io(#[from] io::Error),
    /// There is no room for another key; none was issued.
    #[error("the disk has no room for another key")]
    Full,
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

/// The open key slots: the only writer of their file. Threads share it: finding a key waits for
/// nobody, issuing and destroying take turns.
pub struct KeySlots<S: Storage = Files> {
    file: S::File,
    master: Cipher,
    /// Which slot is whose, by number: four bytes for each of very many.
    slots: RwLock<ById<Uuid, u32>>,
    /// How many slots the file has. Who writes to the file holds it.
    count: Mutex<u32>,
    recent: Recent,
    /// After a failed write or sync nothing is issued or synced any more.
    failed: AtomicBool,
}

impl KeySlots {
    /// Makes an empty file, readable by its owner alone.
    ///
    /// # Errors
    /// [`KeyError::Io`], also when the file exists.
    pub fn create(path: &Path, master: &[u8; 32]) -> Result<Self, KeyError> {
        Self::create_on(&Files, path, master)
    }

    /// Opens the slots, checks each and proves the master key on the first live one. A slot that
    /// was torn in mid-write was never used, since slots are synced before the log, and goes; a
    /// destruction that was torn is ended.
    ///
    /// # Errors
    /// [`KeyError`]; a damaged slot or a wrong master key stops the start.
    pub fn open(path: &Path, master: &[u8; 32]) -> Result<Self, KeyError> {
        Self::open_on(&Files, path, master)
    }

    /// Opens the slots for reading beside the process that writes them. Open the log first: every
    /// key of what it then holds is in the slots.
    ///
    /// # Errors
    /// [`KeyError`]; issuing and destroying fail later.
    pub fn open_read_only(path: &Path, master: &[u8; 32]) -> Result<Self, KeyError> {
        let keys = Self::over(Files.open(path, Access::Read)?, master);
        keys.read_slots()?;
        Ok(keys)
    }
}

impl<S: Storage> KeySlots<S> {
    /// As [`KeySlots::create`], on any storage.
    ///
    /// # Errors
    /// As there.
    pub fn create_on(storage: &S, path: &Path, master: &[u8; 32]) -> Result<Self, KeyError> {
        let file = storage.open(path, Access::CreatePrivate)?;
        crate::lock::take(&file).map_err(io::Error::from)?;
        file.sync_all()?;
        storage.sync_folder(storage::above(path))?;
        Ok(Self::over(file, master))
    }

    /// As [`KeySlots::open`], on any storage.
    ///
    /// # Errors
    /// As there.
    pub fn open_on(storage: &S, path: &Path, master: &[u8; 32]) -> Result<Self, KeyError> {
        let file = storage.open(path, Access::Write)?;
        crate::lock::take(&file).map_err(io::Error::from)?;
        let keys = Self::over(file, master);
        let torn = keys.read_slots()?;
        let mut count = keys.turn();
        *count = repair::repair(&keys.file, *count, &torn)?;
        drop(count);
        Ok(keys)
    }

    fn over(file: S::File, master: &[u8; 32]) -> Self {
        let (slots, count, failed) = (RwLock::default(), Mutex::new(0), AtomicBool::new(false));
        Self { file, master: cipher(master), slots, count, recent: Recent::default(), failed }
    }

    /// Shows the first slots, read many at once, until one is an error.
    fn each_slot(
        &self,
        count: u32,
        mut see: impl FnMut(u32, &[u8]) -> Result<(), KeyError>,
    ) -> Result<(), KeyError> {
        let mut bytes = vec![0; SLOTS_AT_ONCE * SLOT_BYTES];
        for first in (0..count).step_by(SLOTS_AT_ONCE) {
            let some = SLOTS_AT_ONCE.min((count - first) as usize);
            let bytes = &mut bytes[..some * SLOT_BYTES];
            self.file.read_exact_at(bytes, offset(first))?;
            let mut slots = (first..).zip(bytes.chunks_exact(SLOT_BYTES));
            slots.try_for_each(|(number, slot)| see(number, slot))?;
        }
        Ok(())
    }

    /// Reads and checks every slot; gives those that a power loss tore, which hold no key.
    fn read_slots(&self) -> Result<Vec<Torn>, KeyError> {
        let size = self.file.length()?;
        let count = u32::try_from(size / SLOT_BYTES as u64).map_err(io::Error::other)?;
        let mut slots = ById::default();
        let (mut proved, mut torn) = (false, Vec::new());
        self.each_slot(count, |number, slot| {
            match slot::judge(slot, number) {
                Slot::Whole if slot::is_destroyed(slot) => self.recent.erase(number),
                Slot::Whole => proved = proved || self.unwrap(slot, number)?.is_some(),
                Slot::HalfDestroyed => torn.push(Torn { number, of: Some(slot::id(slot)) }),
                Slot::NeverWritten if count - number <= repair::UNSYNCED_SLOTS_MAX => {
                    torn.push(Torn { number, of: None });
                    return Ok(());
                }
                _ => return Err(KeyError::Damaged(offset(number))),
            }
            slots.insert(slot::id(slot), number);
            Ok(())
        })?;
        *self.turn() = count;
        torn.iter().for_each(|torn| self.recent.erase(torn.number));
        *self.slots.write().unwrap_or_else(PoisonError::into_inner) = slots;
        Ok(torn)
    }

    /// The key of `id`; none when it never had one or it was destroyed.
    ///
    /// # Errors
    /// [`KeyError::Damaged`], [`KeyError::MasterKey`] or [`KeyError::Io`].
    pub fn find(&self, id: Uuid) -> Result<Option<PersonKey>, KeyError> {
        let Some(number) = self.number(id) else { return Ok(None) };
        let recent = self.recent.find(number);
        if recent.is_some() { Ok(recent) } else { self.read(number) }
    }

    /// As [`KeySlots::find`] for each of several: asked for together they cost less. `found` is
    /// emptied before, and then has one for each id.
    ///
    /// # Errors
    /// As [`KeySlots::find`].
    pub fn find_each(
        &self,
        ids: &[Uuid],
        found: &mut Vec<Option<PersonKey>>,
    ) -> Result<(), KeyError> {
        let numbers: Vec<_> = {
            let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
            ids.iter().map(|id| slots.get(id).copied()).collect()
        };
        self.recent.find_each(&numbers, found);
        for (key, number) in found.iter_mut().zip(numbers) {
            if let (None, Some(number)) = (&key, number) {
                *key = self.read(number)?;
            }
        }
        Ok(())
    }

    fn read(&self, number: u32) -> Result<Option<PersonKey>, KeyError> {
        let slot = match self.slot(number) {
            // It may just be being destroyed; then it is whole when that is done.
            Err(KeyError::Damaged(_)) => {
                let _turn = self.turn();
                self.slot(number)?
            }
            found => found?,
        };
        let key = self.unwrap(&slot, number)?;
        if let Some(key) = &key {
            self.recent.keep(number, key);
        }
        Ok(key)
    }

    /// The key of `id`, made when it has none. A new key is durable only after
    /// [`KeySlots::sync`], which must come before anything sealed with it is synced.
    ///
    /// # Errors
    /// [`KeyError::Destroyed`] after erasure, [`KeyError::Full`], else as [`KeySlots::find`].
    pub fn issue(&self, id: Uuid) -> Result<PersonKey, KeyError> {
        if self.number(id).is_some() {
            return self.find(id)?.ok_or(KeyError::Destroyed);
        }
        let mut count = self.turn();
        if self.number(id).is_some() {
            drop(count);
            return self.find(id)?.ok_or(KeyError::Destroyed);
        }
        let mut random = [0; 44];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let (secret, nonce) = random.split_first_chunk::<32>().expect("thirty-two bytes");
        let nonce: [u8; 12] = nonce.try_into().expect("twelve bytes");
        let slot = wrap::wrap(&self.master, id, secret, nonce);
        let number = *count;
        let has_room = self.once(|| match self.file.write_all_at(&slot, offset(number)) {
            // Durable, so that no power loss shows parts of this slot under the next one.
            Err(error) if storage::is_full(&error) => {
                self.file.set_length(offset(number))?;
                self.file.sync_data().map(|()| false)
            }
            written => written.map(|()| true),
        })?;
        if !has_room {
            return Err(KeyError::Full);
        }
        self.insert(id, &mut count)?;
        let key = PersonKey::new(secret);
        self.recent.keep(number, &key);
        Ok(key)
    }

    /// Makes every issued key durable.
    ///
    /// # Errors
    /// [`KeyError::Io`]; never retry it.
    pub fn sync(&self) -> Result<(), KeyError> {
        self.once(|| self.file.sync_data())
    }

    /// Overwrites the key of `id` in place, durable when it returns: what it sealed is unreadable
    /// for ever. The id stays, so that no second key is ever issued under it.
    ///
    /// # Errors
    /// [`KeyError::Io`].
    pub fn destroy(&self, id: Uuid) -> Result<(), KeyError> {
        let mut count = self.turn();
        let known = self.number(id);
        let number = known.unwrap_or(*count);
        self.once(|| self.file.write_all_at(&slot::destroyed(id), offset(number)))?;
        if known.is_none() {
            self.insert(id, &mut count)?;
        }
        self.recent.erase(number);
        self.sync()
    }

    /// Whether the key of `id` was destroyed. Asks memory alone.
    pub fn is_destroyed(&self, id: Uuid) -> bool {
        self.number(id).is_some_and(|number| self.recent.is_erased(number))
    }

    fn number(&self, id: Uuid) -> Option<u32> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    fn turn(&self) -> MutexGuard<'_, u32> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slot behind the last one, just written, is that of `id`.
    fn insert(&self, id: Uuid, count: &mut u32) -> Result<(), KeyError> {
        let more = count.checked_add(1).ok_or_else(|| io::Error::other("too many key slots"))?;
        self.slots.write().unwrap_or_else(PoisonError::into_inner).insert(id, *count);
        *count = more;
        Ok(())
    }

    /// Writes or syncs, unless that has failed before.
    fn once<T>(&self, work: impl FnOnce() -> io::Result<T>) -> Result<T, KeyError> {
        if self.failed.load(Ordering::Acquire) {
            return Err(io::Error::other("an earlier write or sync failed").into());
        }
        let done = work();
        self.failed.fetch_or(done.is_err(), Ordering::AcqRel);
        Ok(done?)
    }

    fn slot(&self, number: u32) -> Result<[u8; SLOT_BYTES], KeyError> {
        let mut slot = [0; SLOT_BYTES];
        self.file.read_exact_at(&mut slot, offset(number))?;
        match slot::judge(&slot, number) {
            Slot::Whole => Ok(slot),
            Slot::HalfDestroyed => Ok(slot::destroyed(slot::id(&slot))),
            Slot::NeverWritten | Slot::Damaged => Err(KeyError::Damaged(offset(number))),
        }
    }

    fn unwrap(&self, slot: &[u8], number: u32) -> Result<Option<PersonKey>, KeyError> {
        let secret = wrap::unwrap(&self.master, slot, number)?;
        Ok(secret.as_ref().map(PersonKey::new))
    }
}
