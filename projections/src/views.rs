//! Every view in one store, folded and flushed together. The store is sled under `views/`; it may
//! be lost at any time, for all of it is rebuilt from the log.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::Position;
use domain::recorded::Recorded;
use jiff::civil::Date;

use crate::deadlines::Deadlines;
use crate::halves::make_ready;
use crate::people::{People, Step};
use crate::sources::Sources;
use crate::timeliness_view::TimelinessView;
use crate::{Lives, RowSeals, ViewsError};

/// Bytes of sled's page cache, as pages lie on the disk: in memory they take several times as many.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// What sled says of a lock that is held.
const LOCK_MESSAGE: &str = "could not acquire lock";
const LOCK_TRIES: u32 = 25;
const BETWEEN_LOCK_TRIES: Duration = Duration::from_millis(20);
/// Beside the store: says that the views failed while they were in use.
const FAILED_MARK: &str = "views.failed";

/// The views of one registry.
pub struct Views {
    /// Archive rows, names and places.
    pub people: People,
    /// Lags and deadlines.
    pub timeliness: TimelinessView,
    /// Sources and rejections.
    pub sources: Sources,
    db: sled::Db,
    folder: PathBuf,
    /// Held while a batch is folded, and while what was folded is set apart to be written: so all
    /// views are written as of one position.
    folding: Mutex<()>,
    /// Held while rows are written or digested; when the timeliness was written last.
    writing: Mutex<Option<Instant>>,
}

/// Timeliness and sources are written this seldom: they change with nearly every event, and folding
/// them again from the envelopes is cheap.
const COUNTS_EVERY: Duration = Duration::from_secs(20);
/// Rows of sources that make them be written sooner.
const SOURCES_PENDING: usize = 1_000;

impl Views {
    /// Opens the views in `folder`, or makes them. A store that does not open, panics, or failed
    /// while it was in use is set aside as `views.set-aside-N`, reported, and begun anew.
    ///
    /// # Errors
    /// [`ViewsError`] when not even a new store can be made.
    pub fn open(
        folder: &Path,
        seals: &Arc<dyn RowSeals>,
        deadlines: &Arc<Deadlines>,
    ) -> Result<Self, ViewsError> {
        make_ready();
        let mark = folder.with_file_name(FAILED_MARK);
        if !mark.exists() {
            match Self::open_as_it_is(folder, seals, deadlines) {
                Ok(views) => return Ok(views),
                // Nothing is wrong with a store that a full disk does not let open.
                Err(error) if matches!(error, ViewsError::InUse) || error.lacks_room() => {
                    return Err(error);
                }
                Err(error) => tracing::error!(%error, "the store of the views does not open"),
            }
        }
        let aside = (1..).map(|n| folder.with_file_name(format!("views.set-aside-{n}")));
        let aside = aside.into_iter().find(|path| !path.exists()).expect("numbers do not end");
        if folder.exists() {
            tracing::error!(aside = %aside.display(), "views set aside; they are rebuilt");
            fs::rename(folder, aside).map_err(ViewsError::Folder)?;
        }
        if mark.exists() {
            fs::remove_file(mark).map_err(ViewsError::Folder)?;
        }
        Self::try_open(folder, seals, deadlines)
    }

    /// Opens the views in `folder`, or makes them. Unlike [`Views::open`] it sets nothing aside.
    ///
    /// # Errors
    /// [`ViewsError`], also for a store that panics when it is opened.
    pub fn open_as_it_is(
        folder: &Path,
        seals: &Arc<dyn RowSeals>,
        deadlines: &Arc<Deadlines>,
    ) -> Result<Self, ViewsError> {
        catch_unwind(AssertUnwindSafe(|| Self::try_open(folder, seals, deadlines)))
            .unwrap_or(Err(ViewsError::Panicked))
    }

    fn try_open(
        folder: &Path,
        seals: &Arc<dyn RowSeals>,
        deadlines: &Arc<Deadlines>,
    ) -> Result<Self, ViewsError> {
        let db = Self::store(folder)?;
        Ok(Self {
            people: People::open(&db, folder, Arc::clone(seals))?,
            timeliness: TimelinessView::open(&db, folder, Arc::clone(deadlines))?,
            sources: Sources::open(&db)?,
            db,
            folder: folder.to_owned(),
            folding: Mutex::default(),
            writing: Mutex::default(),
        })
    }

    /// Opens sled. Its lock is asked for again for a moment: a child process of the one that just
    /// gave it back holds it between its fork and its exec.
    fn store(folder: &Path) -> Result<sled::Db, ViewsError> {
        let config =
            sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        for tries_left in (0..LOCK_TRIES).rev() {
            match config.open() {
                // sled has no kind of error of its own for a lock that another process holds.
                Err(sled::Error::Io(error)) if error.to_string().contains(LOCK_MESSAGE) => {
                    if tries_left > 0 {
                        std::thread::sleep(BETWEEN_LOCK_TRIES);
                    }
                }
                opened => return Ok(opened?),
            }
        }
        Err(ViewsError::InUse)
    }

    /// The position up to which every view is folded.
    pub fn folded(&self) -> Position {
        self.people.folded().min(self.timeliness.folded()).min(self.sources.folded())
    }

