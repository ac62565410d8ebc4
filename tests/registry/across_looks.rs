//! Who waits for a look across records that pauses is waited for no longer than the look needs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::across::in_dormitory;
use super::desk::Desk;

#[test]
fn a_look_that_pauses_learns_that_somebody_waits_for_it() {
    let desk = Desk::new();
    let people = &desk.registry().views.people;
    let limit = Instant::now() + Duration::from_secs(60);
    let (has_paused, was_told) = (AtomicBool::new(false), AtomicBool::new(false));
    let pause = || {
        has_paused.store(true, Ordering::Release);
        while !people.is_look_awaited() && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(1));
        }
        was_told.store(people.is_look_awaited(), Ordering::Release);
        true
    };
    // The registry looks too, and may be the first to.
    let mut serial = 0;
    while !was_told.load(Ordering::Acquire) && Instant::now() < limit {
        serial += 1;
        let event = in_dormitory(serial, "family", "02");
        desk.send(&[(&format!("wait-{serial}"), "registration", event)]);
        std::thread::scope(|scope| {
            let looking = scope.spawn(|| people.look_across(pause));
            while !has_paused.load(Ordering::Acquire) && !looking.is_finished() {
                std::thread::sleep(Duration::from_millis(1));
            }
            people.look_across(|| true).expect("readable");
            looking.join().expect("no panic").expect("readable");
        });
    }
    assert!(was_told.load(Ordering::Acquire));
    assert!(!people.is_look_awaited());
}
