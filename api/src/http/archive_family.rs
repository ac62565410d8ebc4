//! Ties to other persons as an archive's answer shows them.

use domain::{PersonId, Position, Role};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::Archive;
use projections::archive::Link;
use serde::Serialize;

use super::archive_json::{Told, is_false, told};
use crate::access::Show;

#[derive(Serialize)]
pub(super) struct Relative {
    /// Since when somebody without the word on it says that it ended, or tells another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubted_since: Option<Timestamp>,
    /// Whether somebody with the word on such ties told it.
    has_authority: bool,
    /// Whether it is told that there is somebody, and not who.
    #[serde(skip_serializing_if = "is_false")]
    masked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    person_id: Option<PersonId>,
    position: Position,
    role: Role,
    since: Date,
    until: Option<Date>,
}

/// A tie that somebody without the word claims, where another one stands.
#[derive(Serialize)]
pub(super) struct ClaimedTie<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    person_id: Option<PersonId>,
    role: Role,
    #[serde(flatten)]
    pub(super) told: Told<'a, ()>,
}

/// Ties, in the order in which they began.
pub(super) fn family(archive: &Archive, show: Show) -> Vec<Relative> {
    archive.links().iter().map(|link| relative(archive, link, show == Show::Full)).collect()
}

fn relative(archive: &Archive, link: &Link, is_named: bool) -> Relative {
    let began = archive.origin(link.origin);
    Relative {
        doubted_since: archive.doubt_of(link).map(|origin| origin.recorded_at()),
        has_authority: link.has_authority(),
        masked: !is_named,
        person_id: Some(link.person).filter(|_| is_named),
        position: began.position,
        role: link.role,
        since: began.occurred_on,
        until: link.ended.map(|ended| archive.origin(ended).occurred_on),
    }
}

/// What is claimed beside ties that stand.
pub(super) fn claimed(archive: &Archive, show: Show) -> impl Iterator<Item = ClaimedTie<'_>> {
    archive.ties_beside().map(move |(role, person_id, origin)| {
        let told = told(archive, None, origin);
        match show {
            Show::Full => ClaimedTie { person_id: Some(person_id), role, told },
            _ => ClaimedTie { person_id: None, role, told: told.masked(None) },
        }
    })
}
