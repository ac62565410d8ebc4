//! The tree of an open log: it grows behind the log, signs what it has grown to, and answers with
//! proofs.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::Position;

use super::check::{Alarm, are_as_tiles, are_levels_whole, check, leaf_hashes};
use super::levels::{Levels, TILE_WIDTH};
use super::merkle::{self, Hash};
use super::note::{Checkpoint, NoteError, Signer, Verifier, hash_lines};
use super::prove;
use crate::contract::{Journal, ReadError};

/// Records that are added to the tiles at once.
const GROWTH_RECORDS: u64 = 65_536;
/// Behind a log that is written so many are hashed without a pause, as long as others may wait.
const PIECE_RECORDS: u64 = 256;
const PAUSE: Duration = Duration::from_micros(200);
pub(super) const CHECKPOINT: &str = "checkpoint";
const COSIGNED: &str = "cosigned";

/// Why a tree could not be made, opened or grown.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A file could not be read or written.
    #[error("cannot use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The signed checkpoint is not readable, or another's.
    #[error("{path} is not a checkpoint of this log")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: NoteError,
    },
    /// The log is not what was signed.
    #[error("the log does not agree with the checkpoint in {path}")]
    Alarm {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Alarm,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// A line of cosignature is not what the witness' key makes of the checkpoint.
    #[error("a cosignature does not fit the checkpoint")]
    Cosignature,
    /// A checkpoint that this log never signed.
    #[error("the checkpoint is not one of this log")]
    Foreign,
}

/// A checkpoint and the note that carries it.
#[derive(Clone, Debug)]
pub struct Signed {
    /// What is said.
    pub checkpoint: Checkpoint,
    /// The signed note.
    pub note: String,
}

/// The tree of a log that this process writes.
pub struct Tree {
    pub(super) folder: PathBuf,
    signer: Signer,
    witnesses: Vec<Verifier>,
    pub(super) levels: Levels,
    /// What was signed when it was opened, if not every record was held against it then.
    pub(super) unproved: Option<Checkpoint>,
    newest: RwLock<Arc<Signed>>,
    cosigned: RwLock<Option<Arc<Signed>>>,
}

