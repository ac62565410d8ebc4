//! The shared words: places, person ids, clocks and code tables.

use domain::clocks::day_in_china;
use domain::{
    Clocks, Divisions, Document, DocumentKind, IdentityKey, Item, PersonId, Place, StreamId,
};
use jiff::civil::date;

#[test]
fn a_place_lies_in_the_divisions_of_its_prefixes() {
    let village = Place::parse("330106001002").unwrap();
    for whole in ["33", "3301", "330106", "330106001", "330106001002"] {
        assert!(village.lies_in(Place::parse(whole).unwrap()), "{whole}");
        assert_eq!(village.at_level(whole.len() as u8).to_string(), whole);
    }
    assert!(!village.lies_in(Place::parse("330107").unwrap()));
    assert!(!Place::parse("33").unwrap().lies_in(village));
}

#[test]
fn leading_zeros_of_a_place_are_kept() {
    assert_eq!(Place::parse("019901").unwrap().to_string(), "019901");
}

#[test]
fn a_text_that_is_no_division_code_is_refused() {
    for text in ["", "3", "33010", "33010600100", "33０106", "33-106", "+30106"] {
        assert!(Place::parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_same_document_is_the_same_person_however_it_was_typed() {
    let key = IdentityKey::new([7; 32]);
    let of = |kind, number: &str| PersonId::of_document(&key, &Document::new(kind, number));
    let person = of(DocumentKind::CitizenId, "33010618921231029X");
    assert_eq!(person, of(DocumentKind::CitizenId, " 330106 18921231-029x "));
    assert_ne!(person, of(DocumentKind::Passport, "33010618921231029X"));
    assert_ne!(person, of(DocumentKind::CitizenId, "110101189602290017"));
    assert_eq!(person.as_uuid().get_version_num(), 8);
    assert_eq!(StreamId::from(person).to_string(), format!("person-{person}"));
}

/// Identity is frozen: a change of this value would orphan every stream ever written.
#[test]
fn a_person_id_never_changes() {
    let key = IdentityKey::new([0; 32]);
    let document = Document::new(DocumentKind::CitizenId, "110101189602290017");
    assert_eq!(
        PersonId::of_document(&key, &document).to_string(),
        "9cdba752-5f3c-88da-8aaf-fcfe2a617580"
    );
}

#[test]
fn another_key_gives_another_person() {
    let document = Document::new(DocumentKind::Passport, "E00000001");
    let first = PersonId::of_document(&IdentityKey::new([1; 32]), &document);
    assert_ne!(first, PersonId::of_document(&IdentityKey::new([2; 32]), &document));
}

#[test]
fn a_day_begins_at_midnight_in_china() {
    assert_eq!(day_in_china("2026-11-19T15:59:59Z".parse().unwrap()), date(2026, 11, 19));
    assert_eq!(day_in_china("2026-11-19T16:00:00Z".parse().unwrap()), date(2026, 11, 20));
}

#[test]
fn the_total_lag_is_counted_in_days_across_years() {
    let recorded_at = "2026-01-02T01:00:00+08:00".parse().unwrap();
    let clocks = |occurred_on| Clocks {
        occurred_on,
        known_on: None,
        sent_at: None,
        received_at: recorded_at,
        recorded_at,
        verified_at: None,
    };
    assert_eq!(clocks(date(2024, 12, 31)).total_lag_days(), 367);
    assert_eq!(clocks(date(2026, 1, 2)).total_lag_days(), 0);
    assert_eq!(clocks(date(2026, 1, 3)).total_lag_days(), -1);
}

#[test]
fn every_code_table_is_readable_and_has_no_code_twice() {
    for (name, table) in domain::codes::ALL {
        assert!(table.rows().len() > 3, "{name}");
        for row in table.rows() {
            assert_eq!(
                table.rows().iter().filter(|other| other.code == row.code).count(),
                1,
                "{name}"
            );
        }
    }
    for (name, table) in domain::codes::ALL {
        for row in table.rows() {
            assert_eq!(table.find(&row.code), Some(row), "{name}");
            assert_eq!(table.find(&format!("\0{}", row.code)), None, "{name}");
            assert_eq!(table.find(&format!("{}\0", row.code)), None, "{name}");
        }
        assert_eq!(table.find(""), None, "{name}");
        assert_eq!(table.find("\u{10ffff}\u{10ffff}"), None, "{name}");
    }
    assert_eq!(domain::codes::ETHNIC_GROUP.find("01").unwrap().name_zh, "汉族");
    assert_eq!(domain::codes::HUKOU_NATURE.find("1").unwrap().name_zh, "非农业户口");
}

#[test]
fn a_division_keeps_its_newest_name_and_abolished_codes_stay_known() {
    let divisions = Divisions::embedded(false);
    assert_eq!(divisions.name("110101"), Some("东城区"));
    assert!(divisions.was_ever_issued("110103"), "Chongwen, abolished in 2010");
    assert!(!divisions.was_ever_issued("110199"));
    for county in ["110101", "441900"] {
        assert!(divisions.is_county(county), "{county} is a county or stands for one");
    }
    for code in ["110103", "110100", "330000", "810000", "990101", "1101", "11010a"] {
        assert!(!divisions.is_county(code), "{code} is no county of today");
    }
    assert!(Divisions::embedded(true).is_county("990101"));
}

#[test]
fn a_division_that_was_issued_has_six_digits() {
    let divisions = Divisions::embedded(true);
    assert!(divisions.was_ever_issued("990101") && divisions.was_ever_issued("810000"));
    for text in ["", "11", "1101010", "99010a", "9901０", "+10101", "000000"] {
        assert!(!divisions.was_ever_issued(text), "{text}");
    }
}

#[test]
fn a_day_is_written_in_one_way_only() {
    use domain::items::parse_day;
    assert_eq!(parse_day("2024-02-29").unwrap(), date(2024, 2, 29));
    assert_eq!(parse_day("1800-01-01").unwrap(), date(1800, 1, 1));
    let wrong = [
        "2023-02-29",
        "2024-13-01",
        "2024-00-10",
        "2024-01-00",
        "1799-12-31",
        "2024-1-010",
        "20240101",
        "2024/01/01",
        "-024-01-01",
        "2024-W05-1",
        " 024-01-01",
        "２-01-01",
        "2024-01-01T",
        "",
    ];
    for text in wrong {
        assert_eq!(parse_day(text).unwrap_err().code, "not_a_date", "{text}");
    }
}

#[test]
fn a_hash_under_the_identity_key_is_the_keyed_hash_of_its_bytes() {
    let parts: [&[u8]; 3] = [b"event|", &[], b"/hlt/990101/x"];
    let hash: [u8; 16] = IdentityKey::new([9; 32]).hash(&parts);
    assert_eq!(hash, domain::ids::keyed_hash::<16>(&[9; 32], &parts));
}

#[test]
fn document_kinds_have_one_name_each() {
    for (kind, name) in DocumentKind::ALL {
        assert_eq!(DocumentKind::from_name(name), Some(kind));
        assert_eq!(kind.name(), name);
    }
    assert_eq!(DocumentKind::from_name("library_card"), None);
    let document = Document::new(DocumentKind::Passport, "E00000001");
    assert!(!format!("{document:?}").contains("E0000"));
}

#[test]
fn the_seventeen_base_items_keep_the_order_and_number_of_the_notice() {
    for (place, item) in Item::all().enumerate() {
        assert_eq!(usize::from(item.number()), place + 1);
        assert_eq!(Item::from_name(item.name()), Some(item));
        assert_eq!(Item::from_number(item.number()), Some(item));
        assert_eq!(item.is_base(), place < 17);
    }
    let base: Vec<_> = Item::all().filter(|item| item.is_base()).map(Item::name_zh).collect();
    assert_eq!((base[0], base[8], base[16]), ("公民姓名", "门牌号", "与户主关系"));
    assert_eq!(Item::from_name("religion"), None);
}
