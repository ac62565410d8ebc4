//! What somebody has to do about a person, as an archive's answer shows it.

use domain::PersonId;
use jiff::civil::Date;
use projections::Archive;
use serde::Serialize;

/// Something that somebody has to do.
#[derive(Serialize)]
pub(super) struct Task {
    former_guardian: PersonId,
    reason: &'static str,
    since: Date,
    task: &'static str,
}

/// What is to be done on a day: a guardian is to be set for whoever lost theirs by a death (Civil
/// Code art. 39: the guardianship ends, and art. 31: another guardian is appointed).
pub(super) fn tasks(archive: &Archive, day: Date) -> Vec<Task> {
    let gone = archive.guardian_gone(day).into_iter();
    gone.map(|gone| Task {
        former_guardian: gone.former,
        reason: "dead",
        since: gone.since,
        task: "name_guardian",
    })
    .collect()
}
