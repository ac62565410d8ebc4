//! What an event changes in an archive: mostly by its row in the catalogue, and by code only what
//! a table cannot say.

use domain::catalogue::{Conclusion, Entry, Sets, Word, upcast};
use domain::{Item, Kind, LifeEvent, Place, Role, Topic};
use serde_json::{Map, Value as Json};

use super::Archive;
use super::life::Fact;
use super::voice::Voice;

/// Origins that gather before those that nothing refers to any more are left out.
const TIDIED_EVERY: usize = 256;

/// The text of a value: of a number or of yes and no as in JSON.
fn text_of(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(is) => Some(is.to_string()),
        _ => None,
    }
}

impl Archive {
    /// Applies a standing fact. Facts come in the order of the day they happened, then of their
    /// position; see [`super::facts`].
    pub fn apply(&mut self, fact: &Fact<'_>) {
        self.take_in(fact);
        self.tidy();
    }

    /// As [`Archive::apply`], without tidying: that of the last of many facts is enough, and costs
    /// as much as applying does. Values can be read meanwhile.
    pub(crate) fn take_in(&mut self, fact: &Fact<'_>) {
        // Origins are told by sixteen bits.
        if self.origins.len() % TIDIED_EVERY == TIDIED_EVERY - 1 {
            self.tidy();
        }
        let origin = self.add_origin(&fact.told);
        let voice = Voice::new(fact.kind, fact.side, &fact.told, origin);
        if let Some(document) = &fact.life.document {
            self.learn(document.kind(), document.number());
        }
        let spouse = fact.life.related.iter().any(|related| related.role == Role::Spouse);
        let before = (spouse || fact.kind == Kind::Widow).then(|| self.marital());
        if fact.kind == Kind::NameChange {
            self.keep_former_name(fact, voice);
        }
        let unapproved = self.changed_unapproved(fact);
        for (item, text) in fact.life.items.iter() {
            self.say(item, text, voice);
        }
        self.await_approval(fact, &unapproved, voice);
        self.set_fields(voice, fact.life, &fact.life.details);
        if self.follows(fact) {
            self.conclude(fact, voice);
        }
        self.apply_odd(fact, voice);
        self.link(fact, voice, before);
        self.set_free_topics(&fact.life.details, voice);
        for correction in &fact.corrections {
            let origin = self.add_origin(&correction.told);
            let voice = Voice::new(fact.kind, fact.side, &correction.told, origin);
            for (item, text) in correction.life.items.iter() {
                self.say(item, text, voice);
                self.settle_approval(item);
            }
            let details = upcast::of_correction(fact.kind, &correction.life.details);
            self.set_fields(voice, correction.life, &details);
            self.set_free_topics(&correction.life.details, voice);
            if let Some(day) = correction.life.true_day.filter(|_| !fact.side) {
                self.set_vital_date(fact.kind, &day.to_string(), voice);
            }
        }
        self.learn_number();
    }

    /// The corrected day of a birth or death is its date, whatever was stated before.
    fn set_vital_date(&mut self, kind: Kind, day: &str, voice: Voice) {
        match kind {
            Kind::Birth => self.say(Item::BirthDate, day, voice),
            _ if kind.is_death() => self.say(Item::DeathDate, day, voice),
            _ => {}
        }
    }

    /// Where a death says itself that somebody is widowed, they are since its day as corrected.
    fn date_widowhood(&mut self, fact: &Fact<'_>, voice: Voice) {
        if fact.life.items.get(Item::MaritalChangeDate).is_some() {
            self.say(Item::MaritalChangeDate, &fact.told.occurred_on.to_string(), voice);
        }
    }

    /// Whether what the catalogue concludes holds here: for the subject always; for others only
    /// where the act is about their marriage, and of a death only while it widows them.
    fn follows(&self, fact: &Fact<'_>) -> bool {
        let spouse = fact.life.related.iter().find(|related| related.role == Role::Spouse);
        match spouse {
            _ if !fact.side => true,
            Some(dead) if fact.kind.is_death() => !self.is_dead && self.is_married_to(dead.person),
            other => other.is_some(),
        }
    }

    fn conclude(&mut self, fact: &Fact<'_>, voice: Voice) {
        let entry = voice.entry;
        let conclusions = if fact.side { entry.concludes_aside } else { entry.concludes };
        for conclusion in conclusions {
            if conclusion.gives_way && is_stated(entry, fact.life, conclusion.sets) {
                continue;
            }
            if let Some(open) = conclusion.ends {
                self.end_open(conclusion, open, fact, voice);
                continue;
            }
            match conclusion.sets {
                Sets::Item(item) => self.conclude_item(item, conclusion, fact, voice),
                Sets::Topic(topic, name) => {
                    self.conclude_topic(topic, name, conclusion, fact, voice)
                }
            }
        }
    }

    fn conclude_item(
        &mut self,
        item: Item,
        conclusion: &Conclusion,
        fact: &Fact<'_>,
        voice: Voice,
    ) {
        match conclusion.word {
            Word::Is(text) => self.say(item, text, voice),
            Word::Day => self.say(item, &fact.told.occurred_on.to_string(), voice),
            Word::Village if fact.place.digits() == 12 => {
                self.say(item, &fact.place.to_string(), voice);
            }
            Word::Village => {}
            Word::SameAs(other) => self.copy(other, item, voice),
            Word::Gone => self.clear(item, voice),
            Word::GoneAtHome if self.lives_apart() => {}
            Word::GoneAtHome => self.clear(item, voice),
        }
    }

