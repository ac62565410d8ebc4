//! `issuers.toml` in the data directory: whose tokens are taken beside our own, and the most that
//! each of them may grant. Unknown words and anything that is left open stop the start.
//!
//! ```toml
//! [[issuer]]
//! name = "province"                       # stands before the holder's name in the log
//! url = "https://login.example.cn/realms/registry"   # `iss`, letter by letter
//! audience = "renkou"                     # must be among `aud`
//! keys = "https://login.example.cn/realms/registry/certs"   # else OpenID discovery under url
//! ca_file = "login-ca.pem"                # else the system's; paths start at this file
//! algorithms = ["EdDSA", "ES256", "RS256"]
//! types = ["jwt", "at+jwt"]               # accepted `typ`; a token without one counts as "jwt"
//! leeway_seconds = 30
//! lifetime_seconds_max = 86400            # a token that lasts longer is not taken
//! refetch_seconds = 30                    # at least, between two requests for its keys
//!
//! [issuer.ceiling]                        # all four must be said
//! roles = ["verifier", "auditor"]
//! department = "any"                      # or a code
//! place = "33"                            # or "all"
//! purposes = ["verification", "audit"]
//!
//! [issuer.claims]                         # which claim says what; these are the names if not told
//! role = "renkou_role"
//! department = "renkou_department"
//! place = "renkou_place"
//! purposes = "renkou_purposes"
//! person = "renkou_person"
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::{fs, net::IpAddr};

use domain::Place;
use hyper::Uri;
use serde::Deserialize;

use super::token::Algorithm;
use crate::access::tokens::is_department;
use crate::access::{PURPOSES, Role};

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file could not be read.
    #[error("cannot read {path}")]
    Io {
        /// The file, or one that it names.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is not of this form.
    #[error("{path} is not a list of issuers")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        #[source]
        source: toml::de::Error,
    },
    /// It says what cannot be meant.
    #[error("{path}, issuer {issuer}: {reason}")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Which issuer.
        issuer: String,
        /// What is wrong.
        reason: &'static str,
    },
}

/// One issuer whose tokens are taken.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Stands before the holder's name in the log.
    pub name: String,
    /// `iss`.
    pub url: String,
    /// `aud`.
    pub audience: String,
    /// Where its keys are; none = where its discovery document says.
    pub keys: Option<Uri>,
    /// Certificates that its server is held against; none = those of the system.
    pub ca_file: Option<PathBuf>,
    /// What its tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// What kinds of token are taken, in lower case.
    pub types: Vec<String>,
    /// How far clocks may differ, in seconds.
    pub leeway_seconds: i64,
    /// How long a token may last from now, in seconds.
    pub lifetime_seconds_max: i64,
    /// Between two requests for its keys lie at least so many seconds, also when they fail.
    pub refetch_seconds: u32,
    /// The most that its tokens may grant.
    pub ceiling: Ceiling,
    /// Which claims say what.
    pub claims: ClaimNames,
}

/// The most that tokens of an issuer may grant.
#[derive(Clone, Debug)]
pub struct Ceiling {
    /// Roles.
    pub roles: Vec<Role>,
    /// The department; none = any.
    pub department: Option<[u8; 3]>,
    /// The subtree; none = the whole registry.
    pub place: Option<Place>,
    /// Purposes.
    pub purposes: Vec<String>,
}

/// Names of the claims that say what a token grants.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimNames {
    /// One role, or a list in which one of ours stands.
    pub role: String,
    /// A department's code.
    pub department: String,
    /// A division's code.
    pub place: String,
    /// Codes of purposes: a list, or a text with blanks between.
    pub purposes: String,
    /// A citizen's own person id.
    pub person: String,
}