impl Tree {
    /// Makes the tree of a log without records, and signs that it has none.
    ///
    /// # Errors
    /// [`TreeError::Io`].
    pub fn create(folder: &Path, signer: &Signer) -> Result<(), TreeError> {
        let io = |source| TreeError::Io { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(io)?;
        let levels = Levels::open(folder, false).map_err(io)?;
        let empty = merkle::root(&levels, 0).map_err(io)?;
        Self::begin(folder, signer, 0, empty)
    }

    /// Signs the first checkpoint of a tree whose levels lie in `folder` and have this root: that
    /// of a log that goes on from a copy.
    ///
    /// # Errors
    /// [`TreeError::Io`].
    pub fn begin(folder: &Path, signer: &Signer, size: u64, root: Hash) -> Result<(), TreeError> {
        replace(folder, CHECKPOINT, &signer.sign(size, root))
    }

    /// Opens the tree and holds the log against it: every record is hashed. Tiles that are missing
    /// or damaged are made anew.
    ///
    /// # Errors
    /// [`TreeError::Alarm`] when the log is not what was signed: nothing may be signed, served or
    /// recorded then.
    pub fn open(
        folder: &Path,
        signer: Signer,
        witnesses: Vec<Verifier>,
        journal: &dyn Journal,
    ) -> Result<Self, TreeError> {
        Self::open_behind(folder, signer, witnesses, journal, Position(0), &mut |_, _| {})
    }

    /// As [`Tree::open`], but records up to `adopted` are not read, if the tiles are those that were
    /// signed; [`Tree::prove`] is then due. `progress` is told records that were hashed, of how many.
    ///
    /// # Errors
    /// As there.
    pub fn open_behind(
        folder: &Path,
        signer: Signer,
        witnesses: Vec<Verifier>,
        journal: &dyn Journal,
        adopted: Position,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, TreeError> {
        let io = |source| TreeError::Io { path: folder.to_owned(), source };
        let path = folder.join(CHECKPOINT);
        let note = fs::read_to_string(&path);
        let note = note.map_err(|source| TreeError::Io { path: path.clone(), source })?;
        let checkpoint = signer.verifier().open(&note);
        let checkpoint =
            checkpoint.map_err(|source| TreeError::Checkpoint { path: path.clone(), source })?;
        let levels = Levels::open(folder, true).map_err(io)?;
        let mut are_whole = are_levels_whole(&levels, &checkpoint);
        let is_behind = adopted.0 > 0
            && !prove::has_failed(folder)
            && are_whole
            && checkpoint.size <= journal.head().0
            && matches!(are_as_tiles(journal, &levels, adopted, &checkpoint), Ok(true));
        if !is_behind {
            let size = checkpoint.size;
            match check(journal, &levels, &checkpoint, |position| progress(position.0, size)) {
                Ok(_) => {}
                Err(Alarm::Tile { .. } | Alarm::Tiles(_)) => are_whole = false,
                Err(source) => return Err(TreeError::Alarm { path, source }),
            }
        }
        prove::forget_failure(folder).map_err(io)?;
        levels.cut(if are_whole { checkpoint.size } else { 0 }).map_err(io)?;
        let cosigned = fs::read_to_string(folder.join(COSIGNED)).ok();
        let cosigned = cosigned.and_then(|note| {
            let checkpoint = signer.verifier().open(&note).ok()?;
            Some(Arc::new(Signed { checkpoint, note }))
        });
        let unproved = is_behind.then(|| checkpoint.clone());
        let size = checkpoint.size;
        let newest = RwLock::new(Arc::new(Signed { checkpoint, note }));
        let cosigned = RwLock::new(cosigned);
        let folder = folder.to_owned();
        let tree = Self { folder, signer, witnesses, levels, unproved, newest, cosigned };
        if !are_whole && size > 0 {
            tracing::warn!(folder = %tree.folder.display(), "the tiles of the tree are made anew");
            tree.extend(journal, 0, size)?;
            // Made from a log that agreed a moment ago; checked before anything is signed upon it.
            if !are_levels_whole(&tree.levels, &tree.newest().checkpoint) {
                let source = Alarm::Rewritten { size, position: None };
                return Err(TreeError::Alarm { path, source });
            }
        }
        Ok(tree)
    }

    /// Grows the tree to the head of the log and signs it: tiles durable first, then the
    /// checkpoint, and only then it is shown. Gives whether there was anything new.
    ///
    /// # Errors
    /// [`TreeError`]; what was signed before still stands.
    pub fn grow(&self, journal: &dyn Journal) -> Result<bool, TreeError> {
        let (size, head) = (self.newest().checkpoint.size, journal.head().0);
        if head <= size {
            return Ok(false);
        }
        match head - size {
            ..GROWTH_RECORDS => self.extend_gently(journal, size, head)?,
            _ => self.extend(journal, size, head)?,
        }
        let root = merkle::root(&self.levels, head).map_err(|source| self.io(source))?;
        let signed = self.sign(head, root);
        replace(&self.folder, CHECKPOINT, &signed.note)?;
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(signed);
        Ok(true)
    }

    fn extend(&self, journal: &dyn Journal, from: u64, to: u64) -> Result<(), TreeError> {
        let mut size = from;
        while size < to {
            let leaves = leaf_hashes(journal, size, (to - size).min(GROWTH_RECORDS))?;
            self.levels.extend(size, &leaves).map_err(|source| self.io(source))?;
            size += leaves.len() as u64;
            if leaves.is_empty() {
                return Err(self.io(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok(())
    }

    /// The same with pauses between pieces.
    fn extend_gently(&self, journal: &dyn Journal, from: u64, to: u64) -> Result<(), TreeError> {
        let mut leaves = Vec::with_capacity((to - from) as usize);
        loop {
            let size = from + leaves.len() as u64;
            if size == to {
                break;
            }
            let piece = leaf_hashes(journal, size, (to - size).min(PIECE_RECORDS))?;
            if piece.is_empty() {
                return Err(self.io(io::ErrorKind::UnexpectedEof.into()));
            }
            leaves.extend(piece);
            std::thread::sleep(PAUSE);
        }
        self.levels.extend(from, &leaves).map_err(|source| self.io(source))
    }

    /// The newest checkpoint.
    pub fn newest(&self) -> Arc<Signed> {
        Arc::clone(&self.newest.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest checkpoint that a witness cosigned.
    pub fn cosigned(&self) -> Option<Arc<Signed>> {
        self.cosigned.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The log's public key.
    pub fn verifier(&self) -> &Verifier {
        self.signer.verifier()
    }

    /// The signed note of the tree when it had `size` records, at most those of the newest one; a
    /// cosigned one where there is one.
    ///
    /// # Errors
    /// [`TreeError::Io`].
    pub fn signed_at(&self, size: u64) -> Result<Option<Arc<Signed>>, TreeError> {
        let newest = self.newest();
        let kept = self.cosigned().filter(|signed| signed.checkpoint.size == size);
        match kept {
            Some(signed) => Ok(Some(signed)),
            None if size == newest.checkpoint.size => Ok(Some(newest)),
            None if size > newest.checkpoint.size => Ok(None),
            None => {
                let root = merkle::root(&self.levels, size).map_err(|source| self.io(source))?;
                Ok(Some(Arc::new(self.sign(size, root))))
            }
        }
    }

    /// The proof that the leaf at `index` is in the tree of `size`; none unless
    /// `index < size` and the tree is signed that far.
    ///
    /// # Errors
    /// [`TreeError::Io`].
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Option<Vec<Hash>>, TreeError> {
        if index >= size || size > self.newest().checkpoint.size {
            return Ok(None);
        }
        merkle::inclusion(&self.levels, index, size).map(Some).map_err(|source| self.io(source))
    }

    /// The proof that the tree of `to` continues that of `from`; none unless `from <= to` and the
    /// tree is signed that far.
    ///
    /// # Errors
    /// [`TreeError::Io`].
    pub fn consistency(&self, from: u64, to: u64) -> Result<Option<Vec<Hash>>, TreeError> {
        if from > to || to > self.newest().checkpoint.size {
            return Ok(None);
        }
        merkle::consistency(&self.levels, from, to).map(Some).map_err(|source| self.io(source))
    }

    /// The C2SP tlog-proof file of the record at a position in the tree of a size, if none is said
    /// the newest one; none when the tree does not have it.
    ///
    /// # Errors
    /// [`TreeError::Io`].
    pub fn proof(
        &self,
        position: Position,
        size: Option<u64>,
    ) -> Result<Option<String>, TreeError> {
        let size = size.unwrap_or_else(|| self.newest().checkpoint.size);
        let Some(index) = position.0.checked_sub(1) else { return Ok(None) };
        let proof = self.inclusion(index, size)?.zip(self.signed_at(size)?);
        Ok(proof.map(|(proof, signed)| {
            let (hashes, note) = (hash_lines(&proof), &signed.note);
            format!("c2sp.org/tlog-proof@v1\nindex {index}\n{hashes}\n{note}")
        }))
    }

    /// The bytes of a tile of width 1 to 256; none when the signed tree does not have it.
    ///
    /// # Errors
    /// [`TreeError::Io`].
    pub fn tile(&self, level: u32, index: u64, width: u64) -> Result<Option<Vec<u8>>, TreeError> {
        let nodes = self.newest().checkpoint.size.checked_shr(8 * level).unwrap_or(0);
        let end = index.checked_mul(TILE_WIDTH).and_then(|first| first.checked_add(width));
        if width == 0 || width > TILE_WIDTH || end.is_none_or(|end| end > nodes) {
            return Ok(None);
        }
        let read = self.levels.tile(level as usize, index, width);
        read.map(Some).map_err(|source| self.io(source))
    }

    /// Takes the cosignatures of configured witnesses from a note: a checkpoint of this log with
    /// lines of signature behind it. Lines of other keys are passed over. Gives the names of the
    /// witnesses whose lines were taken; they are published with the checkpoint, if it is not older
    /// than the one cosigned last.
    ///
    /// # Errors
    /// [`TreeError::Foreign`], [`TreeError::Cosignature`] or [`TreeError::Io`]; nothing was taken.
    pub fn cosign(&self, note: &str) -> Result<Vec<String>, TreeError> {
        let (checkpoint, lines) = Checkpoint::read(note).map_err(|_| TreeError::Foreign)?;
        let mut kept = self.cosigned.write().unwrap_or_else(PoisonError::into_inner);
        // Not by its signature alone: what is kept shall be the log's, whoever has its key.
        let size = checkpoint.size;
        if size > self.newest().checkpoint.size || checkpoint.origin != self.verifier().name() {
            return Err(TreeError::Foreign);
        }
        let root = merkle::root(&self.levels, size).map_err(|source| self.io(source))?;
        if root != checkpoint.root {
            return Err(TreeError::Foreign);
        }
        let before = kept.clone().filter(|signed| signed.checkpoint.size == size);
        let mut cosigned = before.map_or_else(|| self.sign(size, root).note, |s| s.note.clone());
        let mut taken = Vec::new();
        for line in lines.lines() {
            let Some(witness) = self.witnesses.iter().find(|one| one.is_named_in(line)) else {
                continue;
            };
            if !witness.signed(&checkpoint, line) {
                return Err(TreeError::Cosignature);
            }
            taken.push(witness.name().to_owned());
            // One line a witness, the one signed last: who reads it may ask how fresh it is.
            let known = cosigned.lines().find(|known| witness.is_named_in(known));
            if known.is_some_and(|known| witness.cosigned_at(known) >= witness.cosigned_at(line)) {
                continue;
            }
            if let Some(known) = known.map(|known| format!("{known}\n")) {
                cosigned = cosigned.replacen(&known, "", 1);
            }
            cosigned.push_str(line);
            cosigned.push('\n');
        }
        let is_newer = kept.as_ref().is_none_or(|signed| signed.checkpoint.size <= size);
        if !taken.is_empty() && is_newer {
            replace(&self.folder, COSIGNED, &cosigned)?;
            *kept = Some(Arc::new(Signed { checkpoint, note: cosigned }));
        }
        Ok(taken)
    }

    fn sign(&self, size: u64, root: Hash) -> Signed {
        let origin = self.verifier().name().to_owned();
        Signed { checkpoint: Checkpoint { origin, size, root }, note: self.signer.sign(size, root) }
    }

    fn io(&self, source: io::Error) -> TreeError {
        TreeError::Io { path: self.folder.clone(), source }
    }
}

/// Writes a file beside the one it replaces; durable on return, and never half.
fn replace(folder: &Path, name: &str, text: &str) -> Result<(), TreeError> {
    let path = folder.join(name);
    let unfinished = folder.join(format!("{name}.new"));
    let write = || {
        let mut file = File::create(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        fs::rename(&unfinished, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|source| TreeError::Io { path: path.clone(), source })
}
