//! Single POSTs on a disk whose sync takes as long as that of a server with real disks. Where a sync
//! takes a fifth of a millisecond, the processor is the limit and not the disk, and bounds in syncs
//! say nothing of how well receipts share one.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;
use crate::posts;
use crate::server::{Registry, Tokens};
use crate::table::Row;

/// What is added to every sync: about what a disk array or a network disk takes.
const DELAY_MS: u32 = 4;
const SOURCE: &str = include_str!("../slow_sync.c");

/// Starts `registry` again on a disk made slow, posts the events of each lane in order, and gives
/// the rows. `sync_ms` is the mean time of the disk's own sync; needs a C compiler, as the product
/// does to be built.
///
/// # Errors
/// When the library does not compile, the server does not start or connections break.
pub fn measure(
    registry: &Registry,
    tokens: &Tokens,
    lanes: &[Vec<Vec<u8>>],
    (seconds_max, sync_ms): (f64, f64),
) -> Result<Vec<Row>, Error> {
    let library = build(registry.data.parent().unwrap_or(&registry.data))?;
    let delay = format!("{}", DELAY_MS * 1000);
    let environment = [("LD_PRELOAD", library.as_os_str()), ("SYNC_DELAY_US", delay.as_ref())];
    let server = registry.serve_with(&environment)?;
    let posted = posts::measure(server.address, &tokens.writer, lanes, seconds_max)?;
    server.stop()?;
    let name = format!("single POSTs, {} connections, {DELAY_MS} ms added to a sync", lanes.len());
    Ok(posts::rows(&posted, &name, f64::from(DELAY_MS) + sync_ms))
}

fn build(directory: &Path) -> Result<PathBuf, Error> {
    let (source, library) = (directory.join("slow_sync.c"), directory.join("slow_sync.so"));
    std::fs::write(&source, SOURCE)?;
    let mut cc = Command::new("cc");
    let done = cc.args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).arg("-ldl");
    crate::server::output(done)?;
    Ok(library)
}
