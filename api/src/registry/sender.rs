//! Who hands submissions in, and the handle through which they are handed in.

use std::future::Future;
use std::path::PathBuf;

use domain::submission::{Received, Source};
use domain::{Fault, Place};
use jiff::Timestamp;

use super::{CloudEvent, Overloaded, Prepared, Receipt};

/// Who sends, as far as the registry needs to know: the token's grant at one moment.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The token's subject.
    pub subject: String,
    /// The department that it may report for; none = any.
    pub department: Option<[u8; 3]>,
    /// The subtree that it may report for; none = the whole registry.
    pub place: Option<Place>,
    /// When the socket had the submission.
    pub received_at: Timestamp,
}

impl Sender {
    /// A source made up from the grant, for what names no readable one.
    pub(super) fn own_source(&self) -> Source {
        let department = self.department.unwrap_or(*b"TWN");
        let division = self.place.or_else(|| Place::parse("99").ok()).expect("a fixed code");
        let name = String::from_utf8_lossy(&department).to_ascii_lowercase();
        Source { text: format!("/{name}/{division}/unreadable"), department, division }
    }

    /// Checks that an event's source lies inside the grant: the same department, and a division
    /// within the place.
    ///
    /// # Errors
    /// A fault `outside_grant` at `/source`.
    pub fn check_source(&self, source: &Source) -> Result<(), Fault> {
        let same_department = self.department.is_none_or(|own| own == source.department);
        if same_department && self.place.is_none_or(|own| source.division.lies_in(own)) {
            return Ok(());
        }
        let fault = Fault::new(
            "outside_grant",
            "来源的部门或区划超出令牌的授权范围",
            "the department or division of the source lies outside the token's grant",
        );
        Err(fault.at("/source"))
    }

    /// Checks that the place of an event lies inside the grant.
    ///
    /// # Errors
    /// A fault `outside_grant` at `/data/place`.
    pub fn check_place(&self, place: Place) -> Result<(), Fault> {
        if self.place.is_none_or(|own| place.lies_in(own)) {
            return Ok(());
        }
        let fault = Fault::new(
            "outside_grant",
            "地点超出令牌的授权范围",
            "the place lies outside the token's grant",
        );
        Err(fault.at("/data/place"))
    }
}

/// What takes submissions: the registry, or a stand-in for it in tests.
pub trait Collector: Send + Sync + 'static {
    /// Reads an event's data and checks source and place against the sender's grant.
    /// `received` is what was sent, kept when the event is refused.
    fn prepare(&self, event: CloudEvent, received: Received, sender: &Sender) -> Prepared;

    /// Prepares what could not be read for the list of rejections.
    fn unreadable(
        &self,
        id: &str,
        event_type: &str,
        source: Option<&str>,
        faults: Vec<Fault>,
        received: Received,
        sender: &Sender,
    ) -> Prepared;

    /// Where answers that nobody has read yet may be kept, in files without a name.
    fn spool_folder(&self) -> PathBuf;

    /// Whether much of the queue is taken: who can hand in less at once should.
    fn is_pressed(&self) -> bool {
        false
    }

    /// Hands a batch in; the receipts come in its order, and are true when they come.
    ///
    /// The batch takes its place in the queue before the future first waits, so batches whose
    /// futures were polled one after another are decided in that order.
    ///
    /// # Errors
    /// [`Overloaded`], before the future first waits, when there is no place; nothing was taken.
    fn submit(
        &self,
        batch: Vec<Prepared>,
        atomic: bool,
    ) -> impl Future<Output = Result<Vec<Receipt>, Overloaded>> + Send;
}
