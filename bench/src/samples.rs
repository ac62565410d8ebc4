//! Exact percentiles: every latency is kept and sorted, none is put in a bucket.

use std::time::Duration;

use serde::Serialize;

/// Latencies of one measurement.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    nanoseconds: Vec<u64>,
    sorted: bool,
}

/// What a measurement shows of its latencies, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// How many samples.
    pub count: usize,
    /// Half were as fast.
    pub p50_ms: f64,
    /// 99 of 100 were as fast.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl Samples {
    /// Adds one latency.
    pub fn add(&mut self, latency: Duration) {
        self.nanoseconds.push(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        self.sorted = false;
    }

    /// Takes over the latencies of another worker.
    pub fn merge(&mut self, mut other: Samples) {
        self.nanoseconds.append(&mut other.nanoseconds);
        self.sorted = false;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.nanoseconds.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nanoseconds.is_empty()
    }

    /// The smallest sample that `percent` of all do not exceed (nearest rank), in milliseconds;
    /// 0 when there is none.
    pub fn percentile_ms(&mut self, percent: f64) -> f64 {
        if self.nanoseconds.is_empty() {
            return 0.0;
        }
        if !self.sorted {
            self.nanoseconds.sort_unstable();
            self.sorted = true;
        }
        let rank = (percent / 100.0 * self.nanoseconds.len() as f64).ceil() as usize;
        let at = rank.clamp(1, self.nanoseconds.len()) - 1;
        self.nanoseconds[at] as f64 / 1e6
    }

    /// The percentiles that the report shows.
    pub fn percentiles(&mut self) -> Percentiles {
        Percentiles {
            count: self.len(),
            p50_ms: self.percentile_ms(50.0),
            p99_ms: self.percentile_ms(99.0),
            max_ms: self.percentile_ms(100.0),
        }
    }
}
