//! A generated county, event by event through the registry: it answers each as foretold, and what
//! its archives say in the end is what the generator knows to be true of the persons.

use std::collections::BTreeMap;

use api::registry::{CloudEvent, Collector, Receipt, Sender};
use domain::DocumentKind;

use super::desk::{Desk, items};
use crate::generate::{Line, TOLD, answers};
use crate::generated_at::at;

fn event(line: &Line) -> CloudEvent {
    CloudEvent {
        id: line.key.1.clone(),
        source: line.key.0.clone(),
        event_type: format!("renkou.{}.v{}", line.kind.code(), line.kind.entry().version),
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
        desk.registry().prepare(event(line), line.data.to_string().into(), &sender)
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
    let mut compared = 0;
    let persons = TOLD.truth["persons"].as_array().expect("persons");
    for person in persons {
        let number = person["document"]["number"].as_str().expect("a number");
        let kind = match person["document"]["kind"].as_str() {
            Some("birth_certificate") => DocumentKind::BirthCertificate,
            _ => DocumentKind::CitizenId,
        };
        let row = desk.row(desk.stream_of(kind, number)).expect("somebody known");
        let archive = match row.owner {
            Some(owner) => desk.archive(owner),
            None => row.archive.clone(),
        };
        let due = at(persons, person, None, None).expect("somebody known");
        let is: BTreeMap<_, _> = items(&archive).into_iter().collect();
        let due: BTreeMap<_, _> =
            due.items.iter().map(|(item, held)| (item.as_str(), held.text.clone())).collect();
        assert_eq!(is, due, "{person}");
        compared += due.len();
    }
    assert!(compared > 50_000, "{compared} compared");
    desk.close();
}
