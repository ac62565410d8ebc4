//! What is hidden of a record by order. The row keeps everything: rules and counts go on as if
//! nothing were hidden, and who reads is told less.

use domain::order::Sealing;
use domain::{Order, PersonId, Topic};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{HIDDEN, People, Row};
use crate::ViewsError;

/// One sealing that was ordered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hidden {
    /// The day on which it is seen again.
    #[serde(with = "domain::days")]
    until: Date,
    /// Numbers of the topics that are hidden; none for the whole record.
    topics: Vec<u8>,
}

impl Row {
    /// Follows an order.
    pub(super) fn hide(&mut self, order: Order) {
        match order {
            Order::Seal(Sealing { until, topics }) => {
                let topics = topics.into_iter().map(Topic::number).collect();
                let hidden = Hidden { until, topics };
                // A merged record is told of it in each of its streams.
                if !self.hidden.contains(&hidden) {
                    self.hidden.push(hidden);
                }
            }
            Order::Unseal => self.hidden.clear(),
            Order::Erase => {}
        }
    }

    /// The day up to which the whole record is hidden; none where that was never ordered.
    pub fn hidden_until(&self) -> Option<Date> {
        let whole = self.hidden.iter().filter(|hidden| hidden.topics.is_empty());
        whole.map(|hidden| hidden.until).max()
    }

    /// The topics that are hidden on a day, each with the day on which it is seen again.
    pub fn topics_hidden_on(&self, day: Date) -> Vec<(Topic, Date)> {
        let until = |topic: Topic| {
            let theirs =
                self.hidden.iter().filter(|hidden| hidden.topics.contains(&topic.number()));
            theirs.map(|hidden| hidden.until).max()
        };
        let all = Topic::ALL.iter().filter_map(|row| Some((row.0, until(row.0)?)));
        all.filter(|(_, until)| day < *until).collect()
    }
}

impl People {
    /// Whether the whole record of a person is hidden on a day.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn is_hidden(&self, person: PersonId, day: Date) -> Result<bool, ViewsError> {
        let until = self.index.get(&[&[HIDDEN], &person.as_uuid().as_bytes()[..]].concat())?;
        let until = until.and_then(|until| std::str::from_utf8(&until).ok()?.parse().ok());
        Ok(until.is_some_and(|until: Date| day < until))
    }
}
