//! A generated county, event by event through the registry: it answers each as foretold, and what
//! its archives say in the end is what the generator knows to be true of the persons.

use api::registry::{CloudEvent, Collector, Receipt, Sender};
use domain::Item;

use super::desk::Desk;
use crate::generate::{Line, TOLD, answers};

fn event(line: &Line) -> CloudEvent {
    CloudEvent {
        id: line.key.1.clone(),
        source: line.key.0.clone(),
        event_type: format!("renkou.{}.v1", line.kind.code()),
        time: None,
        recorded_time: Some(line.recorded),
        data: line.data.clone(),
    }
}

fn hand_in(desk: &Desk, lines: &[Line]) -> Vec<u8> {
    let prepared = lines.iter().map(|line| {
        let sender = Sender {
            subject: "clerk".into(),
            department: None,
            place: None,
            received_at: line.recorded,
        };
        desk.registry().prepare(event(line), line.data.to_string(), &sender)
    });
    let number = |receipt: &Receipt| match receipt {
        Receipt::Recorded(_) => 0,
        Receipt::Duplicate(_) => 1,
        Receipt::Conflict(_) => 2,
        Receipt::Rejected(_) => 3,
        Receipt::Withheld | Receipt::Failed => 4,
    };
    desk.submit(prepared.collect(), false).iter().map(number).collect()
}

#[test]
fn the_archives_of_a_county_are_what_its_generator_knows() {
    let mut desk = Desk::new();
    let foretold = answers();
    for (lines, foretold) in TOLD.lines.chunks(2_000).zip(foretold.chunks(2_000)) {
        assert_eq!(hand_in(&desk, lines), foretold);
        desk.reopen();
    }
    let (mut compared, mut beside, mut unknown) = (0, 0, 0);
    for person in TOLD.truth["persons"].as_array().expect("persons") {
        let number = person["document"]["number"].as_str().expect("a number");
        let Some(row) = desk.row(desk.stream_of_citizen(number)) else {
            unknown += 1;
            continue;
        };
        let archive = match row.owner {
            Some(owner) => desk.archive(owner),
            None => row.archive.clone(),
        };
        for item in Item::all() {
            let (due, is) = (person["items"][item.name()].as_str(), archive.get(item));
            // That a death leaves a widow or widower is left open.
            let is_marital = matches!(item, Item::MaritalStatus | Item::MaritalChangeDate);
            if is_marital && due.is_none() {
                continue;
            }
            compared += 1;
            // Whoever has no word on an item is kept beside who has.
            let mut said = archive.beside().filter(|told| told.0 == item).map(|told| told.1);
            if is != due && due.is_some_and(|due| said.any(|text| text == due)) {
                beside += 1;
                continue;
            }
            assert_eq!(is, due, "{item:?} of {person}");
        }
    }
    assert!(compared > 50_000 && unknown < 5, "{compared} compared, {unknown} unknown");
    assert!(beside > 10 && beside < compared / 50, "{beside} of {compared} are kept beside");
    desk.close();
}
