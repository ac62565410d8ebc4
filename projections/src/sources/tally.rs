//! What one source has done so far, as a whole and by month.

use domain::clocks::day_in_china;
use domain::recorded::Envelope;
use serde::{Deserialize, Serialize};

use crate::timeliness::Month;

/// What a source has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Events recorded, each person of a household visit counted.
    pub recorded: u64,
    /// Submissions refused.
    pub rejected: u64,
    /// Submissions that came again under the same id with other content.
    pub conflicts: u64,
    /// Rejections that no corrected event has cleared yet.
    pub waiting: u64,
    /// When the newest of them was recorded, in microseconds since 1970.
    pub last_seen_micros: i64,
    /// By month of recording, in order: [`Month::key`], what was recorded, refused, in conflict.
    pub months: Vec<(u32, [u64; 3])>,
}

impl Tally {
    /// What was recorded, refused and in conflict in the months from one to another.
    pub fn between(&self, from: Option<Month>, to: Option<Month>) -> [u64; 3] {
        let (from, to) = (from.map_or(0, Month::key), to.map_or(u32::MAX, Month::key));
        let months = self.months.iter().filter(|(month, _)| (from..=to).contains(month));
        months.fold([0; 3], |sum, (_, counts)| std::array::from_fn(|at| sum[at] + counts[at]))
    }

    /// Counts one more in the month of an event; events come in the order of their recording.
    pub(super) fn count(&mut self, envelope: &Envelope, what: usize) {
        let month = Month::of(day_in_china(envelope.clocks.recorded_at)).key();
        if self.months.last().is_none_or(|(newest, _)| *newest < month) {
            self.months.push((month, [0; 3]));
        }
        if let Some((_, counts)) = self.months.last_mut() {
            counts[what] += 1;
        }
    }
}
