//! The archive of one person: what stands now, each value with the event that it comes from.
//!
//! [`Archive::apply`] is the only place where an event changes a value. The live row and every
//! as-of answer are made by it, so they cannot differ.

mod effects;
mod life;

use domain::{DocumentKind, Item, PersonId, Position};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use life::{Fact, Told, facts, standing};
pub(crate) use life::{fact, is_change};

/// Everything that stands about one person.
///
/// All texts lie in one string and everything else refers to them, since archives are many, and
/// are read, copied and written often.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Archive {
    texts: String,
    /// The events that values and links refer to, by their place in this list.
    origins: Vec<Origin>,
    /// Items by number, ordered, each once.
    items: Vec<(u8, Value)>,
    /// Documents by which the person is or was known, ordered by the time they were learnt.
    documents: Vec<(DocumentKind, Span)>,
    /// Family and household links, in the order in which they began.
    links: Vec<Link>,
    /// What the services know, by topic: the object that was sent last, as JSON text.
    topics: Vec<(Span, Value)>,
    /// Whether a death stands.
    pub is_dead: bool,
    /// Whether a birth or registration stands, and not just a mention by somebody else.
    pub is_registered: bool,
}

/// A piece of [`Archive::texts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Span {
    start: u32,
    bytes: u32,
}

/// The event that a value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Its position.
    pub position: Position,
    /// The day it happened, as corrected.
    #[serde(with = "domain::days")]
    pub occurred_on: Date,
    /// When it was recorded, in microseconds since 1970.
    pub recorded_micros: i64,
    /// Code of the department.
    pub department: [u8; 3],
    /// Code of the channel.
    pub channel: [u8; 2],
    source: Span,
}

/// A value and its origin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Value {
    text: Span,
    /// Its origin's place in [`Archive::origins`].
    origin: u16,
}

/// What another person is to this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// What they are.
    pub role: domain::Role,
    /// Who.
    pub person: PersonId,
    /// The event that began it; see [`Archive::origin`].
    pub origin: u16,
    /// The event that ended it.
    pub ended: Option<u16>,
}

impl Origin {
    /// When the event was recorded.
    pub fn recorded_at(&self) -> Timestamp {
        Timestamp::from_microsecond(self.recorded_micros).expect("it was an instant when stored")
    }
}

impl Archive {
    /// The value of an item.
    pub fn get(&self, item: Item) -> Option<&str> {
        let at = self.items.binary_search_by_key(&item.number(), |(number, _)| *number).ok()?;
        Some(self.text(self.items[at].1.text))
    }

    /// The origin of a value or link.
    pub fn origin(&self, index: u16) -> &Origin {
        &self.origins[usize::from(index)]
    }

    /// The CloudEvents source of an origin.
    pub fn source(&self, origin: &Origin) -> &str {
        self.text(origin.source)
    }

    /// Every item with its value and origin, in order of the items' numbers.
    pub fn values(&self) -> impl Iterator<Item = (Item, &str, &Origin)> {
        self.items.iter().filter_map(|(number, value)| {
            let item = Item::from_number(*number)?;
            Some((item, self.text(value.text), self.origin(value.origin)))
        })
    }

    /// Documents by which the person is or was known, ordered by the time they were learnt.
    pub fn documents(&self) -> impl Iterator<Item = (DocumentKind, &str)> {
        self.documents.iter().map(|(kind, number)| (*kind, self.text(*number)))
    }

    /// Family and household links, in the order in which they began.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// What the services know, by topic: the object that was sent last, as JSON text.
    pub fn topics(&self) -> impl Iterator<Item = (&str, &str, &Origin)> {
        self.topics.iter().map(|(name, value)| {
            (self.text(*name), self.text(value.text), self.origin(value.origin))
        })
    }

    fn text(&self, span: Span) -> &str {
        &self.texts[span.start as usize..(span.start + span.bytes) as usize]
    }

    fn add(&mut self, text: &str) -> Span {
        let start = self.texts.len() as u32;
        self.texts.push_str(text);
        Span { start, bytes: text.len() as u32 }
    }

    fn set(&mut self, item: Item, text: &str, origin: u16) {
        let text = self.add(text);
        self.put(item, Value { text, origin });
    }

    fn put(&mut self, item: Item, value: Value) {
        match self.items.binary_search_by_key(&item.number(), |(number, _)| *number) {
            Ok(at) => self.items[at].1 = value,
            Err(at) => self.items.insert(at, (item.number(), value)),
        }
    }

