//! On what terms a read about a person is made, beside its purpose: for whom a system asks, and
//! whether the person is told of it only later, and who else approved of that.

use axum::http::HeaderMap;
use jiff::Timestamp;

use super::problem::Problem;
use super::problem_kinds as kinds;
use crate::access::{Askers, Grant, Hiding, HidingError};

/// The terms of a read. Small, so that they go along with the purpose to whatever records it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Until when and on which basis the person is not told.
    pub hiding: Option<Hiding>,
    /// Who approved of that, beside who asks.
    pub hiding_approved_by: Option<OperatorId>,
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
    /// Reads the headers `On-Behalf-Of`, `Hidden-Until`, `Legal-Basis` and `Hidden-Approved-By`.
    ///
    /// # Errors
    /// 400 when one is malformed or lacks another, 403 `hiding_not_allowed`.
    pub fn read(headers: &HeaderMap, grant: &Grant, now: Timestamp) -> Result<Self, Problem> {
        let stated = |name| -> Result<Option<&str>, Problem> {
            let Some(value) = headers.get(name) else { return Ok(None) };
            let text = value.to_str().map_err(|_| Problem::new(&kinds::BAD_REQUEST))?;
            Ok(Some(text.trim()))
        };
        let named = |name, header: &str| -> Result<Option<OperatorId>, Problem> {
            let id = stated(name)?.map(|text| OperatorId::read(text).ok_or_else(|| no_id(header)));
            id.transpose()
        };
        let on_behalf_of = named("on-behalf-of", "On-Behalf-Of")?;
        let hiding_approved_by = named("hidden-approved-by", "Hidden-Approved-By")?;
        let hiding = match (stated("hidden-until")?, stated("legal-basis")?) {
            (None, None) if hiding_approved_by.is_none() => None,
            (Some(until), Some(basis)) => {
                let until = super::query::parse_day(until)?;
                let askers = Askers {
                    grant,
                    on_behalf_of: on_behalf_of.as_ref().map(OperatorId::as_str),
                    approved_by: hiding_approved_by.as_ref().map(OperatorId::as_str),
                };
                Some(Hiding::new(askers, until, basis, now).map_err(|error| not_hidden(&error))?)
            }
            _ => {
                return Err(Problem::new(&kinds::BAD_REQUEST).detail(
                    "Hidden-Until 与 Legal-Basis 须同时提供,Hidden-Approved-By 须与之同用",
                    "Hidden-Until and Legal-Basis go together, and Hidden-Approved-By with them",
                ));
            }
        };
        Ok(Self { hiding, hiding_approved_by, on_behalf_of })
    }
}

fn no_id(header: &str) -> Problem {
    Problem::new(&kinds::BAD_REQUEST).detail(
        format!("{header} 须为贵方系统内部编号,不得为证件号码"),
        format!(
            "{header} is an id of your own system of at most 40 plain characters, and no number \
             of a document"
        ),
    )
}

fn not_hidden(error: &HidingError) -> Problem {
    match error {
        HidingError::NotAllowed => Problem::new(&kinds::HIDING_NOT_ALLOWED),
        HidingError::Alone => Problem::new(&kinds::HIDING_NOT_ALLOWED).detail(
            "如此之久,须由查阅者以外之人批准(Hidden-Approved-By);系统代查者并须注明 On-Behalf-Of",
            "so long a read is hidden with the approval of another person than who asks for it \
             (Hidden-Approved-By); a system says for whom it asks (On-Behalf-Of)",
        ),
        HidingError::UnknownBasis => {
            Problem::new(&kinds::BAD_REQUEST).detail("法律依据代码未知", "no such legal basis")
        }
        HidingError::Day => Problem::new(&kinds::BAD_REQUEST).detail(
            "告知日期须在今日之后,且不超过该依据的期限",
            "the day must lie ahead, and within the limit of the basis",
        ),
    }
}
