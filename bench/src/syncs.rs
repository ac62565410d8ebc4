//! How often a server syncs, counted from outside: a small library between it and the C library,
//! which can also make each sync take longer. A bound in syncs says how well receipts share one;
//! reckoned from the rate alone it would say how fast the processor is.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

const SOURCE: &str = include_str!("../syncs.c");
/// The server's thread that fills the log ahead: what it syncs is no group.
const NO_GROUPS: &str = "ahead";
/// Bytes of the file in which the library counts: two numbers.
const COUNTS_BYTES: usize = 16;

/// The library for the servers of one registry.
pub struct Syncs {
    environment: Vec<(&'static str, OsString)>,
    counts: PathBuf,
}

/// Syncs up to some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Of the files of the log of events, one for each group of receipts; not those of zeros that
    /// are written ahead.
    pub of_log: u64,
    /// Of any file, those among them: keys, zeros ahead, the log of reads, views, trees.
    pub of_all: u64,
}

impl Syncs {
    /// Builds the library beside the data directory `data`; each sync will take `delay_ms` longer.
    /// Needs a C compiler, as the product does to be built.
    ///
    /// # Errors
    /// When it does not compile, or the directory cannot be written to.
    pub fn watch(data: &Path, delay_ms: u32) -> Result<Self, Error> {
        let (source, library) = (data.with_extension("syncs.c"), data.with_extension("syncs.so"));
        let counts = data.with_extension("syncs");
        fs::write(&source, SOURCE)?;
        fs::write(&counts, [0; COUNTS_BYTES])?;
        let mut cc = Command::new("cc");
        let done = cc.args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).arg("-ldl");
        crate::server::output(done)?;
        // As the system names open files: with no links in the path, and what follows is a name.
        let mut log = data.canonicalize()?.join("journal").into_os_string();
        log.push("/");
        let environment = vec![
            ("LD_PRELOAD", library.into_os_string()),
            ("SYNC_COUNTS", counts.clone().into_os_string()),
            ("SYNC_COUNTS_OF", log),
            ("SYNC_COUNTS_NO", NO_GROUPS.into()),
            ("SYNC_DELAY_US", (u64::from(delay_ms) * 1_000).to_string().into()),
        ];
        Ok(Self { environment, counts })
    }

    /// What a server needs in its environment to be counted.
    pub fn environment(&self) -> Vec<(&'static str, &OsStr)> {
        self.environment.iter().map(|(name, value)| (*name, value.as_os_str())).collect()
    }

    /// The syncs up to now.
    ///
    /// # Errors
    /// When the file of the counts is gone.
    pub fn counted(&self) -> Result<Counted, Error> {
        let bytes = fs::read(&self.counts)?;
        let mut numbers = bytes.as_chunks().0.iter().map(|bytes| u64::from_ne_bytes(*bytes));
        match (numbers.next(), numbers.next()) {
            (Some(of_log), Some(of_all)) => Ok(Counted { of_log, of_all }),
            _ => Err(Error::Other(format!("{} has no counts", self.counts.display()))),
        }
    }
}

impl Counted {
    /// The syncs since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self { of_log: self.of_log - earlier.of_log, of_all: self.of_all - earlier.of_all }
    }
}
