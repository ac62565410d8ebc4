//! Zeros ahead of the end of the newest file, so that a small group overwrites bytes that the file
//! has already: its sync then writes the group alone, and not what the file system notes of a file
//! that grew, which makes the slowest syncs several times as slow.
//!
//! Frames tell where the log ends, so zeros behind it are nothing ([`super::torn`]). They are written
//! on a thread of their own, beyond what is ready: a group that would reach where that thread is at
//! work waits for it. A first load writes large groups, to which growing costs little, and has none.

use std::io;
use std::path::Path;
use std::thread::JoinHandle;

use crate::storage::{Access, Storage, StorageFile};

/// A group of more bytes is a large one.
const SMALL_GROUP_BYTES: u64 = 64 << 10;
/// Zeros that are synced at once: a group that is synced meanwhile waits for them.
const PIECE_BYTES: u64 = 256 << 10;

/// What lies ahead in the file that is written.
pub(super) struct Ahead<S: Storage> {
    storage: S,
    /// At most so many bytes of zeros; 0 for none.
    most: u64,
    /// Bytes that came in small groups since the last large one: as many are worth having ahead.
    small: u64,
    /// How far the file reaches durably; less than its end where nothing lies ahead.
    ready: u64,
    filling: Option<Filling>,
    /// The disk takes no zeros for this file.
    is_refused: bool,
}

enum Filling {
    Beside(JoinHandle<Filled>),
    Done(Filled),
}

/// How far the file reaches now, and why not as far as was wanted.
type Filled = (u64, Option<io::Error>);

impl<S: Storage> Ahead<S> {
    pub(super) fn new(storage: S, most: u64) -> Self {
        Self { storage, most, small: 0, ready: 0, filling: None, is_refused: false }
    }

    /// Waits for the zeros under way if a group up to `end` would reach them.
    pub(super) fn make_way(&mut self, end: u64) {
        if end > self.ready {
            self.settle();
        }
    }

    /// After a group up to `end` of the file at `path`: begins to write zeros, not beyond
    /// `roll_bytes`, when groups are small and little lies ahead.
    pub(super) fn go_on(&mut self, path: &Path, group_bytes: u64, end: u64, roll_bytes: u64) {
        self.small = if group_bytes > SMALL_GROUP_BYTES { 0 } else { self.small + group_bytes };
        let wanted = self.most.min(self.small);
        let is_much = self.ready.saturating_sub(end) >= wanted / 2;
        if wanted < PIECE_BYTES.min(self.most) || wanted == 0 || is_much || self.is_busy() {
            return;
        }
        self.settle();
        let (from, to) = (self.ready.max(end), roll_bytes.min(end + wanted));
        if from < to && !self.is_refused {
            self.filling = self.fill(path, from, to);
        }
    }

    /// Takes away what lies ahead, behind `end`.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn cut(&mut self, file: &S::File, end: u64) -> io::Result<()> {
        self.settle();
        let is_longer = self.ready > end || std::mem::take(&mut self.is_refused);
        self.ready = 0;
        if is_longer { file.set_length(end) } else { Ok(()) }
    }

    fn is_busy(&self) -> bool {
        matches!(&self.filling, Some(Filling::Beside(thread)) if !thread.is_finished())
    }

    /// Waits for the thread, and takes note of how far it came.
    fn settle(&mut self) {
        let (ready, refused) = match self.filling.take() {
            None => return,
            Some(Filling::Done(filled)) => filled,
            Some(Filling::Beside(thread)) => thread.join().unwrap_or_else(|_| {
                (self.ready, Some(io::Error::other("the thread that fills ahead panicked")))
            }),
        };
        self.ready = ready;
        if let Some(error) = refused {
            tracing::warn!(%error, "a file of the log cannot be filled ahead");
            self.is_refused = true;
        }
    }

    fn fill(&self, path: &Path, from: u64, to: u64) -> Option<Filling> {
        if !S::SHARED {
            return Some(Filling::Done(fill(&self.storage, path, from, to)));
        }
        let (storage, path) = (self.storage.clone(), path.to_owned());
        let thread = std::thread::Builder::new().name("ahead".to_owned());
        thread.spawn(move || fill(&storage, &path, from, to)).ok().map(Filling::Beside)
    }
}

/// Writes zeros, through a handle of its own: what a sync of the groups' handle has to say is for
/// who wrote them.
fn fill<S: Storage>(storage: &S, path: &Path, from: u64, to: u64) -> Filled {
    let mut ready = from;
    let mut all = || -> io::Result<()> {
        let file = storage.open(path, Access::Write)?;
        let zeros = vec![0; PIECE_BYTES.min(to - from) as usize];
        while ready < to {
            let piece = &zeros[..zeros.len().min((to - ready) as usize)];
            file.write_all_at(piece, ready)?;
            file.sync_data()?;
            ready += piece.len() as u64;
        }
        Ok(())
    };
    let refused = all().err();
    (ready, refused)
}
