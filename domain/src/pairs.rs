//! A set of pairs in little more than their bytes: of everybody there are several.

use std::collections::BTreeMap;

/// Pairs in one block; a fuller one becomes two.
const BLOCK_MAX: usize = 512;

/// Pairs of a group and a member of it, sorted, in blocks. Each block stands under the least pair
/// that may stand in it, the first one under 0.
#[derive(Clone, Debug, Default)]
pub struct Pairs(BTreeMap<u64, Vec<u64>>);

fn pair(group: u32, member: u32) -> u64 {
    u64::from(group) << 32 | u64::from(member)
}

impl Pairs {
    /// Adds a pair, unless it is there.
    pub fn insert(&mut self, group: u32, member: u32) {
        let pair = pair(group, member);
        if self.0.is_empty() {
            self.0.insert(0, Vec::new());
        }
        let Some((_, block)) = self.0.range_mut(..=pair).next_back() else { return };
        let Err(at) = block.binary_search(&pair) else { return };
        if block.len() == block.capacity() {
            block.reserve_exact(block.len() / 8 + 8);
        }
        block.insert(at, pair);
        if block.len() > BLOCK_MAX {
            let upper = block.split_off(BLOCK_MAX / 2);
            block.shrink_to_fit();
            self.0.insert(upper[0], upper);
        }
    }

    /// Takes a pair out, if it is there.
    pub fn remove(&mut self, group: u32, member: u32) {
        let pair = pair(group, member);
        let Some((least, block)) = self.0.range_mut(..=pair).next_back() else { return };
        let Ok(at) = block.binary_search(&pair) else { return };
        block.remove(at);
        if block.is_empty() {
            let least = *least;
            self.0.remove(&least);
            // What comes next begins where this one began, so that no pair is before all blocks.
            if least == 0
                && let Some((_, block)) = self.0.pop_first()
            {
                self.0.insert(0, block);
            }
        }
    }

    /// The members of a group, in their order.
    pub fn of(&self, group: u32) -> impl Iterator<Item = u32> + '_ {
        let (first, last) = (pair(group, 0), pair(group, u32::MAX));
        let begins = self.0.range(..=first).next_back().map_or(0, |(least, _)| *least);
        let blocks = self.0.range(begins..=last).flat_map(move |(_, block)| {
            let from = block.partition_point(|pair| *pair < first);
            block[from..].iter().take_while(move |pair| **pair <= last)
        });
        blocks.map(|pair| *pair as u32)
    }
}
