//! The timeliness figures, to the unit: small histories by hand, random ones against a recount.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::catalogue::SIDE;
use domain::recorded::{ContentTag, Envelope, EventKey, EventType};
use domain::{Clocks, Kind, Place, Position, Sequence, StreamId, StreamKind};
use jiff::civil::{Date, date};
use projections::deadlines::Deadlines;
use projections::timeliness::{
    Borders, Cell, CellKey, Dimension, Group, Level, Month, Row, Timeliness, TimelinessQuery,
};
use uuid::Uuid;

pub const RESIDENTS: &str = "990101001001";
pub const VILLAGE: &str = "990101101201";
pub const OTHER_TOWNSHIP: &str = "990101102201";

pub fn view() -> Timeliness {
    Timeliness::new(Arc::new(Deadlines::embedded()))
}

/// An event of police exchange, known on its day, sent, received and recorded at noon of
/// `recorded_on`.
pub fn event(position: u64, kind: Kind, place: &str, occurred: Date, recorded: Date) -> Envelope {
    let noon = jiff::tz::offset(8).to_timestamp(recorded.at(12, 0, 0, 0)).unwrap();
    let key = EventKey([position as u8; 16]);
    Envelope {
        position: Position(position),
        stream: StreamId { kind: StreamKind::Person, id: Uuid::from_u128(1) },
        sequence: Sequence(0),
        previous: Position(0),
        event_type: kind.event_type(false),
        key,
        content: ContentTag([0; 8]),
        clocks: Clocks {
            occurred_on: occurred,
            known_on: Some(occurred),
            sent_at: Some(noon),
            received_at: noon,
            recorded_at: noon,
            verified_at: None,
        },
        place: Place::parse(place).unwrap(),
        department: *b"POL",
        channel: *b"DX",
        correlation: key,
        causation: Position(0),
        corrects: Position(0),
        sealed_for: None,
        actor: "a".into(),
        source: "/pol/990101/one".into(),
    }
}

/// A correction that says the target happened on `day`, or with none an annulment.
pub fn act(position: u64, target: &Envelope, day: Option<Date>, recorded: Date) -> Envelope {
    let kind = if day.is_some() { Kind::Correction } else { Kind::Annulment };
    let place = target.place.to_string();
    let day = day.unwrap_or(target.clocks.occurred_on);
    Envelope { corrects: target.position, ..event(position, kind, &place, day, recorded) }
}

pub fn ask(as_of: Date, group_by: &[Dimension]) -> TimelinessQuery {
    let (group_by, borders) = (group_by.to_vec(), Borders::Then);
    TimelinessQuery { place: None, from: None, to: None, group_by, borders, as_of }
}

fn whole(view: &Timeliness, as_of: Date) -> Row {
    let rows = view.query(&ask(as_of, &[]));
    assert_eq!(rows.len(), 1);
    rows[0]
}

/// Five births and a marriage; the figures in the tests below are counted by hand.
fn small() -> Timeliness {
    let mut view = view();
    let births = [
        (VILLAGE, date(2026, 1, 1), date(2026, 1, 1)),
        (VILLAGE, date(2026, 1, 10), date(2026, 2, 9)),
        (VILLAGE, date(2026, 1, 10), date(2026, 2, 10)),
        (RESIDENTS, date(2026, 2, 1), date(2026, 2, 5)),
        (OTHER_TOWNSHIP, date(2026, 2, 20), date(2026, 2, 21)),
    ];
    for (at, (place, occurred, recorded)) in births.into_iter().enumerate() {
        view.apply(&event(at as u64 + 1, Kind::Birth, place, occurred, recorded), None);
    }
    let court = event(6, Kind::DivorceCourt, VILLAGE, date(2026, 1, 5), date(2026, 2, 22));
    view.apply(&court, None);
    view
}

