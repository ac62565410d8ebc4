//! A log against what was signed of it: every record is hashed anew, and the first that is not the
//! one that was signed is named.

use std::io;
use std::path::PathBuf;

use domain::Position;

use super::levels::Levels;
use super::merkle::{Frontier, Hash, leaf, root};
use super::note::Checkpoint;
use crate::contract::{Journal, ReadError};

/// Records read at once.
const RUN_RECORDS: usize = 65_536;
/// Records for which a thread of its own is worth while.
pub(super) const RECORDS_OF_A_THREAD: u64 = 4_096;

/// What is not as it was signed.
#[derive(Debug, thiserror::Error)]
pub enum Alarm {
    /// A record is another than the signed tree has there: altered, swapped or back-dated, or
    /// others were dropped or put in before it.
    #[error(
        "the record at position {position} is not the one that was signed: it was altered, moved, \
         or records before it were dropped or put in (the checkpoint of {size} records stands \
         against it)"
    )]
    Altered {
        /// The first such record.
        position: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// Records at the end of what was signed are gone.
    #[error(
        "the log ends at position {ends}, but {size} records were signed: position {} and what \
         follows was dropped", ends + 1
    )]
    Dropped {
        /// The newest record.
        ends: u64,
        /// Size of the checkpoint.
        size: u64,
    },
    /// The log is another than that of the checkpoint; where they part, the tiles cannot tell.
    #[error(
        "the first {size} records are not those of the checkpoint{}",
        position.map_or_else(String::new, |at| format!("; they part at position {at} or before"))
    )]
    Rewritten {
        /// Size of the checkpoint.
        size: u64,
        /// The first record that differs from the tiles, if any does.
        position: Option<u64>,
    },
    /// The log is whole, its tiles are not.
    #[error(
        "{path} is damaged at byte {offset}: not the hash of the record at position {position}"
    )]
    Tile {
        /// The file.
        path: PathBuf,
        /// The byte where the hash lies.
        offset: u64,
        /// The record.
        position: u64,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// A tile cannot be read.
    #[error("the tiles of the tree cannot be read")]
    Tiles(#[source] io::Error),
}

/// A log that agrees with a checkpoint.
#[derive(Debug)]
pub struct Checked {
    /// The tree over the checkpoint's records.
    pub frontier: Frontier,
    /// How many leaves from the first on the tiles hold as they should.
    pub tiles: u64,
}

/// Hashes the first records of the log, as many as the checkpoint covers, and compares them with
/// its root and with the tiles. Tiles that are missing at the end are no fault.
///
/// # Errors
/// [`Alarm`].
pub fn check(
    journal: &dyn Journal,
    levels: &Levels,
    signed: &Checkpoint,
    mut progress: impl FnMut(Position),
) -> Result<Checked, Alarm> {
    let run = RUN_RECORDS as u64;
    let checked = check_while(journal, levels, signed, run, |position| {
        progress(position);
        true
    });
    checked.map(|checked| checked.expect("nobody stops it"))
}

/// As [`check`], `run` records at once, until `goes_on` says no: then none.
///
/// # Errors
/// [`Alarm`].
pub(super) fn check_while(
    journal: &dyn Journal,
    levels: &Levels,
    signed: &Checkpoint,
    run: u64,
    mut goes_on: impl FnMut(Position) -> bool,
) -> Result<Option<Checked>, Alarm> {
    let size = signed.size;
    let due = size.min(journal.head().0);
    let held = levels.leaves().map_err(Alarm::Tiles)?;
    let (mut frontier, mut differs) = (Frontier::default(), None);
    while frontier.size() < due {
        let from = frontier.size();
        let leaves = leaf_hashes(journal, from, (due - from).min(run))?;
        let beside = held.saturating_sub(from).min(leaves.len() as u64);
        let tiles = levels.leaf_hashes(from, beside).map_err(Alarm::Tiles)?;
        let differing = leaves.iter().zip(&tiles).position(|(leaf, tile)| leaf != tile);
        differs = differs.or(differing.map(|at| from + at as u64));
        leaves.into_iter().for_each(|leaf| frontier.push(leaf));
        if !goes_on(Position(frontier.size())) {
            return Ok(None);
        }
    }
    if due == size && frontier.root() == signed.root {
        return match differs {
            None => Ok(Some(Checked { frontier, tiles: held.min(size) })),
            Some(index) => {
                let (path, offset) = (levels.path(0), index * 32);
                Err(Alarm::Tile { path, offset, position: index + 1 })
            }
        };
    }
    let position = differs.map(|index| index + 1);
    let are_tiles_signed =
        held >= size && tiles_root(levels, size).map_err(Alarm::Tiles)? == signed.root;
    match (position, are_tiles_signed) {
        (Some(position), true) => Err(Alarm::Altered { position, size }),
        (None, _) if due < size => Err(Alarm::Dropped { ends: due, size }),
        (position, _) => Err(Alarm::Rewritten { size, position }),
    }
}

/// The root over the lowest level alone: the levels above may be damaged.
fn tiles_root(levels: &Levels, size: u64) -> io::Result<Hash> {
    let mut frontier = Frontier::default();
    while frontier.size() < size {
        let count = (size - frontier.size()).min(RUN_RECORDS as u64);
        levels
            .leaf_hashes(frontier.size(), count)?
            .into_iter()
            .for_each(|leaf| frontier.push(leaf));
    }
    Ok(frontier.root())
}

/// Whether the upper levels are those of the lowest one: the root read through them is `signed`'s.
pub(super) fn are_levels_whole(levels: &Levels, signed: &Checkpoint) -> bool {
    let held = levels.leaves().is_ok_and(|held| held >= signed.size);
    held && root(levels, signed.size).is_ok_and(|root| root == signed.root)
}

/// Whether the records behind `from` are those of the tiles.
pub(super) fn are_as_tiles(
    journal: &dyn Journal,
    levels: &Levels,
    from: Position,
    signed: &Checkpoint,
) -> Result<bool, Alarm> {
    let mut from = from.0;
    while from < signed.size {
        let leaves = leaf_hashes(journal, from, (signed.size - from).min(RUN_RECORDS as u64))?;
        let tiles = levels.leaf_hashes(from, leaves.len() as u64).map_err(Alarm::Tiles)?;
        if leaves.is_empty() || leaves != tiles {
            return Ok(false);
        }
        from += leaves.len() as u64;
    }
    Ok(true)
}

/// The hashes of `count` records, or of those that there are, from the one of index `from` on;
/// made on all cores.
pub(super) fn leaf_hashes(
    journal: &dyn Journal,
    from: u64,
    count: u64,
) -> Result<Vec<Hash>, ReadError> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let threads = cores.min(count / RECORDS_OF_A_THREAD).max(1);
    let part = count.div_ceil(threads);
    let parts: Vec<_> = (0..threads).map(|at| (at * part, part.min(count - at * part))).collect();
    let mut leaves = Vec::with_capacity(count as usize);
    let hashed: Vec<Result<Vec<Hash>, ReadError>> = std::thread::scope(|scope| {
        let others = parts[1..].iter().map(|&(first, count)| {
            scope.spawn(move || leaf_hashes_in_order(journal, from + first, count))
        });
        let others: Vec<_> = others.collect();
        let own = leaf_hashes_in_order(journal, from, parts[0].1);
        let joined = others.into_iter().map(|thread| match thread.join() {
            Ok(hashed) => hashed,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        std::iter::once(own).chain(joined).collect()
    });
    for (hashed, (_, wanted)) in hashed.into_iter().zip(parts) {
        let hashed = hashed?;
        let is_end = (hashed.len() as u64) < wanted;
        leaves.extend(hashed);
        if is_end {
            break;
        }
    }
    Ok(leaves)
}

fn leaf_hashes_in_order(
    journal: &dyn Journal,
    from: u64,
    count: u64,
) -> Result<Vec<Hash>, ReadError> {
    let mut leaves = Vec::with_capacity(count as usize);
    while (leaves.len() as u64) < count {
        let before = leaves.len();
        let next = Position(from + before as u64 + 1);
        let wanted = count as usize - before;
        journal.show_all(next, wanted, &mut |_, bytes| {
            if leaves.len() < count as usize {
                leaves.push(leaf(bytes));
            }
        })?;
        if leaves.len() == before {
            break;
        }
    }
    Ok(leaves)
}
