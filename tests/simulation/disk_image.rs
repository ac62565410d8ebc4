//! One file as three images: what the process sees, what is durable, and what a power loss may
//! leave of the writes between the two.

use journal::storage::SECTOR_BYTES;

use super::dice::Dice;

/// A change that was not synced.
#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                image.resize(image.len().max(end), 0);
                image[*offset..end].copy_from_slice(bytes);
            }
            Self::Length(length) => image.resize(*length, 0),
        }
    }
}

/// The bytes of a file.
#[derive(Clone, Debug, Default)]
pub struct Image {
    live: Vec<u8>,
    durable: Vec<u8>,
    changes: Vec<Change>,
}

impl Image {
    pub fn live(&self) -> &[u8] {
        &self.live
    }

    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.change(Change::Write { offset, bytes: bytes.to_vec() });
    }

    pub fn set_length(&mut self, length: usize) {
        self.change(Change::Length(length));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.changes.push(change);
    }

    /// A byte is another one, behind the back of everybody.
    pub fn flip(&mut self, offset: usize, bits: u8) {
        self.live[offset] ^= bits;
        self.durable.clone_from(&self.live);
        self.changes.clear();
    }

    pub fn sync(&mut self) {
        self.changes.iter().for_each(|change| change.apply(&mut self.durable));
        self.changes.clear();
    }

    /// A sync that failed: some of it is durable, and the rest will not be written by a later one,
    /// though the process goes on seeing it.
    pub fn fail_to_sync(&mut self, dice: &mut Dice) {
        self.durable = self.torn(dice);
        self.changes.clear();
    }

    /// The power is lost.
    pub fn lose_power(&mut self, dice: &mut Dice) {
        self.durable = self.torn(dice);
        self.live.clone_from(&self.durable);
        self.changes.clear();
    }

    /// Any state of any sector between what was synced and now, and any of the lengths.
    fn torn(&self, dice: &mut Dice) -> Vec<u8> {
        let mut states = vec![self.durable.clone()];
        for change in &self.changes {
            let mut next = states.last().expect("the durable one").clone();
            change.apply(&mut next);
            states.push(next);
        }
        let last = states.len() - 1;
        match dice.below(6) {
            0 => return states.swap_remove(0),
            1 => return states.swap_remove(last),
            2 => {
                let state = dice.below(states.len() as u64) as usize;
                return states.swap_remove(state);
            }
            _ => {}
        }
        // Half of the time the length is the newest: torn tails are what is looked for.
        let of_length = if dice.once_in(2) { last } else { dice.below(last as u64 + 1) as usize };
        let mut image = vec![0; states[of_length].len()];
        for (number, sector) in image.chunks_mut(SECTOR_BYTES as usize).enumerate() {
            let state = match dice.below(3) {
                0 => last,
                1 => 0,
                _ => dice.below(states.len() as u64) as usize,
            };
            let start = number * SECTOR_BYTES as usize;
            let from = states[state].get(start..).unwrap_or_default();
            let length = from.len().min(sector.len());
            sector[..length].copy_from_slice(&from[..length]);
        }
        image
    }
}
