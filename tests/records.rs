//! The stored form of a record: what goes in comes out, and malformed bytes never panic.

use domain::days::{date_of, day_number};
use domain::recorded::{ContentTag, Envelope, EventKey, EventType};
use domain::{Clocks, Place, Position, Sequence, StreamId, StreamKind};
use jiff::SignedDuration;
use jiff::civil::{Date, date};
use journal::record::{self, RecordError};
use uuid::Uuid;

fn stream(kind: StreamKind, id: u128) -> StreamId {
    StreamId { kind, id: Uuid::from_u128(id) }
}

/// A birth recorded two days late, with every optional field absent.
fn birth() -> Envelope {
    let instant = |text: &str| text.parse().unwrap();
    Envelope {
        position: Position(1201),
        stream: stream(StreamKind::Person, 7),
        sequence: Sequence(0),
        previous: Position(0),
        event_type: EventType { number: 2, version: 1 },
        key: EventKey([1; 16]),
        content: ContentTag([2; 8]),
        clocks: Clocks {
            occurred_on: date(2026, 11, 18),
            known_on: None,
            sent_at: None,
            received_at: instant("2026-11-20T09:12:00.5+08:00"),
            recorded_at: instant("2026-11-20T09:12:00.500001+08:00"),
            verified_at: None,
        },
        place: Place::parse("330106001002").unwrap(),
        department: *b"HLT",
        channel: *b"DX",
        correlation: EventKey([1; 16]),
        causation: Position(0),
        corrects: Position(0),
        sealed_for: None,
        actor: "h1-0042".into(),
        source: "/hlt/330106/hospital-1".into(),
    }
}

/// The same with every optional field filled, and dates before 1970.
fn full() -> Envelope {
    let mut full = birth();
    full.stream = stream(StreamKind::Unit, 8);
    full.sealed_for = Some(stream(StreamKind::Person, 9));
    full.correlation = EventKey([3; 16]);
    full.previous = Position(1200);
    full.causation = Position(4);
    full.corrects = Position(5);
    full.clocks.occurred_on = date(1896, 2, 29);
    full.clocks.known_on = Some(date(1896, 3, 1));
    full.clocks.sent_at = Some("1969-12-31T23:59:59.999999Z".parse().unwrap());
    full.clocks.verified_at = Some("2027-01-01T00:00:00Z".parse().unwrap());
    full.place = Place::parse("01").unwrap();
    full.actor = "审".repeat(85);
    full.source = String::new();
    full
}

#[test]
fn what_was_stored_is_read_back_whole() {
    for envelope in [birth(), full()] {
        for payload in [&b""[..], b"sealed"] {
            let bytes = record::encode(&envelope, payload).unwrap();
            assert_eq!(record::decode(&bytes), Ok((envelope.clone(), payload)));
        }
    }
}

#[test]
fn an_envelope_cut_anywhere_is_malformed_and_never_panics() {
    let bytes = record::encode(&full(), b"").unwrap();
    for end in 0..bytes.len() {
        assert_eq!(record::decode(&bytes[..end]), Err(RecordError::Malformed), "{end}");
    }
}

#[test]
fn any_byte_may_be_anything_without_a_panic() {
    let bytes = record::encode(&full(), b"sealed").unwrap();
    for place in 0..bytes.len() {
        for value in [0, 1, 127, 128, 255] {
            let mut altered = bytes.clone();
            altered[place] = value;
            if let Ok((envelope, payload)) = record::decode(&altered) {
                let again = record::encode(&envelope, payload).unwrap();
                assert!(again == altered || again.len() < altered.len(), "byte {place}");
            }
        }
    }
}

#[test]
fn a_later_version_and_a_long_actor_are_refused_by_name() {
    let mut bytes = record::encode(&birth(), b"").unwrap();
    bytes[0] = 2;
    assert_eq!(record::decode(&bytes), Err(RecordError::Version(2)));
    let mut long = birth();
    long.actor = "a".repeat(256);
    assert_eq!(record::encode(&long, b""), Err(RecordError::TooLong));
}

#[test]
fn a_day_has_the_number_that_the_calendar_counts_to_it() {
    let epoch = date(1970, 1, 1);
    let counted = |day: Date| (day.duration_since(epoch).as_hours() / 24) as i32;
    let (first, last) = (counted(Date::MIN), counted(Date::MAX));
    // Every day of the lifetimes at hand, and of all others one in eleven: no cycle of the calendar.
    let near = counted(date(1890, 1, 1))..=counted(date(2110, 1, 1));
    for number in (first..=last).step_by(11).chain(near).chain([last]) {
        let day = epoch + SignedDuration::from_hours(24 * i64::from(number));
        assert_eq!(day_number(day), number, "{day}");
        assert_eq!(date_of(number), day, "{number}");
    }
    assert_eq!([first - 1, i32::MIN].map(date_of), [Date::MIN; 2]);
    assert_eq!([last + 1, i32::MAX].map(date_of), [Date::MAX; 2]);
}
