//! What can go wrong with an operation of the simulated disk.

use std::io::{self, Error, ErrorKind};

/// What is to go wrong, at which of the changing operations from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The disk is gone from here on.
    Down { at: u64 },
    /// One operation fails, the others go on.
    Refused { at: u64 },
    /// There is no room from here on, until so many operations later: nothing grows and nothing is
    /// made. With `goes_down` the disk is gone when somebody cuts what was written in vain.
    Full { at: u64, until: u64, goes_down: bool },
}

/// What an operation asks of the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Room.
    Room,
    /// That a file is cut.
    Cut,
    /// Neither.
    Nothing,
}

/// What becomes of an operation.
#[derive(PartialEq, Eq)]
pub enum Turn {
    Done,
    /// It fails, and may have been done in part.
    Fails,
    /// The same, because there is no room.
    NoRoom,
}

/// What the operation gives.
pub fn told(turn: Turn) -> io::Result<()> {
    match turn {
        Turn::Done => Ok(()),
        Turn::Fails => Err(Error::other("the simulated disk refuses")),
        Turn::NoRoom => Err(ErrorKind::StorageFull.into()),
    }
}
