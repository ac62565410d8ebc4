//! A sealed payload opens at its own place under its own key, and nowhere else.

use domain::{Document, DocumentKind, IdentityKey, PersonId, Sequence, StreamId, StreamKind};
use journal::{PersonKey, SealBroken};

const PLAIN: &[u8] = "{\"full_name\":\"张小明\"}".as_bytes();

fn stream(number: &str) -> StreamId {
    let document = Document::new(DocumentKind::Passport, number);
    PersonId::of_document(&IdentityKey::new([3; 32]), &document).into()
}

#[test]
fn what_was_sealed_opens_at_its_place_and_shows_nothing_of_the_name() {
    let (key, stream) = (PersonKey::new(&[1; 32]), stream("E00000001"));
    let sealed = key.seal(stream, Sequence(4), PLAIN);
    assert_eq!(sealed.len(), PLAIN.len() + 16);
    let name = "张小明".as_bytes();
    assert!(!sealed.windows(name.len()).any(|bytes| bytes == name));
    assert_eq!(key.open(stream, Sequence(4), &sealed).unwrap(), PLAIN);
    let mut in_place = sealed.clone();
    assert_eq!(key.open_in_place(stream, Sequence(4), &mut in_place), Ok(PLAIN));
}

#[test]
fn a_payload_moved_to_another_place_or_person_does_not_open() {
    let (key, own) = (PersonKey::new(&[1; 32]), stream("E00000001"));
    let sealed = key.seal(own, Sequence(4), PLAIN);
    let unit = StreamId { kind: StreamKind::Unit, id: own.id };
    assert_eq!(key.open(own, Sequence(5), &sealed), Err(SealBroken));
    assert_eq!(key.open(stream("E00000002"), Sequence(4), &sealed), Err(SealBroken));
    assert_eq!(key.open(unit, Sequence(4), &sealed), Err(SealBroken));
    assert_eq!(PersonKey::new(&[2; 32]).open(own, Sequence(4), &sealed), Err(SealBroken));
}

#[test]
fn every_altered_bit_of_a_sealed_payload_is_noticed() {
    let (key, stream) = (PersonKey::new(&[1; 32]), stream("E00000001"));
    let sealed = key.seal(stream, Sequence(0), PLAIN);
    for bit in 0..sealed.len() * 8 {
        let mut altered = sealed.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key.open(stream, Sequence(0), &altered), Err(SealBroken), "bit {bit}");
        let in_place = key.open_in_place(stream, Sequence(0), &mut altered);
        assert_eq!(in_place, Err(SealBroken), "bit {bit}");
    }
    assert_eq!(key.open(stream, Sequence(0), &sealed[..10]), Err(SealBroken));
    let in_place = key.open_in_place(stream, Sequence(0), &mut sealed.clone()[..10]).err();
    assert_eq!(in_place, Some(SealBroken));
}

/// The stored form is frozen: payloads sealed today must open for ever.
#[test]
fn the_sealed_form_never_changes() {
    let stream = StreamId { kind: StreamKind::Person, id: stream("E00000001").id };
    let sealed = PersonKey::new(&[9; 32]).seal(stream, Sequence(7), b"{}");
    let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "20013ede7dc83e1730ffa9d515324f3a2995");
}

fn person(number: &str) -> PersonId {
    PersonId::from_uuid(stream(number).id)
}

#[test]
fn a_row_opens_for_its_view_and_person_only_and_tells_its_version() {
    let (key, own) = (PersonKey::new(&[1; 32]), person("E00000001"));
    let sealed = key.seal_row("archive", own, 41, PLAIN);
    assert_eq!(sealed, key.seal_row("archive", own, 41, PLAIN), "live and rebuilt are equal");
    assert_eq!(sealed.len(), PLAIN.len() + 24);
    assert_eq!(key.open_row("archive", own, &mut sealed.clone()), Ok((41, PLAIN)));
    assert_eq!(key.open_row("archiv", own, &mut sealed.clone()), Err(SealBroken));
    assert_eq!(key.open_row("archive", person("E00000002"), &mut sealed.clone()), Err(SealBroken));
    assert_eq!(
        PersonKey::new(&[2; 32]).open_row("archive", own, &mut sealed.clone()),
        Err(SealBroken)
    );
    for bit in 0..sealed.len() * 8 {
        let mut altered = sealed.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key.open_row("archive", own, &mut altered), Err(SealBroken), "bit {bit}");
    }
    assert_eq!(key.open_row("archive", own, &mut sealed.clone()[..7]), Err(SealBroken));
}

#[test]
fn a_row_and_a_record_of_the_same_number_share_no_bytes() {
    let (key, own) = (PersonKey::new(&[1; 32]), stream("E00000001"));
    let row = key.seal_row("", PersonId::from_uuid(own.id), 4, PLAIN);
    let record = key.seal(own, Sequence(4), PLAIN);
    assert!(row[8..].iter().zip(&record).filter(|(one, other)| one == other).count() < 8);
    assert_eq!(key.open(own, Sequence(4), &row[8..]), Err(SealBroken));
}
