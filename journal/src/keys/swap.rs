//! One file of slots put in the place of another, so that at every moment there is a whole one, and
//! nothing is left of the old one afterwards: a key that is destroyed later shall not lie on in a
//! file that nobody looks at.
//!
//! The old file keeps a second name, `<file>.old`, while the new one takes its place; then its bytes
//! are overwritten and the name goes.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::storage::above;

static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// The name that an old file keeps.
fn old(path: &Path) -> PathBuf {
    path.with_extension("old")
}

/// The name of the file that is to take the place of another.
pub(super) fn new(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Puts the new file, which is durable, in the place of `path`; durable on return.
pub(super) fn swap(path: &Path) -> io::Result<()> {
    take_away(&old(path), path)?;
    if path.exists() {
        fs::hard_link(path, old(path))?;
    }
    fs::rename(new(path), path)?;
    File::open(above(path))?.sync_all()?;
    take_away(&old(path), path)
}

/// Ends what an earlier swap may have left: an old file, or a new one that never took its place, is
/// overwritten and goes. Whoever calls keeps others from swapping.
///
/// # Errors
/// What the file system said.
pub fn finish(path: &Path) -> io::Result<()> {
    take_away(&old(path), path)?;
    take_away(&new(path), path)
}

/// Overwrites a file and takes its name away; the name only where it is the one in use.
fn take_away(left: &Path, used: &Path) -> io::Result<()> {
    let metadata = match fs::metadata(left) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    let is_used = fs::metadata(used)
        .is_ok_and(|used| (used.dev(), used.ino()) == (metadata.dev(), metadata.ino()));
    if !is_used {
        overwrite(left, metadata.len())?;
    }
    fs::remove_file(left)?;
    File::open(above(left))?.sync_all()
}

fn overwrite(path: &Path, length: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    let mut at = 0;
    while at < length {
        let some = (length - at).min(ZEROS.len() as u64);
        file.write_all_at(&ZEROS[..some as usize], at)?;
        at += some;
    }
    file.sync_all()
}
