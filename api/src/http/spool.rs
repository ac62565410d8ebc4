//! Answers that nobody has read yet: first a little memory, then a file without a name. A client
//! that sends its whole body before it reads is held back by the registry's pace alone, and
//! whatever it leaves unread costs the process no memory.
//!
//! The file holds receipts: ids, positions and what rules say, never a name or a number.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

/// So many bytes of one answer are kept in memory.
const MEMORY_BYTES_MAX: usize = 1 << 20;
/// The file of one answer grows to so many bytes; then its writer waits for its reader.
const FILE_BYTES_MAX: u64 = 4 << 30;
/// So much is read from the file at once.
const CHUNK_BYTES: usize = 256 << 10;

/// An answer of which one end is written and the other read. What is in memory is always older
/// than what is in the file: memory takes nothing new while the file holds something unread.
#[derive(Default)]
struct Spool {
    state: Mutex<State>,
    /// Tells the reader of new bytes and of the end.
    written: Notify,
    /// Tells the writer of room and of the reader's going.
    taken: Notify,
}

#[derive(Default)]
struct State {
    memory: VecDeque<Bytes>,
    memory_bytes: usize,
    file: Option<Arc<File>>,
    /// The file's unread part.
    read_to: u64,
    written_to: u64,
    /// The file could not be made or written: memory alone, then the writer waits.
    file_failed: bool,
    /// The writer has written its last.
    is_ended: bool,
    /// The writer has gone before its last.
    is_broken: bool,
    /// The reader has gone.
    is_abandoned: bool,
}

/// Where the next bytes of an answer go.
enum Place {
    Memory,
    File {
        file: Option<Arc<File>>,
        offset: u64,
    },
    /// Nowhere before the reader has taken some.
    Full,
}

/// Where the next bytes of an answer come from.
enum Found {
    Memory(Bytes),
    File { file: Arc<File>, offset: u64, length: usize },
    Nothing,
    End,
    Broken,
}

impl Spool {
    /// No code panics while it holds the lock, so a poisoned one is as good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn place(&mut self, length: usize) -> Place {
        let file_is_read = self.read_to == self.written_to;
        if file_is_read {
            (self.read_to, self.written_to) = (0, 0);
            if self.memory.is_empty() || self.memory_bytes + length <= MEMORY_BYTES_MAX {
                return Place::Memory;
            }
        }
        if self.file_failed || self.written_to + length as u64 > FILE_BYTES_MAX {
            return Place::Full;
        }
        Place::File { file: self.file.clone(), offset: self.written_to }
    }

    fn find(&mut self) -> Found {
        if let Some(bytes) = self.memory.pop_front() {
            self.memory_bytes -= bytes.len();
            return Found::Memory(bytes);
        }
        match &self.file {
            Some(file) if self.read_to < self.written_to => {
                let length = (self.written_to - self.read_to).min(CHUNK_BYTES as u64) as usize;
                Found::File { file: Arc::clone(file), offset: self.read_to, length }
            }
            _ if self.is_ended => Found::End,
            _ if self.is_broken => Found::Broken,
            _ => Found::Nothing,
        }
    }
}

/// The end of an answer that is written. Dropping it unfinished breaks the answer off.
pub struct SpoolWriter {
    spool: Arc<Spool>,
    /// Gives the folder of the file, asked when memory is full for the first time.
    folder: Box<dyn Fn() -> PathBuf + Send + Sync>,
}

/// The end of an answer that is read. Dropping it tells the writer to stop.
pub struct SpoolReader {
    spool: Arc<Spool>,
}

/// Both ends of an answer. What does not fit memory goes to a file in `folder` that is unlinked
/// from its beginning.
pub fn spool(folder: impl Fn() -> PathBuf + Send + Sync + 'static) -> (SpoolWriter, SpoolReader) {
    let spool = Arc::new(Spool::default());
    let reader = SpoolReader { spool: Arc::clone(&spool) };
    (SpoolWriter { spool, folder: Box::new(folder) }, reader)
}

impl SpoolWriter {
    /// Appends to the answer; waits only when memory and file are full. False when the reader has
    /// gone.
    pub async fn write(&mut self, bytes: Bytes) -> bool {
        loop {
            let place = {
                let mut state = self.spool.state();
                if state.is_abandoned {
                    return false;
                }
                let place = state.place(bytes.len());
                if matches!(place, Place::Memory) {
                    state.memory_bytes += bytes.len();
                    state.memory.push_back(bytes.clone());
                }
                place
            };
            match place {
                Place::Memory => break,
                Place::File { file, offset } => {
                    match self.write_to_file(file, offset, bytes.clone()).await {
                        Ok(()) => break,
                        Err(error) => {
                            tracing::warn!(%error, "unread answers cannot be kept in a file");
                            self.spool.state().file_failed = true;
                        }
                    }
                }
                Place::Full => self.spool.taken.notified().await,
            }
        }
        self.spool.written.notify_one();
        true
    }

    /// Says that the answer is whole.
    pub fn finish(self) {
        self.spool.state().is_ended = true;
    }

    async fn write_to_file(
        &self,
        file: Option<Arc<File>>,
        offset: u64,
        bytes: Bytes,
    ) -> io::Result<()> {
        let folder = file.is_none().then(|| (self.folder)());
        let length = bytes.len() as u64;
        let writing = spawn_blocking(move || {
            let file = match (file, folder) {
                (Some(file), _) => file,
                (None, Some(folder)) => Arc::new(tempfile::tempfile_in(folder)?),
                (None, None) => return Err(io::Error::from(io::ErrorKind::NotFound)),
            };
            file.write_all_at(&bytes, offset)?;
            Ok(file)
        });
        let file = writing.await.map_err(io::Error::other)??;
        let mut state = self.spool.state();
        state.file = Some(file);
        state.written_to = offset + length;
        Ok(())
    }
}

impl Drop for SpoolWriter {
    fn drop(&mut self) {
        self.spool.state().is_broken = true;
        self.spool.written.notify_one();
    }
}

impl SpoolReader {
    /// The next bytes of the answer; none when it is over.
    ///
    /// # Errors
    /// The file could not be read back, or the writer has gone before its last.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let found = self.spool.state().find();
            let bytes = match found {
                Found::End => return Ok(None),
                Found::Broken => return Err(io::ErrorKind::BrokenPipe.into()),
                Found::Nothing => {
                    self.spool.written.notified().await;
                    continue;
                }
                Found::Memory(bytes) => bytes,
                Found::File { file, offset, length } => {
                    let reading = spawn_blocking(move || {
                        let mut bytes = vec![0; length];
                        file.read_exact_at(&mut bytes, offset).map(|()| bytes)
                    });
                    let bytes = reading.await.map_err(io::Error::other)??;
                    self.spool.state().read_to = offset + length as u64;
                    bytes.into()
                }
            };
            self.spool.taken.notify_one();
            return Ok(Some(bytes));
        }
    }
}

impl Drop for SpoolReader {
    fn drop(&mut self) {
        self.spool.state().is_abandoned = true;
        self.spool.taken.notify_one();
    }
}
