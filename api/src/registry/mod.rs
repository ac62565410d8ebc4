//! The registry assembled, usable without HTTP: submissions in, receipts out.

pub mod receipt;
pub mod sender;

use domain::Fault;
use domain::submission::{Source, Submission};
use jiff::Timestamp;
use serde_json::Value;

pub use receipt::{Accepted, Flag, ObservationReceipt, Receipt};
pub use sender::{Collector, Sender};

/// A CloudEvent whose envelope could be read, whichever mode it came in.
#[derive(Clone, Debug)]
pub struct CloudEvent {
    /// `id`, not empty.
    pub id: String,
    /// `source`, not empty.
    pub source: String,
    /// `type`, not empty.
    pub event_type: String,
    /// `time`.
    pub time: Option<Timestamp>,
    /// Extension `recordedtime`: the simulated clock of fictional registries.
    pub recorded_time: Option<Timestamp>,
    /// `data`.
    pub data: Value,
}

/// A submission on its way into the registry.
#[derive(Clone, Debug)]
pub enum Prepared {
    /// Readable: to be decided.
    Ready(Box<Submission>),
    /// Unreadable or unauthorised: to be kept in the list of rejections.
    Unfit(Box<Unfit>),
}

/// A submission that cannot be decided.
#[derive(Clone, Debug)]
pub struct Unfit {
    /// CloudEvents id, as far as it could be read.
    pub id: String,
    /// Where it came from; made up from the sender's grant when it could not be read.
    pub source: Source,
    /// CloudEvents type, as far as it could be read.
    pub event_type: String,
    /// Every fault.
    pub faults: Vec<Fault>,
    /// What was sent.
    pub received: String,
    /// When.
    pub received_at: Timestamp,
    /// Who sent it.
    pub actor: String,
}

/// The queue is full or the views are too far behind: try again after some seconds.
#[derive(Clone, Copy, Debug)]
pub struct Overloaded {
    /// Seconds to wait.
    pub retry_after_seconds: u32,
}
