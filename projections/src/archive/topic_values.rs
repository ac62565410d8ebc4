//! How fields of topics are set: as items are, each word is taken, or kept beside the standing one
//! when that has more authority.

use std::cmp::Ordering;

use domain::Topic;
use serde_json::Value as Json;

use super::voice::Voice;
use super::{Archive, TopicValue};

impl Archive {
    /// Sets a field of a topic, or keeps the word beside.
    pub(super) fn set_topic(&mut self, topic: Topic, name: &str, value: &Json, voice: Voice) {
        let (number, field) = Self::place_of(topic, name);
        let has_authority = voice.has_authority_over(topic, name);
        let name = if field == 0 { name } else { "" };
        self.say_topic((number, field, name), value, voice, has_authority);
    }

    /// Sets what a sender calls a topic and is none: on that all are equal.
    pub(super) fn set_other_topic(&mut self, name: &str, value: &Json, voice: Voice) {
        self.say_topic((0, 0, name), value, voice, false);
    }

    /// Sets the end of what a death closes. It is no department's word: whoever knows a better day
    /// says it.
    pub(super) fn end_by_death(&mut self, topic: Topic, name: &str, day: &Json, voice: Voice) {
        let (number, field) = Self::place_of(topic, name);
        let place = (number, field, "");
        let Err(at) = self.find_topic(place) else { return };
        let told = self.topic_value(place, &day.to_string(), voice, false);
        self.topics.insert(at, TopicValue { ends_by_death: true, ..told });
    }

    /// Takes a field of a topic away, when the voice may.
    pub(super) fn clear_topic(&mut self, topic: Topic, name: &str, voice: Voice) {
        let (number, field) = Self::place_of(topic, name);
        let Ok(at) = self.find_topic((number, field, "")) else { return };
        if voice.has_authority_over(topic, name) || self.topic_gives_way(at, voice) {
            self.topics.remove(at);
        }
    }

    /// Number of a topic, and one more than the place of the field in it; 0 for other fields.
    pub(super) fn place_of(topic: Topic, name: &str) -> (u8, u8) {
        let known = topic.fields().iter().position(|field| field.name == name);
        (topic.number(), known.map_or(0, |at| at as u8 + 1))
    }

    fn find_topic(&self, place: (u8, u8, &str)) -> Result<usize, usize> {
        self.topics.binary_search_by(|told| self.compare(told, place))
    }

    fn compare(&self, told: &TopicValue, (topic, field, name): (u8, u8, &str)) -> Ordering {
        (told.topic, told.field, self.text(told.name)).cmp(&(topic, field, name))
    }

    fn topic_gives_way(&self, at: usize, voice: Voice) -> bool {
        let standing = &self.topics[at];
        !standing.has_authority || self.origin(standing.origin).department == voice.department
    }

    fn say_topic(
        &mut self,
        place: (u8, u8, &str),
        value: &Json,
        voice: Voice,
        has_authority: bool,
    ) {
        let (found, json) = (self.find_topic(place), value.to_string());
        if let Ok(at) = found {
            let differs = self.text(self.topics[at].text) != json;
            if !has_authority && !self.topic_gives_way(at, voice) {
                return self.keep_topic_beside(place, differs.then_some(&json), voice);
            }
            if differs || voice.verifies() {
                self.forget_topic_beside(place, None);
            }
        } else {
            self.forget_topic_beside(place, None);
        }
        let told = self.topic_value(place, &json, voice, has_authority);
        match found {
            Ok(at) => self.topics[at] = told,
            Err(at) => self.topics.insert(at, told),
        }
    }

    fn topic_value(
        &mut self,
        (topic, field, name): (u8, u8, &str),
        json: &str,
        voice: Voice,
        has_authority: bool,
    ) -> TopicValue {
        let (name, text, origin) = (self.add(name), self.add(json), voice.origin);
        TopicValue { topic, field, name, text, origin, has_authority, ends_by_death: false }
    }

    /// Keeps a word beside the standing value: of each department the newest, and none that says
    /// the same.
    fn keep_topic_beside(&mut self, place: (u8, u8, &str), json: Option<&String>, voice: Voice) {
        // Whoever looked in the field and finds what stands settles what others said.
        let settles = voice.verifies() && json.is_none();
        self.forget_topic_beside(place, (!settles).then_some(voice.department));
        if let Some(json) = json {
            let told = self.topic_value(place, json, voice, false);
            let is_before = |told: &TopicValue| self.compare(told, place) != Ordering::Greater;
            let at = self.topics_beside.partition_point(is_before);
            self.topics_beside.insert(at, told);
        }
    }

    /// Forgets what a department, or anybody, said beside a field.
    fn forget_topic_beside(&mut self, place: (u8, u8, &str), department: Option<[u8; 3]>) {
        if self.topics_beside.is_empty() {
            return;
        }
        let mut beside = std::mem::take(&mut self.topics_beside);
        beside.retain(|told| {
            let by = self.origin(told.origin).department;
            self.compare(told, place).is_ne() || department.is_some_and(|from| from != by)
        });
        self.topics_beside = beside;
    }
}
