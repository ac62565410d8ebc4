//! A disk in memory that a seed rules: at any of its operations the power may go, the process die
//! or the system refuse.

use std::collections::BTreeMap;
use std::fs::TryLockError;
use std::io::{self, Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use journal::storage::{Access, SECTOR_BYTES, Storage, StorageFile};

use super::dice::Dice;
use super::disk_fault::{Asks, Turn, told};
use super::disk_image::Image;

pub use super::disk_fault::Fault;

/// The disk. Clones share it.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    dice: Dice,
    files: Vec<Image>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names that were not synced, in order.
    renamed: Vec<Name>,
    locked: Vec<usize>,
    fault: Option<Fault>,
    /// Changing operations since the fault was set.
    operations: u64,
    /// A file that cannot be opened for writing.
    forbidden: Option<PathBuf>,
    is_down: bool,
    has_refused: bool,
    /// Handles of an earlier life do nothing.
    life: u64,
}

#[derive(Clone, Debug)]
enum Name {
    Set(PathBuf, usize),
    Gone(PathBuf),
    Moved { from: PathBuf, to: PathBuf, file: usize },
}

impl Name {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, file) => drop(names.insert(path.clone(), *file)),
            Self::Gone(path) => drop(names.remove(path)),
            Self::Moved { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
        }
    }
}

impl State {
    /// Counts a changing operation.
    fn turn(&mut self, asks: Asks) -> io::Result<Turn> {
        if self.is_down {
            return Err(Error::other("the disk is gone"));
        }
        self.operations += 1;
        match self.fault {
            Some(Fault::Down { at }) if at == self.operations => {
                self.is_down = true;
                Ok(Turn::Fails)
            }
            Some(Fault::Refused { at }) if at == self.operations => {
                self.has_refused = true;
                Ok(Turn::Fails)
            }
            Some(Fault::Full { at, until, .. })
                if asks == Asks::Room && (at..until).contains(&self.operations) =>
            {
                self.has_refused = true;
                Ok(Turn::NoRoom)
            }
            Some(Fault::Full { goes_down: true, .. }) if asks == Asks::Cut && self.has_refused => {
                self.is_down = true;
                Ok(Turn::Fails)
            }
            _ => Ok(Turn::Done),
        }
    }

    fn rename(&mut self, change: Name) -> io::Result<()> {
        let asks = if matches!(change, Name::Set(..)) { Asks::Room } else { Asks::Nothing };
        let turn = self.turn(asks)?;
        if turn == Turn::Done || self.dice.once_in(2) {
            change.apply(&mut self.names);
            self.renamed.push(change);
        }
        told(turn)
    }
}

