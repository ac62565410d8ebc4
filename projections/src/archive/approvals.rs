//! Changes of a number, sex or birth date that no second person approved: the new value stands, and
//! is doubted until somebody approves it by a correction, tells it again with an approval, or finds
//! it so in the field.

use domain::Item;
use domain::catalogue::Need;

use super::life::Fact;
use super::voice::Voice;
use super::{Archive, Origin};

impl Archive {
    /// The event by which an item was changed without the approval that it needs; none where
    /// nobody need approve anything any more.
    pub fn unapproved(&self, item: Item) -> Option<&Origin> {
        let known = self.unapproved.iter().find(|(number, _)| *number == item.number());
        known.map(|(_, origin)| self.origin(*origin))
    }

    /// The items that a fact is about to change and that a second person must approve and did not.
    /// What nobody knew before is no change.
    pub(super) fn changed_unapproved(&self, fact: &Fact<'_>) -> Vec<Item> {
        let is_due = fact.kind.entry().approval == Need::Expected;
        if !is_due || fact.side || fact.life.approved_by.is_some() {
            return Vec::new();
        }
        let stated = fact.life.items.iter().filter(|(item, text)| {
            item.needs_approval() && self.get(*item).is_some_and(|before| before != *text)
        });
        stated.map(|(item, _)| item).collect()
    }

    /// Keeps which of them stand now as the fact says, and settles what it approves.
    pub(super) fn await_approval(&mut self, fact: &Fact<'_>, changed: &[Item], voice: Voice) {
        let is_approved = fact.life.approved_by.is_some();
        if is_approved && fact.kind.entry().approval == Need::Expected {
            fact.life.items.iter().for_each(|(item, _)| self.settle_approval(item));
        }
        for item in changed {
            if self.value(*item).is_some_and(|value| value.origin == voice.origin) {
                self.unapproved.push((item.number(), voice.origin));
            }
        }
    }

    /// Nothing is to be approved of an item any more.
    pub(super) fn settle_approval(&mut self, item: Item) {
        self.unapproved.retain(|(number, _)| *number != item.number());
    }
}
