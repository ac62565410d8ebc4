//! Events are the only frozen format: what was ever written is read for ever, byte for byte.
//!
//! A golden file is never changed. A new version of an event gets a new file beside the old one.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use domain::catalogue::upcast::OLDER;
use domain::catalogue::{CATALOGUE, SIDE};
use domain::life_event::PayloadError;
use domain::recorded::{ContentTag, Envelope, EventKey, EventType};
use domain::{Clocks, Item, Kind, Payload, Place, Position, Role, Sequence, StreamId, StreamKind};
use jiff::civil::date;
use journal::record;
use uuid::Uuid;

/// A payload as it is stored.
struct Golden {
    name: String,
    event_type: EventType,
    json: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Every golden event, its type told by the name of its file: `<code>[.side].v<version>.json`.
fn golden() -> Vec<Golden> {
    let files = fs::read_dir(folder().join("events")).expect("golden events");
    let mut golden: Vec<_> = files.map(|file| read(file.expect("a file").path())).collect();
    golden.sort_by(|a, b| a.name.cmp(&b.name));
    golden
}

fn read(path: PathBuf) -> Golden {
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    let parts: Vec<_> = name.split('.').collect();
    let (code, version) = match parts[..] {
        [code, "side", version, "json"] | [code, version, "json"] => (code, version),
        _ => panic!("{name} is no name of a golden event"),
    };
    let entry = CATALOGUE.iter().find(|entry| entry.code == code).expect("a code");
    let side = if parts.len() == 4 { SIDE } else { 0 };
    let version = version.strip_prefix('v').and_then(|v| v.parse().ok()).expect("a version");
    let event_type = EventType { number: entry.kind as u16 + side, version };
    let json = fs::read_to_string(&path).expect("UTF-8").trim_end().to_owned();
    Golden { name, event_type, json }
}

/// Whether an event of the kind is ever told in the stream of somebody who is not its subject.
fn is_told_aside(kind: Kind) -> bool {
    kind.acts_on_another() || kind.is_order() || Role::any_is_told(kind)
}

#[test]
fn every_event_that_was_ever_written_is_read_and_written_byte_for_byte() {
    for golden in golden() {
        let payload = Payload::read(golden.event_type, golden.json.as_bytes());
        let payload = payload.unwrap_or_else(|error| panic!("{}: {error:?}", golden.name));
        let written = String::from_utf8(payload.to_json()).unwrap();
        assert_eq!(written, newest_of(&golden), "{}", golden.name);
    }
}

/// The golden bytes of the newest version: what the same event of an older version is read as.
fn newest_of(of: &Golden) -> String {
    let (kind, side) = Kind::from_event_type(of.event_type).expect("a known type");
    let newest = kind.event_type(side);
    let newest = golden().into_iter().find(|golden| golden.event_type == newest);
    newest.expect("every kind has one").json
}

#[test]
fn every_version_that_was_ever_written_has_a_golden_event_and_a_step_to_the_next() {
    let there: BTreeSet<_> = golden().iter().map(|golden| golden.event_type).collect();
    let older: Vec<_> = OLDER.iter().map(|older| (older.kind, older.version)).collect();
    for entry in CATALOGUE {
        for version in 1..entry.version {
            let number = entry.kind as u16;
            assert!(there.contains(&EventType { number, version }), "{} {version}", entry.code);
            let steps = older.iter().filter(|step| **step == (entry.kind, version)).count();
            assert_eq!(steps, 1, "{} {version}", entry.code);
        }
    }
    let is_older = |(kind, version): &(Kind, u16)| (1..kind.entry().version).contains(version);
    assert!(!older.is_empty() && older.iter().all(is_older) && older.is_sorted());
}

#[test]
fn every_kind_of_the_catalogue_has_a_golden_event_in_its_newest_version() {
    let there: BTreeSet<_> = golden().iter().map(|golden| golden.event_type).collect();
    for entry in CATALOGUE {
        assert!(there.contains(&entry.kind.event_type(false)), "{} has none", entry.code);
        let aside = there.contains(&entry.kind.event_type(true));
        assert_eq!(aside, is_told_aside(entry.kind), "{} told aside", entry.code);
    }
}

#[test]
fn the_numbers_of_the_catalogue_never_change() {
    let numbers: Vec<_> = CATALOGUE.iter().map(|entry| (entry.kind as u16, entry.code)).collect();
    #[rustfmt::skip]
    let written = [
        (1, "birth"), (2, "birth_foundling"), (3, "birth_then_death"), (4, "death"),
        (5, "death_declared"), (6, "missing"), (7, "reappear"), (8, "marry_first"),
        (9, "marry_again"), (10, "marry_restore"), (11, "divorce_reg"), (12, "divorce_court"),
        (13, "marry_void"), (14, "widow"), (15, "hukou_out"), (16, "hukou_in"),
        (17, "residence_change"), (18, "temp_stay_reg"), (19, "temp_stay_extend"),
        (20, "res_permit_issue"), (21, "res_permit_endorse"), (22, "leave"), (23, "return"),
        (24, "emigrate"), (25, "settle"), (26, "unregistered_found"), (27, "id_issue"),
        (28, "id_number_correct"), (29, "name_change"), (30, "ethnic_change"), (31, "sex_correct"),
        (32, "birthdate_correct"), (33, "hh_split"), (34, "hh_merge"), (35, "head_change"),
        (36, "adopt"), (37, "adopt_end"), (38, "guardian_set"), (39, "preg_reg"), (40, "preg_care"),
        (41, "preg_end"), (42, "contraception"), (43, "preconception_check"), (44, "fp_benefit"),
        (45, "childcare_subsidy"), (46, "vaccine_cert"), (47, "health_change"),
        (48, "disability_cert"), (49, "school_enrol"), (50, "school_transfer"), (51, "school_end"),
        (52, "mil_register"), (53, "enlist"), (54, "discharge"), (55, "employ_start"),
        (56, "employ_end"), (57, "unemploy_reg"), (58, "flex_employ"), (59, "socins_enrol"),
        (60, "pension_start"), (61, "dibao_grant"), (62, "dibao_change"), (63, "tekun"),
        (64, "temp_aid"), (65, "elder_benefit"), (66, "need_raised"), (67, "need_answered"),
        (68, "correction_request"), (69, "discrepancy"), (101, "registration"),
        (102, "household_visit"), (103, "service_transaction"), (104, "observation"),
        (105, "correction"), (106, "annulment"),
        (107, "person_merge"), (108, "person_split"), (109, "document_claimed"),
        (110, "erased"), (111, "sealed"), (112, "unsealed"), (113, "protected"),
        (114, "unprotected"),
        (201, "submission_rejected"), (301, "person_read"), (302, "glass_broken"),
        (303, "glass_reviewed"), (304, "alarm_raised"), (305, "reading_approved"),
    ];
    assert_eq!(numbers.len(), written.len());
    for (number, code) in written {
        assert!(numbers.contains(&(number, code)), "{code} was written as {number}");
        let kind = Kind::from_number(number).map(|(kind, side)| (kind.code(), side));
        assert_eq!(kind, Some((code, false)));
        let aside = Kind::from_number(number + SIDE).map(|(kind, side)| (kind.code(), side));
        assert_eq!(aside, Some((code, true)));
    }
    assert_eq!(Kind::from_number(0), None);
    assert_eq!(Kind::from_number(u16::MAX), None);
}

#[test]
fn the_golden_first_load_names_every_item_and_every_role() {
    let golden = golden();
    let load = golden.iter().find(|golden| golden.name == "registration.v1.json").unwrap();
    let payload = Payload::read(load.event_type, load.json.as_bytes()).unwrap();
    let life = payload.life().unwrap();
    assert_eq!(life.items.iter().count(), Item::all().count());
    let roles: BTreeSet<_> = life.related.iter().map(|related| related.role).collect();
    assert_eq!(roles, Role::NAMED.iter().map(|(role, _)| *role).collect());
}

#[test]
fn a_field_of_a_later_program_survives_the_round_trip() {
    for golden in golden() {
        let later = golden.json.replacen('{', r#"{"zz_later":{"a":[1,"张"]},"#, 1);
        let payload = Payload::read(golden.event_type, later.as_bytes());
        let payload = payload.unwrap_or_else(|error| panic!("{}: {error:?}", golden.name));
        let kept = match &payload {
            Payload::Life(life) => &life.later,
            Payload::Rejection(rejection) => &rejection.later,
            Payload::Read(read) => &read.later,
            Payload::Oversight(act) => act.later(),
        };
        let due = serde_json::json!({"zz_later": {"a": [1, "张"]}});
        assert_eq!(serde_json::Value::from(kept.clone()), due, "{}", golden.name);
        let again = Payload::read(golden.event_type, &payload.to_json()).expect("its own words");
        assert!(again == payload, "{}", golden.name);
    }
}

#[test]
fn an_unknown_type_version_or_form_is_an_error_and_no_panic() {
    let read = |number, version, json: &str| {
        Payload::read(EventType { number, version }, json.as_bytes()).err()
    };
    for golden in golden() {
        let number = golden.event_type.number;
        let newest = Kind::from_number(number).unwrap().0.entry().version;
        for version in [0, newest + 1, u16::MAX] {
            let error = read(number, version, &golden.json);
            assert!(matches!(error, Some(PayloadError::Unknown(_))), "{}", golden.name);
        }
        for end in (0..golden.json.len()).filter(|end| golden.json.is_char_boundary(*end)) {
            let error = read(number, golden.event_type.version, &golden.json[..end]);
            assert!(matches!(error, Some(PayloadError::Malformed(_))), "{} {end}", golden.name);
        }
    }
    for number in [0, 70, 99, 115, 306, 999, 1070, u16::MAX] {
        assert!(matches!(read(number, 1, "{}"), Some(PayloadError::Unknown(_))), "{number}");
    }
    for json in [
        r#"{"items":{"shoe_size":"42"}}"#,
        r#"{"items":{"sex":1}}"#,
        r#"{"related":[{"role":"uncle","person":"6d9f1c5e-3b1a-8c44-9f00-2b7a5d1e0c11"}]}"#,
        r#"{"true_day":"2026-02-30"}"#,
        r#"{"target":-1}"#,
        "[]",
    ] {
        assert!(matches!(read(1, 1, json), Some(PayloadError::Malformed(_))), "{json}");
    }
}

/// What a read keeps beyond its first form: which items were told, and by which event each.
#[test]
fn a_read_with_everything_that_is_kept_of_it_is_read_and_written_byte_for_byte() {
    let json = fs::read_to_string(folder().join("person_read_full.json")).expect("UTF-8");
    let json = json.trim_end();
    let payload = Payload::read(Kind::PersonRead.event_type(false), json.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(payload.to_json()).unwrap(), json);
    let Payload::Read(read) = payload else { panic!("a read") };
    assert!(read.later.is_empty(), "every field is known: {:?}", read.later);
    assert!(Item::all().all(|item| read.told.has(item, Position(1201))));
    assert_eq!(read.told.items().count(), Item::all().count());
    assert!(read.told.has(Item::EthnicGroup, Position(1305)));
    assert!(!read.told.has(Item::Sex, Position(1305)) && !read.told.has(Item::Sex, Position(1)));
    let day = |text: &str| text.parse().expect("a day");
    assert!(!read.is_open_on(day("2027-02-28")) && read.is_open_on(day("2027-03-01")));
}

/// What later versions keep of a read: which parts it showed masked.
#[test]
fn a_masked_read_is_read_and_written_byte_for_byte() {
    let json = fs::read_to_string(folder().join("person_read_masked.json")).expect("UTF-8");
    let json = json.trim_end();
    let payload = Payload::read(Kind::PersonRead.event_type(false), json.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(payload.to_json()).unwrap(), json);
    let Payload::Read(read) = payload else { panic!("a read") };
    assert!(read.later.is_empty(), "every field is known: {:?}", read.later);
    assert_eq!(read.masked, ["number", "phone"]);
    assert!(read.told.has(Item::FullName, Position(1201)));
    assert!(!read.told.has(Item::CitizenId, Position(1201)), "what is masked is not told");
}

/// And who approved that it is hidden.
#[test]
fn a_hidden_read_that_somebody_approved_is_read_and_written_byte_for_byte() {
    let json = fs::read_to_string(folder().join("person_read_approved.json")).expect("UTF-8");
    let json = json.trim_end();
    let payload = Payload::read(Kind::PersonRead.event_type(false), json.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(payload.to_json()).unwrap(), json);
    let Payload::Read(read) = payload else { panic!("a read") };
    let hidden = read.hidden.as_ref().expect("it is hidden");
    assert_eq!(hidden.approved_by.as_deref(), Some("chief-2"));
}

/// Every field filled with another value, so that no two can be mistaken for each other.
fn envelope() -> Envelope {
    let stream = |kind, id| StreamId { kind, id: Uuid::from_u128(id) };
    Envelope {
        position: Position(0x0102_0304_0506_0708),
        stream: stream(StreamKind::Person, 0x6d9f_1c5e_3b1a_8c44_9f00_2b7a_5d1e_0c11),
        sequence: Sequence(0x1112_1314),
        previous: Position(0x0102_0304_0506_0707),
        event_type: EventType { number: Kind::Correction as u16, version: 1 },
        key: EventKey([0xa1; 16]),
        content: ContentTag([0xb2; 8]),
        clocks: Clocks {
            occurred_on: date(1969, 12, 30),
            known_on: Some(date(2026, 11, 19)),
            sent_at: Some("2026-11-20T01:12:00.000001Z".parse().unwrap()),
            received_at: "2026-11-20T01:12:00.5Z".parse().unwrap(),
            recorded_at: "2026-11-20T01:12:00.500001Z".parse().unwrap(),
            verified_at: Some("2026-11-21T00:00:00Z".parse().unwrap()),
        },
        place: Place::parse("990106001002").unwrap(),
        department: *b"HLT",
        channel: *b"DX",
        actor: "h1-0042".into(),
        source: "/hlt/990106/hospital-1".into(),
        correlation: EventKey([0xc3; 16]),
        causation: Position(21),
        corrects: Position(22),
        sealed_for: Some(stream(StreamKind::Unit, 0x0b54)),
    }
}

#[test]
fn a_record_of_version_1_is_read_and_written_byte_for_byte() {
    let text = fs::read_to_string(folder().join("record.v1.hex")).expect("the golden record");
    let text: String = text.split_whitespace().collect();
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("two digits");
    let stored: Vec<u8> = (0..text.len()).step_by(2).map(byte).collect();
    let (read, payload) = record::decode(&stored).expect("a record of version 1");
    assert_eq!((read, payload), (envelope(), &b"sealed"[..]));
    assert_eq!(record::encode(&envelope(), b"sealed").unwrap(), stored);
}

/// A sender may name a field as one of ours: it must not come back as ours.
#[test]
fn what_a_sender_calls_like_our_own_fields_stays_theirs() {
    let theirs = ["id", "document", "items", "related", "target", "true_day", "later", "details"];
    let details: serde_json::Map<_, _> =
        theirs.iter().map(|name| ((*name).to_owned(), serde_json::json!(7))).collect();
    let life = domain::LifeEvent {
        id: Some("ours".to_owned()),
        details: details.clone(),
        ..domain::LifeEvent::default()
    };
    let event_type = domain::Kind::Observation.event_type(false);
    let stored = Payload::Life(std::sync::Arc::new(life)).to_json();
    let read = Payload::read(event_type, &stored).expect("what was stored is readable");
    let read = read.life().expect("a life event");
    assert_eq!((read.id.as_deref(), &read.details), (Some("ours"), &details));
    assert_eq!((read.target, read.later.is_empty()), (None, true));
}

/// Reading is by hand: it refuses what derived reading would.
#[test]
fn a_payload_that_is_not_of_its_form_is_refused() {
    let read = |json: &[u8]| Payload::read(Kind::Birth.event_type(false), json);
    let malformed: [&[u8]; 11] = [
        b"",
        b"[]",
        b"{} {}",
        br#"{"id":7}"#,
        br#"{"id":"a","id":"b"}"#,
        br#"{"items":{},"items":{}}"#,
        br#"{"items":null}"#,
        br#"{"items":{"full_name":1}}"#,
        br#"{"items":{"no_such_item":"a"}}"#,
        br#"{"target":-1}"#,
        b"{\"reason\":\"\xff\"}",
    ];
    for json in malformed {
        let shown = String::from_utf8_lossy(json);
        assert!(matches!(read(json), Err(PayloadError::Malformed(_))), "{shown}");
    }
    let odd = br#" {"x":[{"a":null}],"id":null,"items":{"sex":"1","full_name":"\u5f20\n","sex":"2"},"x":2}"#;
    let read = read(odd).unwrap();
    let life = read.life().unwrap();
    assert_eq!(life.id, None);
    assert_eq!(life.items.iter().collect::<Vec<_>>(), [(Item::FullName, "张\n"), (Item::Sex, "2")]);
    assert_eq!(serde_json::Value::from(life.later.clone()), serde_json::json!({"x": 2}));
}
