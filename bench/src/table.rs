//! The one table that a run prints: each figure with its unit, beside what it should be.

use std::fmt::Write;

use serde::Serialize;

/// What a figure should be. The first bound is the one to keep, the second the one to reach for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Goal {
    /// Only shown.
    None,
    /// More is better.
    More {
        /// At least.
        least: f64,
        /// Reach for.
        reach: f64,
    },
    /// Less is better.
    Less {
        /// At most.
        most: f64,
        /// Reach for; none where keeping the first bound is all.
        reach: Option<f64>,
    },
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The figure, in `unit`; none when it could not be measured.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
    /// What it should be, in the same unit.
    pub goal: Goal,
    /// How it came about, or why there is no figure.
    pub note: String,
}

impl Row {
    /// A figure.
    pub fn new(what: impl Into<String>, value: f64, unit: &'static str, goal: Goal) -> Self {
        let value = Some(value).filter(|value| value.is_finite());
        Self { what: what.into(), value, unit, goal, note: String::new() }
    }

    /// A figure that could not be had, and why.
    pub fn missing(what: impl Into<String>, unit: &'static str, goal: Goal, why: &str) -> Self {
        Self { what: what.into(), value: None, unit, goal, note: why.to_owned() }
    }

    /// Says how the figure came about.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// `missed`, `kept` or `reached`; empty where there is no goal or no figure.
    pub fn verdict(&self) -> &'static str {
        let Some(value) = self.value else { return "" };
        let (kept, reached) = match self.goal {
            Goal::None => return "",
            Goal::More { least, reach } => (value >= least, value >= reach),
            Goal::Less { most, reach } => (value < most, reach.is_some_and(|reach| value <= reach)),
        };
        match (kept, reached) {
            (false, _) => "missed",
            (true, false) => "kept",
            (true, true) => "reached",
        }
    }
}

/// The rows as a Markdown table.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| what | measured | unit | at least | reach for | verdict | note |\n\
         | --- | ---: | --- | ---: | ---: | --- | --- |\n",
    );
    for row in rows {
        let value = row.value.map_or_else(|| "–".to_owned(), figure);
        let (least, reach) = bounds(row.goal);
        let Row { what, unit, note, .. } = row;
        let verdict = row.verdict();
        writeln!(text, "| {what} | {value} | {unit} | {least} | {reach} | {verdict} | {note} |")
            .expect("memory takes every write");
    }
    text
}

fn bounds(goal: Goal) -> (String, String) {
    match goal {
        Goal::None => (String::new(), String::new()),
        Goal::More { least, reach } => (format!("≥ {}", figure(least)), figure(reach)),
        Goal::Less { most, reach } => {
            (format!("< {}", figure(most)), reach.map(figure).unwrap_or_default())
        }
    }
}

/// A figure as a reader takes it in: three digits that count, thousands apart.
pub fn figure(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 || size == 0.0 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        _ => 3,
    };
    let plain = format!("{value:.decimals$}");
    let (whole, fraction) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let digits = whole.trim_start_matches('-');
    let mut text = if digits.len() < whole.len() { String::from("-") } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text.push_str(fraction);
    text
}
