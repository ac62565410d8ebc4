//! Holds a backup against its manifest, against what was signed, and against a checkpoint that was
//! kept elsewhere: every record is hashed anew.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use journal::copy::{self, Segment};
use journal::segments::Group;
use journal::tree::{Checkpoint, Frontier, Hash, Levels, leaf, root};
use sha2::{Digest, Sha256};

use super::manifest::{LogPart, MANIFEST, Manifest, SmallFile, hex, read};
use super::{BackupError, LOGS, io_at};
use crate::registry::log_key;

/// Hashes of the tiles that are read at once.
const TILES_AT_ONCE: u64 = 8_192;

/// A backup that is what it says.
#[derive(Clone, Copy, Debug)]
pub struct Verified {
    /// Newest position of the events.
    pub events: u64,
    /// Newest position of the reads.
    pub reads: u64,
    /// When it was taken.
    pub taken_at: Timestamp,
}

/// Verifies the backup in a folder; `against` is the text of a checkpoint that was kept elsewhere.
///
/// # Errors
/// [`BackupError`], which names the file, and the byte and the position where there are such.
pub fn verify(target: &Path, against: Option<&str>) -> Result<Verified, BackupError> {
    let manifest = manifest(target)?;
    let path = target.join(MANIFEST);
    let parts = [&manifest.events, &manifest.reads];
    let mut kept = Vec::new();
    for part in parts {
        kept.push(part.signed(&path)?.0);
    }
    let kept = match against {
        None => None,
        Some(note) => {
            let opened =
                kept.iter().enumerate().find_map(|(at, log)| Some((at, log.open(note).ok()?)));
            let foreign = || {
                let text = "the checkpoint to hold the backup against is none of its logs";
                BackupError::Unfit(text.to_owned())
            };
            Some(opened.ok_or_else(foreign)?)
        }
    };
    for (at, part) in parts.into_iter().enumerate() {
        let kept = kept.as_ref().filter(|(log, _)| *log == at).map(|(_, kept)| kept);
        hold(target, at, part, kept, |_, _| Ok(()))?;
    }
    for file in &manifest.files {
        small_file(target, file)?;
    }
    let (events, reads) = (manifest.events.position, manifest.reads.position);
    Ok(Verified { events, reads, taken_at: manifest.taken_at })
}

/// The manifest in a folder.
pub(super) fn manifest(target: &Path) -> Result<Manifest, BackupError> {
    let manifest = read(&target.join(MANIFEST))?;
    manifest.ok_or_else(|| BackupError::Unfit(format!("{} holds no backup", target.display())))
}

/// The bytes of a small file, checked.
pub(super) fn small_file(target: &Path, file: &SmallFile) -> Result<Vec<u8>, BackupError> {
    let path = target.join("files").join(&file.sha256);
    let bytes = fs::read(&path).map_err(io_at(&path))?;
    if hex(&Sha256::digest(&bytes).into()) != file.sha256 || bytes.len() as u64 != file.bytes {
        return Err(BackupError::Damaged { path, why: "it is not what was written".to_owned() });
    }
    Ok(bytes)
}

/// Walks a log of a backup, the first or the second, and shows `see` its groups. All of them are
/// hashed, and at the end the roots must be those of the manifest, of the signed checkpoint and of
/// `kept`.
pub(super) fn hold(
    target: &Path,
    log: usize,
    part: &LogPart,
    kept: Option<&Checkpoint>,
    mut see: impl FnMut(&Segment, &Group<'_>) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    let (folder, tree) = LOGS[log];
    let (manifest, folder) = (target.join(MANIFEST), target.join(folder));
    let contradicts =
        || BackupError::Damaged { path: manifest.clone(), why: "it contradicts itself".to_owned() };
    let segments = part.segments().ok_or_else(contradicts)?;
    let own = part.root().ok_or_else(contradicts)?;
    let (_, signed) = part.signed(&manifest)?;
    let mut tiles = Tiles::open(&log_key::tree_folder(target, tree), part.position)?;
    let mut due = vec![
        (part.position, own, "the manifest".to_owned()),
        (signed.size, signed.root, "the checkpoint in the manifest".to_owned()),
    ];
    due.extend(kept.map(|kept| (kept.size, kept.root, "the checkpoint kept elsewhere".to_owned())));
    let mut frontier = Frontier::default();
    let mut differs = None;
    let mut found = vec![None; due.len()];
    let mut note = |frontier: &Frontier| {
        for ((size, _, _), found) in due.iter().zip(&mut found) {
            if *size == frontier.size() {
                *found = Some(frontier.root());
            }
        }
    };
    note(&frontier);
    copy::walk(&folder, &segments, |segment, group| {
        for record in group.records() {
            let leaf = leaf(record);
            if differs.is_none() && tiles.at(frontier.size())? != leaf {
                differs = Some((folder.join(segment.file_name()), frontier.size() + 1));
            }
            frontier.push(leaf);
            note(&frontier);
        }
        see(segment, group)
    })?;
    for ((size, root, by), found) in due.into_iter().zip(found) {
        if found == Some(root) {
            continue;
        }
        return Err(match differs {
            Some((path, position)) if position <= size => BackupError::Altered { path, position },
            _ => BackupError::Rewritten { path: folder, size, by },
        });
    }
    if let Some((_, position)) = differs {
        let why = format!("not the hash of the record at position {position}");
        return Err(BackupError::Damaged { path: tiles.levels.path(0), why });
    }
    tiles.are_whole(own)
}

/// The hashes of the lowest level of a tree, in order.
struct Tiles {
    folder: PathBuf,
    levels: Levels,
    size: u64,
    from: u64,
    some: Vec<Hash>,
}

impl Tiles {
    fn open(folder: &Path, size: u64) -> Result<Self, BackupError> {
        let levels = Levels::open(folder, false).map_err(io_at(folder))?;
        if levels.leaves().map_err(io_at(folder))? < size {
            let why = "it has fewer hashes than there are records".to_owned();
            let path = levels.path(0);
            return Err(BackupError::Damaged { path, why });
        }
        Ok(Self { folder: folder.to_owned(), levels, size, from: 0, some: Vec::new() })
    }

    /// The one at `index`, which is that of a record of the copy.
    fn at(&mut self, index: u64) -> Result<Hash, BackupError> {
        if index >= self.from + self.some.len() as u64 {
            let count = self.size.saturating_sub(index).min(TILES_AT_ONCE);
            if count == 0 {
                return Ok([0; 32]);
            }
            let read = self.levels.leaf_hashes(index, count);
            (self.from, self.some) = (index, read.map_err(io_at(&self.folder))?);
        }
        Ok(self.some[(index - self.from) as usize])
    }

    /// Whether the levels above are those of the lowest one.
    fn are_whole(&self, due: Hash) -> Result<(), BackupError> {
        if root(&self.levels, self.size).is_ok_and(|root| root == due) {
            return Ok(());
        }
        let (path, why) =
            (self.folder.clone(), "an upper level of the tree is not that of the lowest");
        Err(BackupError::Damaged { path, why: why.to_owned() })
    }
}