impl Disk {
    pub fn new(seed: u64) -> Self {
        let state = State {
            dice: Dice::new(seed),
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            renamed: Vec::new(),
            locked: Vec::new(),
            fault: None,
            operations: 0,
            forbidden: None,
            is_down: false,
            has_refused: false,
            life: 0,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Sets what will go wrong next.
    pub fn expect(&self, fault: Option<Fault>) {
        let mut state = self.state();
        (state.fault, state.operations, state.has_refused) = (fault, 0, false);
    }

    /// Lets nobody write a file of this name, or lets everybody again.
    pub fn forbid(&self, path: Option<PathBuf>) {
        self.state().forbidden = path;
    }

    /// Whether the fault that was set has come.
    pub fn has_failed(&self) -> bool {
        let state = self.state();
        state.is_down || state.has_refused
    }

    /// From now on every operation fails: the process is killed before it can do another.
    pub fn go_down(&self) {
        self.state().is_down = true;
    }

    /// Other numbers from now on.
    pub fn reseed(&self, seed: u64) {
        self.state().dice = Dice::new(seed);
    }

    /// A new process begins; with `power_lost` on what a power loss left, else on what the one
    /// before saw.
    pub fn restart(&self, power_lost: bool) {
        let state = &mut *self.state();
        state.life += 1;
        state.is_down = false;
        state.locked.clear();
        if !power_lost {
            return;
        }
        state.files.iter_mut().for_each(|file| file.lose_power(&mut state.dice));
        let renamed = std::mem::take(&mut state.renamed);
        let (kind, until) = (state.dice.below(3), state.dice.below(renamed.len() as u64 + 1));
        for (number, change) in (0..).zip(&renamed) {
            let survives = match kind {
                0 => number < until,
                1 => true,
                _ => state.dice.once_in(2),
            };
            if survives {
                change.apply(&mut state.durable_names);
            }
        }
        state.names = state.durable_names.clone();
    }

    /// Flips a bit of a file, if there is one of that name that has any.
    pub fn flip(&self, path: &Path) -> bool {
        let state = &mut *self.state();
        let Some(file) = state.names.get(path).copied() else { return false };
        let length = state.files[file].live().len() as u64;
        if length == 0 {
            return false;
        }
        let (offset, bit) = (state.dice.below(length), state.dice.below(8));
        state.files[file].flip(offset as usize, 1 << bit);
        true
    }
}

impl Storage for Disk {
    type File = Handle;
    const SHARED: bool = false;

    fn open(&self, path: &Path, access: Access) -> io::Result<Handle> {
        let state = &mut *self.state();
        if access != Access::Read && state.forbidden.as_deref() == Some(path) {
            return Err(ErrorKind::PermissionDenied.into());
        }
        let known = state.names.get(path).copied();
        let file = match (known, access) {
            (Some(_), Access::Create | Access::CreatePrivate) => {
                return Err(ErrorKind::AlreadyExists.into());
            }
            (None, Access::Read | Access::Write) => return Err(ErrorKind::NotFound.into()),
            (Some(file), Access::Replace) => {
                told(state.turn(Asks::Nothing)?)?;
                state.files[file].set_length(0);
                file
            }
            (Some(file), _) => file,
            (None, _) => {
                state.files.push(Image::default());
                let file = state.files.len() - 1;
                state.rename(Name::Set(path.to_owned(), file))?;
                file
            }
        };
        let life = state.life;
        Ok(Handle { disk: self.clone(), file, life })
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let names = &self.state().names;
        Ok(names.keys().filter(|path| path.parent() == Some(folder)).cloned().collect())
    }

    /// Folders are there without being made.
    fn make_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let Some(file) = state.names.get(from).copied() else {
            return Err(ErrorKind::NotFound.into());
        };
        state.rename(Name::Moved { from: from.to_owned(), to: to.to_owned(), file })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.names.contains_key(path) {
            return Err(ErrorKind::NotFound.into());
        }
        state.rename(Name::Gone(path.to_owned()))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let state = &mut *self.state();
        told(state.turn(Asks::Nothing)?)?;
        let is_in = |path: &Path| path.parent() == Some(folder);
        for change in std::mem::take(&mut state.renamed) {
            let (Name::Set(path, _) | Name::Gone(path) | Name::Moved { to: path, .. }) = &change;
            if is_in(path) {
                change.apply(&mut state.durable_names);
            } else {
                state.renamed.push(change);
            }
        }
        Ok(())
    }
}

/// An open file of the disk.
#[derive(Debug)]
pub struct Handle {
    disk: Disk,
    file: usize,
    life: u64,
}

impl Handle {
    /// Does a change; `part` does some of it when it fails.
    fn change(
        &self,
        asks: impl FnOnce(&Image) -> Asks,
        whole: impl FnOnce(&mut Image),
        part: impl FnOnce(&mut Image, &mut Dice),
    ) -> io::Result<()> {
        let state = &mut *self.disk.state();
        if state.life != self.life {
            return Err(Error::other("a file of an earlier life"));
        }
        let turn = state.turn(asks(&state.files[self.file]))?;
        let file = &mut state.files[self.file];
        match turn {
            Turn::Done => whole(file),
            Turn::Fails | Turn::NoRoom => part(file, &mut state.dice),
        }
        told(turn)
    }

    fn sync(&self) -> io::Result<()> {
        let is_down = |disk: &Disk| disk.state().is_down;
        let refused = self.change(|_| Asks::Nothing, Image::sync, |_, _| ());
        if refused.is_err() && !is_down(&self.disk) {
            let state = &mut *self.disk.state();
            state.files[self.file].fail_to_sync(&mut state.dice);
        }
        refused
    }
}

impl StorageFile for Handle {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[self.file].live().len() as u64)
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.disk.state();
        let live = state.files[self.file].live();
        let found = live.get(offset as usize..offset as usize + bytes.len());
        bytes.copy_from_slice(found.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    /// Of a write that fails any first sectors may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = offset as usize;
        self.change(
            |file| match offset + bytes.len() > file.live().len() {
                true => Asks::Room,
                false => Asks::Nothing,
            },
            |file| file.write(offset, bytes),
            |file, dice| {
                let end = offset + dice.below(bytes.len() as u64 + 1) as usize;
                let end = end / SECTOR_BYTES as usize * SECTOR_BYTES as usize;
                file.write(offset, &bytes[..end.saturating_sub(offset)]);
            },
        )
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.change(
            |_| Asks::Cut,
            |file| file.set_length(length as usize),
            |file, dice| {
                if dice.once_in(2) {
                    file.set_length(length as usize);
                }
            },
        )
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        let mut state = self.disk.state();
        if state.locked.contains(&self.file) {
            return Err(TryLockError::WouldBlock);
        }
        state.locked.push(self.file);
        Ok(())
    }
}

/// The only handle that locks a file is the one that is dropped last.
impl Drop for Handle {
    fn drop(&mut self) {
        let file = self.file;
        let mut state = self.disk.state();
        if state.life == self.life {
            state.locked.retain(|locked| *locked != file);
        }
    }
}
