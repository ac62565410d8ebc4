//! The rows of an answer, written straight as JSON: the finest groupings have tens of thousands,
//! and a tree of values for each costs many times what counting them does.
//!
//! Fields stand in the order of their names, as in every other answer.

use std::fmt::Display;

use domain::{Kind, Place};
use projections::timeliness::{Group, LagCurve, LagPoint, Month, Row, SplitDays};
use serde::{Serialize, Serializer};

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
    denominator: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    department: Option<Code<3>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shown")]
    month: Option<Month>,
    not_yet_due: u64,
    numerator: u64,
    open: bool,
    p50_days: i32,
    p90_days: i32,
    p99_days: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    rate: Option<f64>,
    split: Option<Split>,
    total: u64,
    unruled: u64,
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
            denominator: row.denominator,
            department: department(group),
            event: event(group),
            month: group.month,
            not_yet_due: row.not_yet_due,
            numerator: row.numerator,
            open: row.open,
            p50_days: row.p50_days,
            p90_days: row.p90_days,
            p99_days: row.p99_days,
            place: group.place,
            rate: row.rate,
            split: row.split.map(split),
            total: row.total,
            unruled: row.unruled,
        }
    }
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
    points: &'a [LagPoint],
    total: u64,
}

#[derive(Serialize)]
struct Point {
    count: u64,
    lag_days: u16,
    share: f64,
}

fn points<S: Serializer>(points: &&[LagPoint], serializer: S) -> Result<S::Ok, S::Error> {
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
            points: &curve.points,
            total: curve.total,
        }
    }
}
