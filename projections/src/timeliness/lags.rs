//! Days of lag: merged from many cells, asked for quantiles, drawn as a curve.

use super::cube::{count_of, value_of};
use super::fact::lag_days;
use super::query::{Group, TimelinessQuery, compare};
use super::selection::Selection;
use super::{Timeliness, fact};

/// Buckets that are counted in place; the rare longer lags are sorted at the end.
const DENSE_BUCKETS: usize = 1024;

/// How the records of a group came in.
#[derive(Clone, Debug, PartialEq)]
pub struct LagCurve {
    /// Which group.
    pub group: Group,
    /// All events of the group that are on record.
    pub total: u64,
    /// Whether more of them may still come in; see [`super::Row::open`].
    pub open: bool,
    /// In order of lag.
    pub points: Vec<LagPoint>,
}

/// How many events were on record so many days after they happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LagPoint {
    /// Days after the event.
    pub lag_days: u16,
    /// Events on record by then.
    pub count: u64,
    /// Their share of all that are on record now.
    pub share: f64,
}

impl Timeliness {
    /// One curve per group that has events, in the order of `group_by`: a point at day 0 and
    /// after every `step_days` (1 for days, 7 for weeks; 0 is taken as 1) up to and including
    /// `lag_days_max`.
    pub fn lag_curve(
        &self,
        query: &TimelinessQuery,
        step_days: u16,
        lag_days_max: u16,
    ) -> Vec<LagCurve> {
        let mut curves = Vec::new();
        Selection::new(self, query).for_each_group(|group, totals, lags| {
            let steps = (0..=lag_days_max).step_by(usize::from(step_days.max(1)));
            let mut points: Vec<LagPoint> =
                steps.map(|lag_days| LagPoint { lag_days, count: 0, share: 0.0 }).collect();
            lags.for_each(|bucket, count| {
                let days = lag_days(bucket);
                let at = points.partition_point(|point| i32::from(point.lag_days) < days);
                if let Some(point) = points.get_mut(at) {
                    point.count += count;
                }
                true
            });
            let mut so_far = 0;
            for point in &mut points {
                so_far += point.count;
                point.count = so_far;
                point.share = so_far as f64 / totals.count as f64;
            }
            curves.push(LagCurve { group, total: totals.count, open: totals.open, points });
        });
        curves.sort_by(|one, other| compare(&one.group, &other.group, &query.group_by));
        curves
    }
}

/// The lags of a group: one cell's as they are stored, or merged.
pub(super) enum Lags<'a> {
    Stored(&'a [u64]),
    Merged(&'a Merged),
}

impl Lags<'_> {
    /// Hands over bucket and count in ascending order, until `take` answers false.
    pub(super) fn for_each(&self, mut take: impl FnMut(u16, u64) -> bool) {
        match self {
            Lags::Stored(entries) => {
                for &entry in *entries {
                    if !take(value_of(entry), u64::from(count_of(entry))) {
                        return;
                    }
                }
            }
            Lags::Merged(merged) => {
                for (bucket, &count) in merged.dense[..merged.dense_end].iter().enumerate() {
                    if count > 0 && !take(bucket as u16, count) {
                        return;
                    }
                }
                for &(bucket, count) in &merged.long {
                    if !take(bucket, u64::from(count)) {
                        return;
                    }
                }
            }
        }
    }
}

/// Counts per bucket, used again for each group.
pub(super) struct Merged {
    dense: Vec<u64>,
    dense_end: usize,
    /// Sorted once all are in; a bucket may stand several times.
    long: Vec<(u16, u32)>,
}

impl Merged {
    pub(super) fn new() -> Self {
        Self { dense: vec![0; DENSE_BUCKETS], dense_end: 0, long: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.dense[..self.dense_end].fill(0);
        self.dense_end = 0;
        self.long.clear();
    }

    /// Adds entries of one or several cells.
    pub(super) fn add(&mut self, entries: &[u64]) {
        let mut end = self.dense_end;
        for &entry in entries {
            let bucket = usize::from(value_of(entry));
            if let Some(count) = self.dense.get_mut(bucket) {
                *count += u64::from(count_of(entry));
                end = end.max(bucket + 1);
            } else {
                self.long.push((value_of(entry), count_of(entry)));
            }
        }
        self.dense_end = end;
    }

    pub(super) fn finish(&mut self) {
        self.long.sort_unstable();
    }
}

/// Nearest-rank quantiles, in days: the smallest lag that at least so many percent of `total`
/// events do not exceed. Percents ascend.
pub(super) fn quantile<const N: usize>(
    lags: &Lags<'_>,
    total: u64,
    percents: [u64; N],
) -> [i32; N] {
    let ranks = percents.map(|percent| (total * percent).div_ceil(100));
    let mut days = [0; N];
    let (mut so_far, mut next) = (0, 0);
    lags.for_each(|bucket, count| {
        so_far += count;
        while next < N && so_far >= ranks[next] {
            days[next] = fact::lag_days(bucket);
            next += 1;
        }
        next < N
    });
    days
}
