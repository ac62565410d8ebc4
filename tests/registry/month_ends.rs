//! The measures kept at the ends of months, against folding the log again up to each of them.

use domain::Order;
use jiff::civil::{Date, date};
use projections::quality::MonthEnd;
use replay::known_then;
use serde_json::{Value, json};

use super::desk::{Desk, PLACE, citizen, data, number};

/// Goes on by so many days, and hands something in.
fn tell(desk: &Desk, days: i64, id: &str, kind: &str, told: Value) {
    desk.clock.set(desk.clock.get() + days * 86_400);
    desk.record(id, kind, told);
    desk.waiting();
    // A month that ends is kept where nearly all was looked at.
    desk.registry().views.people.look_across(|| true).expect("readable");
}

fn registered(desk: &Desk, who: u32) {
    let items = json!({"full_name": "陈小明", "sex": "1", "phone": "13900000000",
        "residence_code": PLACE, "birth_date": "1980-12-31"});
    let person = citizen(&number("19801231", who));
    let told = data(&person, "2026-05-10", json!({"items": items}));
    tell(desk, 20, &format!("r{who}"), "registration", told);
}

fn kept(desk: &Desk) -> Vec<(Date, [u8; 32])> {
    desk.registry().views.people.month_digests().expect("readable")
}

/// What folding the log up to the end of a day gives.
fn folded(desk: &Desk, day: Date) -> MonthEnd {
    let place = tempfile::tempdir().expect("a folder");
    let instants = [known_then::end_of(day).expect("an instant")];
    let found = known_then::quality(desk.registry().log(), place.path(), &instants);
    found.expect("readable").remove(0).then
}

#[test]
fn the_end_of_a_month_is_kept_as_folding_finds_it_whatever_is_recorded_later() {
    let mut desk = Desk::new();
    for who in 1..=9 {
        registered(&desk, who);
    }
    let months = kept(&desk);
    let days: Vec<_> = months.iter().map(|(day, _)| *day).collect();
    // From June on; the last of the nine was told in November.
    let due = [(6, 30), (7, 31), (8, 31), (9, 30), (10, 31)].map(|(m, d)| date(2026, m, d));
    assert_eq!(days, due);
    for ((day, digest), persons) in months.iter().zip([1, 3, 4, 6, 7]) {
        assert_eq!(folded(&desk, *day).digest(), *digest, "{day}");
        let row = desk.registry().views.people.month_end(*day).expect("readable").expect("kept");
        assert_eq!((row.measures.today, row.digest()), (*day, *digest));
        let of_all = row.measures.cells(None, None).remove(&None).expect("everybody");
        assert_eq!(of_all.persons, persons, "{day}");
    }
    // A past event is annulled, and half a year passes without any.
    let annuls = json!({"annuls": "r1", "reason": "错", "approved_by": "chief"});
    let told = data(&citizen(&number("19801231", 1)), "2026-05-10", annuls);
    tell(&desk, 180, "a", "annulment", told);
    let later = kept(&desk);
    assert_eq!(later.len(), 5 + 6);
    assert_eq!(later[..5], months);
    for (day, digest) in &later {
        assert_eq!(folded(&desk, *day).digest(), *digest, "{day}");
    }
    let live = desk.digests();
    assert_eq!(live.months, later);
    assert_eq!(desk.differing(live.clone()), [""; 0]);
    // A count of a month that is not the log's is found.
    let mut doctored = live;
    doctored.months[3].1 = doctored.months[4].1;
    assert_eq!(desk.differing(doctored), ["month_ends"]);
    desk.reopen();
    assert_eq!(kept(&desk), later);
    desk.close();
}

#[test]
fn nothing_is_kept_of_a_month_that_somebody_erased_is_counted_in() {
    let desk = Desk::new();
    for who in 1..=4 {
        registered(&desk, who);
    }
    let people = &desk.registry().views.people;
    let (before, day) = (people.forgotten(), date(2026, 6, 30));
    let with_all = people.month_end(day).expect("readable").expect("kept");
    let gone = desk.stream_of(domain::DocumentKind::CitizenId, &number("19801231", 1));
    desk.order(gone, Order::Erase, "(2026) 9901-17");
    desk.waiting();
    assert_eq!(kept(&desk), []);
    // What was being folded before is not kept any more; what is folded now is.
    people.keep_month_end(&with_all, before);
    assert_eq!(kept(&desk), []);
    let without = folded(&desk, day);
    assert_ne!(without.digest(), with_all.digest());
    people.keep_month_end(&without, people.forgotten());
    assert_eq!(kept(&desk), [(day, without.digest())]);
    desk.close();
}