#[test]
fn the_figures_of_a_small_history_are_exact() {
    let row = whole(&small(), date(2026, 3, 20));
    // Due: 31 January (met), 9 February (met, missed), 3 March (met); 22 March is to come.
    assert_eq!((row.numerator, row.denominator, row.rate), (3, 4, Some(0.75)));
    assert_eq!((row.total, row.unruled, row.not_yet_due), (6, 1, 1));
    // Lags: 0, 1, 4, 30, 31, 48.
    assert_eq!((row.p50_days, row.p90_days, row.p99_days), (4, 48, 48));
    let split = row.split.unwrap();
    assert_eq!((split.citizen, split.transport, split.registry), (0.0, 0.0, 0.0));
    assert_eq!((split.department, row.split_count), (114.0 / 6.0, 6));
    assert!(row.open);
}

#[test]
fn an_event_counts_from_the_day_after_its_due_day() {
    let view = small();
    let judged = |as_of| {
        let row = whole(&view, as_of);
        (row.numerator, row.denominator, row.not_yet_due)
    };
    assert_eq!(judged(date(2026, 3, 3)), (2, 3, 2));
    assert_eq!(judged(date(2026, 3, 4)), (3, 4, 1));
    assert_eq!(judged(date(2026, 3, 22)), (3, 4, 1));
    assert_eq!(judged(date(2026, 3, 23)), (4, 5, 0));
    // A day before the newest record (22 February) is taken as that day.
    assert_eq!(judged(date(2026, 1, 1)), judged(date(2026, 2, 22)));
    assert_eq!(judged(date(2026, 2, 22)), (2, 3, 2));
}

#[test]
fn a_cohort_is_open_until_ninety_days_after_its_latest_due_day() {
    let view = small();
    let open = |as_of| -> Vec<(String, bool)> {
        let rows = view.query(&ask(as_of, &[Dimension::Event, Dimension::Month]));
        rows.iter().map(|row| (row.group.month.unwrap().to_string(), row.open)).collect()
    };
    let expected = |births_of_january, births_of_february, divorces| {
        vec![
            ("2026-01".to_owned(), births_of_january),
            ("2026-02".to_owned(), births_of_february),
            ("2026-01".to_owned(), divorces),
        ]
    };
    // 31 January and 30 days is 2 March, and 90 days 31 May; without a rule 1 May.
    assert_eq!(open(date(2026, 5, 1)), expected(true, true, true));
    assert_eq!(open(date(2026, 5, 2)), expected(true, true, false));
    assert_eq!(open(date(2026, 5, 31)), expected(true, true, false));
    assert_eq!(open(date(2026, 6, 1)), expected(false, true, false));
    // 28 February, 30 March, 28 June.
    assert_eq!(open(date(2026, 6, 28)), expected(false, true, false));
    assert_eq!(open(date(2026, 6, 29)), expected(false, false, false));
}

#[test]
fn rows_follow_the_order_of_the_grouping_and_the_filter_of_months() {
    let view = small();
    let mut query = ask(date(2026, 12, 20), &[Dimension::Month, Dimension::Place(None)]);
    query.place = Place::parse("990101").ok();
    let groups = |query: &TimelinessQuery| -> Vec<String> {
        let text = |group: Group| format!("{} {}", group.month.unwrap(), group.place.unwrap());
        view.query(query).iter().map(|row| text(row.group)).collect()
    };
    assert_eq!(groups(&query), ["2026-01 990101101", "2026-02 990101001", "2026-02 990101102"]);
    query.to = Month::parse("2026-01");
    assert_eq!(groups(&query), ["2026-01 990101101"]);
    (query.from, query.to) = (Month::parse("2026-02"), None);
    assert_eq!(groups(&query), ["2026-02 990101001", "2026-02 990101102"]);
    query.place = Place::parse("9902").ok();
    assert!(view.query(&query).is_empty());
}

#[test]
fn places_are_told_apart_one_level_below_the_one_asked_about() {
    let view = small();
    for (whole, below) in [
        (None, vec!["99"]),
        (Some("99"), vec!["9901"]),
        (Some("9901"), vec!["990101"]),
        (Some("990101"), vec!["990101001", "990101101", "990101102"]),
        (Some("990101101"), vec![VILLAGE]),
        (Some(VILLAGE), vec![VILLAGE]),
    ] {
        let mut query = ask(date(2026, 12, 20), &[Dimension::Place(None)]);
        query.place = whole.map(|code| Place::parse(code).unwrap());
        let rows = view.query(&query);
        let places: Vec<_> = rows.iter().map(|row| row.group.place.unwrap().to_string()).collect();
        assert_eq!(places, below, "{whole:?}");
    }
}

