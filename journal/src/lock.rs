//! The locks that keep a second process out.

use std::fs::TryLockError;
use std::time::Duration;

use crate::storage::StorageFile;

/// How often and how long a lock is asked for again: a child process of the one that just gave it
/// back holds it for the moment between its fork and its exec.
const TRIES: u32 = 25;
const BETWEEN: Duration = Duration::from_millis(20);

/// Takes the lock of an open file; it is given back when the file is dropped.
pub(crate) fn take(file: &impl StorageFile) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN),
            taken => return taken,
        }
    }
    file.try_lock()
}
