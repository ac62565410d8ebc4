//! Fictional people for trials and demonstrations: a county of prefix 99 whose years are told as
//! CloudEvents in the order of their delivery, delays and faults included, with the truth beside.
//!
//! The same options give the same bytes on every machine. Only the people and the mail of a few
//! weeks are in memory.

mod care;
mod clock;
mod contacts;
mod county;
mod course;
mod doubles;
mod event;
mod events;
mod families;
mod fates;
mod faults;
mod households;
mod life;
mod line;
mod marriages;
mod moves;
mod names;
mod particulars;
mod person;
mod random;
mod relief;
mod schooling;
mod simulation;
mod truth;
mod upstream;
mod working;

use std::io::{self, Write};

use jiff::civil::Date;
use serde::Serialize;

pub use events::Events;

/// Bytes gathered before they are written out.
const CHUNK_BYTES: usize = 1 << 16;

/// What county, over which years.
#[derive(Clone, Debug, Serialize)]
pub struct Options {
    /// People at the first load; at least 1.
    pub people: u32,
    /// Years that are told, 1 to 100.
    pub years: u32,
    /// The same seed gives the same county.
    pub seed: u64,
    /// The last day on which something is delivered, on the calendar of China.
    pub end: Date,
    /// Events to a person over the whole period; services and exchanges are made as many as this
    /// takes beside the first load, the acts, the moves and the visits.
    pub events_per_person: f64,
    /// How many persons' records the truth holds, about; `u32::MAX` for all.
    pub truth_persons: u32,
    /// How often people are born, die, marry, part and move.
    pub rates: Rates,
    /// How often reports go wrong.
    pub faults: Faults,
    /// Which events are told.
    pub mix: Mix,
    /// Whether some children are registered twice, under two documents, and merged later, and some
    /// persons taken for one and split again. Not among the old kinds.
    pub doubles: bool,
}

/// Which events are told of the same lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Mix {
    /// Every kind: school, work, service, health, relief, needs and all the rest.
    #[default]
    WholeLives,
    /// Births, deaths, marriages, moves, visits and services only.
    MainJob,
}

/// Yearly rates to a thousand people.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rates {
    /// Births.
    pub births: f64,
    /// Deaths.
    pub deaths: f64,
    /// Persons who marry, two to a marriage.
    pub persons_marrying: f64,
    /// Persons who divorce, two to a divorce.
    pub persons_divorcing: f64,
    /// Moves of every kind.
    pub moves: f64,
}

/// What goes wrong, to ten thousand reports of those that it can happen to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Faults {
    /// Delivered a second time.
    pub duplicates_per_10k: u32,
    /// Source and id used again for other content.
    pub conflicts_per_10k: u32,
    /// Delayed by one to seven months.
    pub late_per_10k: u32,
    /// Followed by an impossible event about somebody: to be rejected.
    pub impossible_per_10k: u32,
    /// Wrong in an item or in its day, and corrected later.
    pub corrections_per_10k: u32,
    /// To ten thousand deaths and changes of residence: reported of the wrong person, annulled.
    pub annulments_per_10k: u32,
    /// To ten thousand first marriages and changes of residence: delivered after what followed.
    pub out_of_order_per_10k: u32,
}

/// How many events were given out, and what the registry must answer to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Lines.
    pub events: u64,
    /// To be recorded, corrections and annulments included.
    pub recorded: u64,
    /// To be answered as duplicates.
    pub duplicates: u64,
    /// To be answered as conflicts.
    pub conflicts: u64,
    /// To be rejected.
    pub rejected: u64,
    /// Corrections among the recorded.
    pub corrections: u64,
    /// Annulments among the recorded.
    pub annulments: u64,
    /// Recorded on purpose after a later event of the same person.
    pub out_of_order: u64,
    /// Persons who are the subject of a recorded event or were seen on a recorded visit.
    pub people: u64,
}

impl Options {
    /// The usual county: rates and faults as in a middling one, a sample of 1,000 persons in the
    /// truth.
    pub fn new(people: u32, years: u32, seed: u64, end: Date) -> Self {
        Self {
            people: people.max(1),
            years: years.clamp(1, 100),
            seed,
            end,
            events_per_person: 1.0 + 1.5 * f64::from(years.clamp(1, 100)),
            truth_persons: 1_000,
            rates: Rates::default(),
            faults: Faults::default(),
            mix: Mix::default(),
            doubles: false,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            births: 7.0,
            deaths: 8.0,
            persons_marrying: 9.0,
            persons_divorcing: 4.0,
            moves: 40.0,
        }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            duplicates_per_10k: 100,
            conflicts_per_10k: 10,
            late_per_10k: 150,
            impossible_per_10k: 10,
            corrections_per_10k: 60,
            annulments_per_10k: 150,
            out_of_order_per_10k: 300,
        }
    }
}

/// Writes the events as NDJSON to `out`, then the truth to `truth` where one is asked for.
///
/// # Errors
/// Those of the two writers.
pub fn write(
    options: &Options,
    out: &mut dyn Write,
    truth: Option<&mut dyn Write>,
) -> io::Result<Summary> {
    let mut events =
        if truth.is_some() { Events::with_truth(options) } else { Events::new(options) };
    let mut lines = Vec::with_capacity(CHUNK_BYTES * 2);
    while events.next_line(&mut lines) {
        if lines.len() >= CHUNK_BYTES {
            out.write_all(&lines)?;
            lines.clear();
        }
    }
    out.write_all(&lines)?;
    out.flush()?;
    if let Some(truth) = truth {
        let mut truth = io::BufWriter::with_capacity(CHUNK_BYTES, truth);
        events.write_truth(&mut truth)?;
        truth.flush()?;
    }
    Ok(events.summary())
}
