//! What ends with a life where it is open, by the row of the death in the catalogue, and open needs;
//! and what a return from the dead reopens, as it was.

use domain::catalogue::Conclusion;
use domain::{Topic, catalogue::Sets};
use serde_json::Value as Json;

use super::Archive;
use super::life::Fact;
use super::voice::Voice;

impl Archive {
    /// Says the day on which something ended; nothing where it was not open.
    pub(super) fn end_open(
        &mut self,
        conclusion: &Conclusion,
        open: &str,
        fact: &Fact<'_>,
        voice: Voice,
    ) {
        let Sets::Topic(topic, end) = conclusion.sets else { return };
        if !self.stands(topic, open) || self.stands(topic, end) {
            return;
        }
        let day = Json::String(fact.told.occurred_on.to_string());
        match fact.kind.is_death() {
            true => self.end_by_death(topic, end, &day, voice),
            false => self.set_topic(topic, end, &day, voice),
        }
    }

    fn stands(&self, topic: Topic, name: &str) -> bool {
        let place = Self::place_of(topic, name);
        self.topics.iter().any(|told| (told.topic, told.field) == place)
    }

    /// A death closes what is asked for and not answered.
    pub(super) fn close_needs(&mut self, origin: u16) {
        self.needs.iter_mut().for_each(|need| need.close(origin));
    }

    /// Whoever was held for dead lives: nothing ended.
    pub(super) fn reopen(&mut self) {
        self.topics.retain(|told| !told.ends_by_death);
        self.needs.iter_mut().for_each(super::Need::reopen);
    }
}
