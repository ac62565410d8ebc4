//! What must hold of every parser that meets bytes from outside, whatever they are: it never
//! panics, and what it took it takes the same way again.
//!
//! Each function is a target of `cargo fuzz` (`make fuzz`), and `tests/parsers.rs` runs it over
//! random and mutated input in every build. A parser that is added (CSV) gets a function here, a
//! file in `fuzz_targets/`, its samples in `tests/parsers.rs` and a word in the Makefile.

use std::sync::LazyLock;

use api::access::TokenStore;
use api::access::oidc::{KeySet, TOKEN_BYTES_MAX, Unproved};
use api::http::batch::split;
use api::http::cloudevents::{Read, read_binary, read_structured};
use api::http::lines::{LINE_BYTES_MAX, LineCutter};
use domain::recorded::EventType;
use domain::submission::{Reader, Source};
use domain::{Divisions, Kind, Payload};
use http::{HeaderMap, HeaderName, HeaderValue};
use journal::compress::{UNPACKED_BYTES_MAX, pack, unpack};
use journal::frame::{self, BODY_HEADER_BYTES, HEADER_BYTES, Header};
use journal::record;

/// `application/cloudevents+json`: one event, then its data as a report of its kind.
pub fn structured(bytes: &[u8]) {
    report(read_structured(bytes));
}

/// `application/cloudevents-batch+json`.
pub fn batch(bytes: &[u8]) {
    for event in split(bytes).into_iter().flatten() {
        report(read_structured(event.get().as_bytes()));
    }
}

/// Headers, a line each, then an empty line and the body.
pub fn binary(bytes: &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
    let mut headers = HeaderMap::new();
    for line in bytes[..end].split(|byte| *byte == b'\n').take(64) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    report(read_binary(&headers, bytes.get(end + 2..).unwrap_or_default()));
}

fn report(read: Read) {
    let Ok(event) = read.event else { return };
    assert!(!event.id.is_empty() && !event.source.is_empty() && !event.event_type.is_empty());
    if let Ok(source) = Source::read(&event.source) {
        assert_eq!(source.text, event.source);
    }
    let kind = event.event_type.strip_prefix("renkou.").and_then(|name| name.strip_suffix(".v1"));
    let Some(kind) = kind.and_then(Kind::posted) else { return };
    static DIVISIONS: LazyLock<Divisions> = LazyLock::new(|| Divisions::embedded(true));
    let today = jiff::civil::date(2026, 11, 24);
    let _ = Reader { divisions: &DIVISIONS, today }.read(kind, event.data);
}

/// `application/x-ndjson`: the first byte says in how large pieces the others arrive. The lines are
/// the same as if they had come at once, and those of the text.
pub fn lines(bytes: &[u8]) {
    let Some((first, text)) = bytes.split_first() else { return };
    let cut = |piece: usize| {
        let mut cutter = LineCutter::default();
        let mut found = Vec::new();
        for part in text.chunks(piece) {
            cutter.push(part);
        }
        cutter.end();
        while let Some(block) = cutter.next_full() {
            found.extend(block.lines().map(<[u8]>::to_vec));
        }
        found
    };
    let found = cut(usize::from(*first) + 1);
    assert_eq!(found, cut(text.len().max(1)));
    if text.len() <= LINE_BYTES_MAX {
        let due = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let due: Vec<_> = due.filter(|line| !line.trim_ascii().is_empty()).collect();
        assert_eq!(found, due);
    }
    for line in &found {
        report(read_structured(line));
    }
}

/// Frames and the records in them.
pub fn frames(bytes: &[u8]) {
    if let Ok(header) = Header::read(bytes) {
        let mut rest = &bytes[HEADER_BYTES..];
        for _ in 0..header.count {
            let Ok(found) = frame::body(rest) else { break };
            records(found);
            rest = &rest[BODY_HEADER_BYTES + found.len()..];
        }
    }
    records(bytes);
}

fn records(bytes: &[u8]) {
    let Ok((envelope, sealed)) = record::decode(bytes) else { return };
    let standing = record::standing(bytes).expect("a part of the envelope");
    assert_eq!(standing.position, envelope.position);
    let again = record::encode(&envelope, sealed).expect("it was short enough");
    assert_eq!(record::decode(&again).expect("its own form"), (envelope, sealed));
}

/// Packed payloads: two bytes for the number of the event type, then the bytes.
pub fn payloads(bytes: &[u8]) {
    let Some((number, packed)) = bytes.split_first_chunk::<2>() else { return };
    let plain = match unpack(packed) {
        Ok(plain) => plain,
        Err(_) => packed.to_vec(),
    };
    assert!(plain.len() <= UNPACKED_BYTES_MAX.max(packed.len()));
    assert_eq!(unpack(&pack(&plain)).ok().as_deref(), Some(&plain[..]));
    let event_type = EventType { number: u16::from_le_bytes(*number), version: 1 };
    if let Ok(payload) = Payload::read(event_type, &plain) {
        let stored = payload.to_json();
        let again = Payload::read(event_type, &stored).expect("its own form");
        assert_eq!(again.to_json(), stored);
    }
}

/// Tokens of a caller: nobody guesses one.
pub fn tokens(store: &TokenStore, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(store.verify(&text, jiff::Timestamp::UNIX_EPOCH).is_err());
}

/// Tokens of issuers: bytes of a key set, an empty line, a token. No key of such a set has signed it.
pub fn issuer_tokens(bytes: &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
    let keys = KeySet::read(&bytes[..end]).unwrap_or_default();
    for token in [bytes, bytes.get(end + 2..).unwrap_or_default()] {
        let text = String::from_utf8_lossy(token);
        let Ok(unproved) = Unproved::read(&text) else { continue };
        assert!(text.len() <= TOKEN_BYTES_MAX && text.split('.').count() == 3);
        let key = keys.find(unproved.key_id.as_deref(), unproved.algorithm);
        if let Some(key) = key {
            assert!(unproved.prove(key).is_err());
        }
    }
}
