//! A value of an archive with the event that it comes from, as every part of an answer shows it.

use domain::{Item, Place, Position};
use jiff::Timestamp;
use projections::Archive;
use projections::archive::Origin;

use super::DIVISIONS;
use super::page::Page;
use crate::access::{Show, masks};

/// A value and the event that it comes from. An answer has some forty, which are sorted and moved
/// before they are written: what the event says stands there, and is looked at in writing.
pub(in crate::http) struct Told<'a> {
    archive: &'a Archive,
    /// Since when somebody without the word on a standing item has said something else.
    doubted_since: Option<Timestamp>,
    /// Of what is said beside the fields of topics: which field.
    pub field: Option<&'a str>,
    /// Of standing items: whether who has the word on it said so.
    has_authority: Option<bool>,
    /// Whether the source is told.
    has_source: bool,
    /// Whether the sender's number of its record is told.
    has_record_id: bool,
    /// Of what is said beside the standing items: which item.
    pub item: Option<&'static str>,
    /// Whether the value is told in part only, or not at all.
    masked: bool,
    /// The event.
    origin: &'a Origin,
    /// Of standing items that are a place: its name on the day of the fact.
    place_name: Option<Box<str>>,
    /// Of what is said beside the fields of topics: which topic.
    pub topic: Option<&'a str>,
    value: Option<Text<'a>>,
}

/// A value as text, what a mask leaves of one, or the JSON that was sent.
pub(in crate::http) enum Text<'a> {
    Plain(&'a str),
    Left(String),
    Json(&'a str),
}

/// A value with its origin.
pub(in crate::http) fn told<'a>(
    archive: &'a Archive,
    value: Option<Text<'a>>,
    origin: &'a Origin,
) -> Told<'a> {
    Told {
        archive,
        doubted_since: None,
        field: None,
        has_authority: None,
        has_source: true,
        has_record_id: true,
        item: None,
        masked: false,
        origin,
        place_name: None,
        topic: None,
        value,
    }
}

/// A value of an item as it is seen, with its origin.
pub(in crate::http) fn item_told<'a>(
    archive: &'a Archive,
    item: Item,
    text: &'a str,
    origin: &'a Origin,
    show: Show,
) -> Told<'a> {
    match show {
        Show::Full => told(archive, Some(Text::Plain(text)), origin),
        _ => told(archive, None, origin).masked(masks::of_item(item, text).map(Text::Left)),
    }
}

/// The name of the place of an item: of the birth place on the day of birth, of others on the day
/// from which they hold.
pub(in crate::http) fn place_name(
    archive: &Archive,
    item: Item,
    text: &str,
    origin: &Origin,
) -> Option<String> {
    let day = match item {
        Item::BirthPlace => archive.get(Item::BirthDate).and_then(|day| day.parse().ok()),
        Item::Residence | Item::Hukou => Some(origin.occurred_on),
        _ => return None,
    };
    DIVISIONS.full_name(Place::parse(text).ok()?, day.unwrap_or(origin.occurred_on))
}

impl<'a> Told<'a> {
    /// The same, naming the item.
    pub fn about(self, item: Item) -> Self {
        Self { item: Some(item.name()), ..self }
    }

    /// The same, naming the field of a topic.
    pub fn about_field(self, topic: &'a str, field: &'a str) -> Self {
        let (topic, field) = (Some(topic), Some(field).filter(|field| !field.is_empty()));
        Self { topic, field, ..self }
    }

    /// The same at a place of this name.
    pub fn at(self, place_name: Option<String>) -> Self {
        Self { place_name: place_name.map(String::into_boxed_str), ..self }
    }

    /// The same without the value, but for what a mask leaves of it, and without the sender's number
    /// of its record.
    pub fn masked(self, left: Option<Text<'a>>) -> Self {
        Self { masked: true, value: left, has_record_id: false, place_name: None, ..self }
    }

    /// The same, as what stands.
    pub fn standing(self, has_authority: bool, doubted_since: Option<Timestamp>) -> Self {
        Self { has_authority: Some(has_authority), doubted_since, ..self }
    }

    /// Leaves out from where it was told, where `is_of` says so of its event.
    pub fn forget_if(&mut self, is_of: impl Fn(Position) -> bool) {
        if is_of(self.origin.position) {
            self.forget_teller();
        }
    }

    /// Leaves out from where it was told.
    pub fn forget_teller(&mut self) {
        self.has_source = false;
        self.has_record_id = false;
    }

    /// Writes it as an object, its members in the order of their names.
    pub fn write(&self, page: &mut Page) {
        page.raw("{");
        self.write_members(page);
        page.raw("}");
    }

    /// The members alone.
    pub fn write_members(&self, page: &mut Page) {
        let origin = self.origin;
        let mut department = origin.department;
        department.make_ascii_lowercase();
        page.raw("\"channel\":");
        page.code(&origin.channel);
        page.raw(",\"department\":");
        page.code(&department);
        if let Some(doubted_since) = self.doubted_since {
            page.raw(",\"doubted_since\":");
            page.instant(doubted_since);
        }
        if let Some(field) = self.field {
            page.raw(",\"field\":");
            page.text(field);
        }
        match self.has_authority {
            Some(true) => page.raw(",\"has_authority\":true"),
            Some(false) => page.raw(",\"has_authority\":false"),
            None => {}
        }
        if let Some(item) = self.item {
            page.raw(",\"item\":");
            page.text(item);
        }
        page.raw(",\"known_on\":");
        page.day_if_any(origin.known_on);
        page.raw(if self.masked {
            ",\"masked\":true,\"occurred_on\":"
        } else {
            ",\"occurred_on\":"
        });
        page.day(origin.occurred_on);
        if let Some(place_name) = &self.place_name {
            page.raw(",\"place_name\":");
            page.text(place_name);
        }
        page.raw(",\"position\":");
        page.value(&origin.position);
        page.raw(",\"record_id\":");
        page.text_if_any(self.archive.record_id(origin).filter(|_| self.has_record_id));
        page.raw(",\"recorded_at\":");
        page.instant(origin.recorded_at());
        page.raw(",\"source\":");
        page.text(if self.has_source { self.archive.source(origin) } else { "" });
        if let Some(topic) = self.topic {
            page.raw(",\"topic\":");
            page.text(topic);
        }
        if let Some(value) = &self.value {
            page.raw(",\"value\":");
            match value {
                Text::Plain(text) => page.text(text),
                Text::Left(text) => page.text(text),
                Text::Json(json) => page.raw(json),
            }
        }
    }
}
