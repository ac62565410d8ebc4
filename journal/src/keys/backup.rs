//! A copy of the key slots, beside the process that writes them.
//!
//! The copy is brought up to date in place: keys that are new are added, those that were destroyed
//! are overwritten there too, and no other byte is written. So an update that is cut short leaves
//! the copy that it was, with some of the new; and a key that is destroyed leaves no older copy of
//! itself after the next update. Under another master key every slot is another one: then the whole
//! file is replaced, and the old one overwritten.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use super::repair::UNSYNCED_SLOTS_MAX;
use super::slot::{self, SLOT_BYTES, Slot, offset};
use super::{KeyError, swap};

/// Slots that are read at once.
const SLOTS_AT_ONCE: u32 = 4_096;
/// How often and how long a slot is looked at again that is just being written.
const LOOKS: u32 = 50;
const BETWEEN: Duration = Duration::from_millis(10);

/// What a copy of slots holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopiedKeys {
    /// Slots, those of destroyed keys too.
    pub slots: u32,
    /// Slots that were added or overwritten.
    pub written: u32,
}

/// Brings the copy at `target` up to what the slots at `source` are, and makes it when there is
/// none. Take it after the end of the log was settled: every key of the log is then among them. The
/// copy needs no master key and holds none. A key that is destroyed in the copy stays so.
///
/// # Errors
/// [`KeyError`]; the copy then holds what it held.
pub fn copy(source: &Path, target: &Path) -> Result<CopiedKeys, KeyError> {
    let slots = Source::open(source)?;
    swap::finish(target)?;
    if !target.exists() || !slots.is_begun_in(target)? {
        return slots.replace(target);
    }
    let copy = OpenOptions::new().read(true).write(true).open(target)?;
    let held = (copy.metadata()?.len() / SLOT_BYTES as u64).min(u64::from(u32::MAX)) as u32;
    let mut written = 0;
    slots.each(|number, slot| {
        let mut there = [0; SLOT_BYTES];
        if number < held {
            copy.read_exact_at(&mut there, offset(number))?;
            let is_whole = slot::judge(&there, number) == Slot::Whole;
            if there == *slot || is_whole && slot::is_destroyed(&there) {
                return Ok(());
            }
            if is_whole && (slot::id(&there) != slot::id(slot) || !slot::is_destroyed(slot)) {
                return Err(io::Error::other("the copy is of other key slots").into());
            }
        }
        written += 1;
        Ok(copy.write_all_at(slot, offset(number))?)
    })?;
    copy.sync_all()?;
    Ok(CopiedKeys { slots: slots.count.max(held), written })
}

/// Checks every slot of a copy; gives how many there are.
///
/// # Errors
/// [`KeyError`].
pub fn check(copy: &Path) -> Result<u32, KeyError> {
    let slots = Source { file: File::open(copy)?, count: 0 };
    let count = slots.file.metadata()?.len() / SLOT_BYTES as u64;
    let slots = Source { count: u32::try_from(count).map_err(io::Error::other)?, ..slots };
    slots.each(|_, _| Ok(()))?;
    Ok(slots.count)
}

struct Source {
    file: File,
    count: u32,
}

impl Source {
    /// The slots without those at the end that are just being made.
    fn open(path: &Path) -> Result<Self, KeyError> {
        let file = File::open(path)?;
        let count = file.metadata()?.len() / SLOT_BYTES as u64;
        let mut count = u32::try_from(count).map_err(io::Error::other)?;
        let least = count.saturating_sub(UNSYNCED_SLOTS_MAX);
        let mut slot = [0; SLOT_BYTES];
        while count > least {
            file.read_exact_at(&mut slot, offset(count - 1))?;
            if slot::judge(&slot, count - 1) == Slot::Whole {
                break;
            }
            count -= 1;
        }
        Ok(Self { file, count })
    }

    /// Shows every slot, whole: one whose destruction has begun as it will be at its end.
    fn each(
        &self,
        mut see: impl FnMut(u32, &[u8; SLOT_BYTES]) -> Result<(), KeyError>,
    ) -> Result<(), KeyError> {
        let mut bytes = vec![0; SLOTS_AT_ONCE as usize * SLOT_BYTES];
        for first in (0..self.count).step_by(SLOTS_AT_ONCE as usize) {
            let some = SLOTS_AT_ONCE.min(self.count - first) as usize;
            let bytes = &mut bytes[..some * SLOT_BYTES];
            self.file.read_exact_at(bytes, offset(first))?;
            for (number, slot) in (first..).zip(bytes.as_chunks().0) {
                see(number, &self.whole(number, *slot)?)?;
            }
        }
        Ok(())
    }

    fn whole(&self, number: u32, mut slot: [u8; SLOT_BYTES]) -> Result<[u8; SLOT_BYTES], KeyError> {
        for _ in 0..LOOKS {
            match slot::judge(&slot, number) {
                Slot::Whole => return Ok(slot),
                Slot::HalfDestroyed => return Ok(slot::destroyed(slot::id(&slot))),
                // Torn by a power loss, before others that may be in use: opening mends it.
                Slot::NeverWritten if self.count - number <= UNSYNCED_SLOTS_MAX => {
                    return Ok(slot);
                }
                Slot::NeverWritten | Slot::Damaged => std::thread::sleep(BETWEEN),
            }
            self.file.read_exact_at(&mut slot, offset(number))?;
        }
        Err(KeyError::Damaged(offset(number)))
    }

    /// Whether a copy begins with the same slot, so is of the same keys under the same master key.
    fn is_begun_in(&self, copy: &Path) -> io::Result<bool> {
        let (mut here, mut there) = ([0; SLOT_BYTES], [0; SLOT_BYTES]);
        let copy = File::open(copy)?;
        if self.count == 0 || copy.metadata()?.len() < SLOT_BYTES as u64 {
            return Ok(false);
        }
        self.file.read_exact_at(&mut here, 0)?;
        copy.read_exact_at(&mut there, 0)?;
        Ok(here == there)
    }

    /// Writes all to a new file that takes the place of the one at `target`. What was destroyed
    /// there stays destroyed.
    fn replace(&self, target: &Path) -> Result<CopiedKeys, KeyError> {
        let new = swap::new(target);
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let mut out = BufWriter::new(file);
        let old = File::open(target).ok();
        self.each(|number, slot| {
            let mut there = [0; SLOT_BYTES];
            let is_there = old.as_ref().is_some_and(|old| {
                old.read_exact_at(&mut there, offset(number)).is_ok()
                    && slot::judge(&there, number) == Slot::Whole
                    && there == slot::destroyed(slot::id(slot))
            });
            Ok(out.write_all(if is_there { &there } else { slot })?)
        })?;
        out.flush()?;
        out.get_ref().sync_all()?;
        drop(out);
        swap::swap(target)?;
        Ok(CopiedKeys { slots: self.count, written: self.count })
    }
}