    fn conclude_topic(
        &mut self,
        topic: Topic,
        name: &str,
        conclusion: &Conclusion,
        fact: &Fact<'_>,
        voice: Voice,
    ) {
        let text = match conclusion.word {
            Word::Is(text) => Some(text.to_owned()),
            Word::Day => Some(fact.told.occurred_on.to_string()),
            Word::Village => (fact.place.digits() == 12).then(|| fact.place.to_string()),
            Word::SameAs(item) => self.get(item).map(str::to_owned),
            Word::Gone | Word::GoneAtHome => None,
        };
        match text {
            Some(text) => self.set_topic(topic, name, &Json::String(text), voice),
            None => self.clear_topic(topic, name, voice),
        }
    }

    /// The fields of an event, each where the catalogue says that it goes.
    fn set_fields(&mut self, voice: Voice, life: &LifeEvent, details: &Map<String, Json>) {
        if details.is_empty() {
            return;
        }
        for field in voice.entry.fields.iter().filter(|field| !field.sets.is_empty()) {
            let value = details.get(field.name).filter(|value| field.form.fits(value));
            let Some(value) = value else { continue };
            for sets in field.sets {
                match *sets {
                    // What the items state goes before.
                    Sets::Item(item) if life.items.get(item).is_some() => {}
                    Sets::Item(item) => {
                        if let Some(text) = text_of(value) {
                            self.say(item, &text, voice);
                        }
                    }
                    Sets::Topic(topic, name) => self.set_topic(topic, name, value, voice),
                }
            }
        }
    }

    /// What a table cannot say.
    fn apply_odd(&mut self, fact: &Fact<'_>, voice: Voice) {
        let text = |name: &str| fact.life.details.get(name).and_then(Json::as_str);
        self.is_registered |= voice.entry.opens && !fact.side;
        match fact.kind {
            _ if fact.kind.is_death() && !fact.side => {
                (self.is_dead, self.is_missing) = (true, false);
                self.close_needs(voice.origin);
            }
            _ if fact.kind.is_death() => self.date_widowhood(fact, voice),
            Kind::Missing => self.is_missing = true,
            Kind::Reappear if !fact.side => self.reappear(fact, voice),
            Kind::DisabilityCert if fact.life.items.get(Item::Health).is_none() => {
                // 61 to 67 are the disabilities of kinds 1 to 7.
                if let Some(kind) = text("disability_type") {
                    self.say(Item::Health, &format!("6{kind}"), voice);
                }
            }
            Kind::DibaoChange if text("change") == Some("ended") => {
                let day = Json::String(fact.told.occurred_on.to_string());
                self.set_topic(Topic::Relief, "end", &day, voice);
            }
            Kind::CorrectionRequest => self.claim(text("item"), text("claimed_value"), voice),
            Kind::Discrepancy => self.claim(text("item"), text("their_value"), voice),
            Kind::NeedRaised => self.raise_need(fact, voice.origin),
            Kind::NeedAnswered => self.answer_need(fact, voice.origin),
            _ => {}
        }
    }

    /// What somebody says that an item should be stands beside it, and overwrites nothing.
    fn claim(&mut self, item: Option<&str>, value: Option<&str>, voice: Voice) {
        let Some((item, value)) = item.and_then(Item::from_name).zip(value) else { return };
        if self.get(item) != Some(value) {
            self.put_beside(item, value, voice);
        }
    }

    /// The name before, where the event does not state it.
    fn keep_former_name(&mut self, fact: &Fact<'_>, voice: Voice) {
        let is_stated = fact.life.details.contains_key("old_name");
        let name = self.get(Item::FullName).filter(|_| !is_stated);
        if let Some(name) = name.map(|name| Json::String(name.to_owned())) {
            self.set_topic(Topic::Household, "former_name", &name, voice);
        }
    }

    /// Whether residence and registration are known and lie in different townships.
    fn lives_apart(&self) -> bool {
        let township = |item| Some(Place::parse(self.get(item)?).ok()?.at_level(9));
        let (here, home) = (township(Item::Residence), township(Item::Hukou));
        here.is_some() && home.is_some() && here != home
    }

    /// Topics that a sender tells in its own words: each field by itself.
    fn set_free_topics(&mut self, details: &Map<String, Json>, voice: Voice) {
        let Some(Json::Object(topics)) = details.get("topic") else { return };
        for (name, value) in topics {
            match (Topic::from_name(name), value) {
                (Some(topic), Json::Object(fields)) => {
                    for (field, value) in fields {
                        self.set_topic(topic, field, value, voice);
                    }
                }
                _ => self.set_other_topic(name, value, voice),
            }
        }
    }
}

/// Whether an event states what it would conclude otherwise.
fn is_stated(entry: &Entry, life: &LifeEvent, sets: Sets) -> bool {
    let of_items = matches!(sets, Sets::Item(item) if life.items.get(item).is_some());
    of_items
        || entry.fields.iter().any(|field| {
            field.sets.contains(&sets) && life.details.get(field.name).and_then(text_of).is_some()
        })
}
