//! What somebody has to do about a person, as an archive's answer shows it.

use domain::PersonId;
use jiff::civil::Date;
use projections::Archive;
use serde::Serialize;

use crate::access::Show;

/// Something that somebody has to do.
#[derive(Serialize)]
pub(super) struct Task {
    #[serde(skip_serializing_if = "Option::is_none")]
    former_guardian: Option<PersonId>,
    reason: &'static str,
    since: Date,
    task: &'static str,
}

/// What is to be done on a day: a guardian is to be set for whoever lost theirs by a death (Civil
/// Code art. 39: the guardianship ends, and art. 31: another guardian is appointed). Who it was is told to
/// whoever sees the family whole.
pub(super) fn tasks(archive: &Archive, day: Date, show: Show) -> Vec<Task> {
    let gone = archive.guardian_gone(day).into_iter();
    gone.map(|gone| Task {
        former_guardian: (show == Show::Full).then_some(gone.former),
        reason: "dead",
        since: gone.since,
        task: "name_guardian",
    })
    .collect()
}
