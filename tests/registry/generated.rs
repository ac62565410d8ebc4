//! A generated county, event by event through the registry: it answers each as foretold, and what
//! its archives say in the end is what the generator knows to be true of the persons.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::task::Poll;

use api::registry::{CloudEvent, Collector, Prepared, Receipt, Sender};
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

fn prepared(desk: &Desk, line: &Line) -> Prepared {
    let sender = Sender {
        subject: "clerk".into(),
        department: None,
        place: None,
        received_at: line.recorded,
    };
    desk.registry().prepare(event(line), line.data.to_string().into(), &sender)
}

fn hand_in(desk: &Desk, lines: &[Line]) -> Vec<Receipt> {
    desk.submit(lines.iter().map(|line| prepared(desk, line)).collect(), false)
}

fn number(receipt: &Receipt) -> u8 {
    match receipt {
        Receipt::Recorded(_) => 0,
        Receipt::Duplicate(_) => 1,
        Receipt::Conflict(_) => 2,
        Receipt::Rejected(_) => 3,
        Receipt::Withheld | Receipt::Failed => 4,
    }
}

/// What was answered, without what differs from one registry to the other.
fn told(receipt: &Receipt) -> (u8, Vec<String>) {
    let told = match receipt {
        Receipt::Recorded(accepted) => {
            let seen = accepted.observations.iter().map(|seen| format!("{:?}", seen.flags));
            seen.chain(accepted.flags.iter().map(|flag| format!("{flag:?}"))).collect()
        }
        _ => Vec::new(),
    };
    (number(receipt), told)
}

/// Hands events in one by one, `at_once` of them under way: they are decided in their order, and
/// some of the same person before the views know of the one before.
async fn hand_in_singly(desk: &Desk, lines: &[Line], at_once: usize) -> Vec<(u8, Vec<String>)> {
    let mut receipts = Vec::with_capacity(lines.len());
    let mut under_way = VecDeque::new();
    for at in 0..lines.len() + at_once {
        if let Some(line) = lines.get(at) {
            let mut one = Box::pin(desk.registry().submit(vec![prepared(desk, line)], false));
            // It is queued when it is asked for the first time.
            let asked = poll_fn(|context| Poll::Ready(one.as_mut().poll(context))).await;
            under_way.push_back((one, asked));
        }
        if at >= at_once
            && let Some((one, asked)) = under_way.pop_front()
        {
            let answer = if let Poll::Ready(answer) = asked { answer } else { one.await };
            receipts.extend(answer.expect("there is room"));
        }
    }
    receipts.iter().map(told).collect()
}

#[test]
fn events_handed_in_one_by_one_are_answered_as_in_blocks() {
    let (lines, blocks) = (&TOLD.lines[..6_000], Desk::new());
    let foretold: Vec<_> =
        lines.chunks(500).flat_map(|lines| hand_in(&blocks, lines)).map(|one| told(&one)).collect();
    assert!(foretold.iter().filter(|(_, flags)| !flags.is_empty()).count() > 100);
    blocks.close();
    for at_once in [2, 40] {
        let desk = Desk::new();
        let receipts = desk.run(hand_in_singly(&desk, lines, at_once));
        for ((is, due), line) in receipts.iter().zip(&foretold).zip(lines) {
            assert_eq!(is, due, "{:?} with {at_once} under way", line.key);
        }
        assert_eq!(receipts.len(), foretold.len());
        desk.close();
    }
}

#[test]
fn the_archives_of_a_county_are_what_its_generator_knows() {
    let mut desk = Desk::new();
    let foretold = answers();
    for (lines, foretold) in TOLD.lines.chunks(2_000).zip(foretold.chunks(2_000)) {
        let receipts: Vec<_> = hand_in(&desk, lines).iter().map(number).collect();
        assert_eq!(receipts, foretold);
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
