//! What is asked for of an archive, and what of that is not seen.

use domain::{Item, Topic};

use super::AsOf;
use crate::access::{Part, Sight};

/// What is asked for of an archive, and how much of it is seen.
#[derive(Clone, Copy)]
pub struct Asked<'w> {
    /// Names of items and parts; all where there are none.
    pub wanted: Option<&'w [&'w str]>,
    /// The axes.
    pub as_of: AsOf,
    /// What the reader sees.
    pub sight: Sight,
}

impl Asked<'_> {
    /// Names of what was asked for and is not seen: the same for every person.
    pub(super) fn withheld(&self) -> Vec<&'static str> {
        if self.sight.is_whole() {
            return Vec::new();
        }
        let is_wanted = |name: &str| self.wanted.is_none_or(|wanted| wanted.contains(&name));
        let all_items = is_wanted("items");
        let items = Item::all().filter(|item| all_items || is_wanted(item.name()));
        let items = items.map(|item| (item.name(), Part::of_item(item)));
        let topics = Topic::ALL.iter().filter(|_| is_wanted("topics"));
        let topics = topics.map(|row| (row.2, Part::of_topic(row.0)));
        let parts = PARTS.into_iter().filter(|(name, _)| is_wanted(name));
        let named = items.chain(topics).chain(parts);
        let unseen = named.filter(|(_, part)| !self.sight.sees(*part));
        let mut names: Vec<_> = unseen.map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    }
}

/// The parts of an answer that are one part of the table of access.
const PARTS: [(&str, Part); 5] = [
    ("documents", Part::Number),
    ("family", Part::Family),
    ("households", Part::Household),
    ("needs", Part::Needs),
    ("tasks", Part::Family),
];
