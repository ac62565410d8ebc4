//! Measures of quality as they were known. At the ends of most months the views kept them; else every
//! record is folded again, which takes a while of a long log. So one question at a time does it, what
//! it found is kept, and who asks meanwhile is told to come again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use domain::Position;
use domain::clocks::day_in_china;
use jiff::Timestamp;
use jiff::civil::Date;
use projections::{People, Views, ViewsError};
use replay::LogReader;
use replay::known_then::{self, Quality};

use crate::http::persons::internal;
use crate::http::problem::Problem;
use crate::http::problem_kinds as kinds;
use crate::registry::Registry;

/// How long a reader waits; the work goes on and its result is kept.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// Instants of which the measures are kept.
const KEPT: usize = 150;

/// An instant; and the head of the log, where the log has not come as far as the instant.
type Known = (Timestamp, Position);

/// Directories in which records are folded begin so.
const WORKSPACE: &str = "measures-";

/// What is in memory. Once somebody was erased it is no more what the log tells.
#[derive(Default)]
struct Found {
    forgotten: u64,
    by_instant: BTreeMap<Known, Arc<Quality>>,
}

/// What was found, and whose turn it is.
pub(super) struct Past {
    folder: PathBuf,
    found: Mutex<Found>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Past {
    /// Works in a folder; what an earlier process left there goes.
    pub(super) fn in_folder(folder: &Path) -> Self {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(WORKSPACE)
                && let Err(error) = std::fs::remove_dir_all(entry.path())
            {
                tracing::warn!(%error, "a workspace of measures could not be removed");
            }
        }
        Self { folder: folder.to_owned(), found: Mutex::default(), turn: Arc::default() }
    }

    /// The measures at each of some instants, which come in order.
    ///
    /// # Errors
    /// 503 while they are being found, 500 when the log cannot be read.
    pub(super) async fn at(
        self: &Arc<Self>,
        registry: &Registry,
        instants: Vec<Timestamp>,
    ) -> Result<Vec<Arc<Quality>>, Problem> {
        let head = registry.log().journal().head();
        let newest = registry.log().event(head).map_err(|error| internal(&error))?;
        let newest = newest.map(|event| event.envelope.clocks.recorded_at);
        // What comes later is recorded after the newest event, and so after the instant.
        let known = |instant: &Timestamp| {
            let is_passed = newest.is_some_and(|newest| newest > *instant);
            (*instant, if is_passed { Position(0) } else { head })
        };
        let known: Vec<_> = instants.iter().map(known).collect();
        self.take_kept(&registry.views, &known).await?;
        if let Some(found) = self.found().all(&known) {
            return Ok(found);
        }
        let (past, log) = (Arc::clone(self), registry.log().clone());
        let views = Arc::clone(&registry.views);
        let finding = tokio::spawn(async move {
            let _turn = Arc::clone(&past.turn).lock_owned().await;
            if let Some(found) = past.found().all(&known) {
                return Ok(found);
            }
            past.find(log, &views.people, known).await
        });
        match tokio::time::timeout(WAIT_MAX, finding).await {
            Ok(found) => found.map_err(|error| internal(&error))?,
            Err(_) => Err(Problem::new(&kinds::VIEW_BEHIND).header(RETRY_AFTER, 30.into())),
        }
    }

    /// Takes from the views what they kept of the ends of months.
    async fn take_kept(&self, views: &Arc<Views>, known: &[Known]) -> Result<(), Problem> {
        let forgotten = views.people.forgotten();
        let due: Vec<_> = {
            let mut found = self.found();
            if found.forgotten != forgotten {
                *found = Found { forgotten, ..Found::default() };
            }
            // A month that is not over in the log is not kept.
            let passed = known.iter().filter(|known| known.1 == Position(0));
            let missing = passed.filter(|known| !found.by_instant.contains_key(known));
            missing.filter_map(|(instant, _)| Some((*instant, ended_by(*instant)?))).collect()
        };
        if due.is_empty() {
            return Ok(());
        }
        let views = Arc::clone(views);
        let read = move || -> Result<Vec<_>, ViewsError> {
            let mut kept = Vec::new();
            for (known_at, day) in due {
                let then = views.people.month_end(day)?;
                kept.extend(then.map(|then| Arc::new(Quality { known_at, then })));
            }
            Ok(kept)
        };
        let kept = tokio::task::spawn_blocking(read).await.map_err(|error| internal(&error))?;
        let kept = kept.map_err(|error| internal(&error))?;
        let mut found = self.found();
        if found.forgotten == forgotten {
            let kept = kept.into_iter().map(|kept| ((kept.known_at, Position(0)), kept));
            found.by_instant.extend(kept);
        }
        Ok(())
    }

    async fn find(
        &self,
        log: LogReader,
        people: &People,
        known: Vec<Known>,
    ) -> Result<Vec<Arc<Quality>>, Problem> {
        let forgotten = people.forgotten();
        let missing: Vec<_> = {
            let found = self.found();
            known.iter().filter(|known| !found.by_instant.contains_key(known)).copied().collect()
        };
        let instants: Vec<_> = missing.iter().map(|(instant, _)| *instant).collect();
        let folder = self.folder.clone();
        let folded = tokio::task::spawn_blocking(move || {
            let place = tempfile::Builder::new().prefix(WORKSPACE).tempdir_in(folder);
            let place = place.map_err(|error| internal(&error))?;
            let told = known_then::quality(&log, place.path(), &instants);
            told.map_err(|error| internal(&error))
        });
        let told = folded.await.map_err(|error| internal(&error))??;
        let told: Vec<_> = missing.into_iter().zip(told.into_iter().map(Arc::new)).collect();
        for ((instant, head), found) in &told {
            if *head == Position(0) && ended_by(*instant).is_some() {
                people.keep_month_end(&found.then, forgotten);
            }
        }
        let mut found = self.found();
        found.by_instant.extend(told);
        let all = known.iter().filter_map(|known| found.by_instant.get(known).cloned()).collect();
        while found.by_instant.len() > KEPT {
            // The farthest from now are asked for least.
            found.by_instant.pop_first();
        }
        Ok(all)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    fn all(&self, known: &[Known]) -> Option<Vec<Arc<Quality>>> {
        known.iter().map(|known| self.by_instant.get(known).cloned()).collect()
    }
}

/// The last day of the month that ends with an instant; none where none does.
fn ended_by(instant: Timestamp) -> Option<Date> {
    let day = day_in_china(instant);
    let is_end = day == day.last_of_month() && known_then::end_of(day) == Some(instant);
    is_end.then_some(day)
}
