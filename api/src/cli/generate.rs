//! `renkou generate`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use jiff::{Timestamp, civil::Date};

use super::Failure;
use crate::generate::{Mix, Options, write};

/// What county to make up.
#[derive(clap::Args)]
pub struct Generate {
    /// People at the beginning.
    #[arg(long, default_value_t = 1_000)]
    people: u32,
    /// Years that are told.
    #[arg(long, default_value_t = 3)]
    years: u32,
    /// The same seed gives the same county.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The last day; yesterday when not given. Give it for the same events on another day.
    #[arg(long)]
    end: Option<Date>,
    /// Which events are told: all of whole lives, or only births, deaths, marriages, moves and
    /// services.
    #[arg(long, value_enum, default_value_t)]
    mix: Mix,
    /// Registers some children twice, under two documents, and takes some persons for one.
    #[arg(long)]
    doubles: bool,
    /// Of how many persons the truth tells everything, about.
    #[arg(long, default_value_t = 1_000)]
    truth_persons: u32,
    /// Where to write what a registry must come to.
    #[arg(long)]
    truth: Option<PathBuf>,
}

impl Generate {
    /// Writes the events.
    pub fn run(self) -> Result<(), Failure> {
        let end = self.end.unwrap_or_else(yesterday);
        let usual = Options::new(self.people, self.years, self.seed, end);
        let (mix, doubles, truth_persons) = (self.mix, self.doubles, self.truth_persons);
        let options = Options { mix, doubles, truth_persons, ..usual };
        let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
        match self.truth {
            None => write(&options, &mut out, None)?,
            Some(path) => {
                let mut truth = BufWriter::new(File::create(path)?);
                let summary = write(&options, &mut out, Some(&mut truth))?;
                truth.flush()?;
                summary
            }
        };
        Ok(out.flush()?)
    }
}

/// The newest day whose events have all been delivered.
pub fn yesterday() -> Date {
    let today = domain::clocks::day_in_china(Timestamp::now());
    today.yesterday().unwrap_or(today)
}