#[test]
fn only_first_hand_life_events_and_collections_are_counted() {
    let day = date(2026, 1, 1);
    let mut view = view();
    let mut position = 0;
    let mut post = |number: u16| {
        position += 1;
        let mut posted = event(position, Kind::Birth, VILLAGE, day, day);
        posted.event_type = EventType { number, version: 1 };
        view.apply(&posted, None);
        view.query(&ask(day, &[])).first().map_or(0, |row| row.total)
    };
    for number in [0, 105, 106, 109, 150, 201, 301, SIDE + 1, SIDE + 105] {
        assert_eq!(post(number), 0, "{number}");
    }
    assert_eq!(post(Kind::Birth as u16), 1);
    assert_eq!(post(75), 2);
    assert_eq!(post(Kind::Observation as u16), 3);
}

#[test]
fn a_correction_moves_exactly_one_count() {
    let mut view = small();
    let born = event(3, Kind::Birth, VILLAGE, date(2026, 1, 10), date(2026, 2, 10));
    let truly = date(2025, 12, 31);
    view.apply(&act(7, &born, Some(truly), date(2026, 3, 1)), Some(&born));
    let months = view.query(&ask(date(2026, 12, 20), &[Dimension::Month]));
    let found: Vec<_> = months.iter().map(|row| (row.total, row.numerator, row.p99_days)).collect();
    assert_eq!(found, [(1, 0, 41), (3, 2, 48), (2, 2, 4)]);
}

#[test]
fn an_annulment_takes_out_exactly_one_and_its_own_annulment_puts_it_back() {
    let mut view = small();
    let before = whole(&view, date(2026, 3, 20));
    let born = event(5, Kind::Birth, OTHER_TOWNSHIP, date(2026, 2, 20), date(2026, 2, 21));
    let annulment = act(7, &born, None, date(2026, 3, 1));
    view.apply(&annulment, Some(&born));
    let after = whole(&view, date(2026, 3, 20));
    assert_eq!((after.total, after.not_yet_due), (before.total - 1, 0));
    view.apply(&act(8, &born, None, date(2026, 3, 2)), Some(&born));
    assert_eq!(whole(&view, date(2026, 3, 20)).total, before.total - 1);
    view.apply(&act(9, &annulment, None, date(2026, 3, 3)), Some(&annulment));
    assert_eq!(whole(&view, date(2026, 3, 20)).total, before.total - 1, "annulled twice");
    let second = act(8, &born, None, date(2026, 3, 2));
    view.apply(&act(10, &second, None, date(2026, 3, 3)), Some(&second));
    assert_eq!(whole(&view, date(2026, 3, 20)), before);
}

#[test]
fn the_newest_correction_that_stands_counts() {
    let mut view = view();
    let born = event(1, Kind::Birth, VILLAGE, date(2026, 3, 10), date(2026, 3, 20));
    view.apply(&born, None);
    let first = act(2, &born, Some(date(2026, 3, 1)), date(2026, 4, 1));
    view.apply(&first, Some(&born));
    let second = act(3, &born, Some(date(2026, 2, 18)), date(2026, 4, 2));
    view.apply(&second, Some(&born));
    let lag = |view: &Timeliness| {
        let row = whole(view, date(2026, 12, 20));
        assert_eq!((row.total, row.split_count), (1, 1));
        row.p50_days
    };
    assert_eq!(lag(&view), 30);
    view.apply(&act(4, &second, None, date(2026, 4, 3)), Some(&second));
    assert_eq!(lag(&view), 19);
    view.apply(&act(5, &first, None, date(2026, 4, 4)), Some(&first));
    assert_eq!(lag(&view), 10);
}

