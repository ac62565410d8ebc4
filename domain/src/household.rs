//! Households: by what somebody belongs to one, and what makes two persons members of the same.
//!
//! The register keeps two kinds apart. A household of registration (户) is a book of the police
//! with one head (Household Registration Regulations of 1958, art. 5); a living household is
//! whoever lives behind one door, as in the census. The same person belongs to one of each.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::citizen_number::normalise;

/// By what somebody belongs to a household.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Registered under the same number of a household.
    Hukou,
    /// Living behind the same door.
    Living,
}

/// A household as answers and URLs name it: a keyed hash of what makes it one, so that no number
/// and no address can be read out of it. Computed, not looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HouseholdId(Uuid);

impl HouseholdId {
    /// The id of sixteen hashed bytes, shaped as a version-8 UUID (RFC 9562).
    pub fn from_custom_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The household of a bare UUID, as it stands in a URL.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The bare UUID.
    pub fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for HouseholdId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What makes a household of registration one: its number, however it was typed. None for a blank.
pub fn hukou_key(number: &str) -> Option<String> {
    let number = normalise(number);
    (!number.is_empty()).then(|| ["hukou\n", &number].concat())
}

/// What makes a living household one: the division, the address and the door plate, without
/// blanks and in one width. None without a plate: a village is no household.
pub fn living_key(division: &str, address: &str, door_plate: &str) -> Option<String> {
    let door_plate = plain(door_plate);
    let is_known = !division.is_empty() && !door_plate.is_empty();
    is_known.then(|| ["living\n", division, "\n", &plain(address), "\n", &door_plate].concat())
}

fn plain(text: &str) -> Cow<'_, str> {
    // What nearly every address is made of has one form only: looking that up is most of the work.
    let has_one_form = |it: char| it.is_ascii() || matches!(it, '\u{4e00}'..='\u{9fff}');
    if text.chars().all(|it| has_one_form(it) && !it.is_whitespace()) {
        return Cow::Borrowed(text);
    }
    text.nfkc().filter(|character| !character.is_whitespace()).collect()
}
