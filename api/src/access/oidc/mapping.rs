//! From the claims of a proved token to a grant, never wider than the ceiling of its issuer.
//!
//! | claim | says | when it is missing |
//! | --- | --- | --- |
//! | role | one of ours that the ceiling has; of a list exactly one may be | no grant |
//! | department | the ceiling's, or any where the ceiling says any | the ceiling's |
//! | place | a division within the ceiling's | the ceiling's |
//! | purposes | those that the ceiling has too | none |
//! | person | a citizen's own id, and no other role's | a citizen gets no grant |
//!
//! A claim of another form, or one that reaches beyond the ceiling, gives no grant at all: to cut
//! it down would hide that the issuer and the registry disagree. Of purposes the common ones count.
//!
//! The holder stands in the log as `NAME:sub`. A `sub` that may be a number or a name of a person
//! (a citizen's always) stands there as a hash: the log keeps it for ever.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{PersonId, Place};
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::settings::{Settings, department};
use super::token::{Claims, Flaw};
use crate::access::{Grant, Role};

/// The longest `sub` (OpenID Connect, section 2).
const SUBJECT_BYTES_MAX: usize = 255;
/// A `sub` that is shown has at most so many digits: shorter than any number that identifies.
const DIGITS_SHOWN_MAX: usize = 6;

/// The grant of a token that ends at `end`.
///
/// # Errors
/// [`Flaw::Claims`].
pub fn grant(settings: &Settings, claims: &Claims, end: i64) -> Result<Grant, Flaw> {
    read(settings, claims, end).ok_or(Flaw::Claims)
}

fn read(settings: &Settings, claims: &Claims, end: i64) -> Option<Grant> {
    let (names, ceiling) = (&settings.claims, &settings.ceiling);
    let role = role(claims.get(&names.role)?).filter(|role| ceiling.roles.contains(role))?;
    let department = match claims.get(&names.department) {
        None => ceiling.department,
        Some(code) => {
            let code = department(code.as_str()?)?;
            Some(code).filter(|_| ceiling.department.is_none_or(|own| own == code))?.into()
        }
    };
    let place = match claims.get(&names.place) {
        None => ceiling.place,
        Some(code) => {
            let place = Place::parse(code.as_str()?).ok()?;
            Some(place).filter(|place| ceiling.place.is_none_or(|own| place.lies_in(own)))?.into()
        }
    };
    let stated = claims.get(&names.purposes).map_or(Some(Vec::new()), texts)?;
    let purposes = ceiling.purposes.iter().filter(|code| stated.contains(&code.as_str()));
    let person = match claims.get(&names.person) {
        None => None,
        Some(id) => Some(PersonId::from_uuid(Uuid::parse_str(id.as_str()?).ok()?)),
    };
    if (role == Role::Citizen) != person.is_some() {
        return None;
    }
    let sub = claims.get("sub")?.as_str()?;
    if sub.is_empty() || sub.len() > SUBJECT_BYTES_MAX {
        return None;
    }
    let hash = hashed(&settings.url, sub);
    let shown = if role != Role::Citizen && is_plain(sub) { sub } else { &hash };
    Some(Grant {
        id: hash.clone(),
        subject: format!("{}:{shown}", settings.name),
        role,
        department,
        place,
        purposes: purposes.cloned().collect(),
        expires_at: Some(Timestamp::from_second(end).ok()?),
        person,
        revoked: false,
    })
}

/// One role, or the only one of ours in a list.
fn role(claim: &Value) -> Option<Role> {
    let of_ours = |value: &Value| serde_json::from_value::<Role>(value.clone()).ok();
    match claim {
        Value::Array(many) => {
            let mut found = many.iter().filter_map(of_ours);
            found.next().filter(|_| found.next().is_none())
        }
        one => of_ours(one),
    }
}

fn texts(claim: &Value) -> Option<Vec<&str>> {
    match claim {
        Value::String(text) => Some(text.split_ascii_whitespace().collect()),
        Value::Array(many) => many.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Whether a `sub` may stand in the log: an account's name, of letters that no log is harmed by.
fn is_plain(sub: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    let digits = sub.bytes().filter(u8::is_ascii_digit).count();
    let is_uuid = || sub.len() == 36 && Uuid::parse_str(sub).is_ok();
    sub.len() <= 64 && sub.bytes().all(is_letter) && (digits <= DIGITS_SHOWN_MAX || is_uuid())
}

/// The same holder has the same hash, whatever token they show.
fn hashed(issuer: &str, sub: &str) -> String {
    let hash = Sha256::new().chain_update(issuer).chain_update([0]).chain_update(sub).finalize();
    format!("h-{}", URL_SAFE_NO_PAD.encode(&hash[..12]))
}
