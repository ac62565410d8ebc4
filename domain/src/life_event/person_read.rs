//! The read of a person's record, as the log of reads keeps it: why, what was asked, and which
//! values were told.
//!
//! Fields that came later are left out where they are empty, so what older programs wrote is read
//! and written byte for byte.

use std::borrow::Cow;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::Position;
use crate::items::Item;

/// Most are shorter: there is one for each answer about a person.
const JSON_BYTES_EXPECTED: usize = 1 << 10;

/// A read of a person's record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PersonRead {
    /// Why: a purpose of the reader's grant.
    pub purpose: Cow<'static, str>,
    /// What was asked: the operation's name.
    pub operation: Cow<'static, str>,
    /// Names of the parts that were answered. Items stand in `told`; in older records here.
    pub fields: Vec<Cow<'static, str>>,
    /// The question's axes and other conditions that name nobody, as asked.
    #[serde(default)]
    pub as_of: Map<String, Value>,
    /// What the reader was: a role of the table of access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Cow<'static, str>>,
    /// Public half of the token by which the read was allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// For whom the reader asked, as a window for a clerk: an id of the reader's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// The newest event that the answer could tell of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Values that the answer told of this person.
    #[serde(default, skip_serializing_if = "ItemsTold::is_empty")]
    pub told: ItemsTold,
    /// Persons in the whole answer; 0 when nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// A keyed hash of a question that could name somebody: equal questions have equal ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Until when the person is not told of the read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hidden>,
    /// Names of the parts of a record that the answer showed masked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<Cow<'static, str>>,
    /// The broken glass through which it was read: its position in the log of reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<Position>,
    /// Fields of a later version of this program.
    #[serde(flatten)]
    pub later: Map<String, Value>,
}

/// Why a read is not told to the person, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// The first day, in China, on which the person is told.
    pub until: Date,
    /// Code of the legal basis.
    pub basis: Cow<'static, str>,
    /// Who approved of it, beside who asked: an id of the reader's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
}

/// Which items an answer told, by the events that their values came from.
///
/// Stored as pairs of a position and a number whose bit `n` stands for the item of number `n`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemsTold(Vec<(Position, u64)>);

impl ItemsTold {
    /// Adds the value of an item that came from the event at a position.
    pub fn add(&mut self, item: Item, position: Position) {
        let bit = 1 << item.number();
        match self.0.iter_mut().find(|(known, _)| *known == position) {
            Some((_, items)) => *items |= bit,
            None => self.0.push((position, bit)),
        }
    }

    /// Whether the value of an item from the event at a position was told.
    pub fn has(&self, item: Item, position: Position) -> bool {
        let bit = 1 << item.number();
        self.0.iter().any(|(known, items)| *known == position && items & bit != 0)
    }

    /// The items of which some value was told, in the order of their numbers.
    pub fn items(&self) -> impl Iterator<Item = Item> + use<> {
        let all = self.0.iter().fold(0, |all, (_, items)| all | items);
        Item::all().filter(move |item| all & (1 << item.number()) != 0)
    }

    /// What was told without the values of some items.
    #[must_use]
    pub fn without(mut self, items: impl IntoIterator<Item = Item>) -> Self {
        let hidden = items.into_iter().fold(0, |bits, item| bits | 1 << item.number());
        self.0.iter_mut().for_each(|(_, told)| *told &= !hidden);
        self.0.retain(|(_, told)| *told != 0);
        self
    }

    /// Whether no value was told.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PersonRead {
    /// The JSON to store.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(JSON_BYTES_EXPECTED);
        serde_json::to_writer(&mut json, self).expect("its keys are strings");
        json
    }

    /// Whether the person may be told of it on a day.
    pub fn is_open_on(&self, day: Date) -> bool {
        self.hidden.as_ref().is_none_or(|hidden| hidden.until <= day)
    }
}
