//! A record that is sealed until a day: what is hidden is told to few, and nothing else changes.

use domain::order::Sealing;
use domain::{Order, Topic};
use serde_json::json;

use super::desk::{Desk, citizen, data, fault, faults, number, recorded};

fn seal(until: &str, topics: &[Topic]) -> Order {
    Order::Seal(Sealing { until: until.parse().expect("a day"), topics: topics.to_vec() })
}

fn quality(desk: &Desk) -> [u8; 32] {
    desk.waiting();
    desk.registry().views.people.measures().digest()
}

#[test]
fn a_sealed_record_is_hidden_up_to_its_day_and_counts_as_before() {
    let mut desk = Desk::new();
    let ann = citizen(&number("20150101", 2));
    let known = json!({"items": {"full_name": "王小", "residence_code": super::desk::PLACE}});
    let id = desk.record("r-1", "registration", data(&ann, "2015-01-02", known)).person_id;
    let (before, archive) = (quality(&desk), desk.archive(id));
    recorded(&desk.order(id, seal("2033-01-01", &[]), "A-1"));
    recorded(&desk.order(id, seal("2030-01-01", &[Topic::Medical, Topic::Relief]), "A-2"));
    for reopened in [false, true] {
        if reopened {
            desk.reopen();
        }
        let row = desk.row(id).expect("a row");
        assert_eq!(row.hidden_until(), Some(jiff::civil::date(2033, 1, 1)));
        let people = &desk.registry().views.people;
        let is_hidden = |day: &str| people.is_hidden(id, day.parse().unwrap()).unwrap();
        assert!(is_hidden("2032-12-31") && !is_hidden("2033-01-01"));
        let hidden = |day: &str| -> Vec<Topic> {
            row.topics_hidden_on(day.parse().unwrap()).into_iter().map(|(topic, _)| topic).collect()
        };
        assert_eq!(hidden("2029-12-31"), [Topic::Medical, Topic::Relief]);
        assert_eq!(hidden("2030-01-01"), []);
        assert_eq!((quality(&desk), desk.archive(id)), (before, archive.clone()));
    }
    // Who decides is not hindered.
    let moved = json!({"items": {"phone": "1"}});
    desk.record("o-1", "observation", data(&ann, "2020-01-01", moved));
    recorded(&desk.order(id, Order::Unseal, "A-3"));
    let row = desk.row(id).expect("a row");
    assert_eq!(
        (row.hidden_until(), row.topics_hidden_on(jiff::civil::date(2027, 1, 1))),
        (None, vec![])
    );
    assert_eq!(faults(&desk.order(id, Order::Unseal, "A-4")), fault("not_sealed", ""));
    assert_eq!(
        faults(&desk.order(id, seal("2026-06-01", &[]), "A-5")),
        fault("until_is_past", "/until")
    );
    desk.close();
}
