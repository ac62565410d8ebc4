//! An archive without the topics of it that are hidden by order.

use domain::Topic;
use domain::order::items_of;
use jiff::civil::Date;

use super::super::archive_parts::{Beside, Shown as ShownTopic};
use super::Shown;

impl Shown<'_> {
    /// Leaves out hidden topics and the items that belong to them; the day on which a topic is seen
    /// again is told.
    pub fn withholding(mut self, hidden: &[(Topic, Date)]) -> Self {
        for (topic, until) in hidden {
            let names: Vec<_> = items_of(*topic).map(|item| item.name()).collect();
            self.items.retain(|(name, _)| !names.contains(name));
            if let Some(beside) = &mut self.beside {
                beside.retain(|beside| match beside {
                    Beside::Value(told) => {
                        told.topic != Some(topic.name())
                            && told.item.is_none_or(|item| !names.contains(&item))
                    }
                    Beside::Tie(_) => *topic != Topic::Household,
                });
            }
            if *topic == Topic::Household {
                self.households = None;
            }
            // Who does not see a topic is not told that it is sealed.
            let mut all = self.topics.iter_mut().flatten();
            if let Some((_, shown)) = all.find(|(name, _)| *name == topic.name()) {
                *shown = ShownTopic::Withheld { withheld_until: *until };
            }
        }
        self
    }
}
