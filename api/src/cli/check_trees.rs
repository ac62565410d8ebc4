//! The part of `renkou replay check` that holds the logs against what was signed of them.

use std::fs;
use std::path::Path;

use domain::Position;
use journal::tree::note::Checkpoint;
use journal::tree::{Alarm, Levels, Verifier, check as check_tree};
use journal::{Journal, Segments};

use super::{Failure, tell};
use crate::registry::{Home, log_key};

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
    let kept = kept.as_deref().map(|note| open_kept(note, &logs)).transpose()?;
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
        let kept = kept.iter().filter(|kept| kept.origin == log.verifier.name());
        for checkpoint in kept.chain([&signed]) {
            check_one(home, log, &journal, &levels, checkpoint)?;
        }
    }
    Ok(())
}

/// The kept checkpoint, if it is one of the logs' and its signature holds.
fn open_kept(note: &str, logs: &[Log]) -> Result<Checkpoint, Failure> {
    let (said, _) = Checkpoint::read(note)?;
    let log = logs.iter().find(|log| log.verifier.name() == said.origin);
    let log = log.ok_or_else(|| format!("the checkpoint is of another log: {}", said.origin))?;
    Ok(log.verifier.open(note)?)
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
            let (folder, name) = (log.folder, log.verifier.name());
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
