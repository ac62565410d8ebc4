//! The archive of one person: what stands now, each value with the event that it comes from.
//!
//! [`Archive::apply`] is the only place where an event changes a value. The live row and every
//! as-of answer are made by it, so they cannot differ.

mod approvals;
mod closings;
mod course;
mod effects;
mod guardians;
mod joins;
mod layout;
mod life;
mod needs;
mod orders;
pub(crate) mod refill;
mod tie_authority;
mod ties;
mod topic_values;
mod values;
mod voice;

use domain::{DocumentKind, Item, PersonId, Position, Topic};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use course::Course;
pub use guardians::GuardianGone;
pub(crate) use joins::{Join, is_about_joins, join};
pub use joins::{absorbed, all_absorbed, ever_joined, owner};
pub use life::{Fact, Told, facts, standing};
pub(crate) use life::{fact, is_change};
pub use needs::{Need, ShownNeed};
pub use orders::is_erasure;
pub(crate) use orders::{is_gone, order};

use tie_authority::TieBeside;
use ties::Marital;

/// Everything that stands about one person.
///
/// All texts lie in one string and everything else refers to them, since archives are many, and
/// are read, copied and written often.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// What the services know, ordered by topic and field, each once.
    topics: Vec<TopicValue>,
    /// What others of lower authority say of items, by number, or claim them to be.
    beside: Vec<(u8, Value)>,
    /// Items that were changed without the approval that it needs, by number, with the event.
    unapproved: Vec<(u8, u16)>,
    /// What they say of fields of topics, in the order of those.
    topics_beside: Vec<TopicValue>,
    /// What they say of ties in whose place others stand, by role and department the newest.
    ties_beside: Vec<TieBeside>,
    /// Needs, in the order in which they were raised.
    needs: Vec<Need>,
    /// Whether a death stands.
    pub is_dead: bool,
    /// Whether the person is missing.
    pub is_missing: bool,
    /// Whether a birth or registration stands, and not just a mention by somebody else.
    pub is_registered: bool,
}

refill::refill!(Archive {
    Next texts,
    Next origins,
    Next items,
    Next documents,
    Next links,
    Next topics,
    Next beside,
    Next unapproved,
    Next topics_beside,
    Next ties_beside,
    Next needs,
    Plain is_dead,
    Plain is_missing,
    Plain is_registered,
});

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
    /// The day on which the first official channel knew.
    #[serde(with = "optional_days")]
    pub known_on: Option<Date>,
    source: Span,
    record: Span,
}

/// A value and its origin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Value {
    text: Span,
    /// Its origin's place in [`Archive::origins`].
    origin: u16,
    /// Whether its teller has the word on the item.
    has_authority: bool,
}

/// A field of a topic, its value as JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct TopicValue {
    /// Number of the topic; 0 for what is none, whose name then is `name`.
    topic: u8,
    /// One more than the place of the field among those of the topic; 0 for other ones.
    field: u8,
    /// The name of another field; empty for known ones.
    name: Span,
    text: Span,
    origin: u16,
    /// Whether its teller has the word on the field.
    has_authority: bool,
    /// Whether it is the end of what a death closed.
    ends_by_death: bool,
}

/// A field of a topic, as answers show it.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Name of the topic.
    pub topic: &'a str,
    /// Name of the field; empty for what is no topic of the archive.
    pub name: &'a str,
    /// The topic and the place among its basic fields, where it is one of those.
    pub basic: Option<(Topic, usize)>,
    /// Its value as JSON text.
    pub json: &'a str,
    /// The event that it comes from.
    pub origin: &'a Origin,
    /// Whether its teller has the word on it.
    pub has_authority: bool,
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
    /// The newest event by which somebody with the word on such ties told it.
    word: Option<u16>,
    /// The first event by which somebody without the word said that it ended; while it stands.
    doubt: Option<u16>,
    /// A guardianship: whether a death ended it, and no guardian was set since.
    by_death: bool,
    /// A marriage: what its items said before it.
    before: Option<Box<Marital>>,
    /// A marriage that a death ended: what its items said then.
    at_end: Option<Box<Marital>>,
}

