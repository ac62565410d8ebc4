//! The rows of an answer, written straight as JSON: the finest groupings have tens of thousands,
//! and a tree of values for each costs many times what counting them does.
//!
//! Fields stand in the order of their names, as in every other answer.

use std::borrow::Cow;
use std::fmt::Display;

use domain::{Kind, Place};
use projections::timeliness::{Group, LagCurve, LagPoint, Month, Row, SplitDays};
use serde::{Serialize, Serializer};

use crate::http::small_cells::{is_small, rounded, told_quantile};

/// Bytes of a code of the envelope.
#[derive(Clone, Copy)]
struct Code<const N: usize>([u8; N]);

impl<const N: usize> Serialize for Code<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.serialize_str(&String::from_utf8_lossy(&self.0)),
        }
    }
}

fn event(group: &Group) -> Option<&'static str> {
    group.event.and_then(Kind::from_number).map(|(kind, _)| kind.code())
}

fn department(group: &Group) -> Option<Code<3>> {
    group.department.map(|code| Code(code.map(|letter| letter.to_ascii_lowercase())))
}

fn shown<S: Serializer>(value: &Option<impl Display>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// The timeliness of a group; see [`Row`].
#[derive(Serialize)]
pub struct Timely {
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<Code<2>>,
    denominator: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    department: Option<Code<3>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    month: Option<Month>,
    not_yet_due: Option<u64>,
    numerator: Option<u64>,
    open: bool,
    p50_days: Option<i32>,
    p90_days: Option<i32>,
    p99_days: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    rate: Option<f64>,
    split: Option<Split>,
    #[serde(skip_serializing_if = "is_false")]
    suppressed: bool,
    total: Option<u64>,
    unruled: Option<u64>,
}

/// Mean days of delay.
#[derive(Serialize)]
struct Split {
    citizen: f64,
    department: f64,
    registry: f64,
    transport: f64,
}

impl From<&Row> for Timely {
    fn from(row: &Row) -> Self {
        let group = &row.group;
        let split = |SplitDays { citizen, department, transport, registry }| Split {
            citizen,
            department,
            registry,
            transport,
        };
        Self {
            channel: group.channel.map(Code),
            denominator: Some(row.denominator),
            department: department(group),
            event: event(group),
            month: group.month,
            not_yet_due: Some(row.not_yet_due),
            numerator: Some(row.numerator),
            open: row.open,
            p50_days: Some(row.p50_days),
            p90_days: Some(row.p90_days),
            p99_days: Some(row.p99_days),
            place: group.place,
            rate: row.rate,
            split: row.split.map(split),
            suppressed: false,
            total: Some(row.total),
            unruled: Some(row.unruled),
        }
    }
}

impl Timely {
    /// As it is told to who sees sums only.
    pub fn in_sums(row: &Row) -> Self {
        let whole = Self::from(row);
        if is_small(row.total) {
            return Self {
                denominator: None,
                not_yet_due: None,
                numerator: None,
                p50_days: None,
                p90_days: None,
                p99_days: None,
                rate: None,
                split: None,
                suppressed: true,
                total: None,
                unruled: None,
                ..whole
            };
        }
        let [numerator, denominator] = [row.numerator, row.denominator].map(rounded);
        let split = whole.split.filter(|_| !is_small(row.split_count));
        Self {
            denominator: Some(denominator),
            not_yet_due: Some(rounded(row.not_yet_due)),
            numerator: Some(numerator),
            p50_days: told_quantile(row.p50_days, 50, row.total),
            p90_days: told_quantile(row.p90_days, 90, row.total),
            p99_days: told_quantile(row.p99_days, 99, row.total),
            rate: (denominator > 0).then(|| numerator as f64 / denominator as f64),
            split: split.map(|split| split.in_tenths()),
            total: Some(rounded(row.total)),
            unruled: Some(rounded(row.unruled)),
            ..whole
        }
    }
}

impl Split {
    /// Of more digits it could be read how many events a mean is of.
    fn in_tenths(self) -> Self {
        let tenths = |days: f64| (days * 10.0).round() / 10.0;
        Self {
            citizen: tenths(self.citizen),
            department: tenths(self.department),
            registry: tenths(self.registry),
            transport: tenths(self.transport),
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// How the records of a group came in; see [`LagCurve`].
#[derive(Serialize)]
pub struct Curve<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<Code<2>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    department: Option<Code<3>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    month: Option<Month>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    #[serde(serialize_with = "points")]
    points: Cow<'a, [LagPoint]>,
    #[serde(skip_serializing_if = "is_false")]
    suppressed: bool,
    total: Option<u64>,
}

#[derive(Serialize)]
struct Point {
    count: u64,
    lag_days: u16,
    share: f64,
}

fn points<S: Serializer>(points: &[LagPoint], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(points.iter().map(|&LagPoint { lag_days, count, share }| Point {
        count,
        lag_days,
        share,
    }))
}

impl<'a> From<&'a LagCurve> for Curve<'a> {
    fn from(curve: &'a LagCurve) -> Self {
        let group = &curve.group;
        Self {
            channel: group.channel.map(Code),
            department: department(group),
            event: event(group),
            month: group.month,
            place: group.place,
            points: Cow::Borrowed(&curve.points),
            suppressed: false,
            total: Some(curve.total),
        }
    }
}

impl<'a> Curve<'a> {
    /// As it is told to who sees sums only.
    pub fn in_sums(curve: &'a LagCurve) -> Self {
        let whole = Self::from(curve);
        if is_small(curve.total) {
            return Self { points: Cow::default(), suppressed: true, total: None, ..whole };
        }
        let total = rounded(curve.total);
        let points = curve.points.iter().map(|point| {
            let count = rounded(point.count);
            LagPoint { count, share: count as f64 / total as f64, ..*point }
        });
        Self { points: points.collect(), total: Some(total), ..whole }
    }
}
