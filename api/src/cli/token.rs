//! `renkou token`: tokens and what they grant.

use std::io::{self, Write};
use std::path::PathBuf;

use domain::{PersonId, Place, codes};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Failure;
use crate::access::{Grant, NewGrant, PURPOSES, ROLES, Role, TokenStore};
use crate::registry::Home;

/// What to do with tokens.
#[derive(clap::Subcommand)]
pub enum Token {
    /// Make a token; it alone is printed, once
    Create(Create),
    /// List grants; tokens themselves are not kept
    List {
        /// The registry's directory.
        #[arg(long)]
        data: PathBuf,
    },
    /// Take a token back, by the id in `list`
    Revoke {
        /// The registry's directory.
        #[arg(long)]
        data: PathBuf,
        /// Which.
        id: String,
    },
}

/// What the new token grants.
#[derive(clap::Args)]
pub struct Create {
    /// The registry's directory.
    #[arg(long)]
    data: PathBuf,
    /// What the holder is.
    #[arg(long, value_parser = role)]
    role: Role,
    /// Code of the holder's department, such as hlt; any when not given.
    #[arg(long, value_parser = department)]
    department: Option<[u8; 3]>,
    /// Division whose people the holder may deal with; all when not given.
    #[arg(long, value_parser = place)]
    place: Option<Place>,
    /// Purposes for which persons may be read about, with commas between.
    #[arg(long, value_delimiter = ',', value_parser = purpose)]
    purposes: Vec<String>,
    /// How long it is good, such as 90d or 12h.
    #[arg(long, value_parser = duration)]
    expires: Option<SignedDuration>,
    /// Who holds it, as it will stand in logs; never a citizen's name.
    #[arg(long)]
    subject: Option<String>,
    /// A citizen's own person id.
    #[arg(long, required_if_eq("role", "citizen"), value_parser = person)]
    person: Option<PersonId>,
}

impl Token {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match self {
            Self::Create(create) => Ok(writeln!(out, "{}", create.token()?)?),
            Self::List { data } => {
                for grant in store(&data)?.list()? {
                    writeln!(out, "{}", described(&grant))?;
                }
                Ok(())
            }
            Self::Revoke { data, id } => Ok(store(&data)?.revoke(&id)?),
        }
    }
}

impl Create {
    fn token(self) -> Result<String, Failure> {
        let store = store(&self.data)?;
        let expires_at = self.expires.map(|length| Timestamp::now().checked_add(length));
        let role = self.role.name().to_owned();
        let named = match self.department {
            Some(code) => format!("{role}-{}", String::from_utf8_lossy(&code).to_lowercase()),
            None => role,
        };
        let grant = NewGrant {
            subject: self.subject.unwrap_or(named),
            role: self.role,
            department: self.department,
            place: self.place,
            purposes: self.purposes,
            expires_at: expires_at.transpose()?,
            person: self.person,
        };
        Ok(store.create(grant)?.0)
    }
}

fn store(data: &std::path::Path) -> Result<TokenStore, Failure> {
    Ok(TokenStore::open(Home::open(data)?.access())?)
}

fn described(grant: &Grant) -> serde_json::Value {
    json!({
        "id": grant.id,
        "subject": grant.subject,
        "role": grant.role,
        "department": grant.department.map(|code| String::from_utf8_lossy(&code).into_owned()),
        "place": grant.place,
        "purposes": grant.purposes,
        "expires_at": grant.expires_at,
        "person": grant.person,
        "revoked": grant.revoked,
    })
}

fn role(text: &str) -> Result<Role, String> {
    serde_json::from_value(json!(text)).map_err(|_| {
        let names: Vec<_> = ROLES.iter().map(|(role, _)| role.name()).collect();
        format!("one of {} is due", names.join(", "))
    })
}

fn department(text: &str) -> Result<[u8; 3], String> {
    let code = text.to_ascii_uppercase();
    let known = codes::DEPARTMENT.find(&code).and_then(|_| code.as_bytes().try_into().ok());
    known.ok_or_else(|| {
        let codes: Vec<_> = codes::DEPARTMENT.rows().iter().map(|row| row.code.as_str()).collect();
        format!("one of {} is due", codes.join(", ").to_lowercase())
    })
}

fn place(text: &str) -> Result<Place, String> {
    Place::parse(text).map_err(|error| error.to_string())
}

fn purpose(text: &str) -> Result<String, String> {
    if PURPOSES.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("one of {} is due", PURPOSES.join(", ")))
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let due = "a number with d, h or m is due, such as 90d";
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(due)?;
    let number: i64 = number.parse().map_err(|_| due)?;
    let hours = match unit {
        "d" => number.checked_mul(24).ok_or(due)?,
        "h" => number,
        "m" => return Ok(SignedDuration::from_mins(number)),
        _ => return Err(due.to_owned()),
    };
    if !(1..=24 * 36_500).contains(&hours) {
        return Err("between one hour and a hundred years is due".to_owned());
    }
    Ok(SignedDuration::from_hours(hours))
}

fn person(text: &str) -> Result<PersonId, String> {
    uuid::Uuid::parse_str(text).map(PersonId::from_uuid).map_err(|error| error.to_string())
}