impl Default for ClaimNames {
    fn default() -> Self {
        let named = |what: &str| format!("renkou_{what}");
        Self {
            role: named("role"),
            department: named("department"),
            place: named("place"),
            purposes: named("purposes"),
            person: named("person"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    issuer: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    url: String,
    audience: String,
    keys: Option<String>,
    ca_file: Option<PathBuf>,
    algorithms: Option<Vec<Algorithm>>,
    types: Option<Vec<String>>,
    leeway_seconds: Option<u32>,
    lifetime_seconds_max: Option<u32>,
    refetch_seconds: Option<u32>,
    ceiling: WrittenCeiling,
    #[serde(default)]
    claims: ClaimNames,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCeiling {
    roles: Vec<Role>,
    department: String,
    place: String,
    purposes: Vec<String>,
}

/// Reads the settings; no file, no issuers.
///
/// # Errors
/// [`SettingsError`].
pub fn read(path: &Path) -> Result<Vec<Settings>, SettingsError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(SettingsError::Io { path: path.into(), source }),
    };
    let file: File = toml::from_str(&text)
        .map_err(|source| SettingsError::Form { path: path.into(), source })?;
    let mut issuers: Vec<Settings> = Vec::new();
    for written in file.issuer {
        let issuer = written.name.clone();
        let unfit = |reason| SettingsError::Unfit { path: path.into(), issuer, reason };
        let is_second =
            issuers.iter().any(|one| one.url == written.url || one.name == written.name);
        let folder = path.parent().unwrap_or(Path::new("."));
        let read = if is_second { Err("it stands there twice") } else { written.read(folder) };
        issuers.push(read.map_err(unfit)?);
    }
    Ok(issuers)
}

impl Written {
    fn read(self, folder: &Path) -> Result<Settings, &'static str> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !(1..=32).contains(&self.name.len()) || !self.name.bytes().all(is_plain) {
            return Err("a name has 1 to 32 letters, digits and hyphens");
        }
        if self.audience.is_empty() {
            return Err("an audience is due");
        }
        let keys = self.keys.map(|url| address(&url)).transpose()?;
        address(&self.url)?;
        let algorithms =
            self.algorithms.unwrap_or(vec![Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256]);
        if algorithms.is_empty() {
            return Err("at least one algorithm is due");
        }
        let types = self.types.unwrap_or(vec!["jwt".to_owned(), "at+jwt".to_owned()]);
        let leeway_seconds = self.leeway_seconds.unwrap_or(30).into();
        if leeway_seconds > 300 {
            return Err("a leeway of more than 300 seconds is no leeway");
        }
        Ok(Settings {
            name: self.name,
            url: self.url,
            audience: self.audience,
            keys,
            ca_file: self.ca_file.map(|file| folder.join(file)),
            algorithms,
            types: types.iter().map(|kind| kind.to_ascii_lowercase()).collect(),
            leeway_seconds,
            lifetime_seconds_max: self.lifetime_seconds_max.unwrap_or(86_400).into(),
            refetch_seconds: self.refetch_seconds.unwrap_or(30).max(1),
            ceiling: self.ceiling.read()?,
            claims: self.claims,
        })
    }
}

impl WrittenCeiling {
    fn read(self) -> Result<Ceiling, &'static str> {
        if self.roles.is_empty() {
            return Err("a ceiling names at least one role");
        }
        if !self.purposes.iter().all(|code| PURPOSES.contains(&code.as_str())) {
            return Err("a purpose is not among the known ones");
        }
        let department = match self.department.as_str() {
            "any" => None,
            code => Some(department(code).ok_or("there is no such department")?),
        };
        let place = match self.place.as_str() {
            "all" => None,
            code => Some(Place::parse(code).map_err(|_| "the place is no code of a division")?),
        };
        Ok(Ceiling { roles: self.roles, department, place, purposes: self.purposes })
    }
}

/// A department's code in either case.
pub fn department(text: &str) -> Option<[u8; 3]> {
    let code: [u8; 3] = text.to_ascii_uppercase().as_bytes().try_into().ok()?;
    is_department(&code).then_some(code)
}

/// An address that keys may be fetched from: who can change what comes from it can make tokens.
pub fn address(text: &str) -> Result<Uri, &'static str> {
    let uri: Uri = text.parse().map_err(|_| "an address is no URL")?;
    let host = uri.host().ok_or("an address is no URL")?;
    let host = host.trim_matches(['[', ']']);
    let is_here =
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if is_here => Ok(uri),
        Some("http") => Err("plain http is for loopback addresses alone"),
        _ => Err("an address begins with https://"),
    }
}
