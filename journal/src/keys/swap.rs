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

const ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// The name that an old file keeps.
fn old(path: &Path) -> PathBuf {
    path.with_extension("old")
}

/// Puts `new`, which is durable, in the place of `path`; durable on return.
pub(super) fn swap(path: &Path, new: &Path) -> io::Result<()> {
    finish(path)?;
    if path.exists() {
        fs::hard_link(path, old(path))?;
    }
    fs::rename(new, path)?;
    File::open(above(path))?.sync_all()?;
    finish(path)
}

/// Ends what an earlier swap may have left: the old file is overwritten and goes, unless it is
/// still the one in use. Whoever calls keeps others from swapping.
///
/// # Errors
/// What the file system said.
pub fn finish(path: &Path) -> io::Result<()> {
    let old = old(path);
    let left = match fs::metadata(&old) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        left => left?,
    };
    let used = fs::metadata(path)?;
    if (left.dev(), left.ino()) != (used.dev(), used.ino()) {
        overwrite(&old, left.len())?;
    }
    fs::remove_file(&old)?;
    File::open(above(path))?.sync_all()
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
