//! One life with very many moves that come in another order than they happened, through the real
//! path: decided from the life that is kept in memory, it is what the log says.

use domain::{Kind, Order};
use projections::{Archive, Row};
use serde_json::json;

use super::desk::{Desk, citizen, data, number, recorded};

const VILLAGES: [&str; 2] = ["990101001001", "990102001001"];

#[test]
fn many_late_moves_of_one_life_are_what_the_log_says_of_it() {
    let mut desk = Desk::new();
    let ann = citizen(&number("19500101", 2));
    let more = json!({"items": {"full_name": "安", "birth_date": "1950-01-01"}});
    let id = desk.record("r-1", "registration", data(&ann, "1960-01-01", more)).person_id;
    let moves = |at: u32, day: u32| {
        let on = format!("{}-{:02}-{:02}", 1970 + day / 300, 1 + day / 25 % 12, 1 + day % 25);
        let more = json!({"items": {"residence_code": VILLAGES[at as usize % 2],
            "residence_address": format!("{}路{day}号", at % 9)}});
        data(&ann, &on, more)
    };
    let is_whole = |desk: &Desk| {
        let life = desk.life(id);
        assert_eq!(desk.archive(id), Archive::of(&life, None, None), "{} events", life.len());
        assert_eq!(*desk.row(id).expect("a row"), Row::of(id, &life));
    };
    for at in 0..150 {
        // Now in order, now late, now long ago.
        let day = [at + 20, at + 5, 149 - at][at as usize % 3];
        desk.record(&format!("m-{at}"), "residence_change", moves(at, day));
        match at {
            90 => {
                let wrong = json!({"corrects": "m-50", "items": {"residence_address": "正路"},
                    "reason": "笔误"});
                desk.record("c-1", "correction", data(&ann, "1990-01-01", wrong));
            }
            // What an atomic batch takes back is not remembered either.
            100 => {
                let (one, another) = (moves(300, 7), data(&ann, "1940-01-01", json!({})));
                let batch = [("m-300", "residence_change", one), ("x-1", "leave", another)];
                assert!(desk.send_atomic(&batch).iter().all(|receipt| !is_recorded(receipt)));
            }
            120 => {
                let undone = json!({"annuls": "m-60", "reason": "误报"});
                desk.record("a-1", "annulment", data(&ann, "1990-01-01", undone));
            }
            130 => desk.reopen(),
            _ => {}
        }
        if at % 10 == 0 {
            is_whole(&desk);
        }
    }
    is_whole(&desk);
    let live = desk.digests();
    assert_eq!(desk.differing(live), Vec::<&str>::new());
    // Nothing of it is left to decide upon once it is erased.
    recorded(&desk.order(id, Order::Erase, "(2026) 9901-1"));
    assert_eq!(desk.life(id).last().unwrap().envelope.event_type, Kind::Erased.event_type(false));
    let late = desk.refuse("m-400", "residence_change", moves(1, 1));
    assert_eq!(late[0].0, "person_erased");
    desk.close();
}

fn is_recorded(receipt: &api::registry::Receipt) -> bool {
    matches!(receipt, api::registry::Receipt::Recorded(_))
}
