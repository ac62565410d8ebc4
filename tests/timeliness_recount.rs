//! Random histories of events, corrections and annulments: the figures against a recount from the
//! whole history, and a view that was stored and loaded against one that never stopped.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::{Envelope, Kind, Place};
use jiff::SignedDuration;
use jiff::civil::{Date, date};
use projections::deadlines::Deadlines;
use projections::timeliness::{
    Borders, Dimension, Group, Level, Month, Row, Timeliness, TimelinessQuery,
};
use proptest::prelude::*;

use crate::timeliness::{OTHER_TOWNSHIP, RESIDENTS, VILLAGE, act, ask, event, view};

const PLACES: [&str; 6] = [RESIDENTS, VILLAGE, OTHER_TOWNSHIP, "990101101202", "990122", "9902"];
const KINDS: [Kind; 5] =
    [Kind::Birth, Kind::Death, Kind::HukouIn, Kind::MarryFirst, Kind::DivorceCourt];
const ALL: [Dimension; 5] = [
    Dimension::Place(Some(Level::Village)),
    Dimension::Event,
    Dimension::Department,
    Dimension::Channel,
    Dimension::Month,
];

fn later(day: Date, days: i64) -> Date {
    day + SignedDuration::from_hours(24 * days)
}

/// One step: what to do, to which earlier step, and days.
#[derive(Clone, Debug)]
struct Step {
    what: u8,
    which: prop::sample::Index,
    lag: i64,
    sender: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let lag = prop_oneof![4 => 0_i64..35, 1 => -3_i64..3, 1 => 1000_i64..1300];
    let step = (0..12_u8, any::<prop::sample::Index>(), lag, 0..3_usize)
        .prop_map(|(what, which, lag, sender)| Step { what, which, lag, sender });
    prop::collection::vec(step, 1..60)
}

/// The envelopes of some steps, in the order of the log.
fn history(steps: &[Step]) -> Vec<Envelope> {
    let mut history: Vec<Envelope> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let (position, recorded) = (at as u64 + 1, later(date(2026, 1, 1), at as i64 * 2));
        let target = (!history.is_empty()).then(|| step.which.get(&history).clone());
        let next = match (step.what, target) {
            (0..2, Some(target)) => act(position, &target, None, recorded),
            (2..4, Some(target)) => {
                let day = later(date(2026, 1, 20), step.lag % 40);
                act(position, &target, Some(day), recorded)
            }
            _ => {
                let kind = KINDS[usize::from(step.what) % KINDS.len()];
                let place = PLACES[step.which.index(PLACES.len())];
                let mut next = event(position, kind, place, later(recorded, -step.lag), recorded);
                let senders = [(*b"POL", *b"DX"), (*b"HLT", *b"DX"), (*b"TWN", *b"OW")];
                (next.department, next.channel) = senders[step.sender];
                if step.sender == 2 {
                    next.clocks.sent_at = None;
                }
                next
            }
        };
        history.push(next);
    }
    history
}

fn fold(view: &mut Timeliness, history: &[Envelope], from: usize, to: usize) {
    for envelope in &history[from..to] {
        let target = envelope.corrects.0.checked_sub(1).map(|at| &history[at as usize]);
        view.apply(envelope, target);
    }
}

/// The events that stand, each with the day on which it happened, judged act by act from the top.
fn standing(history: &[Envelope]) -> Vec<(&Envelope, Date)> {
    fn is_void(history: &[Envelope], of: &Envelope) -> bool {
        history.iter().any(|act| {
            act.corrects == of.position
                && act.event_type.number == Kind::Annulment as u16
                && !is_void(history, act)
        })
    }
    fn day(history: &[Envelope], of: &Envelope) -> Date {
        let correction = history.iter().rev().find(|act| {
            act.corrects == of.position
                && act.event_type.number == Kind::Correction as u16
                && !is_void(history, act)
        });
        correction.map_or(of.clocks.occurred_on, |correction| day(history, correction))
    }
    let events = history.iter().filter(|event| event.corrects.0 == 0);
    events.filter(|e| !is_void(history, e)).map(|e| (e, day(history, e))).collect()
}

