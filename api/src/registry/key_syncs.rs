//! Makes new keys durable beside the deciding of their group.
//!
//! A key must be on the disk before anything that it sealed. Of a group of single events about one in
//! three has a new key; synced only when the group is appended, it would be waited for twice. So a
//! thread of its own syncs while the rest of the group is decided and sealed, and mostly is done by then.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use journal::KeySlots;

use super::commit::die;

/// The keys that were issued up to some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Issued(u64);

/// The end where syncs are asked for, the thread's own, and the one where they are waited for.
pub(super) fn key_syncs(keys: Arc<KeySlots>) -> (KeySyncs, SyncingKeys, Arc<SyncedKeys>) {
    let (asked, asks) = channel();
    let synced = Arc::<SyncedKeys>::default();
    let thread = SyncingKeys { asks, keys, synced: Arc::clone(&synced) };
    (KeySyncs { asked, newest: Issued::default() }, thread, synced)
}

/// Where syncs are asked for. Dropping it ends the thread.
pub(super) struct KeySyncs {
    asked: Sender<Issued>,
    newest: Issued,
}

impl KeySyncs {
    /// Begins to make durable whatever was issued until now; does not wait.
    pub fn begin(&mut self) -> Issued {
        self.newest = Issued(self.newest.0 + 1);
        // Without its thread the process has ended.
        self.asked.send(self.newest).ok();
        self.newest
    }
}

/// What the thread works with.
pub(super) struct SyncingKeys {
    asks: Receiver<Issued>,
    keys: Arc<KeySlots>,
    synced: Arc<SyncedKeys>,
}

impl SyncingKeys {
    /// Syncs as long as somebody may ask; a failing disk ends the process.
    pub fn run(self) {
        while let Ok(first) = self.asks.recv() {
            let issued = self.asks.try_iter().last().unwrap_or(first);
            if let Err(error) = self.keys.sync() {
                die(&error);
            }
            self.synced.are(issued);
        }
    }
}

/// Which keys are durable.
#[derive(Default)]
pub(super) struct SyncedKeys {
    newest: Mutex<Issued>,
    changed: Condvar,
}

impl SyncedKeys {
    fn are(&self, issued: Issued) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = issued;
        self.changed.notify_all();
    }

    /// Waits until these are.
    pub fn wait(&self, issued: Issued) {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_while(newest, |newest| *newest < issued);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}
