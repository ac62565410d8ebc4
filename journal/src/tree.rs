//! The Merkle tree over a log (RFC 6962, SHA-256), so that nobody, ourselves included, can alter,
//! drop, reorder or back-date a record unseen.
//!
//! **Leaf.** The record at position `p` is leaf `p - 1`. Its entry is the stored record, byte for
//! byte as it lies in its frame (`record.rs` has the layout; the frame's header, lengths and
//! checksums are not part of it): envelope and sealed payload. A record fits a tlog-tiles entry
//! (`frame::BODY_BYTES_MAX`), so nothing is shortened and an outsider needs no rule of ours:
//! `leaf = SHA-256(0x00 | record)`, `node = SHA-256(0x01 | left | right)`. The payload is
//! committed to as it is sealed: destroying a key changes no leaf.
//!
//! **Files** in a folder beside the log:
//! ```text
//! 0, 1, 2 …        level L: the roots of all complete subtrees of 256^L leaves, 32 bytes each
//! checkpoint       the newest signed checkpoint, replaced whole
//! cosigned         the newest checkpoint that a witness cosigned, replaced whole
//! ```
//! A level is its C2SP tiles end to end: tile `N` of level `L` is the 8,192 bytes from `8192 N` on,
//! a partial tile of width `W` the first `32 W` of them. So every tile that was ever published
//! can be served for ever, and a checkpoint costs one sync a level instead of one file a tile.
//! Levels are synced before the checkpoint that speaks of them is written. What lies in them beyond
//! the checkpoint is worth nothing and is cut at the next opening; what is missing is computed from
//! the log again and must then have the root that was signed.

mod check;
mod grown;
mod levels;
mod merkle;
pub mod note;
mod prove;

pub use check::{Alarm, Checked, check};
pub use grown::{Signed, Tree, TreeError};
pub use levels::Levels;
pub use merkle::{Frontier, Hash, Subtrees, consistency, inclusion, leaf, root};
pub use note::{Checkpoint, NoteError, Signer, Verifier};
