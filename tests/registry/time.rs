//! The registry's clock and the days of events: out of order, in the future, set back.

use api::registry::{CloudEvent, Collector, Prepared, Sender};
use domain::Item;
use domain::clocks::day_in_china;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::desk::{Desk, SOURCE, citizen, data, fault, number, recorded};

#[test]
fn late_reports_take_the_place_of_their_day() {
    let mut desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let moved = |village: &str, on: &str| {
        let items = json!({"items": {"residence_code": village, "phone": on}});
        data(&ann, on, items)
    };
    let (one, two, three) = ("990101001001", "990101001002", "990101001003");
    let id = desk.record("r-2", "residence_change", moved(two, "2020-02-01")).person_id;
    let known_early = desk.life(id)[0].envelope.clocks.recorded_at;
    desk.record("r-1", "residence_change", moved(one, "2020-01-01"));
    assert_eq!(desk.archive(id).get(Item::Residence), Some(two));
    desk.send(&[
        ("r-3", "residence_change", moved(three, "2020-03-01")),
        ("r-0", "residence_change", moved(three, "2019-12-01")),
    ]);
    assert_eq!(desk.archive(id).get(Item::Residence), Some(three));
    desk.reopen();
    let as_of = |valid: Option<&str>, known: Option<Timestamp>| {
        let valid = valid.map(|day| day.parse().unwrap());
        let archive = replay::history::as_of(desk.registry().log(), id, valid, known).unwrap();
        archive.map(|archive| archive.get(Item::Residence).map(str::to_owned))
    };
    let lived = |village: &str| Some(Some(village.to_owned()));
    assert_eq!(as_of(Some("2020-01-31"), None), lived(one));
    assert_eq!(as_of(Some("2020-02-29"), None), lived(two));
    assert_eq!(as_of(Some("2019-12-15"), None), lived(three));
    assert_eq!(as_of(None, Some(known_early)), lived(two));
    assert_eq!(as_of(Some("2020-01-31"), Some(known_early)), Some(None));
    let before = known_early - jiff::SignedDuration::from_micros(1);
    assert_eq!(as_of(None, Some(before)), None);
    desk.close();
}

#[test]
fn registering_where_one_lives_ends_the_move() {
    let desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let (here, there) = ("990101001001", "990102001001");
    let load = json!({"items": {"residence_code": here, "hukou_code": here}});
    let id = desk.record("r-1", "registration", data(&ann, "2019-01-01", load)).person_id;
    let date = || desk.archive(id).get(Item::MigrationDate).map(str::to_owned);
    let change = json!({"items": {"residence_code": there}});
    desk.record("r-2", "residence_change", data(&ann, "2020-01-01", change));
    assert_eq!(date().as_deref(), Some("2020-01-01"));
    let elsewhere = json!({"items": {"hukou_code": "990103001001"}});
    desk.record("h-1", "hukou_in", data(&ann, "2021-01-01", elsewhere));
    assert_eq!(date().as_deref(), Some("2020-01-01"), "still apart");
    let home = json!({"items": {"hukou_code": there}});
    desk.record("h-2", "hukou_in", data(&ann, "2022-01-01", home));
    assert_eq!(date(), None);
    desk.close();
}

#[test]
fn what_has_not_happened_yet_is_refused() {
    let desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let today = day_in_china(Timestamp::from_second(desk.clock.get()).unwrap());
    let tomorrow = today.tomorrow().unwrap().to_string();
    let refused = desk.refuse("d-1", "death", data(&ann, &tomorrow, json!({})));
    assert_eq!(refused, fault("in_future", "/data/occurred_on"));
    let known = data(&ann, &today.to_string(), json!({"known_on": tomorrow}));
    assert_eq!(desk.refuse("d-2", "death", known), fault("in_future", "/data/known_on"));
    desk.record("d-3", "death", data(&ann, &today.to_string(), json!({})));
    desk.close();
}

fn simulated(id: &str, data: Value, at: &str) -> CloudEvent {
    CloudEvent {
        id: id.into(),
        source: SOURCE.into(),
        event_type: "renkou.observation.v1".into(),
        time: None,
        recorded_time: Some(at.parse().unwrap()),
        data,
    }
}

fn clerk() -> Sender {
    let received_at = "2026-06-01T00:00:00Z".parse().unwrap();
    Sender { subject: "clerk".into(), department: None, place: None, received_at }
}

#[test]
fn a_simulated_clock_runs_in_fictional_registries_only() {
    let real = Desk::of(false);
    let ann = json!({"document": {"kind": "passport", "number": "E99000001"}});
    let mut seen = data(&ann, "2019-01-01", json!({}));
    seen["place"] = "110101001001".into();
    let event = simulated("o-1", seen, "2020-01-01T00:00:00Z");
    let Prepared::Unfit(unfit) = real.registry().prepare(event, String::new().into(), &clerk())
    else {
        panic!("a real registry has a real clock");
    };
    assert_eq!(unfit.faults[0].code, "clock_not_simulated");
    assert_eq!(unfit.received_at, clerk().received_at);
    real.close();
    // Its province does not exist for living people.
    let real = Desk::of(false);
    let refused = real.refuse("o-1", "observation", data(&ann, "2019-01-01", json!({})));
    assert_eq!(refused, fault("not_a_place", "/data/place"));
    real.close();
    let fictional = Desk::new();
    let seen = data(&ann, "2019-01-01", json!({}));
    let event = simulated("o-1", seen.clone(), "2020-01-01T00:00:00Z");
    let ready = fictional.registry().prepare(event, String::new().into(), &clerk());
    assert!(matches!(&ready, Prepared::Ready(s) if s.received_at.to_string().starts_with("2020")));
    // What cannot be read keeps its simulated clock, or later events would seem recorded today.
    let bad = data(&ann, "2019-13-01", json!({}));
    let event = simulated("o-2", bad, "2020-01-01T00:00:00Z");
    let unfit = fictional.registry().prepare(event, seen.to_string().into(), &clerk());
    assert!(matches!(&unfit, Prepared::Unfit(u) if u.received_at.to_string().starts_with("2020")));
    fictional.close();
}

#[test]
fn the_clock_of_recording_never_goes_back_and_receipts_show_what_is_stored() {
    let mut desk = Desk::new();
    let ann = citizen(&number("19900101", 2));
    let seen = |phone: &str| data(&ann, "2020-01-01", json!({"items": {"phone": phone}}));
    let first = desk.record("o-1", "observation", seen("1"));
    desk.clock.set(desk.clock.get() - 86_400);
    let second = desk.record("o-2", "observation", seen("2"));
    assert_eq!(second.recorded_at, first.recorded_at, "the clock was set back");
    assert!(second.position > first.position);
    desk.reopen();
    let third = desk.record("o-3", "observation", seen("3"));
    assert_eq!(third.recorded_at, first.recorded_at, "also across a restart");
    let life = desk.life(first.person_id);
    let stored: Vec<_> = life.iter().map(|event| event.envelope.clocks.recorded_at).collect();
    assert_eq!(stored, [first.recorded_at; 3]);
    let receipts = desk.send(&[("o-4", "observation", seen("4"))]);
    assert!(recorded(&receipts[0]).recorded_at >= third.recorded_at);
    desk.close();
}
