//! A batch body, cut into its events without reading them, and never into more than allowed.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::cloudevents::not_json;
use super::events::too_many;
use super::problem::Problem;
use super::problem_kinds as kinds;

/// A batch holds at most so many events.
pub const EVENTS_MAX: usize = 10_000;

/// The events of a JSON array, each as the text that was sent.
///
/// # Errors
/// 400 when the body is no JSON array, 413 when it has more than [`EVENTS_MAX`] elements.
pub fn split(body: &[u8]) -> Result<Vec<&RawValue>, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let events = reader.deserialize_seq(Elements);
    match events.and_then(|events| reader.end().map(|()| events)) {
        Ok(Some(events)) => Ok(events),
        Ok(None) => Err(too_many()),
        Err(error) => Err(Problem::new(&kinds::BAD_ENVELOPE).errors(vec![not_json(&error)])),
    }
}

/// Collects elements; none when there are too many.
struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Option<Vec<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut events = Vec::new();
        while let Some(event) = seq.next_element()? {
            if events.len() == EVENTS_MAX {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(None);
            }
            events.push(event);
        }
        Ok(Some(events))
    }
}
