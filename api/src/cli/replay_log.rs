//! `renkou replay`: the log read back, beside a running service or without one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::Position;
use hyper::Request;
use indicatif::{ProgressBar, ProgressStyle};
use projections::RowSeals;
use replay::rebuild::{self, Checked};

use super::serve::runtime;
use super::served::{Served, served};
use super::{Failure, tell};
use crate::access::{NewGrant, Role};
use crate::outward::Bounds;
use crate::registry::{Home, erasures};

/// A running service must have told what its views hold within so long: it flushes them first.
const DIGESTS_MAX: Duration = Duration::from_secs(600);
/// So often the views of a service are compared while somebody is erased each time.
const TRIES: u32 = 5;

/// What to read the log back for.
#[derive(clap::Subcommand)]
pub enum Replay {
    /// Build every view anew from the log; the service must not be running
    Rebuild {
        /// The registry's directory.
        #[arg(long)]
        data: PathBuf,
    },
    /// Prove that the log is whole and that the views are what it says
    Check {
        /// The registry's directory.
        #[arg(long)]
        data: PathBuf,
        /// A checkpoint that was kept elsewhere: the log must still be what it says.
        #[arg(long)]
        against: Option<PathBuf>,
    },
    /// Print a life, event by event, as JSON
    Person(super::replay_person::ReplayPerson),
}

impl Replay {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Rebuild { data } => rebuild_views(&Home::open(&data)?),
            Self::Check { data, against } => {
                let home = Home::open(&data)?;
                super::check_trees::check(&home, against.as_deref())?;
                check(&home)
            }
            Self::Person(person) => person.run(),
        }
    }
}

fn rebuild_views(home: &Home) -> Result<(), Failure> {
    // Opened for writing: the lock keeps a service from starting meanwhile.
    let logs = home.logs()?;
    let seals: Arc<dyn RowSeals> = logs.seals;
    let bar = progress(logs.log.journal().head(), "rebuilding")?;
    let head = rebuild::rebuild(&logs.log, &home.views(), &seals, &logs.deadlines, |at| {
        bar.set_position(at.0)
    })?;
    bar.finish_and_clear();
    tell(&format!("The views were rebuilt up to position {}.", head.0));
    Ok(())
}

fn check(home: &Home) -> Result<(), Failure> {
    let logs = home.logs_read_only()?;
    let seals: Arc<dyn RowSeals> = logs.seals;
    let bar = progress(logs.log.journal().head(), "walking the log")?;
    let head = rebuild::walk(&logs.log, |at| bar.set_position(at.0))?;
    let reads = replay::LogReader::new(logs.reads, Arc::clone(logs.log.keys()));
    let reads_head = rebuild::walk(&reads, |_| {})?;
    bar.finish_and_clear();
    tell(&format!("The log is whole: {} events, {} reads.", head.0, reads_head.0));
    let workspace = tempfile::Builder::new().prefix("check-").tempdir_in(home.folder())?;
    let checked = if let Some(service) = served(home)? {
        compare_beside(home, &service, workspace.path())?
    } else {
        rebuild::compare(&logs.log, &home.views(), workspace.path(), &seals, &logs.deadlines)?
    };
    let differing = checked.differing();
    if !differing.is_empty() {
        return Err(format!("these views differ from the log: {}", differing.join(", ")).into());
    }
    for view in &checked.views {
        let (name, digest) = (view.name, &view.rebuilt);
        let digest: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        tell(&format!("View {name} equals its rebuild up to {}: {digest}…", checked.head.0));
    }
    Ok(())
}

/// Compares the views of a running service. Whoever is erased after it told what they hold, stood
/// in them still; but no log tells any more what their record was, so it is asked again.
fn compare_beside(home: &Home, service: &Served, workspace: &Path) -> Result<Checked, Failure> {
    for _ in 0..TRIES {
        let Live { position, views } = runtime()?.block_on(live_digests(home, service))?;
        // The log has grown since it was opened; the views may be further than it was.
        let logs = home.logs_read_only()?;
        let seals: Arc<dyn RowSeals> = logs.seals;
        let place = tempfile::tempdir_in(workspace)?;
        let checked = rebuild::compare_with(
            &logs.log,
            position,
            views,
            place.path(),
            &seals,
            &logs.deadlines,
        );
        let is_same = checked.as_ref().is_ok_and(|checked| checked.differing().is_empty());
        let now = home.logs_read_only()?;
        if is_same
            || erasures(&**now.log.journal(), Position(position.0 + 1), &mut |_, _| {})?.is_empty()
        {
            return Ok(checked?);
        }
        tell("Somebody was erased while the views were compared: they are compared again.");
    }
    Err(format!("somebody was erased during each of {TRIES} comparisons; check again later").into())
}

/// What the views of a running service hold.
struct Live {
    position: Position,
    views: Vec<(String, [u8; 32])>,
}

/// Asks the running service.
async fn live_digests(home: &Home, service: &Served) -> Result<Live, Failure> {
    #[derive(serde::Deserialize)]
    struct Answer {
        position: Position,
        views: BTreeMap<String, [u8; 32]>,
    }
    let grant = NewGrant { role: Role::Admin, ..super::ingest::everything("replay-check") };
    let bounds = Bounds { patience: DIGESTS_MAX, ..Bounds::default() };
    let question = Request::builder().method("POST");
    let asked = service.ask(home, grant, "/v1/operate/views", question, bounds).await?;
    let Answer { position, views } = serde_json::from_slice(&asked?)?;
    Ok(Live { position, views: views.into_iter().collect() })
}

fn progress(head: Position, what: &'static str) -> Result<ProgressBar, Failure> {
    let bar = ProgressBar::new(head.0);
    let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len}  {per_sec}")?;
    bar.set_style(style);
    bar.set_message(what);
    Ok(bar)
}