#[test]
fn the_splits_add_up_to_the_total_lag() {
    let mut view = view();
    let instant = |text: &str| text.parse().unwrap();
    let mut born = event(1, Kind::Birth, VILLAGE, date(2026, 1, 1), date(2026, 1, 1));
    born.clocks = Clocks {
        occurred_on: date(2026, 1, 1),
        known_on: Some(date(2026, 1, 3)),
        sent_at: Some(instant("2026-01-07T23:59:00+08:00")),
        received_at: instant("2026-01-08T00:01:00+08:00"),
        recorded_at: instant("2026-01-16T09:00:00+08:00"),
        verified_at: None,
    };
    view.apply(&born, None);
    // Not sent by a system: counted, but with no split.
    let mut written = event(2, Kind::Birth, VILLAGE, date(2026, 1, 1), date(2026, 1, 6));
    written.clocks.sent_at = None;
    view.apply(&written, None);
    let row = whole(&view, date(2026, 12, 20));
    let split = row.split.unwrap();
    let parts = [split.citizen, split.department, split.transport, split.registry];
    assert_eq!((parts, row.split_count, row.total), ([2.0, 4.0, 1.0, 8.0], 1, 2));
    assert_eq!(parts.iter().sum::<f64>(), f64::from(born.clocks.total_lag_days()));
}

#[test]
fn an_event_dated_after_its_record_is_on_time_and_stands_apart() {
    let mut view = view();
    view.apply(&event(1, Kind::Leave, VILLAGE, date(2026, 3, 9), date(2026, 3, 1)), None);
    let row = whole(&view, date(2026, 12, 20));
    assert_eq!((row.p50_days, row.numerator, row.denominator), (-1, 1, 1));
}

#[test]
fn a_lag_curve_counts_what_had_come_in_by_then() {
    let curves = small().lag_curve(&ask(date(2026, 3, 20), &[Dimension::Event]), 7, 28);
    let births = &curves[0];
    assert_eq!((births.group.event, births.total, births.open), (Some(1), 5, true));
    // Lags 0, 1, 4, 30, 31: weeks 0 to 4.
    let found: Vec<_> = births.points.iter().map(|point| (point.lag_days, point.count)).collect();
    assert_eq!(found, [(0, 1), (7, 3), (14, 3), (21, 3), (28, 3)]);
    assert_eq!(births.points[1].share, 0.6);
    assert_eq!((curves[1].total, curves[1].points[4].count), (1, 0));
}

#[test]
fn a_cell_of_many_events_is_stored_and_loaded_whole() {
    let mut view = view();
    let many = 70_000;
    let born = |at| event(at, Kind::Birth, "990101", date(2026, 1, 1), date(2026, 1, 5));
    (1..=many).for_each(|at| view.apply(&born(at), None));
    let rows: BTreeMap<_, _> = view.take_dirty().into_iter().collect();
    let (key, value) = rows.iter().next().unwrap();
    let (key, cell) = (CellKey::decode(key), Cell::decode(value.as_ref().unwrap()).unwrap());
    assert_eq!(key.unwrap().place.to_string(), "990101");
    assert_eq!((cell.lags, cell.ruled), (vec![(5, many as u32)], many as u32));
    let stored = rows.iter().map(|(key, value)| (key, value.as_ref().unwrap()));
    let mut loaded = Timeliness::load(Arc::new(Deadlines::embedded()), stored).unwrap();
    assert!(loaded.take_dirty().is_empty());
    loaded.apply(&act(many + 1, &born(1), None, date(2026, 1, 6)), Some(&born(1)));
    assert_eq!(whole(&loaded, date(2026, 12, 20)).total, many - 1);
    assert_eq!(whole(&loaded, date(2026, 12, 20)).p99_days, 4);
}

#[test]
fn villages_are_found_under_their_level_even_when_some_reported_for_the_county() {
    let mut view = small();
    view.apply(&event(9, Kind::Birth, "990101", date(2026, 2, 1), date(2026, 2, 5)), None);
    let query = ask(date(2026, 12, 20), &[Dimension::Place(Some(Level::Village))]);
    let rows = view.query(&query);
    let found: Vec<_> =
        rows.iter().map(|row| (row.group.place.unwrap().to_string(), row.total)).collect();
    let expected = [("990101", 1), (RESIDENTS, 1), (VILLAGE, 4), (OTHER_TOWNSHIP, 1)];
    assert_eq!(found, expected.map(|(place, total)| (place.to_owned(), total)));
}
