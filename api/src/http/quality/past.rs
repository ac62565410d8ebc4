//! Measures of quality as they were known: every record is folded again, which takes a while of a
//! long log. So one question at a time does it, what it found is kept, and who asks meanwhile is
//! told to come again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use domain::Position;
use jiff::Timestamp;
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

/// What was found, and whose turn it is.
pub(super) struct Past {
    folder: PathBuf,
    found: Mutex<BTreeMap<Known, Arc<Quality>>>,
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
        if let Some(found) = self.kept(&known) {
            return Ok(found);
        }
        let (past, log) = (Arc::clone(self), registry.log().clone());
        let finding = tokio::spawn(async move {
            let _turn = Arc::clone(&past.turn).lock_owned().await;
            if let Some(found) = past.kept(&known) {
                return Ok(found);
            }
            past.find(log, known).await
        });
        match tokio::time::timeout(WAIT_MAX, finding).await {
            Ok(found) => found.map_err(|error| internal(&error))?,
            Err(_) => Err(Problem::new(&kinds::VIEW_BEHIND).header(RETRY_AFTER, 30.into())),
        }
    }

    async fn find(&self, log: LogReader, known: Vec<Known>) -> Result<Vec<Arc<Quality>>, Problem> {
        let missing: Vec<_> = {
            let found = self.found();
            known.iter().filter(|known| !found.contains_key(known)).copied().collect()
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
        let told = missing.into_iter().zip(told.into_iter().map(Arc::new));
        let mut found = self.found();
        found.extend(told);
        let all = known.iter().filter_map(|known| found.get(known).cloned()).collect();
        while found.len() > KEPT {
            // The farthest from now are asked for least.
            found.pop_first();
        }
        Ok(all)
    }

    fn kept(&self, known: &[Known]) -> Option<Vec<Arc<Quality>>> {
        let found = self.found();
        known.iter().map(|known| found.get(known).cloned()).collect()
    }

    fn found(&self) -> MutexGuard<'_, BTreeMap<Known, Arc<Quality>>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