    /// Folds recorded events, in order. A view that is ahead passes over what it holds already.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn fold(&self, batch: &[Recorded], lives: &dyn Lives) -> Result<(), ViewsError> {
        self.fold_decided(batch, &[], lives)
    }

    /// As [`Views::fold`], with the steps over the events that were decided with the row at hand.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn fold_decided(
        &self,
        batch: &[Recorded],
        steps: &[Option<Step>],
        lives: &dyn Lives,
    ) -> Result<(), ViewsError> {
        let _folding = self.folding.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut due, mut steps) = (batch, steps);
        let mut month = self.people.newest_month(batch);
        // Where a month ends, everything up to its end is folded first.
        while let Some((at, next)) = month.and_then(|month| People::first_after(month, due)) {
            let (of_month, later) = due.split_at(at);
            let (told, rest) = steps.split_at(at.min(steps.len()));
            self.people.fold(of_month, told, lives)?;
            month.map_or(Ok(()), |month| self.people.pass_months(month, next))?;
            (due, steps, month) = (later, rest, Some(next));
        }
        self.people.fold(due, steps, lives)?;
        self.count(batch)
    }

    /// Folds recorded events, in order, into all views but that of people, which
    /// [`People::fill`] makes.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn measure(&self, batch: &[Recorded]) -> Result<(), ViewsError> {
        self.people.see(batch);
        self.count(batch)
    }

    /// Writes what [`Views::measure`] folded, while lives are filled in.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn keep_measured(&self) -> Result<(), ViewsError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.timeliness.begin_flush();
        self.sources.begin_flush()?;
        self.timeliness.finish_flush(self.timeliness.folded())?;
        self.sources.finish_flush(self.sources.folded())
    }

    fn count(&self, batch: &[Recorded]) -> Result<(), ViewsError> {
        self.timeliness.fold(batch);
        self.sources.fold(batch)
    }

    /// How many changed rows wait to be flushed.
    pub fn pending(&self) -> usize {
        self.people.pending() + self.sources.pending()
    }

    /// Writes what was folded up to now, each view's rows before its checkpoint. sled's own flush
    /// does not reach the disk on Linux, so its file is synced too.
    ///
    /// # Errors
    /// [`ViewsError`]; the failed store is marked, to be set aside at the next start.
    pub fn flush(&self) -> Result<(), ViewsError> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(Written::All)?;
        *writing = Some(Instant::now());
        Ok(())
    }

    /// Writes as [`Views::flush`] does, but what changes with nearly every event only now and then.
    ///
    /// # Errors
    /// [`ViewsError`], as there.
    pub fn flush_some(&self) -> Result<(), ViewsError> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let all = writing.is_none_or(|last| last.elapsed() >= COUNTS_EVERY);
        self.write(if all { Written::All } else { Written::Rows })?;
        if all {
            *writing = Some(Instant::now());
        }
        Ok(())
    }

    fn write(&self, what: Written) -> Result<(Position, Vec<Named>), ViewsError> {
        let all = what != Written::Rows;
        let with_sources = all || self.sources.pending() >= SOURCES_PENDING;
        let written = catch_unwind(AssertUnwindSafe(|| {
            let (checkpoint, counts) = {
                let _folding = self.folding.lock().unwrap_or_else(PoisonError::into_inner);
                self.people.begin_flush()?;
                if all {
                    self.timeliness.begin_flush();
                }
                if with_sources {
                    self.sources.begin_flush()?;
                }
                // Counts are not written; those of the checkpoint are gone when folding goes on.
                let counts = match what {
                    Written::AllDigested => self.people.counts_digests()?.to_vec(),
                    _ => Vec::new(),
                };
                (self.folded(), counts)
            };
            self.people.finish_flush(checkpoint)?;
            if all {
                self.timeliness.finish_flush(checkpoint)?;
            }
            if with_sources {
                self.sources.finish_flush(checkpoint)?;
            }
            self.db.flush()?;
            let file = fs::File::open(self.folder.join("db")).map_err(ViewsError::Folder)?;
            file.sync_data().map_err(ViewsError::Folder)?;
            self.people.remove_obsolete()?;
            self.timeliness.remove_obsolete()?;
            Ok((checkpoint, counts))
        }));
        let written = written.unwrap_or(Err(ViewsError::Panicked));
        if written.is_err() {
            let mark = self.folder.with_file_name(FAILED_MARK);
            if let Err(error) = fs::write(mark, b"") {
                tracing::error!(%error, "the failed store of the views could not be marked");
            }
        }
        written
    }

    /// Writes what was folded up to now, and gives that position with the SHA-256 of every view's
    /// rows, by name. Folding goes on meanwhile, writing waits.
    ///
    /// # Errors
    /// [`ViewsError`].
    pub fn digests(&self) -> Result<Digests, ViewsError> {
        // Nearly all of the work, so that folding waits for the rest of it alone.
        self.people.count_rest(|| true)?;
        self.people.look_across(|| true)?;
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let (position, counts) = self.write(Written::AllDigested)?;
        let mut views = self.people.digests()?.to_vec();
        views.push(("timeliness", self.timeliness.digest()?));
        views.push(("sources", self.sources.digest()?));
        views.extend(counts);
        let months = self.people.month_digests()?;
        Ok(Digests { position, views, months })
    }
}

/// What is written in one go.
#[derive(Clone, Copy, PartialEq)]
enum Written {
    /// All but what changes with nearly every event.
    Rows,
    All,
    /// All, and the counts that are in memory alone are digested as of the same position.
    AllDigested,
}

/// The digest of a view, with its name.
type Named = (&'static str, [u8; 32]);

/// What the views hold, in few bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// The position up to which they are folded.
    pub position: Position,
    /// SHA-256 of each view's rows, by name.
    pub views: Vec<Named>,
    /// SHA-256 of the measures at the ends of months that are kept, by the last day.
    pub months: Vec<(Date, [u8; 32])>,
}
