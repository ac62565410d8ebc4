//! Ties to other persons as an archive's answer shows them.

use domain::{PersonId, Position, Role};
use jiff::Timestamp;
use jiff::civil::Date;
use projections::Archive;
use projections::archive::Link;

use super::archive_json::{Page, Told, told};
use crate::access::Show;

pub(super) struct Relative {
    /// Since when somebody without the word on it says that it ended, or tells another one.
    doubted_since: Option<Timestamp>,
    /// Whether somebody with the word on such ties told it.
    has_authority: bool,
    /// Whether it is told that there is somebody, and not who.
    masked: bool,
    person_id: Option<PersonId>,
    position: Position,
    role: Role,
    since: Date,
    until: Option<Date>,
}

/// A tie that somebody without the word claims, where another one stands.
pub(super) struct ClaimedTie<'a> {
    person_id: Option<PersonId>,
    role: Role,
    pub(super) told: Told<'a>,
}

impl Relative {
    /// Writes it.
    pub fn write(&self, page: &mut Page) {
        page.raw("{");
        if let Some(doubted_since) = self.doubted_since {
            page.raw("\"doubted_since\":");
            page.instant(doubted_since);
            page.raw(",");
        }
        page.raw("\"has_authority\":");
        page.value(&self.has_authority);
        page.raw(if self.masked { ",\"masked\":true" } else { "" });
        if let Some(person_id) = &self.person_id {
            page.raw(",\"person_id\":");
            page.value(person_id);
        }
        page.raw(",\"position\":");
        page.value(&self.position);
        page.raw(",\"role\":");
        page.value(&self.role);
        page.raw(",\"since\":");
        page.day(self.since);
        page.raw(",\"until\":");
        page.day_if_any(self.until);
        page.raw("}");
    }
}

impl ClaimedTie<'_> {
    /// Writes it.
    pub fn write(&self, page: &mut Page) {
        page.raw("{");
        if let Some(person_id) = &self.person_id {
            page.raw("\"person_id\":");
            page.value(person_id);
            page.raw(",");
        }
        page.raw("\"role\":");
        page.value(&self.role);
        page.raw(",");
        self.told.write_members(page);
        page.raw("}");
    }
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
