//! The part of `renkou replay check` that holds the logs against what was signed of them.

use std::fs;
use std::path::Path;

use domain::Position;
use journal::tree::note::Checkpoint;
use journal::tree::{Alarm, Levels, Verifier, check as check_tree};
use journal::{Journal, Segments};

use super::{Failure, tell};
use crate::registry::{Home, lines, log_key};

/// A log, its tree, and the key that it is signed with.
struct Log {
    /// Folder of the log in the directory.
    folder: &'static str,
    /// Folder of its tree.
    tree: &'static str,
    verifier: Verifier,
}

/// Hashes every record of both logs that was signed and compares it with the tiles and with the
/// newest checkpoint; and with the one in the file `against`, if there is one.
pub fn check(home: &Home, against: Option<&Path>) -> Result<(), Failure> {
    if !home.folder().join("log.key").exists() {
        return Err("the logs were never signed: serve the registry once".into());
    }
    let (events, reads) = log_key::read(home.folder())?;
    let logs = [("journal", "events", events), ("reads", "reads", reads)];
    let logs = logs.map(|(folder, tree, signer)| {
        let verifier = signer.verifier().clone();
        Log { folder, tree, verifier }
    });
    let kept = against.map(fs::read_to_string).transpose()?;
    let kept = kept.as_deref().map(|note| open_kept(home, note, &logs)).transpose()?;
    for log in &logs {
        // Before the log is opened: a running service signs on meanwhile.
        let folder = log_key::tree_folder(home.folder(), log.tree);
        let path = folder.join("checkpoint");
        let note = fs::read_to_string(&path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let signed = log.verifier.open(&note);
        let signed = signed.map_err(|error| format!("{}: {error}", path.display()))?;
        let journal = Segments::open_read_only(&home.folder().join(log.folder))?;
        let levels = Levels::open(&folder, false)?;
        let kept = kept.iter().filter(|(folder, _)| *folder == log.folder);
        for checkpoint in kept.map(|(_, kept)| kept).chain([&signed]) {
            check_one(home, log, &journal, &levels, checkpoint)?;
        }
    }
    Ok(())
}

/// The folder of the log that signed the kept checkpoint, itself or on a line before this one, and
/// the checkpoint, if its signature holds.
fn open_kept(home: &Home, note: &str, logs: &[Log]) -> Result<(&'static str, Checkpoint), Failure> {
    let (said, _) = Checkpoint::read(note)?;
    if let Some(log) = logs.iter().find(|log| log.verifier.name() == said.origin) {
        return Ok((log.folder, log.verifier.open(note)?));
    }
    for line in lines::read(home.folder())? {
        let Some(kept) = line.open(note)? else { continue };
        if kept.size > line.records {
            let (origin, size, records) = (kept.origin, kept.size, line.records);
            return Err(format!(
                "the checkpoint tells of {size} records of {origin}, and this registry was \
                 restored on {} with the first {records} of them",
                line.restored_at
            )
            .into());
        }
        let log = logs.iter().find(|log| log.folder == line.log);
        return Ok((log.ok_or("there is no such log")?.folder, kept));
    }
    Err(format!("the checkpoint is of another log: {}", said.origin).into())
}

fn check_one(
    home: &Home,
    log: &Log,
    journal: &dyn Journal,
    levels: &Levels,
    checkpoint: &Checkpoint,
) -> Result<(), Failure> {
    let size = checkpoint.size;
    let alarm = match check_tree(journal, levels, checkpoint, |_| {}) {
        Ok(checked) if checked.tiles < size => {
            let path = levels.path(0);
            return Err(format!(
                "{} holds the hashes of {} of {size} signed records",
                path.display(),
                checked.tiles
            )
            .into());
        }
        Ok(_) => {
            let (folder, name) = (log.folder, &checkpoint.origin);
            tell(&format!("{folder} is what {name} signed at {size} records."));
            return Ok(());
        }
        Err(alarm) => alarm,
    };
    let position = match &alarm {
        Alarm::Altered { position, .. } => Some(*position),
        Alarm::Dropped { ends, .. } => Some(*ends),
        Alarm::Rewritten { position, .. } => *position,
        Alarm::Tile { .. } | Alarm::Log(_) | Alarm::Tiles(_) => None,
    };
    let folder = home.folder().join(log.folder);
    let file = position.and_then(|at| journal::segments::file_of(&folder, Position(at)));
    let file = file.unwrap_or(folder);
    Err(format!("{}: {}", file.display(), replay::chain(&alarm)).into())
}
