//! Who speaks in an archive: a teller, and the place of the origin under which their word is kept.
//! Who has the word on what is `domain/src/precedence.rs`.

use std::ops::Deref;

use domain::Kind;
use domain::precedence::Teller;

use super::Told;

/// Who says something of items: the teller of a fact or of a correction of it.
#[derive(Clone, Copy)]
pub(super) struct Voice {
    /// Place of the origin.
    pub(super) origin: u16,
    teller: Teller,
}

impl Voice {
    /// The voice of a teller about a fact of a kind; `side` where somebody else's act is told.
    pub(super) fn new(kind: Kind, side: bool, told: &Told<'_>, origin: u16) -> Self {
        Self { origin, teller: Teller::new(kind, side, told.department, told.channel) }
    }
}

impl Deref for Voice {
    type Target = Teller;

    fn deref(&self) -> &Teller {
        &self.teller
    }
}
