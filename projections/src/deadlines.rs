//! When an event must be on record: the dated rules of `rules/deadlines.csv`, counted in calendar
//! or working days (`rules/holidays.csv`).
//!
//! The due day is the day on which the clock starts plus the length; recording on that day is on
//! time. An event without a rule has no due day: it is counted, and judged by nothing.

use domain::catalogue::CATALOGUE;
use domain::divisions::UrbanRuralError;
use domain::{Clocks, Place, UrbanRural};
use jiff::civil::Date;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use domain::days::{date_of, day_number};

const DEADLINES: &str = include_str!("../rules/deadlines.csv");
const HOLIDAYS: &str = include_str!("../rules/holidays.csv");

/// The rules of one registry, ready to be asked.
#[derive(Clone, Debug)]
pub struct Deadlines {
    /// By event number, in the order of the table.
    rules: FxHashMap<u16, Vec<Rule>>,
    calendar: Calendar,
    version: String,
    days_max: i32,
    areas: UrbanRural,
}

/// By when an event had to be on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The last day that is on time.
    pub on: Date,
    /// Number of the rule in the table.
    pub rule: u16,
}

/// Why a table is not a table of rules.
#[derive(Debug, thiserror::Error)]
pub enum DeadlinesError {
    /// Not CSV, or a field that is missing or malformed.
    #[error("the table of rules is malformed: {0}")]
    Malformed(#[from] csv::Error),
    /// Two rules hold for one event, area and day.
    #[error("rules {0} and {1} hold at the same time")]
    Overlap(u16, u16),
    /// A rule that reaches further than ten years.
    #[error("rule {0} is longer than ten years")]
    Length(u16),
}

impl Deadlines {
    /// The rules that the product carries.
    pub fn embedded() -> Self {
        Self::read(DEADLINES, HOLIDAYS).expect("the embedded tables were read by a test")
    }

    /// Reads a table of rules and a table of holidays in the form of the embedded ones.
    ///
    /// Events that the catalogue does not have are passed over.
    ///
    /// # Errors
    /// [`DeadlinesError`] names the line or the rules at fault.
    pub fn read(deadlines: &str, holidays: &str) -> Result<Self, DeadlinesError> {
        let mut rules = FxHashMap::<u16, Vec<Rule>>::default();
        for row in csv::Reader::from_reader(deadlines.as_bytes()).deserialize() {
            let row: Row = row?;
            let Some(entry) = CATALOGUE.iter().find(|entry| entry.code == row.event) else {
                continue;
            };
            let rule = Rule::of(&row)?;
            let others = rules.entry(entry.kind as u16).or_default();
            if let Some(other) = others.iter().find(|other| other.meets(&rule)) {
                return Err(DeadlinesError::Overlap(other.number, rule.number));
            }
            others.push(rule);
        }
        let digest = Sha256::new().chain_update(deadlines).chain_update(holidays).finalize();
        let hex: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        let calendar = Calendar::read(holidays)?;
        // Weekends at most double working days; the holidays of a season add less than 16.
        let days = |rule: &Rule| match rule.unit {
            Unit::CalendarDays => rule.length,
            Unit::WorkingDays => rule.length * 2 + 16,
        };
        let days_max = rules.values().flatten().map(days).max().unwrap_or(0);
        let areas = UrbanRural::default();
        Ok(Self { rules, calendar, version: format!("1-{hex}"), days_max, areas })
    }

    /// These rules, with what the operator says of city and countryside: a table in the form of
    /// [`UrbanRural::read`]. It is part of the version, since other areas count otherwise.
    ///
    /// # Errors
    /// [`UrbanRuralError`].
    pub fn with_areas(self, table: &str) -> Result<Self, UrbanRuralError> {
        let digest = Sha256::new().chain_update(&self.version).chain_update(table).finalize();
        let hex: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { areas: UrbanRural::read(table)?, version: format!("1-{hex}"), ..self })
    }

    /// City and countryside.
    pub fn areas(&self) -> &UrbanRural {
        &self.areas
    }

    /// By when an event of this number (see [`domain::catalogue`]) had to be on record; none
    /// without a rule, or when the rule's clock starts on a day that nobody reported.
    pub fn due(&self, number: u16, place: Place, clocks: &Clocks) -> Option<Due> {
        let known = clocks.known_on.map(day_number);
        let (day, rule) = self.due_day(
            number,
            self.areas.is_urban(place),
            day_number(clocks.occurred_on),
            known,
        )?;
        Some(Due { on: date_of(day), rule })
    }

    /// Which rules: `<formula>-<digest of both tables>`; figures of one version are comparable.
    pub fn rules_version(&self) -> &str {
        &self.version
    }

