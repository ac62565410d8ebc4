//! Bearer tokens in a file beside the data: made and taken back by one process, seen by another.
//!
//! A token is `rk_<id>_<secret>`; the secret is 256 random bits, so a plain SHA-256 of it is kept
//! and nothing slower is needed. The file is replaced whole, never edited, and read again when it
//! changed. A file that cannot be read grants nothing.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{PersonId, Place, codes};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Grant, PURPOSES, Role};

/// The file is looked at for changes at most this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a new token is to grant; see [`Grant`].
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// Who will hold it.
    pub subject: String,
    /// What the holder is.
    pub role: Role,
    /// Code of the holder's department.
    pub department: Option<[u8; 3]>,
    /// The subtree that the holder sees.
    pub place: Option<Place>,
    /// Codes of purposes.
    pub purposes: Vec<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Citizens: whose record.
    pub person: Option<PersonId>,
}

/// Why a token does not open anything. Only the holder of the right secret learns more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No such token.
    #[error("there is no such token")]
    Unknown,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It was taken back.
    #[error("the token was revoked")]
    Revoked,
}

/// Why the store could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what this service writes.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A grant that cannot be given.
    #[error("{0}")]
    Unfit(&'static str),
    /// No token of this id.
    #[error("there is no token {0}")]
    NoSuchToken(String),
    /// The system has no random bytes to give.
    #[error("no random bytes: {0}")]
    Random(String),
}

/// The tokens of a registry.
#[derive(Debug)]
pub struct TokenStore {
    path: PathBuf,
    seen: Mutex<Seen>,
}

/// What was read last, and of which state of the file.
#[derive(Debug)]
struct Seen {
    looked_at: Instant,
    version: Option<Version>,
    entries: HashMap<String, Entry>,
}

/// Changes whenever the file is replaced: its inode, length and time of change.
type Version = (u64, u64, i64, i64);

#[derive(Clone, Debug)]
struct Entry {
    secret: [u8; 32],
    grant: Arc<Grant>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    tokens: Vec<StoredToken>,
}

#[derive(Serialize, Deserialize)]
struct StoredToken {
    id: String,
    secret_sha256: String,
    subject: String,
    role: Role,
    department: Option<String>,
    place: Option<String>,
    purposes: Vec<String>,
    expires_at: Option<Timestamp>,
    person: Option<PersonId>,
    revoked: bool,
}

impl TokenStore {
    /// Opens the store; a file that is not there yet grants nothing.
    ///
    /// # Errors
    /// [`StoreError`] when the file is there and cannot be read.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let (version, entries) = load(&path)?;
        let seen = Mutex::new(Seen { looked_at: Instant::now(), version, entries });
        Ok(Self { path, seen })
    }

    /// The grant of a token at an instant.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<Grant>, TokenError> {
        let (id, secret) = token
            .strip_prefix("rk_")
            .and_then(|rest| rest.split_once('_'))
            .ok_or(TokenError::Unknown)?;
        let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let entry = self.seen_now().entries.get(id).cloned().ok_or(TokenError::Unknown)?;
        if !bool::from(entry.secret.ct_eq(&hash)) {
            return Err(TokenError::Unknown);
        }
        if entry.grant.revoked {
            return Err(TokenError::Revoked);
        }
        if entry.grant.expires_at.is_some_and(|end| now >= end) {
            return Err(TokenError::Expired);
        }
        Ok(entry.grant)
    }

    /// Makes a token; its text is handed out once and stored nowhere.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Unfit`] when the grant contradicts itself.
    pub fn create(&self, new: NewGrant) -> Result<(String, Arc<Grant>), StoreError> {
        check(&new)?;
        let mut random = [0_u8; 38];
        getrandom::fill(&mut random).map_err(|error| StoreError::Random(error.to_string()))?;
        let (id, secret) = random.split_at(6);
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let secret = URL_SAFE_NO_PAD.encode(secret);
        let NewGrant { subject, role, department, place, purposes, expires_at, person } = new;
        let grant = Arc::new(Grant {
            id: id.clone(),
            subject,
            role,
            department,
            place,
            purposes,
            expires_at,
            person,
            revoked: false,
        });
        let token = format!("rk_{id}_{secret}");
        let entry =
            Entry { secret: Sha256::digest(secret.as_bytes()).into(), grant: Arc::clone(&grant) };
        self.change(|entries| {
            entries.insert(id, entry);
            Ok(())
        })?;
        Ok((token, grant))
    }

    /// Takes a token back. Running services see it within about a second.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::NoSuchToken`].
    pub fn revoke(&self, id: &str) -> Result<(), StoreError> {
        self.change(|entries| {
            let entry =
                entries.get_mut(id).ok_or_else(|| StoreError::NoSuchToken(id.to_owned()))?;
            Arc::make_mut(&mut entry.grant).revoked = true;
            Ok(())
        })
    }

    /// Every grant, revoked and expired ones too, by id.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be read.
    pub fn list(&self) -> Result<Vec<Arc<Grant>>, StoreError> {
        let (_, entries) = load(&self.path)?;
        let mut grants: Vec<_> = entries.into_values().map(|entry| entry.grant).collect();
        grants.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(grants)
    }

    /// What the file says, looked at anew when the last look is old.
    fn seen_now(&self) -> MutexGuard<'_, Seen> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.looked_at.elapsed() < LOOK_EVERY {
            return seen;
        }
        seen.looked_at = Instant::now();
        if version(&self.path).ok() == Some(seen.version) {
            return seen;
        }
        match load(&self.path) {
            Ok((version, entries)) => (seen.version, seen.entries) = (version, entries),
            Err(error) => {
                tracing::error!(%error, "tokens cannot be read: nobody is let in");
                (seen.version, seen.entries) = (None, HashMap::new());
            }
        }
        seen
    }

    /// Reads, changes and replaces the file, alone among all processes.
    fn change(
        &self,
        change: impl FnOnce(&mut HashMap<String, Entry>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let lock_path = self.path.with_extension("lock");
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(&lock_path);
        let lock = lock.map_err(io_error(&lock_path))?;
        lock.lock().map_err(io_error(&lock_path))?;
        let (_, mut entries) = load(&self.path)?;
        change(&mut entries)?;
        replace(&self.path, &entries).map_err(io_error(&self.path))?;
        let version = version(&self.path).map_err(io_error(&self.path))?;
        let looked_at = Instant::now();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            Seen { looked_at, version, entries };
        Ok(())
    }
}

