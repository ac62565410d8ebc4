//! Building the views anew from the log, and proving that the live ones are the same.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use domain::{Position, Sequence, StreamId};
use jiff::civil::Date;
use projections::deadlines::Deadlines;
use projections::quality::MonthEnd;
use projections::{RowSeals, Views, ViewsError};
use rustc_hash::FxHashMap;

use crate::ahead::read_ahead;
use crate::follow::catch_up;
use crate::known_then;
use crate::log_reader::{LogReader, ReplayError};
use crate::whole_lives::fill;

/// Threads that read and open events when the log is walked.
const WALK_THREADS: usize = 2;

/// Builds every view in a new folder beside `folder` and puts it in its place.
///
/// # Errors
/// [`ReplayError`]; the old views are then untouched.
pub fn rebuild(
    log: &LogReader,
    folder: &Path,
    seals: &Arc<dyn RowSeals>,
    deadlines: &Arc<Deadlines>,
    progress: impl FnMut(Position),
) -> Result<Position, ReplayError> {
    let folder_error = |error| ReplayError::Views(ViewsError::Folder(error));
    let (new, old) = (folder.with_extension("new"), folder.with_extension("old"));
    remove(&new).and_then(|()| remove(&old)).map_err(folder_error)?;
    let views = Views::open(&new, seals, deadlines)?;
    let head = log.journal().head();
    fill(log, &views, head, &new, progress)?;
    drop(views);
    if folder.exists() {
        fs::rename(folder, &old).map_err(folder_error)?;
    }
    fs::rename(&new, folder).and_then(|()| remove(&old)).map_err(folder_error)?;
    Ok(head)
}

/// What a check found out.
#[derive(Debug)]
pub struct Checked {
    /// The head of the log that was walked.
    pub head: Position,
    /// Every view.
    pub views: Vec<CheckedView>,
}

/// A view, live and rebuilt.
#[derive(Debug)]
pub struct CheckedView {
    /// Which.
    pub name: &'static str,
    /// Its digest as it is live, if it is there.
    pub live: Option<[u8; 32]>,
    /// Its digest as it is rebuilt.
    pub rebuilt: [u8; 32],
}

impl Checked {
    /// Names of the views that differ from what the log says.
    pub fn differing(&self) -> Vec<&'static str> {
        let differing = self.views.iter().filter(|view| view.live != Some(view.rebuilt));
        differing.map(|view| view.name).collect()
    }
}

/// Why a check failed at the log itself.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The log cannot be read.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// An event does not continue its stream.
    #[error("the event at position {position} does not continue its stream {stream}")]
    Chain {
        /// Which event.
        position: u64,
        /// Which stream.
        stream: StreamId,
    },
    /// The working copy of the views could not be made.
    #[error("the views cannot be copied for the check")]
    Copy(#[source] io::Error),
}

/// Walks the whole log: every frame and record whole, every position and sequence in turn, every
/// payload opened. Gives the head.
///
/// # Errors
/// [`CheckError`] names the file and offset, or the position, of the first fault.
pub fn walk(log: &LogReader, mut progress: impl FnMut(Position)) -> Result<Position, CheckError> {
    let mut heads: FxHashMap<StreamId, (Sequence, Position)> = FxHashMap::default();
    let mut due = Position(1);
    read_ahead(log, due..=log.journal().head(), WALK_THREADS, |events| {
        for event in events {
            let envelope = &event.envelope;
            let head = heads.insert(envelope.stream, (envelope.sequence, envelope.position));
            let (sequence, previous) =
                head.map_or((0, Position(0)), |(sequence, at)| (sequence.0 + 1, at));
            let continues = envelope.position == due
                && envelope.sequence.0 == sequence
                && envelope.previous == previous;
            if !continues {
                let (position, stream) = (envelope.position.0, envelope.stream);
                return Err(CheckError::Chain { position, stream });
            }
            due.0 += 1;
        }
        progress(Position(due.0 - 1));
        Ok(())
    })?;
    Ok(Position(due.0 - 1))
}

/// Compares the views of a registry that nobody serves, brought up to the head in a working copy,
/// with views built anew, both inside `workspace`, an empty folder.
///
/// # Errors
/// [`CheckError`].
pub fn compare(
    log: &LogReader,
    folder: &Path,
    workspace: &Path,
    seals: &Arc<dyn RowSeals>,
    deadlines: &Arc<Deadlines>,
) -> Result<Checked, CheckError> {
    let live = workspace.join("live");
    copy(folder, &live).map_err(CheckError::Copy)?;
    // A store that had to be set aside and made anew would always equal its rebuild.
    let live = Views::open_as_it_is(&live, seals, deadlines).map_err(ReplayError::from)?;
    catch_up(log, &live, |_| {})?;
    let digests = live.digests().map_err(ReplayError::from)?;
    drop(live);
    let views = digests.views.iter().map(|(name, digest)| ((*name).to_owned(), *digest)).collect();
    let live = Live { position: log.journal().head(), views, months: digests.months };
    compare_with(log, live, workspace, seals, deadlines)
}

/// What live views held at a position, as [`projections::Digests`] tells it.
#[derive(Clone, Debug)]
pub struct Live {
    /// The position.
    pub position: Position,
    /// Digests by name.
    pub views: Vec<(String, [u8; 32])>,
    /// Digests of what is kept of the ends of months, by the last day, in order.
    pub months: Vec<(Date, [u8; 32])>,
}

/// Compares the digests of live views with those of views built anew up to the same position,
/// inside `workspace`.
///
/// # Errors
/// [`CheckError`].
pub fn compare_with(
    log: &LogReader,
    live: Live,
    workspace: &Path,
    seals: &Arc<dyn RowSeals>,
    deadlines: &Arc<Deadlines>,
) -> Result<Checked, CheckError> {
    let new = Views::open(&workspace.join("new"), seals, deadlines).map_err(ReplayError::from)?;
    let position = live.position;
    fill(log, &new, position, workspace, |_| {})?;
    let new = new.digests().map_err(ReplayError::from)?.views;
    let views = new.into_iter().map(|(name, rebuilt)| {
        let of_live = live.views.iter().find(|(known, _)| known == name);
        CheckedView { name, live: of_live.map(|(_, digest)| *digest), rebuilt }
    });
    let views = views.chain(months(log, &live.months, workspace)?).collect();
    Ok(Checked { head: position, views })
}

/// What is kept of the ends of months beside what folding the log up to each of them gives; none
/// where nothing is kept.
fn months(
    log: &LogReader,
    live: &[(Date, [u8; 32])],
    workspace: &Path,
) -> Result<Option<CheckedView>, ReplayError> {
    if live.is_empty() {
        return Ok(None);
    }
    let instants: Vec<_> = live.iter().filter_map(|(day, _)| known_then::end_of(*day)).collect();
    let folded = known_then::quality(log, &workspace.join("months"), &instants)?;
    let days = live.iter().map(|(day, _)| *day);
    let rebuilt: Vec<_> = days.zip(folded.iter().map(|found| found.then.digest())).collect();
    let (live, rebuilt) = (Some(MonthEnd::digest_all(live)), MonthEnd::digest_all(&rebuilt));
    Ok(Some(CheckedView { name: "month_ends", live, rebuilt }))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    if !from.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> io::Result<()> {
    if folder.exists() { fs::remove_dir_all(folder) } else { Ok(()) }
}
