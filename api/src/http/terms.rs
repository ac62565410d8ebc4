//! On what terms a read about a person is made, beside its purpose: for whom a system asks, and
//! whether the person is told of it only later.

use axum::http::HeaderMap;
use jiff::Timestamp;

use super::problem::Problem;
use super::problem_kinds as kinds;
use crate::access::{Grant, Hiding, HidingError};

/// The terms of a read. Small, so that they go along with the purpose to whatever records it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Until when and on which basis the person is not told.
    pub hiding: Option<Hiding>,
    /// For whom the reader asks.
    pub on_behalf_of: Option<OperatorId>,
}

/// An id that the reader's own system gave to somebody: letters, digits and `.`, `_`, `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorId {
    bytes: [u8; Self::BYTES_MAX],
    length: u8,
}

impl OperatorId {
    const BYTES_MAX: usize = 40;
    /// A number of a document has so many digits in a row, and has no place here.
    const DIGITS_MAX: usize = 14;

    /// Reads an id; none where the text is no such one.
    pub fn read(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let mut digits = text.split(|c: char| !c.is_ascii_digit());
        let is_id = (1..=Self::BYTES_MAX).contains(&text.len())
            && text.bytes().all(is_plain)
            && digits.all(|run| run.len() <= Self::DIGITS_MAX);
        let mut bytes = [0; Self::BYTES_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        is_id.then_some(Self { bytes, length: text.len() as u8 })
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).expect("plain letters")
    }
}

impl Terms {
    /// Reads the headers `On-Behalf-Of`, `Hidden-Until` and `Legal-Basis`.
    ///
    /// # Errors
    /// 400 when one is malformed or lacks the other, 403 `hiding_not_allowed`.
    pub fn read(headers: &HeaderMap, grant: &Grant, now: Timestamp) -> Result<Self, Problem> {
        let stated = |name| -> Result<Option<&str>, Problem> {
            let Some(value) = headers.get(name) else { return Ok(None) };
            let text = value.to_str().map_err(|_| Problem::new(&kinds::BAD_REQUEST))?;
            Ok(Some(text.trim()))
        };
        let on_behalf_of = stated("on-behalf-of")?.map(|text| {
            OperatorId::read(text).ok_or_else(|| {
                Problem::new(&kinds::BAD_REQUEST).detail(
                    "On-Behalf-Of 须为贵方系统内部编号,不得为证件号码",
                    "On-Behalf-Of is an id of your own system of at most 40 plain characters, \
                     and no number of a document",
                )
            })
        });
        let hiding = match (stated("hidden-until")?, stated("legal-basis")?) {
            (None, None) => None,
            (Some(until), Some(basis)) => {
                let until = super::query::parse_day(until)?;
                Some(Hiding::new(grant, until, basis, now).map_err(|error| not_hidden(&error))?)
            }
            _ => {
                return Err(Problem::new(&kinds::BAD_REQUEST).detail(
                    "Hidden-Until 与 Legal-Basis 须同时提供",
                    "Hidden-Until and Legal-Basis go together",
                ));
            }
        };
        Ok(Self { hiding, on_behalf_of: on_behalf_of.transpose()? })
    }
}

fn not_hidden(error: &HidingError) -> Problem {
    match error {
        HidingError::NotAllowed => Problem::new(&kinds::HIDING_NOT_ALLOWED),
        HidingError::UnknownBasis => {
            Problem::new(&kinds::BAD_REQUEST).detail("法律依据代码未知", "no such legal basis")
        }
        HidingError::Day => Problem::new(&kinds::BAD_REQUEST).detail(
            "告知日期须在今日之后,且不超过该依据的期限",
            "the day must lie ahead, and within the limit of the basis",
        ),
    }
}
