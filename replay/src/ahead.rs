//! Reads the log ahead of who folds it, on several threads: opening events is about half of the
//! work of making the views anew.

use std::ops::RangeInclusive;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use domain::Position;
use domain::recorded::Recorded;

use crate::log_reader::{LogReader, ReplayError};

/// Events that are handed over at once.
const BATCH_EVENTS: usize = 4_000;
/// Batches that each thread has ready beside the one it is opening.
const BATCHES_READY: usize = 2;

/// Hands every event at the positions of `range` to `take`, in order and in batches of some
/// thousands; `threads` (0 is taken as 1) read and open them ahead, a few batches each.
///
/// # Errors
/// The first of [`ReplayError`] from reading and of what `take` refuses with. Everything before it
/// was taken, nothing behind it.
pub fn read_ahead<E: From<ReplayError>>(
    log: &LogReader,
    range: RangeInclusive<Position>,
    threads: usize,
    mut take: impl FnMut(&[Recorded]) -> Result<(), E>,
) -> Result<(), E> {
    let threads = threads.max(1);
    std::thread::scope(|scope| {
        // Batches go round the threads by turns, so their order needs no sorting.
        let lanes: Vec<_> = (0..threads)
            .map(|lane| {
                let (ready, batches) = sync_channel(BATCHES_READY);
                let (back, spent) = channel();
                let batches_of_lane = starts(&range).skip(lane).step_by(threads);
                let last = *range.end();
                scope.spawn(move || open_lane(log, batches_of_lane, last, &ready, &spent));
                Lane { batches, back }
            })
            .collect();
        for (_, lane) in starts(&range).zip(lanes.iter().cycle()) {
            // A thread that is gone without an error has panicked, which the scope passes on.
            let Ok(batch) = lane.batches.recv() else { break };
            let batch = batch?;
            take(&batch)?;
            let _ = lane.back.send(batch);
        }
        Ok(())
    })
}

type Batch = Result<Vec<Recorded>, ReplayError>;

struct Lane {
    batches: Receiver<Batch>,
    /// A batch is freed by the thread that made it, where that costs least.
    back: Sender<Vec<Recorded>>,
}

/// Where each batch begins.
fn starts(range: &RangeInclusive<Position>) -> impl Iterator<Item = Position> + use<> {
    (range.start().0..=range.end().0).step_by(BATCH_EVENTS).map(Position)
}

fn open_lane(
    log: &LogReader,
    starts: impl Iterator<Item = Position>,
    last: Position,
    ready: &SyncSender<Batch>,
    spent: &Receiver<Vec<Recorded>>,
) {
    for from in starts {
        spent.try_iter().for_each(drop);
        let batch = batch(log, from, last);
        let is_over = batch.is_err();
        // Nobody waits any more when `take` has failed.
        if ready.send(batch).is_err() || is_over {
            return;
        }
    }
}

/// The whole batch from one position on; the log may give it in several pieces.
fn batch(log: &LogReader, from: Position, last: Position) -> Batch {
    let whole = (last.0 - from.0 + 1).min(BATCH_EVENTS as u64) as usize;
    let mut events = log.events(from, whole)?;
    while events.len() < whole {
        let more = log.events(Position(from.0 + events.len() as u64), whole - events.len())?;
        if more.is_empty() {
            break;
        }
        events.extend(more);
    }
    events.truncate(whole);
    Ok(events)
}
