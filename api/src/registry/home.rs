//! The data directory: made once by `init`, opened ever after; opening never creates.
//!
//! ```text
//! registry.json      what kind of registry this is
//! master.key         the master key, unless RENKOU_MASTER_KEY holds it; master.key.next in a rotation
//! log.key            the keys that the two logs are signed with
//! witnesses          public keys of witnesses, one a line; made by hand, may be missing
//! keys/slots         one wrapped key a person
//! journal/  reads/   the two logs
//! trees/             the Merkle trees of the two logs and their signed checkpoints
//! reading_limits.csv of how many persons readers may be told; made by hand, may be missing
//! urban_rural.csv    which places are city, which countryside; made by hand, may be missing
//! lines.json         of a registry that was restored: the logs that these go on from
//! views/             rebuilt from the log at any time
//! erasures.json      where erasures stand in the log; made anew when it is gone
//! access.json        hashed tokens and their grants
//! issuers.toml       whose tokens are taken beside them; made by hand, may be missing
//! ```

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::{IdentityKey, Position};
use journal::tree::{NoteError, TreeError};
use journal::{Files, Journal, KeyError, KeySlots, OpenError, Options, Segments};
use projections::deadlines::Deadlines;
use replay::{LogReader, Seals};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::progress::{Progress, Stage};
use super::{log_key, master_key};
use crate::access::ReadingLimits;

pub use super::master_key::MASTER_KEY_VARIABLE;

/// The form of the directory that this program reads and writes.
const FORMAT: u32 = 1;

/// Why a data directory could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// `init` found something there.
    #[error("{0} is not empty; a registry is made in a new or empty directory")]
    NotEmpty(PathBuf),
    /// There is no registry.
    #[error("{0} holds no registry; make one with `renkou init`")]
    NoRegistry(PathBuf),
    /// Made by a newer program.
    #[error("{path} has format {found}, this program knows {FORMAT}")]
    Format {
        /// The file that says so.
        path: PathBuf,
        /// What it says.
        found: u32,
    },
    /// The master key is missing or malformed.
    #[error("the master key must be 64 hexadecimal digits, in {0} or in {MASTER_KEY_VARIABLE}")]
    MasterKey(PathBuf),
    /// A file could not be read or written.
    #[error("cannot use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The key slots do not open.
    #[error("the key slots do not open")]
    Keys(#[from] KeyError),
    /// A log does not open.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// A log is not what was signed, or its tree does not open.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The keys that the logs are signed with, or those of witnesses, are malformed.
    #[error("{path} holds no keys of the logs")]
    LogKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: NoteError,
    },
}

/// What kind of registry a directory holds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Settings {
    format: u32,
    fictional: bool,
}

/// A data directory.
#[derive(Clone, Debug)]
pub struct Home {
    folder: PathBuf,
    settings: Settings,
}

/// The logs of a directory and the keys to them.
pub struct Logs {
    /// The life log.
    pub log: LogReader,
    /// The log of reads.
    pub reads: Arc<dyn Journal>,
    /// Up to where the opening took the records of the life log, and those of reads, without
    /// reading them.
    pub adopted: [Position; 2],
    /// Seals the rows of views.
    pub seals: Arc<Seals>,
    /// The secret of documents and submissions.
    pub identity: IdentityKey,
    /// The rules of deadlines, with the operator's table of city and countryside.
    pub deadlines: Arc<Deadlines>,
    /// Of how many persons readers may be told.
    pub reading_limits: ReadingLimits,
}