impl Link {
    /// Whether somebody with the word on such ties told it.
    pub fn has_authority(&self) -> bool {
        self.word.is_some()
    }
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

    /// The value of an item, with its origin.
    pub fn stated(&self, item: Item) -> Option<(&str, &Origin)> {
        self.value(item).map(|value| (self.text(value.text), self.origin(value.origin)))
    }

    /// The origin of a value or link.
    pub fn origin(&self, index: u16) -> &Origin {
        &self.origins[usize::from(index)]
    }

    /// Every origin, in the order in which they were applied.
    pub(crate) fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// The CloudEvents source of an origin.
    pub fn source(&self, origin: &Origin) -> &str {
        self.text(origin.source)
    }

    /// The CloudEvents id of an origin, under which the source knows it; none where somebody else's
    /// act is told.
    pub fn record_id(&self, origin: &Origin) -> Option<&str> {
        Some(self.text(origin.record)).filter(|id| !id.is_empty())
    }

    /// Whether the standing value of an item was said by who has the word on it.
    pub fn has_authority(&self, item: Item) -> bool {
        self.value(item).is_some_and(|value| value.has_authority)
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

    /// What the services know: name of the topic, of its field (empty for what is no topic of the
    /// archive), value as JSON text, origin; ordered by topic and field. Fields that are items
    /// stand among the items.
    pub fn topics(&self) -> impl Iterator<Item = (&str, &str, &str, &Origin)> {
        self.fields().map(|field| (field.topic, field.name, field.json, field.origin))
    }

    /// As [`Archive::topics`], with who has the word.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        self.topics.iter().map(|told| self.field(told))
    }

    /// The fields of one topic, each with its value as JSON text.
    pub(crate) fn fields_of(&self, topic: Topic) -> impl Iterator<Item = (&str, &str)> {
        let first = self.topics.partition_point(|told| told.topic < topic.number());
        let theirs = self.topics[first..].iter().take_while(move |it| it.topic == topic.number());
        theirs.map(|told| self.field(told)).map(|field| (field.name, field.json))
    }

    /// What is said of fields of topics by those without the word on them, ordered by topic, field
    /// and time: open discrepancies.
    pub fn fields_beside(&self) -> impl Iterator<Item = Field<'_>> {
        self.topics_beside.iter().map(|told| self.field(told))
    }

    fn field(&self, told: &TopicValue) -> Field<'_> {
        let known = Topic::from_number(told.topic);
        let at = usize::from(told.field).checked_sub(1);
        let basic = known.zip(at).filter(|(topic, at)| *at < topic.fields().len());
        let (topic, name) = match (known, basic) {
            (Some(topic), Some((_, at))) => (topic.name(), topic.fields()[at].name),
            (Some(topic), None) => (topic.name(), self.text(told.name)),
            (None, _) => (self.text(told.name), ""),
        };
        let (json, origin) = (self.text(told.text), self.origin(told.origin));
        Field { topic, name, basic, json, origin, has_authority: told.has_authority }
    }

    /// What is said of items by those without the word on them, ordered by item and time: open
    /// discrepancies.
    pub fn beside(&self) -> impl Iterator<Item = (Item, &str, &Origin)> {
        self.beside.iter().filter_map(|(number, value)| {
            let item = Item::from_number(*number)?;
            Some((item, self.text(value.text), self.origin(value.origin)))
        })
    }
}

/// As [`domain::days`], and none where there is none.
mod optional_days {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Day(#[serde(with = "domain::days")] Date);

    pub fn serialize<S: Serializer>(day: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
        day.map(Day).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Date>, D::Error> {
        Ok(Option::<Day>::deserialize(deserializer)?.map(|day| day.0))
    }
}
