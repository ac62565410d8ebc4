//! The citizen identification number (GB 11643-1999): normalised, checked, taken apart.
//!
//! The region is checked against every code ever issued, never against the codes in force in the
//! year of birth: the first six digits name the place of *first household registration*, so late
//! registrations carry codes younger than their holder.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::Date;
use unicode_normalization::UnicodeNormalization;

use crate::divisions::Divisions;

/// Weights of the first 17 digits: 2^(18-i) mod 11 (ISO 7064:1983 MOD 11-2).
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK_CHARACTERS: &[u8; 11] = b"10X98765432";
/// No living or recently dead person was born earlier; older dates are typing errors.
const BIRTH_YEAR_MIN: i16 = 1800;

/// A checked 18-character number; the check character is upper case.
///
/// `Debug` prints only the region, so that a number cannot slip into a log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CitizenNumber([u8; 18]);

/// Sex as the 17th digit tells it (GB/T 2261.1 codes `1` and `2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// Odd order code.
    Male,
    /// Even order code.
    Female,
}

/// Why a text is not a citizen number. No variant repeats the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CitizenNumberError {
    /// Neither 18 nor 15 characters after normalisation.
    #[error("a citizen number has 18 characters (15 before 1999), this has {0}")]
    Length(usize),
    /// A character that is no digit; the 18th may be X.
    #[error("character {0} is not a digit")]
    NotADigit(usize),
    /// A foreign permanent-resident card number: same checksum, another document.
    #[error("a number that begins with 9 is a foreign permanent-resident card")]
    ForeignPermanentResident,
    /// The first six digits were never issued.
    #[error("the first six digits were never issued as a division code")]
    RegionNeverIssued,
    /// Positions 7-14 are no calendar date.
    #[error("characters 7 to 14 are not a calendar date")]
    NotADate,
    /// Born later than today.
    #[error("the date of birth is later than today")]
    BornInFuture,
    /// The 18th character does not fit the others.
    #[error("the check character does not fit the other seventeen")]
    Checksum,
}

impl CitizenNumber {
    /// Reads what a person typed: full-width digits, blanks, hyphens and a lower-case x are
    /// normalised; a first-generation number of 15 digits is raised to 18.
    ///
    /// # Errors
    /// The first rule that is broken, in the order of [`CitizenNumberError`].
    pub fn parse(
        text: &str,
        today: Date,
        divisions: &Divisions,
    ) -> Result<Self, CitizenNumberError> {
        let number = Self::read(text)?;
        number.check_region(divisions)?;
        number.check_the_rest(today)?;
        Ok(number)
    }

    /// As [`CitizenNumber::parse`], but the region may be unknown: the audit rules tell a number
    /// that is badly formed from one whose region was never issued.
    ///
    /// # Errors
    /// The first rule that is broken, but for those about the region.
    pub fn parse_any_region(text: &str, today: Date) -> Result<Self, CitizenNumberError> {
        let number = Self::read(text)?;
        number.check_the_rest(today)?;
        Ok(number)
    }

    /// Eighteen characters of the right kind, raised from fifteen where need be.
    fn read(text: &str) -> Result<Self, CitizenNumberError> {
        let normal = normal_form(text);
        let digits = match normal.len() {
            18 => normal.as_bytes().try_into().expect("eighteen bytes"),
            15 => raise_to_18(normal.as_bytes().try_into().expect("fifteen bytes"))?,
            _ => return Err(CitizenNumberError::Length(normal.chars().count())),
        };
        check_characters(&digits)?;
        Ok(Self(digits))
    }

    fn check_region(&self, divisions: &Divisions) -> Result<(), CitizenNumberError> {
        if divisions.was_ever_issued(self.region()) {
            return Ok(());
        }
        let is_foreign = self.0[0] == b'9' && !self.region().starts_with("99");
        Err(if is_foreign {
            CitizenNumberError::ForeignPermanentResident
        } else {
            CitizenNumberError::RegionNeverIssued
        })
    }

    fn check_the_rest(&self, today: Date) -> Result<(), CitizenNumberError> {
        let birth = date_of(&self.0).ok_or(CitizenNumberError::NotADate)?;
        if birth > today {
            return Err(CitizenNumberError::BornInFuture);
        }
        if check_character(&self.0[..17]) != self.0[17] {
            return Err(CitizenNumberError::Checksum);
        }
        Ok(())
    }

    /// The 18 characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII was let in")
    }

    /// The six-digit code of the county of first household registration.
    pub fn region(&self) -> &str {
        &self.as_str()[..6]
    }

    /// The date of birth that the number states.
    pub fn birth_date(&self) -> Date {
        date_of(&self.0).expect("checked when parsed")
    }

    /// The sex that the number states.
    pub fn sex(&self) -> Sex {
        if (self.0[16] - b'0') % 2 == 1 { Sex::Male } else { Sex::Female }
    }
}

impl fmt::Debug for CitizenNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CitizenNumber({}…)", self.region())
    }
}

/// The check character of 17 digits (ISO 7064:1983 MOD 11-2).
///
/// `digits` must be 17 ASCII digits.
pub fn check_character(digits: &[u8]) -> u8 {
    let sum: u32 =
        digits.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    CHECK_CHARACTERS[(sum % 11) as usize]
}

/// Folds full-width forms (NFKC), drops blanks and hyphens, raises x to X.
pub fn normalise(text: &str) -> String {
    normal_form(text).into_owned()
}

/// As [`normalise`]; nearly every number is typed in its normal form, and copied by nobody.
fn normal_form(text: &str) -> Cow<'_, str> {
    let stays = |byte: u8| {
        byte.is_ascii()
            && !byte.is_ascii_lowercase()
            && byte != b'-'
            && !char::from(byte).is_whitespace()
    };
    if text.bytes().all(stays) {
        return Cow::Borrowed(text);
    }
    text.nfkc()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'))
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

fn raise_to_18(fifteen: &[u8; 15]) -> Result<[u8; 18], CitizenNumberError> {
    if let Some(place) = fifteen.iter().position(|byte| !byte.is_ascii_digit()) {
        return Err(CitizenNumberError::NotADigit(place + 1));
    }
    let mut raised = *b"000000190000000000";
    raised[..6].copy_from_slice(&fifteen[..6]);
    raised[8..17].copy_from_slice(&fifteen[6..]);
    raised[17] = check_character(&raised[..17]);
    Ok(raised)
}

fn check_characters(digits: &[u8; 18]) -> Result<(), CitizenNumberError> {
    let wrong = digits
        .iter()
        .enumerate()
        .find(|(place, byte)| !(byte.is_ascii_digit() || (*place == 17 && **byte == b'X')));
    match wrong {
        Some((place, _)) => Err(CitizenNumberError::NotADigit(place + 1)),
        None => Ok(()),
    }
}

fn date_of(digits: &[u8; 18]) -> Option<Date> {
    let number = |range: std::ops::Range<usize>| {
        digits[range].iter().fold(0_i16, |sum, digit| sum * 10 + i16::from(digit - b'0'))
    };
    let date = Date::new(number(6..10), number(10..12) as i8, number(12..14) as i8).ok()?;
    (date.year() >= BIRTH_YEAR_MIN).then_some(date)
}
