//! `renkou backup` and `renkou restore`.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;

use super::{Failure, tell};
use crate::registry::backup::{self, Point};
use crate::registry::{Home, master_key};

/// Takes a backup, or verifies one.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Backup {
    #[command(subcommand)]
    verify: Option<Verify>,
    /// The registry's directory; a service may be running on it.
    #[arg(long, env = "RENKOU_DATA", required = true)]
    data: Option<PathBuf>,
    /// Where the backup of the logs goes; one that is there is taken further.
    #[arg(long, required = true)]
    to: Option<PathBuf>,
    /// Where the keys of persons and the log's own key go: a place of their own, never the same.
    #[arg(long)]
    keys_to: Option<PathBuf>,
}

/// What else to do with a backup.
#[derive(clap::Subcommand)]
enum Verify {
    /// Prove that a backup is what was backed up: every record is hashed anew
    Verify {
        /// The backup of the logs.
        target: PathBuf,
        /// A checkpoint that was kept elsewhere: the backup must be of what it says.
        #[arg(long)]
        against: Option<PathBuf>,
        /// The backup of the keys, to check that every slot of it is whole.
        #[arg(long)]
        keys: Option<PathBuf>,
    },
}

impl Backup {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        if let Some(Verify::Verify { target, against, keys }) = self.verify {
            let against = against.map(fs::read_to_string).transpose()?;
            let found = backup::verify(&target, against.as_deref())?;
            tell(&format!(
                "The backup of {} is whole: {} events, {} reads.",
                found.taken_at, found.events, found.reads
            ));
            if let Some(keys) = keys {
                let slots = journal::keys::check(&keys.join("slots"))?;
                tell(&format!("The backup of the keys is whole: {slots} slots."));
            }
            return Ok(());
        }
        let (Some(data), Some(to)) = (self.data, self.to) else {
            return Err("--data and --to are due".into());
        };
        let home = Home::open(&data)?;
        let begun = Instant::now();
        let what =
            backup::Backup { home: &home, target: &to, keys_target: self.keys_to.as_deref() };
        let taken = what.take()?;
        let seconds = begun.elapsed().as_secs_f64();
        let (new, all) = (taken.new_bytes as f64 / 1e6, taken.bytes as f64 / 1e6);
        tell(&format!(
            "Backed up: {} events, {} reads; {new:.1} MB new of {all:.1} MB, in {seconds:.1} s \
             ({:.0} MB/s).",
            taken.events,
            taken.reads,
            new / seconds
        ));
        match taken.keys {
            Some(keys) => {
                tell(&format!("Keys: {} slots, {} of them new.", keys.slots, keys.written));
            }
            None => tell("The keys were not backed up: without them nobody reads the log again."),
        }
        Ok(())
    }
}

/// What to restore, and whereto.
#[derive(clap::Args)]
pub struct Restore {
    /// The backup of the logs.
    #[arg(long)]
    from: PathBuf,
    /// The backup of the keys.
    #[arg(long)]
    keys_from: PathBuf,
    /// A directory that does not exist or is empty.
    #[arg(long)]
    data: PathBuf,
    /// The file of the master key, which no backup holds; RENKOU_MASTER_KEY stands for it.
    #[arg(long)]
    master_key: Option<PathBuf>,
    /// Restore nothing behind this position.
    #[arg(long, conflicts_with = "to_time")]
    to_position: Option<u64>,
    /// Restore nothing that was recorded after this instant (RFC 3339).
    #[arg(long)]
    to_time: Option<Timestamp>,
    /// The newest checkpoint of the events that was ever published, in a file: the log goes on
    /// under its key. Without it the registry goes on under a new key and name.
    #[arg(long)]
    continues: Option<PathBuf>,
}

impl Restore {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        let given = master_key::given(&self.data)?;
        let master_key = match (&self.master_key, given) {
            (Some(file), _) => Some(master_key::read_file(file)?),
            (None, Some(_)) => None,
            (None, None) => {
                return Err(
                    "--master-key FILE or RENKOU_MASTER_KEY is due: no backup holds it".into()
                );
            }
        };
        let continues = self.continues.map(fs::read_to_string).transpose()?;
        let point = match (self.to_position, self.to_time) {
            (Some(position), _) => Point::Position(position),
            (None, Some(instant)) => Point::Instant(instant),
            (None, None) => Point::End,
        };
        let restore = backup::Restore {
            from: &self.from,
            keys_from: &self.keys_from,
            data: &self.data,
            point,
            master_key,
            continues: continues.as_deref(),
        };
        let restored = restore.run(|_| {})?;
        let recorded = restored
            .recorded_at
            .map_or_else(String::new, |at| format!(", the newest recorded at {at}"));
        tell(&format!(
            "Restored to {}: {} events{recorded}; {} reads.",
            self.data.display(),
            restored.events,
            restored.reads
        ));
        let (origin, is_new) = restored.origin;
        if is_new {
            tell(&format!(
                "The log goes on as {origin}, under a new key: publish `renkou log-key`. Tokens are \
                 those of the backup: revoke again what was revoked since."
            ));
        } else {
            tell(&format!("The log goes on as {origin}."));
        }
        Ok(())
    }
}
