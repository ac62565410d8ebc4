//! The master key: where it comes from, and how another one takes its place.
//!
//! It wraps the keys of persons in their slots and nothing else: identities, look-ups and seals are
//! derived from the registry's own key, which lies in a slot as any other, so they do not change
//! with it.
//!
//! A rotation writes `master.key.next`, then the slots under it in the place of the old ones, then
//! gives the key its name. At every moment the slots open under one of the two keys, and whichever
//! opens them is the one that counts.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use journal::{Segments, keys};

use super::home::{Home, HomeError};

/// Environment variable that holds the master key as 64 hexadecimal digits.
pub const MASTER_KEY_VARIABLE: &str = "RENKOU_MASTER_KEY";
const FILE: &str = "master.key";
const NEXT: &str = "master.key.next";

/// A master key.
pub type MasterKey = [u8; 32];

/// Reads 64 hexadecimal digits.
pub fn parse(text: &str) -> Option<MasterKey> {
    let text = text.trim();
    let byte = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
    bytes.filter(|_| text.len() == 64)?.try_into().ok()
}

/// The key in a file.
///
/// # Errors
/// [`HomeError::MasterKey`].
pub fn read_file(path: &Path) -> Result<MasterKey, HomeError> {
    let text = fs::read_to_string(path).ok();
    text.as_deref().and_then(parse).ok_or_else(|| HomeError::MasterKey(path.to_owned()))
}

/// The key that is given from outside, if one is.
///
/// # Errors
/// [`HomeError::MasterKey`] when it is malformed.
pub fn given(folder: &Path) -> Result<Option<MasterKey>, HomeError> {
    match std::env::var(MASTER_KEY_VARIABLE) {
        Ok(text) => parse(&text).map(Some).ok_or_else(|| HomeError::MasterKey(folder.join(FILE))),
        Err(_) => Ok(None),
    }
}

/// The key of a directory: the one from outside, else the one in its file; the next one where a
/// rotation was cut short after the slots were under it.
///
/// # Errors
/// [`HomeError`].
pub(super) fn read(folder: &Path, slots: &Path) -> Result<MasterKey, HomeError> {
    if let Some(key) = given(folder)? {
        return Ok(key);
    }
    let key = read_file(&folder.join(FILE))?;
    let next = folder.join(NEXT);
    if next.exists() && !keys::opens(slots, &key)? {
        let next = read_file(&next)?;
        if keys::opens(slots, &next)? {
            return Ok(next);
        }
    }
    Ok(key)
}

/// Makes a key at random in its file, 0600.
pub(super) fn make(folder: &Path) -> Result<(), HomeError> {
    let path = folder.join(FILE);
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key)
        .map_err(|error| HomeError::Io { path: path.clone(), source: io::Error::other(error) })?;
    write(&path, &key)
}

/// Writes a key to a file that is not there yet, 0600; durable on return.
pub(super) fn write(path: &Path, key: &MasterKey) -> Result<(), HomeError> {
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let write = || {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        sync_folder(path)
    };
    write().map_err(io_at(path))
}

/// Ends what a rotation left that was cut short. The caller is the registry's only writer.
pub(super) fn settle(folder: &Path, slots: &Path) -> Result<(), HomeError> {
    keys::finish_swap(slots).map_err(io_at(slots))?;
    let (file, next) = (folder.join(FILE), folder.join(NEXT));
    if !next.exists() {
        return Ok(());
    }
    let opens = |path: &Path| match read_file(path) {
        Ok(key) => keys::opens(slots, &key),
        // Cut off while it was written: nothing is under it.
        Err(_) => Ok(false),
    };
    let settled = if opens(&next)? {
        fs::rename(&next, &file)
    } else if opens(&file)? {
        fs::remove_file(&next)
    } else {
        // Neither: who opens the slots says so, and nothing that may be needed goes.
        return Ok(());
    };
    settled.and_then(|()| sync_folder(&file)).map_err(io_at(&file))
}

/// Puts `new` in the place of the master key; gives how many keys of persons were wrapped anew. No
/// byte of a log changes. A master key that comes from outside is the caller's to change: nothing
/// but the slots is written then.
///
/// # Errors
/// [`HomeError`]; another process has the registry, among others.
pub fn rotate(home: &Home, new: &MasterKey) -> Result<u32, HomeError> {
    let (folder, slots) = (home.folder(), home.slots());
    // Whoever writes to the slots has this lock.
    let _lock = Segments::lock(&folder.join("journal"))?;
    settle(folder, &slots)?;
    let old = read(folder, &slots)?;
    let is_given = given(folder)?.is_some();
    if !is_given {
        write(&folder.join(NEXT), new)?;
    }
    let count = keys::rotate(&slots, &old, new)?;
    if !is_given {
        settle(folder, &slots)?;
    }
    Ok(count)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> HomeError {
    let path: PathBuf = path.to_owned();
    move |source| HomeError::Io { path: path.clone(), source }
}