    /// Gives an item the text of another one; takes it away when the other has none.
    fn copy(&mut self, from: Item, to: Item, origin: u16) {
        match self.items.iter().find(|(number, _)| *number == from.number()) {
            Some((_, value)) => self.put(to, Value { text: value.text, origin }),
            None => self.clear(to),
        }
    }

    fn clear(&mut self, item: Item) {
        self.items.retain(|(number, _)| *number != item.number());
    }

    fn set_topic(&mut self, name: &str, json: &str, origin: u16) {
        let (name, text) = (self.add(name), self.add(json));
        let value = Value { text, origin };
        let place =
            self.topics.binary_search_by(|(known, _)| self.text(*known).cmp(self.text(name)));
        match place {
            Ok(at) => self.topics[at].1 = value,
            Err(at) => self.topics.insert(at, (name, value)),
        }
    }

    fn learn(&mut self, kind: DocumentKind, number: &str) {
        if !self.documents().any(|known| known == (kind, number)) {
            let number = self.add(number);
            self.documents.push((kind, number));
        }
    }

    /// A citizen number that is stated is a document too.
    fn learn_number(&mut self) {
        let number = self.items.iter().find(|(number, _)| *number == Item::CitizenId.number());
        let Some((_, value)) = number else { return };
        let (kind, span) = (DocumentKind::CitizenId, value.text);
        if !self.documents().any(|known| known == (kind, self.text(span))) {
            self.documents.push((kind, span));
        }
    }

    /// Adds the origin of a fact, and gives its place.
    fn add_origin(&mut self, told: &Told<'_>) -> u16 {
        let source = self.add(told.source);
        self.origins.push(Origin {
            position: told.position,
            occurred_on: told.occurred_on,
            recorded_micros: told.recorded_micros,
            department: told.department,
            channel: told.channel,
            source,
        });
        (self.origins.len() - 1) as u16
    }

    /// Leaves out what nothing refers to any more and lays the texts in one fixed order, so that
    /// a row is as small as what it says and equal rows are equal bytes.
    fn tidy(&mut self) {
        let mut used = vec![false; self.origins.len()];
        self.each_origin(|origin| used[usize::from(*origin)] = true);
        if !used.iter().all(|used| *used) {
            let mut next = 0;
            let number = |used: &bool| {
                next += u16::from(*used);
                next.wrapping_sub(1)
            };
            let places: Vec<u16> = used.iter().map(number).collect();
            self.each_origin(|origin| *origin = places[usize::from(*origin)]);
            let mut used = used.into_iter();
            self.origins.retain(|_| used.next().unwrap_or(true));
        }
        self.lay_texts();
    }

    /// Writes the texts anew in the order of those who refer to them, each source and each number
    /// once.
    fn lay_texts(&mut self) {
        let old = std::mem::take(&mut self.texts);
        let mut new = String::with_capacity(old.len());
        let text = |span: Span| &old[span.start as usize..(span.start + span.bytes) as usize];
        let mut lay = |span: &mut Span| {
            let start = new.len() as u32;
            new.push_str(text(*span));
            span.start = start;
        };
        let mut number = None;
        for (item, value) in &mut self.items {
            let before = value.text;
            lay(&mut value.text);
            if *item == Item::CitizenId.number() {
                number = Some((before, value.text));
            }
        }
        for (_, span) in &mut self.documents {
            match number {
                Some((before, laid)) if text(before) == text(*span) => *span = laid,
                _ => lay(span),
            }
        }
        for (name, value) in &mut self.topics {
            lay(name);
            lay(&mut value.text);
        }
        let mut laid: Vec<(Span, Span)> = Vec::with_capacity(self.origins.len());
        for origin in &mut self.origins {
            let before = origin.source;
            match laid.iter().find(|(known, _)| text(*known) == text(before)) {
                Some((_, span)) => origin.source = *span,
                None => {
                    lay(&mut origin.source);
                    laid.push((before, origin.source));
                }
            }
        }
        self.texts = new;
    }

    fn each_origin(&mut self, mut visit: impl FnMut(&mut u16)) {
        self.items.iter_mut().for_each(|(_, value)| visit(&mut value.origin));
        self.topics.iter_mut().for_each(|(_, value)| visit(&mut value.origin));
        for link in &mut self.links {
            visit(&mut link.origin);
            if let Some(ended) = &mut link.ended {
                visit(ended);
            }
        }
    }
}
