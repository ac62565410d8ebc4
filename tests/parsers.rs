//! The targets of `fuzz/` over random input and over mutated samples, in every build: what a longer
//! run of `make fuzz` finds becomes a sample here.

#[path = "../fuzz/src/lib.rs"]
mod harness;

use std::fs;
use std::path::Path;

use api::access::TokenStore;
use journal::frame::Frame;
use proptest::prelude::*;

use crate::issuers::issuer::{PAIRS, Pair, encoded};

use self::harness::{batch, binary, frames, issuer_tokens, lines, payloads, structured, tokens};

/// A target and its samples.
type Target = (fn(&[u8]), Vec<Vec<u8>>);

fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    fs::read(path).expect("a golden file")
}

fn from_hex(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks_exact(2).map(byte).collect()
}

/// Events as they are sent, from the golden samples of every kind.
fn events() -> Vec<Vec<u8>> {
    let samples: Vec<serde_json::Value> =
        serde_json::from_slice(&golden("life_events.json")).expect("samples");
    let event = |(number, told): (usize, &serde_json::Value)| {
        let (kind, data) = (told.get("event")?.as_str()?, told.get("data")?);
        let event = serde_json::json!({
            "specversion": "1.0", "id": format!("{number}"), "source": "/psb/990101/station-1",
            "type": format!("renkou.{kind}.v1"), "time": "2026-03-10T09:12:00+08:00", "data": data,
        });
        Some(event.to_string().into_bytes())
    };
    let found: Vec<_> = samples.iter().enumerate().filter_map(event).collect();
    assert!(found.len() > 10, "{} samples are too few", found.len());
    found
}

fn targets() -> Vec<Target> {
    let events = events();
    let of_batch = [&b"["[..], &events[..4].join(&b","[..]), b"]"].concat();
    let of_lines = [&b"\x07"[..], &events[..4].join(&b"\r\n"[..])].concat();
    let of_binary = b"ce-specversion: 1.0\nce-id: a%20b\nce-source: /psb/990101/s\n\
        ce-type: renkou.registration.v1\nce-time: 2026-03-10T09:12:00Z\ncontent-type: \
        application/json\n\n{\"person\":{\"document\":{\"kind\":\"passport\",\"number\":\"X1\"}}}";
    let record = from_hex(&golden("record.v1.hex"));
    let mut frame = Frame::default();
    for _ in 0..3 {
        frame
            .push(|out| {
                out.extend(&record);
                true
            })
            .expect("a record");
    }
    let whole = frame.finish(domain::Position(1)).to_vec();
    let packed = [&101_u16.to_le_bytes()[..], &from_hex(&golden("packed_birth.hex"))].concat();
    let plain = [&101_u16.to_le_bytes()[..], b"\0", &golden("events/birth.v1.json")].concat();
    let read = domain::Kind::PersonRead.event_type(false).number.to_le_bytes();
    let read = |name: &str| [&read[..], golden(name).trim_ascii_end()].concat();
    let reads = ["full", "masked", "approved"].map(|how| read(&format!("person_read_{how}.json")));
    let payload_samples = [vec![packed, plain, a_number_of_many_digits()], reads.to_vec()].concat();
    vec![
        (structured, events),
        (batch, vec![of_batch]),
        (lines, vec![of_lines]),
        (binary, vec![of_binary.to_vec()]),
        (frames, vec![record, whole]),
        (payloads, payload_samples),
        (issuer_tokens, issuer_token_samples()),
    ]
}

/// A number that was read as one neighbour of what it says, and read back as the other.
fn a_number_of_many_digits() -> Vec<u8> {
    let number = ["9".repeat(14), "6".repeat(80), "9".repeat(6)].concat();
    [&0x03f8_u16.to_le_bytes()[..], format!("\t{{   \"\":{number}}} ").as_bytes()].concat()
}

/// Key sets, each with a token that no key of it has signed.
fn issuer_token_samples() -> Vec<Vec<u8>> {
    let claims = serde_json::json!({"iss": "https://login.example", "exp": 1, "aud": ["renkou"]});
    let sample = |(id, pair): &(&str, Pair)| {
        let keys = serde_json::json!({"keys": [pair.jwk(id)]});
        let good = pair.token(id, &claims);
        let (signed, _) = good.rsplit_once('.').expect("a token");
        let other = encoded(&pair.sign(b"another message"));
        format!("{keys}\n\n{signed}.{other}").into_bytes()
    };
    PAIRS.iter().map(sample).collect()
}

/// How a sample is changed: cut, a byte set, a part doubled, a part taken out.
fn mutated(sample: &[u8], changes: &[(u8, u16, u16)]) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for (how, at, with) in changes {
        let length = bytes.len().max(1);
        let (at, end) = (usize::from(*at) % length, usize::from(*with) % length);
        match how % 5 {
            0 if at < bytes.len() => bytes[at] = *with as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << (with % 8),
            2 => bytes.truncate(at.max(1)),
            3 if at < end => drop(bytes.drain(at..end)),
            4 if at < end => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {}
        }
    }
    bytes
}

#[test]
fn every_sample_is_read() {
    for (target, samples) in targets() {
        samples.iter().for_each(|sample| target(sample));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn no_parser_panics_on_random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        targets_of_process().iter().for_each(|(target, _)| target(&bytes));
    }

    #[test]
    fn no_parser_panics_on_mutated_samples(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec(any::<(u8, u16, u16)>(), 1..6),
    ) {
        for (target, samples) in targets_of_process() {
            let sample: &Vec<u8> = which.get(samples);
            target(&mutated(sample, &changes));
        }
    }

    #[test]
    fn nobody_guesses_a_token(text in "(rk_)?[0-9A-Za-z_.~+/=-]{0,80}") {
        let folder = tempfile::tempdir().unwrap();
        let store = TokenStore::open(folder.path().join("access.json")).unwrap();
        tokens(&store, text.as_bytes());
    }
}

fn targets_of_process() -> &'static [Target] {
    static TARGETS: std::sync::OnceLock<Vec<Target>> = std::sync::OnceLock::new();
    TARGETS.get_or_init(targets)
}
