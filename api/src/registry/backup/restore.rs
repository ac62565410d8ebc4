//! A backup made a registry again, in a new directory, to its end or to a point.
//!
//! **The new line.** A log under the key that it had may never sign other records than it signed
//! before, and a backup does not know what was signed after it was taken. So a restored registry
//! goes on under new keys and names, and tells how far it is the log of before (`lines.rs`). Only
//! who shows the newest checkpoint that was ever published, and restores all that it tells of, may
//! go on under the old ones: then nothing was signed that is not there.
//!
//! The log of reads is restored whole whatever the point: that somebody looked stays true.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::{Kind, Position};
use jiff::Timestamp;
use journal::copy::{Out, Segment};
use journal::record;
use journal::segments::{Group, file_name};
use journal::tree::{Checkpoint, Hash, Levels, Signer, Tree, leaf, root};
use projections::RowSeals;
use replay::rebuild;
use uuid::Uuid;

use super::manifest::{KeysManifest, LogPart, MANIFEST, Manifest, make_folder, read, replace};
use super::verify::{hold, manifest, small_file};
use super::{BackupError, LOGS, io_at, keys_at};
use crate::registry::lines::{self, EarlierLine};
use crate::registry::master_key::{self, MasterKey};
use crate::registry::{Home, HomeError, log_key};

/// Leaves that are added to a tree at once.
const GROWTH_RECORDS: usize = 65_536;
const SETTINGS: &str = "registry.json";

/// How far the events are restored: to the last group of records that lies before it whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// All that the backup has.
    End,
    /// Nothing behind a position.
    Position(u64),
    /// Nothing that was recorded after an instant.
    Instant(Timestamp),
}

/// What to restore, from where, and whereto.
pub struct Restore<'a> {
    /// The backup of the logs.
    pub from: &'a Path,
    /// The backup of the keys.
    pub keys_from: &'a Path,
    /// A directory that does not exist or is empty.
    pub data: &'a Path,
    /// How far.
    pub point: Point,
    /// The master key, when it is to be written into the directory; none when it comes from outside.
    pub master_key: Option<MasterKey>,
    /// The newest checkpoint of the events that was ever published: the line of before goes on.
    pub continues: Option<&'a str>,
}

/// A registry that was restored.
#[derive(Debug)]
pub struct Restored {
    /// Newest position of the events.
    pub events: u64,
    /// Newest position of the reads.
    pub reads: u64,
    /// When the newest event was recorded.
    pub recorded_at: Option<Timestamp>,
    /// The name of the log of events from now on, and whether it is a new one.
    pub origin: (String, bool),
}

