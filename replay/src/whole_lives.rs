//! Making every view from the whole log: each life is gathered first and folded in one piece, so
//! that its row is made and written once instead of once for each batch that changes it.
//!
//! Events of different persons lie mixed in the log, and all of them together do not fit in memory.
//! So the first reading does what needs no payload (measures, sources) and copies each record, still
//! sealed, to one of some shelves by its stream; then the shelves are folded, each by one thread
//! and as many at once as there are processors, while what needed no payload is written.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{ScopedJoinHandle, available_parallelism};

use domain::recorded::Recorded;
use domain::{PersonId, Position, StreamKind};
use journal::contract::ReadError;
use journal::record;
use projections::people::Filled;
use projections::{Views, ViewsError};
use uuid::Uuid;

use crate::log_reader::{LogReader, ReplayError};
use crate::merged::{Cut, with_absorbed};
use crate::opening::Opening;

/// Events of a shelf, about: they are in memory together, at some 300 bytes each. So few lie near
/// the processor, where those of one life are far apart.
const SHELF_EVENTS: u64 = 30_000;
/// Shelves are open files, whose number is limited.
const SHELVES_MAX: u64 = 256;
/// Bytes of a shelf that are written at once.
const WRITE_BYTES: usize = 32 << 10;
/// Rows that are written at once, with their index entries in the order of those.
const ROWS_AT_ONCE: usize = 30_000;
/// Threads that fold at most; each has a shelf in memory.
const FOLDING_THREADS_MAX: usize = 8;
/// Events that are read and measured together.
const BATCH_EVENTS: usize = 4_000;
/// Before each record on a shelf: its length.
const LENGTH_BYTES: usize = 4;

/// Folds everything up to `head` into views that hold nothing yet, and flushes them. `workspace` is
/// a folder for as many bytes as the log has; nothing is left there. `progress` is told how far the
/// work is, as a position.
///
/// # Errors
/// [`ReplayError`]; the views are then of no use.
pub(crate) fn fill(
    log: &LogReader,
    views: &Views,
    head: Position,
    workspace: &Path,
    mut progress: impl FnMut(Position),
) -> Result<(), ReplayError> {
    let shelves = shelve(log, views, head, workspace, |done| progress(Position(done.0 / 2)))?;
    views.people.begin_filling();
    let mut done = head.0 / 2;
    let next = AtomicUsize::new(0);
    let threads = available_parallelism().map_or(1, |threads| threads.get());
    let threads = threads.clamp(1, FOLDING_THREADS_MAX);
    std::thread::scope(|scope| {
        let measured = scope.spawn(|| views.keep_measured());
        let (ready, folded) = sync_channel(1);
        let folding: Vec<_> = (0..threads)
            .map(|_| {
                let (ready, next, shelves) = (ready.clone(), &next, &shelves[..]);
                scope.spawn(move || fold(log, views, head, shelves, next, &ready))
            })
            .collect();
        drop(ready);
        let mut waiting = Filled::default();
        for (rows, events) in folded {
            waiting.add(rows);
            if waiting.rows() >= ROWS_AT_ONCE {
                views.people.keep_filled(std::mem::take(&mut waiting))?;
            }
            done += events / 2;
            progress(Position(done.min(head.0)));
        }
        views.people.keep_filled(waiting)?;
        folding.into_iter().try_for_each(joined)?;
        joined(measured).map_err(ReplayError::from)
    })?;
    views.people.end_filling(head);
    Ok(views.flush()?)
}

/// Folds one shelf after the other that nobody has taken, and hands on their rows.
fn fold(
    log: &LogReader,
    views: &Views,
    head: Position,
    shelves: &[File],
    next: &AtomicUsize,
    ready: &SyncSender<(Filled, u64)>,
) -> Result<(), ReplayError> {
    while let Some(shelf) = shelves.get(next.fetch_add(1, Ordering::Relaxed)) {
        let shelf = Shelf::read(shelf)?;
        let open = |life: &Life| {
            let (person, life) = shelf.open(log, life)?;
            Ok((person, with_absorbed(log, life, Cut::Position(head))?))
        };
        let rows = views.people.fill(&shelf.lives, open, log)?;
        // Why nobody takes them is told by whoever should.
        if ready.send((rows, shelf.events)).is_err() {
            break;
        }
    }
    Ok(())
}

fn joined<E: From<ViewsError>>(thread: ScopedJoinHandle<'_, Result<(), E>>) -> Result<(), E> {
    thread.join().unwrap_or(Err(ViewsError::Panicked.into()))
}

