//! Single POSTs on a disk whose sync takes as long as that of a server with real disks. Where a sync
//! takes a fifth of a millisecond, the processor is the limit and not the disk, and bounds in syncs
//! say nothing of how well receipts share one.

use crate::Error;
use crate::posts;
use crate::server::{Registry, Tokens};
use crate::syncs::Syncs;
use crate::table::Row;

/// Starts `registry` again on a disk whose syncs take `delay_ms` longer, posts the events of each lane
/// in order, and gives the rows. `sync_ms` is the mean time of the disk's own sync.
///
/// # Errors
/// When the server cannot be watched or does not start, or connections break.
pub fn measure(
    registry: &Registry,
    tokens: &Tokens,
    lanes: &[Vec<Vec<u8>>],
    (seconds_max, delay_ms, sync_ms): (f64, u32, f64),
) -> Result<Vec<Row>, Error> {
    let syncs = Syncs::watch(&registry.data, delay_ms)?;
    let server = registry.serve_with(&syncs.environment())?;
    let (address, writer) = (server.address, &tokens.writer);
    let posted = posts::measure_counted(address, writer, lanes, seconds_max, &syncs)?;
    server.stop()?;
    let name = format!("single POSTs, {} connections, {delay_ms} ms added to a sync", lanes.len());
    Ok(posts::rows(&posted, &name, f64::from(delay_ms) + sync_ms))
}
