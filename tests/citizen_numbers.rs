//! Citizen numbers against three tables of numbers whose answer is known.

use domain::citizen_number::Sex;
use domain::{CitizenNumber, CitizenNumberError, Divisions};
use jiff::civil::{Date, date};

const VALID: &str = include_str!("../domain/testdata/valid20.csv");
const INVALID: &str = include_str!("../domain/testdata/invalid20.csv");

fn today() -> Date {
    date(2026, 11, 24)
}

fn parse(text: &str) -> Result<CitizenNumber, CitizenNumberError> {
    CitizenNumber::parse(text, today(), &Divisions::embedded(false))
}

#[test]
fn every_number_of_the_valid_table_is_accepted_with_its_birth_date_and_sex() {
    let mut rows = 0;
    for row in csv::Reader::from_reader(VALID.as_bytes()).records() {
        let row = row.expect("a readable row");
        let number = parse(&row[0]).unwrap_or_else(|error| panic!("{}: {error}", &row[0]));
        assert_eq!(number.birth_date().to_string(), row[4], "{}", &row[0]);
        let sex = if &row[5] == "1" { Sex::Male } else { Sex::Female };
        assert_eq!(number.sex(), sex, "{}", &row[0]);
        rows += 1;
    }
    assert_eq!(rows, 20);
}

#[test]
fn every_number_of_the_invalid_table_is_refused() {
    let mut rows = 0;
    for row in csv::Reader::from_reader(INVALID.as_bytes()).records() {
        let row = row.expect("a readable row");
        assert!(parse(&row[0]).is_err(), "{:?} was accepted: {}", &row[0], &row[4]);
        rows += 1;
    }
    assert_eq!(rows, 20);
}

/// The ten numbers on which public libraries disagree, each with the answer of the law.
#[test]
fn numbers_on_which_libraries_disagree_get_the_answer_of_the_standard() {
    use CitizenNumberError::{
        BornInFuture, ForeignPermanentResident, NotADigit, RegionNeverIssued,
    };
    let expected = [
        ("110101202612310003", Err(BornInFuture)),
        ("11010118960229A01X", Err(NotADigit(15))),
        ("110101 189602290017", Ok("110101189602290017")),
        ("１１０１０１１８９６０２２９００１７", Ok("110101189602290017")),
        ("119901189602290019", Err(RegionNeverIssued)),
        ("500154199301135886", Ok("500154199301135886")),
        ("441282198101011230", Ok("441282198101011230")),
        ("111111189602290010", Err(RegionNeverIssued)),
        ("653228189602290010", Ok("653228189602290010")),
        ("911156189602290012", Err(ForeignPermanentResident)),
    ];
    for (text, answer) in expected {
        let got = parse(text);
        assert_eq!(got.as_ref().map(CitizenNumber::as_str), answer.as_ref().copied(), "{text}");
    }
}

#[test]
fn a_lower_case_x_and_fifteen_digits_are_stored_in_one_form() {
    assert_eq!(parse("33010618921231029x").unwrap().as_str(), "33010618921231029X");
    let raised = parse("110101040229001").unwrap();
    assert_eq!(raised.as_str().len(), 18);
    assert_eq!(raised, parse(raised.as_str()).unwrap());
}

#[test]
fn each_fault_is_named() {
    use CitizenNumberError::{Checksum, Length, NotADate};
    let faults = [
        ("", Length(0)),
        ("11010118960229001", Length(17)),
        ("1101011896022900170", Length(19)),
        ("110101189602290010", Checksum),
        ("110101190002290011", NotADate),
        ("110101179912310010", NotADate),
    ];
    for (text, fault) in faults {
        assert_eq!(parse(text), Err(fault), "{text}");
    }
}

#[test]
fn every_single_digit_error_is_found() {
    let good = "110101189602290017";
    for place in 0..17 {
        for digit in b'0'..=b'9' {
            let mut bytes = good.as_bytes().to_vec();
            if bytes[place] == digit {
                continue;
            }
            bytes[place] = digit;
            let text = String::from_utf8(bytes).unwrap();
            assert!(parse(&text).is_err(), "{text}");
        }
    }
}

#[test]
fn the_fictional_province_is_open_to_fictional_registries_only() {
    let body = "99010119900101001";
    let check = char::from(domain::citizen_number::check_character(body.as_bytes()));
    let number = format!("{body}{check}");
    assert_eq!(parse(&number), Err(CitizenNumberError::RegionNeverIssued));
    assert!(CitizenNumber::parse(&number, today(), &Divisions::embedded(true)).is_ok());
}

#[test]
fn a_number_never_shows_when_debugged() {
    let number = parse("110101189602290017").unwrap();
    assert!(!format!("{number:?}").contains("1896"));
}
