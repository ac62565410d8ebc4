//! What processes and their threads use, as `/proc` tells it: figures that do not depend on how busy
//! the machine is otherwise.

use std::collections::BTreeMap;
use std::fs;

use serde::Serialize;

use crate::table::figure;

/// Clock ticks of `/proc/PID/stat`; 100 on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;
/// Threads that used less than so much of an answer are not worth a word.
const SHOWN_US: f64 = 0.5;

/// What a process has used up to now.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Usage {
    /// Processor time in user and system, in seconds.
    pub cpu_seconds: f64,
    /// Its largest resident memory so far, in bytes.
    pub memory_bytes_max: u64,
}

impl Usage {
    /// What process `pid` has used; none when it is gone.
    pub fn of(pid: u32) -> Option<Self> {
        let cpu_seconds = cpu_seconds(&format!("/proc/{pid}/stat"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = peak.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(Self { cpu_seconds, memory_bytes_max: kibibytes * 1024 })
    }

    /// What the bench itself has used.
    pub fn own() -> Self {
        Self::of(std::process::id()).unwrap_or_default()
    }
}

/// Processor time in user and system of the process or thread that a `stat` file tells of.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let stat = fs::read_to_string(stat).ok()?;
    // The command's name stands in brackets and may hold blanks; `utime` is the 14th field.
    let after_name = stat.rsplit_once(')')?.1;
    let ticks = after_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(ticks as f64 / TICKS_PER_SECOND)
}

/// What the host of a virtual machine gave of its processors' time to others, up to now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Withheld {
    ticks: u64,
    of: u64,
}

impl Withheld {
    /// As `/proc/stat` tells it; nothing where it does not.
    pub fn now() -> Self {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let all = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
        // `user nice system idle iowait irq softirq steal`; what follows is counted in these.
        let ticks: Vec<u64> = all.take(8).filter_map(|field| field.parse().ok()).collect();
        Self { ticks: ticks.get(7).copied().unwrap_or_default(), of: ticks.iter().sum() }
    }

    /// The share since `earlier`, of 100.
    pub fn percent_since(self, earlier: Self) -> f64 {
        let of = self.of.saturating_sub(earlier.of).max(1);
        100.0 * self.ticks.saturating_sub(earlier.ticks) as f64 / of as f64
    }
}

/// Processor time of a process's threads up to now, in seconds, by their names.
#[derive(Clone, Debug, Default)]
pub struct Threads(BTreeMap<String, f64>);

impl Threads {
    /// Those of process `pid`; none when it is gone.
    pub fn of(pid: u32) -> Self {
        let mut threads = BTreeMap::new();
        let tasks = fs::read_dir(format!("/proc/{pid}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let file = |name: &str| task.path().join(name);
            let name = fs::read_to_string(file("comm")).unwrap_or_default();
            if let Some(seconds) = cpu_seconds(&file("stat").display().to_string()) {
                *threads.entry(name.trim().to_owned()).or_default() += seconds;
            }
        }
        Self(threads)
    }

    /// What was used since `earlier` for each of `answers`, in microseconds, the most first.
    pub fn each_since(&self, earlier: &Self, answers: usize) -> String {
        let us = |seconds: f64| 1e6 * seconds / answers.max(1) as f64;
        let spent = self.0.iter().map(|(name, seconds)| {
            let before = earlier.0.get(name).copied().unwrap_or(0.0);
            (name, us(seconds - before))
        });
        let mut spent: Vec<_> = spent.filter(|(_, us)| *us >= SHOWN_US).collect();
        spent.sort_by(|a, b| b.1.total_cmp(&a.1));
        let spent: Vec<_> =
            spent.iter().map(|(name, us)| format!("{name} {}", figure(*us))).collect();
        spent.join(", ")
    }
}