impl Home {
    /// Makes a registry in a new or empty directory. `fictional` opens province 99 and the
    /// simulated clock of generated events.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn init(folder: &Path, fictional: bool) -> Result<Self, HomeError> {
        Self::init_as(folder, fictional, None)
    }

    /// The same with the name under which the logs are signed; none makes one up.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn init_as(
        folder: &Path,
        fictional: bool,
        origin: Option<&str>,
    ) -> Result<Self, HomeError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| HomeError::Io { path, source }
        };
        let mut private = fs::DirBuilder::new();
        private.recursive(true).mode(0o700).create(folder).map_err(io(folder))?;
        if fs::read_dir(folder).map_err(io(folder))?.next().is_some() {
            return Err(HomeError::NotEmpty(folder.to_owned()));
        }
        let home =
            Self { folder: folder.to_owned(), settings: Settings { format: FORMAT, fictional } };
        if std::env::var_os(MASTER_KEY_VARIABLE).is_none() {
            master_key::make(folder)?;
        }
        let keys_folder = folder.join("keys");
        fs::create_dir(&keys_folder).map_err(io(&keys_folder))?;
        let keys = KeySlots::create(&home.slots(), &home.master_key()?)?;
        keys.issue(Uuid::nil())?;
        keys.sync()?;
        for log in ["journal", "reads"] {
            let path = folder.join(log);
            fs::create_dir(&path).map_err(io(&path))?;
            Segments::create(&path, Options::default())?;
        }
        log_key::make(folder, origin)?;
        // Written last: a directory with it is whole.
        let path = folder.join("registry.json");
        let text = serde_json::to_vec(&home.settings).expect("plain values");
        let mut file = fs::File::create_new(&path).map_err(io(&path))?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(io(&path))?;
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io(folder))?;
        Ok(home)
    }

    /// Opens a directory that `init` made; nothing is locked or changed yet.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn open(folder: &Path) -> Result<Self, HomeError> {
        let path = folder.join("registry.json");
        let text = fs::read(&path).map_err(|_| HomeError::NoRegistry(folder.to_owned()))?;
        let settings: Settings = serde_json::from_slice(&text)
            .map_err(|error| HomeError::Io { path: path.clone(), source: error.into() })?;
        if settings.format != FORMAT {
            return Err(HomeError::Format { path, found: settings.format });
        }
        Ok(Self { folder: folder.to_owned(), settings })
    }

    /// Whether province 99 and simulated clocks are accepted.
    pub fn is_fictional(&self) -> bool {
        self.settings.fictional
    }

    /// The directory.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the views are.
    pub fn views(&self) -> PathBuf {
        self.folder.join("views")
    }

    /// Where the settings of other issuers of tokens are.
    pub fn issuers(&self) -> PathBuf {
        self.folder.join("issuers.toml")
    }

    /// Where the tokens are.
    pub fn access(&self) -> PathBuf {
        self.folder.join("access.json")
    }

    /// Where the key slots are.
    pub(super) fn slots(&self) -> PathBuf {
        self.folder.join("keys").join("slots")
    }

    /// Opens both logs and the keys for writing: this process is then the only one.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn logs(&self) -> Result<Logs, HomeError> {
        self.logs_telling(&Progress::default())
    }

    /// The same; how far it is, is told.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn logs_telling(&self, progress: &Progress) -> Result<Logs, HomeError> {
        let tell = |done, of| progress.tell(Stage::Logs, done, of);
        let open = |name| {
            Segments::open_telling(&Files, &self.folder.join(name), Options::default(), &tell)
        };
        // The log first: its lock says clearly that another process has the registry.
        let (journal, reads) = (Arc::new(open("journal")?), Arc::new(open("reads")?));
        let adopted = [journal.adopted(), reads.adopted()];
        master_key::settle(&self.folder, &self.slots())?;
        let master_key = self.master_key()?;
        let keys = KeySlots::open(&self.slots(), &master_key)?;
        Ok(Logs { adopted, ..self.assemble(keys, journal, reads)? })
    }

    /// Opens both logs and the keys for reading, beside a running service if there is one.
    ///
    /// # Errors
    /// [`HomeError`].
    pub fn logs_read_only(&self) -> Result<Logs, HomeError> {
        // The logs first: every key of what they then hold is in the slots.
        let open = |name| Segments::open_read_only(&self.folder.join(name));
        let (journal, reads) = (Arc::new(open("journal")?), Arc::new(open("reads")?));
        let keys = KeySlots::open_read_only(&self.slots(), &self.master_key()?)?;
        self.assemble(keys, journal, reads)
    }

    /// Of how many persons readers may be told. Rows of `reading_limits.csv` in the directory, where
    /// there is one, take the place of those of the program; it is read at the start.
    fn reading_limits(&self) -> Result<ReadingLimits, HomeError> {
        let ours = match self.is_fictional() {
            true => ReadingLimits::of_fictional_people(),
            false => ReadingLimits::default(),
        };
        let path = self.folder.join("reading_limits.csv");
        let io = |source| HomeError::Io { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(ours),
            Err(error) => Err(io(error)),
            Ok(table) => ours
                .with(table.trim_start_matches('\u{feff}'))
                .map_err(|error| io(io::Error::new(io::ErrorKind::InvalidData, error))),
        }
    }

    fn assemble(
        &self,
        keys: KeySlots,
        journal: Arc<dyn Journal>,
        reads: Arc<dyn Journal>,
    ) -> Result<Logs, HomeError> {
        let own = keys.find(Uuid::nil())?.ok_or(KeyError::Destroyed)?;
        let identity = IdentityKey::new(own.derive("identity"));
        let keys = Arc::new(keys);
        let seals = Arc::new(Seals::new(Arc::clone(&keys), own.derive("look-up")));
        let deadlines = Arc::new(self.deadlines()?);
        let (adopted, reading_limits) = ([Position(0); 2], self.reading_limits()?);
        let log = LogReader::new(journal, keys);
        Ok(Logs { log, reads, adopted, seals, identity, deadlines, reading_limits })
    }

    /// The rules of deadlines. `urban_rural.csv` in the directory, where there is one, says which
    /// places are city and which countryside; it is read at the start.
    fn deadlines(&self) -> Result<Deadlines, HomeError> {
        let path = self.folder.join("urban_rural.csv");
        let io = |source| HomeError::Io { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Deadlines::embedded()),
            Err(error) => Err(io(error)),
            Ok(table) => Deadlines::embedded()
                .with_areas(table.trim_start_matches('\u{feff}'))
                .map_err(|error| io(io::Error::new(io::ErrorKind::InvalidData, error))),
        }
    }

    fn master_key(&self) -> Result<[u8; 32], HomeError> {
        master_key::read(&self.folder, &self.slots())
    }
}