impl Restore<'_> {
    /// Verifies every record of the backup and makes the registry. A directory that is not whole in
    /// the end has no `registry.json`, and no registry is in it.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn run(&self, progress: impl FnMut(Position)) -> Result<Restored, BackupError> {
        let all = manifest(self.from)?;
        let keys = self.keys(&all)?;
        make_folder(self.data)?;
        if fs::read_dir(self.data).map_err(io_at(self.data))?.next().is_some() {
            return Err(HomeError::NotEmpty(self.data.to_owned()).into());
        }
        let kept = self.continued(&all)?;
        let events = self.log(0, &all.events, self.point, kept.as_ref())?;
        let reads = self.log(1, &all.reads, Point::End, None)?;
        if keys.events < events.size || keys.reads < reads.size {
            let text = format!(
                "the keys in {} are those of events up to {} and reads up to {}, and the log would \
                 end at {} and {}: the payloads of later persons would be lost",
                self.keys_from.display(),
                keys.events,
                keys.reads,
                events.size,
                reads.size
            );
            return Err(BackupError::Unfit(text));
        }
        if events.size == 0 && all.events.position > 0 {
            return Err(BackupError::Unfit("nothing was recorded by then".to_owned()));
        }
        self.put_keys()?;
        let origin = self.put_line(&all, &events, &reads)?;
        for file in all.files.iter().filter(|file| ![SETTINGS, lines::FILE].contains(&&*file.name))
        {
            replace(&self.data.join(&file.name), &small_file(self.from, file)?)?;
        }
        // Written last: a directory with it is whole.
        let settings = all.files.iter().find(|file| file.name == SETTINGS);
        let settings =
            settings.ok_or_else(|| BackupError::Unfit("it has no settings".to_owned()))?;
        replace(&self.data.join(SETTINGS), &small_file(self.from, settings)?)?;
        self.build_views(&events.erased, progress)?;
        let (recorded_at, reads) = (events.recorded_at, reads.size);
        Ok(Restored { events: events.size, reads, recorded_at, origin })
    }

    /// What is said of the keys, when they are those of this backup.
    fn keys(&self, all: &Manifest) -> Result<KeysManifest, BackupError> {
        let keys: Option<KeysManifest> = read(&self.keys_from.join(MANIFEST))?;
        let keys = keys.filter(|keys| keys.verifier == all.events.verifier);
        keys.ok_or_else(|| {
            let (keys, from) = (self.keys_from.display(), self.from.display());
            BackupError::Unfit(format!("{keys} does not hold the keys of the backup in {from}"))
        })
    }

    /// The checkpoint that the old line shall go on from.
    fn continued(&self, all: &Manifest) -> Result<Option<Checkpoint>, BackupError> {
        let Some(note) = self.continues else { return Ok(None) };
        let (verifier, _) = all.events.signed(&self.from.join(MANIFEST))?;
        let path = PathBuf::from("the checkpoint to continue from");
        let kept =
            verifier.open(note).map_err(|source| BackupError::Checkpoint { path, source })?;
        if self.point != Point::End || kept.size > all.events.position {
            let text = format!(
                "{} records were signed, and the log would not have all of them: it cannot go on \
                 under the same key",
                kept.size
            );
            return Err(BackupError::Unfit(text));
        }
        Ok(Some(kept))
    }

    /// Verifies a log of the backup and copies it up to the point, with its tree.
    fn log(
        &self,
        log: usize,
        part: &LogPart,
        point: Point,
        kept: Option<&Checkpoint>,
    ) -> Result<Copied, BackupError> {
        if matches!(point, Point::Position(position) if position > part.position) {
            let text = format!("the backup ends at position {}", part.position);
            return Err(BackupError::Unfit(text));
        }
        let folder = self.data.join(LOGS[log].0);
        let trees = log_key::tree_folder(self.data, LOGS[log].1);
        make_folder(&folder)?;
        make_folder(&trees)?;
        let mut copy = Copying::new(&folder, &trees, point)?;
        hold(self.from, log, part, kept, |segment, group| copy.take(segment, group))?;
        copy.end()
    }

    fn put_keys(&self) -> Result<(), BackupError> {
        let slots = self.data.join("keys").join("slots");
        make_folder(&self.data.join("keys"))?;
        let from = self.keys_from.join("slots");
        journal::keys::copy(&from, &slots).map_err(keys_at(&from))?;
        if let Some(key) = &self.master_key {
            master_key::write(&self.data.join("master.key"), key)?;
        }
        Ok(())
    }

    /// Keys of the logs, and their first checkpoints under them. Gives the name.
    fn put_line(
        &self,
        all: &Manifest,
        events: &Copied,
        reads: &Copied,
    ) -> Result<(String, bool), BackupError> {
        let old = log_key::read(self.keys_from)?;
        let signers = if self.continues.is_some() {
            self.keep_line(all)?;
            old
        } else {
            self.declare(all, events, reads)?;
            log_key::draw(self.data, &next_origin(old.0.verifier().name(), events.size)?)?
        };
        let begin = |log: usize, signer: &Signer, copied: &Copied| {
            let folder = log_key::tree_folder(self.data, LOGS[log].1);
            Tree::begin(&folder, signer, copied.size, copied.root)
        };
        begin(0, &signers.0, events)?;
        begin(1, &signers.1, reads)?;
        log_key::write(self.data, &signers)?;
        Ok((signers.0.verifier().name().to_owned(), self.continues.is_none()))
    }

    /// Takes along what the line has told so far: those before it, and what witnesses cosigned.
    fn keep_line(&self, all: &Manifest) -> Result<(), BackupError> {
        if let Some(file) = all.files.iter().find(|file| file.name == lines::FILE) {
            replace(&self.data.join(lines::FILE), &small_file(self.from, file)?)?;
        }
        for ((_, tree), part) in LOGS.into_iter().zip([&all.events, &all.reads]) {
            if let Some(note) = &part.cosigned {
                let folder = log_key::tree_folder(self.data, tree);
                replace(&folder.join("cosigned"), note.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Writes down of which logs these are the continuation.
    fn declare(&self, all: &Manifest, events: &Copied, reads: &Copied) -> Result<(), BackupError> {
        let path = self.data.join(lines::FILE);
        let mut earlier: Vec<EarlierLine> = Vec::new();
        if let Some(file) = all.files.iter().find(|file| file.name == lines::FILE) {
            let why = "it is not of a known form".to_owned();
            earlier = serde_json::from_slice(&small_file(self.from, file)?)
                .map_err(|_| BackupError::Damaged { path: path.clone(), why })?;
        }
        let restored_at = Timestamp::now();
        for (log, part, copied) in [(0, &all.events, events), (1, &all.reads, reads)] {
            // What a line before is of this one ends where this one was cut.
            let of_log = earlier.iter_mut().filter(|line| line.log == LOGS[log].0);
            of_log.for_each(|line| line.records = line.records.min(copied.size));
            earlier.push(EarlierLine {
                log: LOGS[log].0.to_owned(),
                verifier: part.verifier.clone(),
                records: copied.size,
                checkpoint: part.checkpoint.clone(),
                restored_at,
            });
        }
        let text = serde_json::to_vec_pretty(&earlier).expect("plain values");
        replace(&path, &text)
    }

    /// Opens what was restored as a service does, and makes the views: every payload is opened.
    /// Makes the views. Who was erased after the point stays erased: their keys go first.
    fn build_views(
        &self,
        erased: &[Uuid],
        progress: impl FnMut(Position),
    ) -> Result<(), BackupError> {
        let home = Home::open(self.data)?;
        let logs = home.logs()?;
        for id in erased {
            logs.log.keys().destroy(*id).map_err(keys_at(self.data))?;
        }
        let seals: Arc<dyn RowSeals> = logs.seals;
        rebuild::rebuild(&logs.log, &home.views(), &seals, &logs.deadlines, progress)?;
        Ok(())
    }
}

/// The person whom a record erases.
fn erased_by(bytes: &[u8]) -> Option<Uuid> {
    let (envelope, _) = record::decode(bytes).ok()?;
    let (kind, _) = Kind::from_event_type(envelope.event_type)?;
    (kind == Kind::Erased).then_some(envelope.stream.id)
}

/// The name of the line that follows the one of a name: where it was cut, and eight digits by
/// chance, since a backup may be restored twice.
fn next_origin(events: &str, cut: u64) -> Result<String, BackupError> {
    let name = events.strip_suffix("/events").unwrap_or(events);
    let name = name.split_once('~').map_or(name, |(name, _)| name);
    let mut chance = [0; 4];
    getrandom::fill(&mut chance).map_err(|error| BackupError::Unfit(error.to_string()))?;
    Ok(format!("{name}~{cut}-{:08x}", u32::from_be_bytes(chance)))
}

/// A log that was copied up to the point.
struct Copied {
    size: u64,
    root: Hash,
    recorded_at: Option<Timestamp>,
    /// Who was erased after the point.
    erased: Vec<Uuid>,
}

/// A log that is being copied.
struct Copying {
    folder: PathBuf,
    trees: PathBuf,
    point: Point,
    is_past: bool,
    file: Option<(Position, Out, u64)>,
    levels: Levels,
    size: u64,
    leaves: Vec<Hash>,
    recorded_at: Option<Timestamp>,
    erased: Vec<Uuid>,
}

impl Copying {
    fn new(folder: &Path, trees: &Path, point: Point) -> Result<Self, BackupError> {
        let levels = Levels::open(trees, true).map_err(io_at(trees))?;
        // A log has its first file from the beginning on.
        let first = Position(1);
        let file = Some((first, Out::open(&folder.join(file_name(first)), 0)?, 0));
        let (folder, trees) = (folder.to_owned(), trees.to_owned());
        let (is_past, size, leaves) = (false, 0, Vec::new());
        Ok(Self {
            folder,
            trees,
            point,
            is_past,
            file,
            levels,
            size,
            leaves,
            recorded_at: None,
            erased: Vec::new(),
        })
    }

    /// Copies a group, unless it or one before reaches beyond the point.
    fn take(&mut self, segment: &Segment, group: &Group<'_>) -> Result<(), BackupError> {
        let mut newest = self.recorded_at;
        for bytes in group.records() {
            let Ok((envelope, _)) = record::decode(bytes) else { continue };
            newest = newest.max(Some(envelope.clocks.recorded_at));
        }
        self.is_past |= match self.point {
            Point::End => false,
            Point::Position(position) => group.last().0 > position,
            Point::Instant(instant) => newest.is_some_and(|newest| newest > instant),
        };
        if self.is_past {
            self.erased.extend(group.records().filter_map(erased_by));
            return Ok(());
        }
        self.recorded_at = newest;
        if self.file.as_ref().is_none_or(|(first, ..)| *first != segment.first) {
            self.end_file()?;
            let path = self.folder.join(segment.file_name());
            self.file = Some((segment.first, Out::open(&path, 0)?, 0));
        }
        let (_, out, bytes) = self.file.as_mut().expect("just opened");
        out.write(group.bytes)?;
        *bytes = group.end();
        self.leaves.extend(group.records().map(leaf));
        if self.leaves.len() >= GROWTH_RECORDS { self.grow() } else { Ok(()) }
    }

    fn end_file(&mut self) -> Result<(), BackupError> {
        match self.file.take() {
            Some((_, out, bytes)) => Ok(out.end(bytes)?),
            None => Ok(()),
        }
    }

    fn grow(&mut self) -> Result<(), BackupError> {
        self.levels.extend(self.size, &self.leaves).map_err(io_at(&self.trees))?;
        self.size += self.leaves.len() as u64;
        self.leaves.clear();
        Ok(())
    }

    fn end(mut self) -> Result<Copied, BackupError> {
        self.end_file()?;
        self.grow()?;
        fs::File::open(&self.folder).and_then(|f| f.sync_all()).map_err(io_at(&self.folder))?;
        let root = root(&self.levels, self.size).map_err(io_at(&self.trees))?;
        Ok(Copied { size: self.size, root, recorded_at: self.recorded_at, erased: self.erased })
    }
}
