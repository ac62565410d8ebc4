//! The form of a slot, and what a power loss can leave of one.
//!
//! A slot may lie across the border of two sectors, of which a disk writes each whole or not at
//! all, in any order. What it can leave has a form that no altered slot has: a part that was never
//! written is all zeros, its checksum or id too, and a key that was half destroyed has the id and
//! at least sixteen zeros, or the checksum, of a destroyed one.

use uuid::Uuid;

use crate::storage::SECTOR_BYTES;

pub(super) const SLOT_BYTES: usize = 80;
pub(super) const CHECKED_BYTES: usize = 76;
const ID_BYTES: usize = 16;

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// What was written, a key or its destruction.
    Whole,
    /// A key that was issued and not synced, so nothing was sealed with it that is in the log.
    NeverWritten,
    /// A key whose destruction had begun.
    HalfDestroyed,
    /// Not what was written.
    Damaged,
}

/// Judges the bytes of a slot.
pub(super) fn judge(slot: &[u8], number: u32) -> Slot {
    if crc32c::crc32c(&slot[..CHECKED_BYTES]).to_le_bytes() == slot[CHECKED_BYTES..] {
        return Slot::Whole;
    }
    let begin = offset(number);
    let cut = ((begin / SECTOR_BYTES + 1) * SECTOR_BYTES - begin).min(SLOT_BYTES as u64) as usize;
    let (front, back) = slot.split_at(cut);
    let is_zero = |part: &[u8]| part.iter().all(|byte| *byte == 0);
    if is_zero(front) || !back.is_empty() && is_zero(back) {
        return Slot::NeverWritten;
    }
    let destroyed = destroyed(id(slot));
    let is_begun = cut > ID_BYTES && front == &destroyed[..cut];
    let is_ended = !back.is_empty() && back == &destroyed[cut..];
    if is_begun || is_ended { Slot::HalfDestroyed } else { Slot::Damaged }
}

/// Whose slot it is.
pub(super) fn id(slot: &[u8]) -> Uuid {
    Uuid::from_slice(&slot[..ID_BYTES]).expect("sixteen bytes")
}

/// Whether a whole slot is that of a destroyed key.
pub(super) fn is_destroyed(slot: &[u8]) -> bool {
    slot[ID_BYTES..CHECKED_BYTES].iter().all(|byte| *byte == 0)
}

/// A slot with its checksum.
pub(super) fn checked(bytes: &[u8; CHECKED_BYTES]) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    slot[..CHECKED_BYTES].copy_from_slice(bytes);
    slot[CHECKED_BYTES..].copy_from_slice(&crc32c::crc32c(bytes).to_le_bytes());
    slot
}

/// The slot of a destroyed key: the id stays, so that no second key is ever issued under it.
pub(super) fn destroyed(id: Uuid) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; CHECKED_BYTES];
    bytes[..ID_BYTES].copy_from_slice(id.as_bytes());
    checked(&bytes)
}

/// Where a slot begins.
pub(super) fn offset(number: u32) -> u64 {
    u64::from(number) * SLOT_BYTES as u64
}
