//! Corrections and annulments: what they make of the event that they act on.
//!
//! The state is kept for events that were ever acted on, and for no other.

use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// An event that was corrected or annulled, with every act on it and on those acts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ActedOn {
    pub(super) fact: Fact,
    /// In the order of their positions.
    acts: Vec<Act>,
}

/// A correction or an annulment.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Act {
    /// Its own position.
    pub(super) position: u64,
    /// The position of what it acts on: the event, or an earlier act.
    pub(super) target: u64,
    /// The day on which the target truly happened; none for an annulment.
    pub(super) true_day: Option<i32>,
}

impl ActedOn {
    pub(super) fn new(fact: Fact) -> Self {
        Self { fact, acts: Vec::new() }
    }

    pub(super) fn push(&mut self, act: Act) {
        self.acts.push(act);
    }

    /// The positions of the acts.
    pub(super) fn positions(&self) -> impl Iterator<Item = u64> {
        self.acts.iter().map(|act| act.position)
    }

    /// The day on which the event at `position` happened, as now known; none when it is annulled.
    ///
    /// Acts are judged from the newest to the oldest, so whether an act stands is settled before
    /// it is looked at. An annulled act does nothing; of the corrections that stand the newest
    /// counts.
    pub(super) fn current_day(&self, position: u64) -> Option<i32> {
        let mut annulled = Vec::new();
        let mut corrected = Vec::new();
        let day_of = |corrected: &[(u64, i32)], target: u64| {
            corrected.iter().find(|(of, _)| *of == target).map(|(_, day)| *day)
        };
        for act in self.acts.iter().rev() {
            if annulled.contains(&act.position) {
                continue;
            }
            match act.true_day {
                None => annulled.push(act.target),
                // A correction that was itself corrected says what its own correction says.
                Some(day) => {
                    let day = day_of(&corrected, act.position).unwrap_or(day);
                    corrected.push((act.target, day));
                }
            }
        }
        if annulled.contains(&position) {
            return None;
        }
        Some(day_of(&corrected, position).unwrap_or(self.fact.occurred))
    }
}
