//! What was sent in vain goes with the persons whom it names: it was about somebody who is erased,
//! or about somebody else, or nobody knew yet whom it was about.

use api::registry::Receipt;
use domain::{Order, Payload, Position};
use serde_json::{Value, json};

use super::desk::{Desk, by, citizen, data, number, recorded};

fn ann() -> Value {
    citizen(&number("19900101", 2))
}

fn ben() -> Value {
    citizen(&number("19880101", 1))
}

/// What is kept of each refusal that can be read, by position.
fn kept(desk: &Desk) -> Vec<(Position, String)> {
    let events = desk.registry().log().events(Position(1), 1_000).expect("events");
    let kept = events.into_iter().filter_map(|event| match event.payload {
        Some(Payload::Rejection(rejection)) => {
            Some((event.envelope.position, rejection.received.clone()))
        }
        _ => None,
    });
    kept.collect()
}

fn refused(desk: &Desk, id: &str, kind: &str, data: Value) -> Position {
    assert!(matches!(desk.send(&[(id, kind, data)])[..], [Receipt::Rejected(_)]), "{id}");
    desk.head()
}

#[test]
fn whatever_was_sent_in_vain_and_names_an_erased_person_goes_with_them() {
    let mut desk = Desk::new();
    let bad = |name: &str| json!({"items": {"full_name": name, "sex": "7"}});
    // Before anybody knew of her; and with her number as somebody types it.
    let first = refused(&desk, "v-1", "registration", data(&ann(), "1990-01-02", bad("上官鿍")));
    let typed = number("19900101", 2);
    let typed = format!("{} {}", &typed[..6], &typed[6..]);
    let noted = json!({"items": {"sex": "7"}, "note": {"her_number": typed}});
    let noted = refused(&desk, "v-2", "observation", data(&ben(), "2020-01-01", noted));
    let known = json!({"items": {"full_name": "上官鿍"}});
    let ann_id = desk.record("r-1", "registration", data(&ann(), "1990-01-02", known)).person_id;
    desk.record("r-2", "registration", data(&ben(), "1990-01-02", json!({})));
    // About him, and names her; about both; and about him alone.
    desk.record("d-1", "death", data(&ben(), "2021-01-01", json!({})));
    let wed = data(&ben(), "2022-01-01", json!({"spouse": ann()}));
    let wed = refused(&desk, "v-3", "marry_first", wed);
    let seen = |who: &Value| json!({"person": who, "items": {"sex": "7"}});
    let mut visit =
        data(&ben(), "2020-01-01", json!({"observations": [seen(&ben()), seen(&ann())]}));
    visit.as_object_mut().unwrap().remove("person");
    let visit = refused(&desk, "v-4", "household_visit", visit);
    let his = refused(&desk, "v-5", "observation", data(&ben(), "2022-01-01", json!({})));
    let nobodys = refused(&desk, "v-6", "no_such_event", json!({"said": "nothing"}));
    let hers =
        refused(&desk, "v-7", "birth", data(&ann(), "1991-01-01", json!({"occurred_on": "x"})));

    let all = [first, noted, wed, visit, his, nobodys, hers];
    assert_eq!(kept(&desk).iter().map(|(at, _)| *at).collect::<Vec<_>>(), all);
    assert_eq!(desk.waiting(), all[1..], "the first one was mended");
    let before = desk.registry().views.sources.list("").remove(0).1;
    recorded(&desk.order(ann_id, Order::Erase, "E-1"));
    for reopened in [false, true] {
        if reopened {
            desk.reopen();
        }
        let left = kept(&desk);
        assert_eq!(left.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [his, nobodys]);
        assert!(left.iter().all(|(_, text)| !text.contains(&number("19900101", 2))));
        assert_eq!(desk.waiting(), [his, nobodys]);
        let after = desk.registry().views.sources.list("").remove(0).1;
        assert_eq!((after.rejected, after.conflicts), (before.rejected, before.conflicts));
    }
    // A number that is nobody's is kept like any other.
    let strange = by("passport", "E99001122");
    let last =
        refused(&desk, "v-8", "birth", data(&strange, "1991-01-01", json!({"occurred_on": "x"})));
    assert_eq!(desk.waiting(), [his, nobodys, last]);
    desk.close();
}