/// Reads the log once: measures all of it, and puts the records of persons on shelves.
fn shelve(
    log: &LogReader,
    views: &Views,
    head: Position,
    workspace: &Path,
    mut progress: impl FnMut(Position),
) -> Result<Vec<File>, ReplayError> {
    let workspace_error = |error| ReplayError::Views(ViewsError::Folder(error));
    std::thread::scope(|scope| {
        let (ready, batches) = sync_channel(2);
        let recalled = scope.spawn(|| log.keys().recall());
        let reader = scope.spawn(move || {
            let mut shelves = Shelves::new(workspace, head).map_err(workspace_error)?;
            let mut next = Position(1);
            while next <= head {
                let count = (head.0 - next.0 + 1).min(BATCH_EVENTS as u64) as usize;
                let batch = bare(log, next, count, &mut shelves)?;
                let Some(last) = batch.last() else { break };
                next = Position(last.envelope.position.0 + 1);
                if ready.send(batch).is_err() {
                    break;
                }
            }
            shelves.finish().map_err(workspace_error)
        });
        for batch in batches {
            views.measure(&batch)?;
            progress(batch.last().map_or(Position(0), |event| event.envelope.position));
        }
        recalled.join().map_err(|_| ReplayError::Views(ViewsError::Panicked))??;
        reader.join().unwrap_or(Err(ReplayError::Views(ViewsError::Panicked)))
    })
}

/// Events of which those of persons stay sealed and go on the shelves.
fn bare(
    log: &LogReader,
    from: Position,
    count: usize,
    shelves: &mut Shelves,
) -> Result<Vec<Recorded>, ReplayError> {
    let mut events = Vec::with_capacity(count);
    let mut failed = None;
    log.journal().show_all(from, count, &mut |position, bytes| {
        if failed.is_none() {
            match one_bare(log, position, bytes, shelves) {
                Ok(event) => events.push(event),
                Err(error) => failed = Some(error),
            }
        }
    })?;
    failed.map_or(Ok(events), Err)
}

fn one_bare(
    log: &LogReader,
    position: Position,
    bytes: &[u8],
    shelves: &mut Shelves,
) -> Result<Recorded, ReplayError> {
    let (envelope, _) = record::decode(bytes)
        .map_err(|source| ReadError::Record { position: position.0, source })?;
    if envelope.stream.kind == StreamKind::Person {
        shelves
            .put(envelope.stream.id, bytes)
            .map_err(|error| ReplayError::Views(ViewsError::Folder(error)))?;
        let target = log.target(&envelope)?;
        return Ok(Recorded { envelope, payload: None, target });
    }
    let mut opening = Opening::new(log, 1);
    opening.take(position, bytes);
    Ok(opening.finish()?.remove(0))
}

/// Records by stream, in files that have no name and so go with the process.
struct Shelves(Vec<BufWriter<File>>);

impl Shelves {
    fn new(workspace: &Path, head: Position) -> std::io::Result<Self> {
        let count = (head.0 / SHELF_EVENTS + 1).min(SHELVES_MAX);
        std::fs::create_dir_all(workspace)?;
        let file = |_| Ok(BufWriter::with_capacity(WRITE_BYTES, tempfile::tempfile_in(workspace)?));
        (0..count).map(file).collect::<std::io::Result<_>>().map(Self)
    }

    fn put(&mut self, stream: Uuid, bytes: &[u8]) -> std::io::Result<()> {
        // The last bytes of an id are as good as random, and none of its marks.
        let shelf = stream.as_u64_pair().1 % self.0.len() as u64;
        let shelf = &mut self.0[shelf as usize];
        shelf.write_all(&(bytes.len() as u32).to_le_bytes())?;
        shelf.write_all(bytes)
    }

    fn finish(self) -> std::io::Result<Vec<File>> {
        self.0.into_iter().map(|shelf| shelf.into_inner().map_err(Into::into)).collect()
    }
}

/// The records of some persons, each life together.
struct Shelf {
    bytes: Vec<u8>,
    /// Where each record lies, by stream and then by position.
    records: Vec<(Uuid, Position, Range<usize>)>,
    lives: Vec<Life>,
    events: u64,
}

/// The records of one stream, by their places in [`Shelf::records`].
struct Life(Range<usize>);

impl Shelf {
    fn read(file: &File) -> Result<Self, ReplayError> {
        let error = |error| ReplayError::Views(ViewsError::Folder(error));
        let mut bytes = vec![0; file.metadata().map_err(error)?.len() as usize];
        file.read_exact_at(&mut bytes, 0).map_err(error)?;
        let mut records = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let length = bytes[at..at + LENGTH_BYTES].try_into().expect("four bytes");
            let range = at + LENGTH_BYTES..at + LENGTH_BYTES + u32::from_le_bytes(length) as usize;
            let standing = record::standing(&bytes[range.clone()])
                .map_err(|source| ReadError::Record { position: 0, source })?;
            at = range.end;
            records.push((standing.stream.id, standing.position, range));
        }
        records.sort_unstable_by_key(|(stream, position, _)| (*stream, *position));
        let mut lives = Vec::new();
        let mut start = 0;
        for of_one in records.chunk_by(|one, next| one.0 == next.0) {
            lives.push(Life(start..start + of_one.len()));
            start += of_one.len();
        }
        Ok(Self { bytes, events: records.len() as u64, records, lives })
    }

    /// The events of a life.
    fn open(&self, log: &LogReader, life: &Life) -> Result<(PersonId, Vec<Recorded>), ReplayError> {
        let records = &self.records[life.0.clone()];
        let mut opening = Opening::bare(log, records.len());
        for (_, position, range) in records {
            opening.take(*position, &self.bytes[range.clone()]);
        }
        Ok((PersonId::from_uuid(records[0].0), opening.finish()?))
    }
}
