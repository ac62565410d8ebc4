//! Packed payloads: what was packed is unpacked, small and for ever.

use journal::compress::{self, UNPACKED_BYTES_MAX, UnpackError};
use proptest::prelude::*;

const BIRTH: &str = concat!(
    r#"{"document":{"kind":"birth_certificate","number":"X990000123"},"items":{"#,
    r#""full_name":"张小明","sex":"1","birth_date":"2026-11-18","birth_place_code":"990101","#,
    r#""ethnic_code":"01"},"related":[{"role":"mother","#,
    r#""person":"6d9f1c5e-3b1a-8c44-9f00-2b7a5d1e0c11"}],"certificate_no":"X990000123"}"#,
);

#[test]
fn a_payload_becomes_less_than_half_as_long() {
    let packed = compress::pack(BIRTH.as_bytes());
    assert!(packed.len() * 2 < BIRTH.len(), "{} of {}", packed.len(), BIRTH.len());
    assert_eq!(compress::unpack(&packed).unwrap(), BIRTH.as_bytes());
}

#[test]
fn what_does_not_compress_is_stored_as_it_is() {
    for plain in [&b""[..], b"x", &[7, 200, 31, 4, 99]] {
        let packed = compress::pack(plain);
        assert_eq!(packed, [&[0], plain].concat());
        assert_eq!(compress::unpack(&packed).unwrap(), plain);
    }
}

/// Payloads packed when their codec was new. They must unpack for ever; how small later ones become
/// may change.
#[test]
fn payloads_of_every_codec_that_was_ever_written_still_unpack() {
    let goldens = [
        (1, include_str!("golden/packed_birth.hex")),
        (4, include_str!("golden/packed_birth_4.hex")),
    ];
    for (codec, golden) in goldens {
        let golden = golden.trim();
        let packed: Vec<_> = (0..golden.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&golden[at..at + 2], 16).unwrap())
            .collect();
        assert_eq!(packed[0], codec);
        assert_eq!(compress::unpack(&packed).unwrap(), BIRTH.as_bytes());
    }
    assert_eq!(compress::unpack(b"\0{}").unwrap(), b"{}");
}

#[test]
fn hostile_bytes_are_refused_by_name_and_never_unpacked_without_bound() {
    assert_eq!(compress::unpack(b""), Err(UnpackError::Malformed));
    assert_eq!(compress::unpack(b"\x06abc"), Err(UnpackError::Codec(6)));
    let bomb = compress::pack(&vec![0; UNPACKED_BYTES_MAX + 1]);
    assert!(bomb.len() < 1_000);
    assert_eq!(compress::unpack(&bomb), Err(UnpackError::TooLong));
    let most = compress::pack(&vec![0; UNPACKED_BYTES_MAX]);
    assert_eq!(compress::unpack(&most).unwrap().len(), UNPACKED_BYTES_MAX);
    let packed = compress::pack(BIRTH.as_bytes());
    for end in 0..packed.len() {
        assert!(compress::unpack(&packed[..end]).is_err(), "cut at {end}");
    }
}

proptest! {
    #[test]
    fn any_bytes_come_back(plain in prop::collection::vec(any::<u8>(), 0..3_000)) {
        let packed = compress::pack(&plain);
        prop_assert!(packed.len() <= plain.len() + 1);
        prop_assert_eq!(compress::unpack(&packed).unwrap(), plain);
    }

    #[test]
    fn no_bytes_make_unpacking_panic(mut packed in prop::collection::vec(any::<u8>(), 1..400)) {
        for codec in 1..=5 {
            packed[0] = codec;
            let _ = compress::unpack(&packed);
        }
    }
}