fn check(new: &NewGrant) -> Result<(), StoreError> {
    if new.subject.is_empty() || new.subject.len() > 255 {
        return Err(StoreError::Unfit("a subject has 1 to 255 bytes"));
    }
    if !new.purposes.iter().all(|code| PURPOSES.contains(&code.as_str())) {
        return Err(StoreError::Unfit("a purpose is not among the known ones"));
    }
    if new.department.is_some_and(|code| !is_department(&code)) {
        return Err(StoreError::Unfit("there is no such department"));
    }
    if (new.role == Role::Citizen) != new.person.is_some() {
        return Err(StoreError::Unfit("a citizen's token, and no other, names a person"));
    }
    Ok(())
}

/// Whether there is a department of this code.
pub(super) fn is_department(code: &[u8; 3]) -> bool {
    std::str::from_utf8(code).is_ok_and(|code| codes::DEPARTMENT.find(code).is_some())
}

fn version(path: &Path) -> io::Result<Option<Version>> {
    match fs::metadata(path) {
        Ok(file) => Ok(Some((file.ino(), file.len(), file.mtime(), file.mtime_nsec()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

type Loaded = (Option<Version>, HashMap<String, Entry>);

fn load(path: &Path) -> Result<Loaded, StoreError> {
    // Looked at before it is read: a change between the two is read again.
    let Some(version) = version(path).map_err(io_error(path))? else {
        return Ok((None, HashMap::new()));
    };
    let damaged = |reason: &str| StoreError::Damaged { path: path.into(), reason: reason.into() };
    let bytes = fs::read(path).map_err(io_error(path))?;
    let stored: Stored =
        serde_json::from_slice(&bytes).map_err(|error| damaged(&error.to_string()))?;
    let mut entries = HashMap::with_capacity(stored.tokens.len());
    for token in stored.tokens {
        let id = token.id.clone();
        let entry = token.entry().ok_or_else(|| damaged("a token cannot be read"))?;
        entries.insert(id, entry);
    }
    Ok((Some(version), entries))
}

fn replace(path: &Path, entries: &HashMap<String, Entry>) -> io::Result<()> {
    let mut tokens: Vec<_> = entries.values().map(StoredToken::of).collect();
    tokens.sort_by(|one, other| one.id.cmp(&other.id));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // Readable by the owner alone from the first byte on.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec_pretty(&Stored { tokens })?)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { path: path.into(), source }
}

impl StoredToken {
    fn of(entry: &Entry) -> Self {
        let grant = Grant::clone(&entry.grant);
        Self {
            id: grant.id,
            secret_sha256: URL_SAFE_NO_PAD.encode(entry.secret),
            subject: grant.subject,
            role: grant.role,
            department: grant.department.map(|code| String::from_utf8_lossy(&code).into_owned()),
            place: grant.place.map(|place| place.to_string()),
            purposes: grant.purposes,
            expires_at: grant.expires_at,
            person: grant.person,
            revoked: grant.revoked,
        }
    }

    fn entry(self) -> Option<Entry> {
        let secret = URL_SAFE_NO_PAD.decode(&self.secret_sha256).ok()?.try_into().ok()?;
        // Something that cannot be read must not widen the grant to "any".
        let department = match self.department {
            Some(code) => Some(code.as_bytes().try_into().ok()?),
            None => None,
        };
        let place = match self.place {
            Some(code) => Some(Place::parse(&code).ok()?),
            None => None,
        };
        let grant = Arc::new(Grant {
            id: self.id,
            subject: self.subject,
            role: self.role,
            department,
            place,
            purposes: self.purposes,
            expires_at: self.expires_at,
            person: self.person,
            revoked: self.revoked,
        });
        Some(Entry { secret, grant })
    }
}