    /// [`Deadlines::due`] in day numbers.
    pub(crate) fn due_day(
        &self,
        number: u16,
        urban: bool,
        occurred: i32,
        known: Option<i32>,
    ) -> Option<(i32, u16)> {
        let rules = self.rules.get(&number)?;
        let rule = rules.iter().find(|rule| rule.holds(urban, occurred))?;
        let start = match rule.clock {
            Clock::Occurred => occurred,
            Clock::Known => known?,
        };
        let day = match rule.unit {
            Unit::CalendarDays => start + rule.length,
            Unit::WorkingDays => self.calendar.working_days_after(start, rule.length),
        };
        Some((day, rule.number))
    }

    /// The latest due day that an event of this number, known at once, can have when it happened
    /// on `occurred`; that day itself without a rule.
    pub(crate) fn latest_due_day(&self, number: u16, occurred: i32) -> i32 {
        [true, false]
            .into_iter()
            .filter_map(|urban| self.due_day(number, urban, occurred, Some(occurred)))
            .map(|(day, _)| day)
            .fold(occurred, i32::max)
    }

    /// No rule gives more calendar days than this.
    pub(crate) fn days_max(&self) -> i32 {
        self.days_max
    }
}

/// A row of the table, as it stands there.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Row {
    /// Number of the rule; the catalogue of events names it.
    pub rule: u16,
    /// Code of the event.
    pub event: String,
    area: Area,
    length: u16,
    unit: Unit,
    clock: Clock,
    valid_from: Option<Date>,
    valid_to: Option<Date>,
    basis: String,
    note: String,
}

/// Every row of the table that the product carries.
pub fn embedded_rows() -> Vec<Row> {
    let rows = csv::Reader::from_reader(DEADLINES.as_bytes()).into_deserialize();
    rows.map(|row| row.expect("the embedded tables were read by a test")).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Area {
    Urban,
    Rural,
    Any,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Unit {
    CalendarDays,
    WorkingDays,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Clock {
    Occurred,
    Known,
}

#[derive(Clone, Debug)]
struct Rule {
    number: u16,
    area: Area,
    length: i32,
    unit: Unit,
    clock: Clock,
    /// First and last day of occurrence, inclusive.
    valid: (i32, i32),
}

impl Rule {
    fn of(row: &Row) -> Result<Self, DeadlinesError> {
        if row.length > 3650 {
            return Err(DeadlinesError::Length(row.rule));
        }
        Ok(Self {
            number: row.rule,
            area: row.area,
            length: i32::from(row.length),
            unit: row.unit,
            clock: row.clock,
            valid: (
                row.valid_from.map_or(i32::MIN, day_number),
                row.valid_to.map_or(i32::MAX, day_number),
            ),
        })
    }

    fn holds(&self, urban: bool, occurred: i32) -> bool {
        let here = match self.area {
            Area::Urban => urban,
            Area::Rural => !urban,
            Area::Any => true,
        };
        here && (self.valid.0..=self.valid.1).contains(&occurred)
    }

    fn meets(&self, other: &Rule) -> bool {
        let area = self.area == other.area || self.area == Area::Any || other.area == Area::Any;
        area && self.valid.0 <= other.valid.1 && other.valid.0 <= self.valid.1
    }
}

/// Which days are worked: the table where it speaks, else Monday to Friday.
#[derive(Clone, Debug)]
struct Calendar {
    /// Whether a day that the table names is worked.
    named: FxHashMap<i32, bool>,
}

#[derive(Deserialize)]
struct NamedDay {
    day: Date,
    kind: NamedDayKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NamedDayKind {
    Holiday,
    Working,
}

impl Calendar {
    fn read(table: &str) -> Result<Self, csv::Error> {
        let mut named = FxHashMap::default();
        for row in csv::Reader::from_reader(table.as_bytes()).deserialize() {
            let row: NamedDay = row?;
            named.insert(day_number(row.day), row.kind == NamedDayKind::Working);
        }
        Ok(Self { named })
    }

    fn is_worked(&self, day: i32) -> bool {
        // Day 0, 1 January 1970, was a Thursday.
        let weekday = (day + 3).rem_euclid(7);
        self.named.get(&day).copied().unwrap_or(weekday < 5)
    }

    /// The `length`-th working day after `start`; `start` itself when the length is 0.
    fn working_days_after(&self, start: i32, length: i32) -> i32 {
        let mut day = start;
        for _ in 0..length {
            day += 1;
            while !self.is_worked(day) {
                day += 1;
            }
        }
        day
    }
}