/// What the recount finds of a group.
#[derive(Debug, Default, PartialEq)]
struct Counted {
    numerator: u64,
    denominator: u64,
    total: u64,
    unruled: u64,
    not_yet_due: u64,
    lags: Vec<i32>,
    split_days: [i64; 4],
    split_count: u64,
}

fn recount(history: &[Envelope], query: &TimelinessQuery) -> Vec<(Vec<String>, Counted)> {
    let deadlines = Deadlines::embedded();
    let mut groups: HashMap<Vec<String>, Counted> = HashMap::new();
    for (event, day) in standing(history) {
        let month = Month::of(day);
        if query.place.is_some_and(|place| !event.place.lies_in(place))
            || query.from.is_some_and(|from| month < from)
            || query.to.is_some_and(|to| month > to)
        {
            continue;
        }
        let group = Group {
            place: Some(event.place),
            event: Some(event.event_type.number),
            department: Some(event.department),
            channel: Some(event.channel),
            month: Some(month),
        };
        let counted = groups.entry(values(&group, query)).or_default();
        let mut clocks = event.clocks;
        clocks.occurred_on = day;
        counted.total += 1;
        counted.lags.push(clocks.total_lag_days().max(-1));
        let recorded = domain::clocks::day_in_china(clocks.recorded_at);
        match deadlines.due(event.event_type.number, event.place, &clocks) {
            None => counted.unruled += 1,
            Some(due) if due.on >= query.as_of => counted.not_yet_due += 1,
            Some(due) => {
                counted.denominator += 1;
                counted.numerator += u64::from(recorded <= due.on);
            }
        }
        if let (Some(known), Some(_)) = (clocks.known_on, clocks.sent_at) {
            let days = |from: Date, to: Date| i64::from((to - from).get_days());
            counted.split_count += 1;
            counted.split_days[0] += days(day, known);
            counted.split_days[1] += days(known, recorded);
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|one, other| one.0.cmp(&other.0));
    groups.iter_mut().for_each(|(_, counted)| counted.lags.sort_unstable());
    groups
}

/// The values of a group in the order of the question, as texts that sort alike.
fn values(group: &Group, query: &TimelinessQuery) -> Vec<String> {
    let text = |code: &[u8]| String::from_utf8_lossy(code).into_owned();
    let value = |dimension: &Dimension| match dimension {
        Dimension::Place(level) => {
            let place = group.place.unwrap();
            level.map_or(place, |level| place.at_level(level as u8)).to_string()
        }
        Dimension::Event => format!("{:05}", group.event.unwrap()),
        Dimension::Department => text(&group.department.unwrap()),
        Dimension::Channel => text(&group.channel.unwrap()),
        Dimension::Month => group.month.unwrap().to_string(),
    };
    query.group_by.iter().map(value).collect()
}

fn nearest_rank(sorted: &[i32], percent: usize) -> i32 {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

fn assert_equals_recount(view: &Timeliness, history: &[Envelope], query: &TimelinessQuery) {
    let rows = view.query(query);
    let groups = recount(history, query);
    let found: Vec<_> = rows.iter().map(|row| values(&row.group, query)).collect();
    let expected: Vec<_> = groups.iter().map(|(values, _)| values.clone()).collect();
    assert_eq!(found, expected);
    for (row, (_, counted)) in rows.iter().zip(&groups) {
        assert_row(row, counted);
    }
}

fn assert_row(row: &Row, counted: &Counted) {
    assert_eq!((row.numerator, row.denominator), (counted.numerator, counted.denominator));
    assert_eq!(
        (row.total, row.unruled, row.not_yet_due, row.split_count),
        (counted.total, counted.unruled, counted.not_yet_due, counted.split_count)
    );
    let quantiles = [50, 90, 99].map(|percent| nearest_rank(&counted.lags, percent));
    assert_eq!([row.p50_days, row.p90_days, row.p99_days], quantiles);
    let mean = |days: i64| days as f64 / counted.split_count as f64;
    let split = row.split.map(|s| [s.citizen, s.department, s.transport, s.registry]);
    let expected = (counted.split_count > 0).then(|| counted.split_days.map(mean));
    assert_eq!(split, expected);
}

/// Any question that the recount can judge: not asked before the newest record.
fn questions(history: &[Envelope]) -> impl Strategy<Value = TimelinessQuery> + use<> {
    let newest = later(date(2026, 1, 1), history.len() as i64 * 2);
    let dimensions = prop::sample::subsequence(ALL.to_vec(), 0..=5).prop_shuffle();
    let level = prop::sample::select(vec![
        Level::Province,
        Level::Prefecture,
        Level::County,
        Level::Township,
        Level::Village,
    ]);
    let place = prop::sample::select(vec!["", "99", "9901", "990101", "990101101", VILLAGE]);
    let months = prop::sample::select(vec!["", "2025-12", "2026-01", "2026-02"]);
    (dimensions, level, place, months.clone(), months, 0_i64..80).prop_map(
        move |(mut group_by, level, place, from, to, days)| {
            for dimension in &mut group_by {
                if let Dimension::Place(of) = dimension {
                    *of = Some(level);
                }
            }
            TimelinessQuery {
                borders: Borders::Then,
                place: Place::parse(place).ok(),
                from: Month::parse(from),
                to: Month::parse(to),
                group_by,
                as_of: later(newest, days),
            }
        },
    )
}

/// Puts what changed into the table, as a store does.
fn store(view: &mut Timeliness, table: &mut BTreeMap<Vec<u8>, Vec<u8>>) {
    for (key, value) in view.take_dirty() {
        match value {
            Some(value) => table.insert(key, value),
            None => table.remove(&key),
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_figure_equals_a_recount(
        (history, query) in steps().prop_map(|steps| history(&steps))
            .prop_flat_map(|history| { let q = questions(&history); (Just(history), q) }),
    ) {
        let mut view = view();
        fold(&mut view, &history, 0, history.len());
        assert_equals_recount(&view, &history, &query);
    }

    #[test]
    fn stored_and_loaded_equals_never_stopped(steps in steps(), cut in any::<prop::sample::Index>()) {
        let history = history(&steps);
        let cut = cut.index(history.len());
        let (mut whole, mut at_once) = (view(), BTreeMap::new());
        fold(&mut whole, &history, 0, history.len());
        store(&mut whole, &mut at_once);

        let (mut one_by_one, mut table) = (view(), BTreeMap::new());
        for at in 0..cut {
            fold(&mut one_by_one, &history, at, at + 1);
            store(&mut one_by_one, &mut table);
        }
        let mut loaded = Timeliness::load(Arc::new(Deadlines::embedded()), &table).unwrap();
        fold(&mut loaded, &history, cut, history.len());
        store(&mut loaded, &mut table);

        prop_assert_eq!(&table, &at_once);
        for level in [Level::County, Level::Township, Level::Village] {
            let query = ask(later(date(2026, 1, 1), history.len() as i64 * 2), &[
                Dimension::Month, Dimension::Place(Some(level)), Dimension::Event,
            ]);
            prop_assert_eq!(loaded.query(&query), whole.query(&query));
            assert_equals_recount(&loaded, &history, &query);
        }
    }

    #[test]
    fn the_villages_add_up_to_the_county(steps in steps()) {
        let history = history(&steps);
        let mut view = view();
        fold(&mut view, &history, 0, history.len());
        let sums = |level| {
            let rows = view.query(&ask(date(2026, 12, 20), &[Dimension::Place(Some(level))]));
            let sum = |of: fn(&Row) -> u64| rows.iter().map(of).sum::<u64>();
            (sum(|r| r.total), sum(|r| r.numerator), sum(|r| r.denominator), sum(|r| r.unruled))
        };
        let counted = standing(&history).len() as u64;
        prop_assert_eq!(sums(Level::Village).0, counted);
        prop_assert_eq!(sums(Level::Village), sums(Level::Township));
        prop_assert_eq!(sums(Level::Village), sums(Level::County));
        prop_assert_eq!(sums(Level::County), sums(Level::Province));
    }
}
