//! The views: each a fold over the log that can be thrown away and rebuilt.
//!
//! Invariant: nothing here sees the journal, and nothing here writes an event. What a view needs
//! from the log beside the events in their order it asks of [`Lives`].

pub mod archive;
pub mod deadlines;
mod halves;
pub mod household;
pub mod index;
pub mod people;
pub mod quality;
pub mod row_log;
pub mod run;
pub mod sources;
pub mod table;
pub mod timeliness;
pub mod timeliness_view;
pub mod views;

use std::borrow::Cow;
use std::io::ErrorKind;

use domain::recorded::Recorded;
use domain::{PersonId, Position};

use archive::Course;

pub use archive::Archive;
pub use people::{Judgement, PackedStanding, People, Room, Row, Standing, Step};
pub use sources::Sources;
pub use views::{Digests, Views};

/// Gives a whole life back, for events that do not simply come after the others.
pub trait Lives: Sync {
    /// Every event of a person's stream up to a position, in order, and of those that are absorbed
    /// into it by then.
    ///
    /// # Errors
    /// Whatever kept the log from being read.
    fn life(
        &self,
        person: PersonId,
        up_to: Position,
    ) -> Result<Cow<'_, [Recorded]>, Box<dyn std::error::Error + Send + Sync>>;

    /// How the life of a person was folded before, where that is kept.
    fn course(&self, _person: PersonId) -> Course {
        Course::default()
    }

    /// Keeps how the life that was given last was folded.
    fn keep_course(&self, _person: PersonId, _course: Course) {}
}

/// Appends something to bytes.
pub type Append<'a> = &'a mut dyn FnMut(&mut Vec<u8>);

/// Seals rows that name a person, so that they die with the person's key.
pub trait RowSeals: Send + Sync {
    /// The sealed row; the same for the same input. None when the person's key is destroyed.
    ///
    /// # Errors
    /// [`SealError`]: whether there is a key is not known, so the row must not be given up.
    fn seal(
        &self,
        view: &str,
        person: PersonId,
        version: Position,
        plain: &[u8],
    ) -> Result<Option<Vec<u8>>, SealError>;

    /// As [`RowSeals::seal`] for each of several rows of a view, in the same order: `keep` is told
    /// whose it is and what appends it to bytes, none when the key is destroyed.
    ///
    /// # Errors
    /// [`SealError`]; then not all of them were given.
    fn seal_each(
        &self,
        view: &str,
        rows: &[(PersonId, Position, &[u8])],
        keep: &mut dyn FnMut(PersonId, Option<Append<'_>>),
    ) -> Result<(), SealError> {
        for (person, version, plain) in rows {
            match self.seal(view, *person, *version, plain)? {
                Some(sealed) => keep(*person, Some(&mut |to| to.extend(&sealed))),
                None => keep(*person, None),
            }
        }
        Ok(())
    }

    /// Opens a sealed row, whose bytes are used up, into `plain`; false when the key is destroyed
    /// or the row was altered.
    ///
    /// # Errors
    /// [`SealError`].
    fn open(
        &self,
        view: &str,
        person: PersonId,
        sealed: &mut [u8],
        plain: &mut Vec<u8>,
    ) -> Result<bool, SealError>;

    /// A keyed hash of a text, to look it up by.
    fn blind(&self, text: &str) -> [u8; 16];
}

/// The keys could not be read. That is never taken for an erasure.
#[derive(Debug, thiserror::Error)]
#[error("the keys of the rows cannot be read")]
pub struct SealError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Why a view could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// The store of the views failed.
    #[error("the store of the views failed")]
    Store(#[from] sled::Error),
    /// The store panicked.
    #[error("the store of the views panicked")]
    Panicked,
    /// Another process has the store open.
    #[error("the views are in use by another process")]
    InUse,
    /// The folder of the views could not be used.
    #[error("the folder of the views cannot be used")]
    Folder(#[source] std::io::Error),
    /// A row is not of the form of this version.
    #[error("a row of {0} cannot be read")]
    Row(&'static str),
    /// The files of rows failed.
    #[error("the rows of persons failed")]
    Rows(#[from] row_log::RowLogError),
    /// The sorted files failed, of index entries or of the cells of timeliness.
    #[error("the sorted files of the views failed")]
    Index(#[from] run::RunError),
    /// The keys failed.
    #[error("a row could not be sealed or opened")]
    Seal(#[from] SealError),
    /// The log could not be read for a life.
    #[error("a life could not be read back from the log")]
    Lives(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ViewsError {
    /// Whether the disk has no room.
    fn lacks_room(&self) -> bool {
        let error = match self {
            Self::Store(sled::Error::Io(error)) | Self::Folder(error) => error,
            Self::Rows(row_log::RowLogError::Io { source, .. })
            | Self::Index(run::RunError::Io { source, .. }) => source,
            _ => return false,
        };
        matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
    }
}
