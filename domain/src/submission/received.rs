//! An event as it was sent, kept in case it is refused. Of a stream it is a piece of what came with
//! others, and is not copied: nearly every event is taken, and then nobody asks for it.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// The text of an event, as it was sent.
#[derive(Clone, Default)]
pub struct Received {
    whole: Arc<str>,
    piece: Range<usize>,
}

impl Received {
    /// A piece of what came.
    ///
    /// # Panics
    /// When the piece does not lie in the whole, or cuts a character.
    pub fn piece_of(whole: &Arc<str>, piece: Range<usize>) -> Self {
        assert!(whole.get(piece.clone()).is_some(), "a piece of the whole");
        Self { whole: Arc::clone(whole), piece }
    }
}

impl From<String> for Received {
    fn from(text: String) -> Self {
        let piece = 0..text.len();
        Self { whole: text.into(), piece }
    }
}

impl Deref for Received {
    type Target = str;

    fn deref(&self) -> &str {
        &self.whole[self.piece.clone()]
    }
}

/// Shows how long it is, never what it says.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Received({} bytes)", self.piece.len())
    }
}
