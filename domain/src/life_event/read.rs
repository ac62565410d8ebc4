//! Reads the stored JSON of a life's event. By hand, since every event of the log comes through
//! here when views are made anew: derived reading makes a string of each text before it is put
//! away, and keeps aside what it does not know yet.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, de};

use super::{Items, LifeEvent};

/// The fields of [`LifeEvent`] by their names.
#[derive(Clone, Copy)]
enum Field {
    Id,
    Document,
    Items,
    Related,
    CertificateNo,
    Target,
    TrueDay,
    Reason,
    ApprovedBy,
    Doubts,
    Details,
}

const FIELDS: [(&str, Field); 11] = [
    ("id", Field::Id),
    ("document", Field::Document),
    ("items", Field::Items),
    ("related", Field::Related),
    ("certificate_no", Field::CertificateNo),
    ("target", Field::Target),
    ("true_day", Field::TrueDay),
    ("reason", Field::Reason),
    ("approved_by", Field::ApprovedBy),
    ("doubts", Field::Doubts),
    ("details", Field::Details),
];

/// A name in the JSON: one of ours, or one of a later version.
enum Name {
    Ours(Field),
    Later(String),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Name;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
                let ours = FIELDS.iter().find(|(known, _)| *known == name);
                Ok(ours
                    .map_or_else(|| Name::Later(name.to_owned()), |(_, field)| Name::Ours(*field)))
            }
        }
        deserializer.deserialize_identifier(Read)
    }
}

impl<'de> Deserialize<'de> for LifeEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadLife)
    }
}

struct ReadLife;

impl<'de> Visitor<'de> for ReadLife {
    type Value = LifeEvent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event of a life")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LifeEvent, A::Error> {
        let mut life = LifeEvent::default();
        let mut seen = 0_u16;
        while let Some(name) = map.next_key()? {
            let field = match name {
                Name::Ours(field) => field,
                Name::Later(name) => {
                    life.later.insert(name, map.next_value()?);
                    continue;
                }
            };
            if seen & 1 << field as u16 != 0 {
                return Err(A::Error::duplicate_field(FIELDS[field as usize].0));
            }
            seen |= 1 << field as u16;
            match field {
                Field::Id => life.id = map.next_value()?,
                Field::Document => life.document = map.next_value()?,
                Field::Items => life.items = map.next_value()?,
                Field::Related => life.related = map.next_value()?,
                Field::CertificateNo => life.certificate_no = map.next_value()?,
                Field::Target => life.target = map.next_value()?,
                Field::TrueDay => life.true_day = map.next_value()?,
                Field::Reason => life.reason = map.next_value()?,
                Field::ApprovedBy => life.approved_by = map.next_value()?,
                Field::Doubts => life.doubts = map.next_value()?,
                Field::Details => life.details = map.next_value()?,
            }
        }
        Ok(life)
    }
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadItems)
    }
}

struct ReadItems;

impl<'de> Visitor<'de> for ReadItems {
    type Value = Items;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("items by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Items, A::Error> {
        let mut items = Items::with_capacity(ITEMS_EXPECTED);
        while let Some(item) = map.next_key()? {
            map.next_value_seed(Value { items: &mut items, item })?;
        }
        Ok(items)
    }
}

/// Most events state fewer items.
const ITEMS_EXPECTED: usize = 6;

/// The value of an item, put away without a string of its own.
struct Value<'a> {
    items: &'a mut Items,
    item: crate::items::Item,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.items.set(self.item, value);
        Ok(())
    }
}
