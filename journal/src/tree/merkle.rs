//! RFC 6962 section 2.1: roots, inclusion proofs and consistency proofs, computed from the roots of
//! complete subtrees wherever those are kept.

use sha2::{Digest, Sha256};

/// A node of the tree.
pub type Hash = [u8; 32];

/// Where the roots of complete subtrees come from.
pub trait Subtrees {
    /// Why one could not be had.
    type Error;

    /// The root of the subtree over the leaves `index << height` to `(index + 1) << height`, which
    /// all exist.
    ///
    /// # Errors
    /// Whatever keeps the source from giving it.
    fn subtree(&self, height: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// The hash of an entry.
pub fn leaf(entry: &[u8]) -> Hash {
    Sha256::new_with_prefix([0]).chain_update(entry).finalize().into()
}

/// The hash of two nodes.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    Sha256::digest(bytes).into()
}

/// The root over so many leaves; of none, the hash of nothing.
///
/// # Errors
/// Those of the source.
pub fn root<S: Subtrees>(subtrees: &S, size: u64) -> Result<Hash, S::Error> {
    if size == 0 { Ok(Sha256::digest([]).into()) } else { span(subtrees, 0, size) }
}

/// The inclusion proof of the leaf at `index` in the tree of `size` leaves, from the leaf upwards.
/// `index` must be below `size`.
///
/// # Errors
/// Those of the source.
pub fn inclusion<S: Subtrees>(subtrees: &S, index: u64, size: u64) -> Result<Vec<Hash>, S::Error> {
    let (mut begin, mut end) = (0, size);
    let mut proof = Vec::new();
    while end - begin > 1 {
        let middle = begin + split(end - begin);
        if index < middle {
            proof.push(span(subtrees, middle, end)?);
            end = middle;
        } else {
            proof.push(span(subtrees, begin, middle)?);
            begin = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of `to` leaves continues the one of `from`; empty when one of them is
/// no proof's matter: `from` 0 or equal to `to`. `from` must not be above `to`.
///
/// # Errors
/// Those of the source.
pub fn consistency<S: Subtrees>(subtrees: &S, from: u64, to: u64) -> Result<Vec<Hash>, S::Error> {
    let (mut begin, mut end) = (0, to);
    let mut proof = Vec::new();
    if from == 0 {
        return Ok(proof);
    }
    while end != from {
        let middle = begin + split(end - begin);
        if from <= middle {
            proof.push(span(subtrees, middle, end)?);
            end = middle;
        } else {
            proof.push(span(subtrees, begin, middle)?);
            begin = middle;
        }
    }
    // The old tree itself is known to whom the proof is for.
    if begin > 0 {
        proof.push(span(subtrees, begin, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The root over the leaves from `begin` to `end`; `begin` is a multiple of the greatest power of
/// two that is not above their number, as in every split of a tree.
fn span<S: Subtrees>(subtrees: &S, begin: u64, end: u64) -> Result<Hash, S::Error> {
    let count = end - begin;
    if count.is_power_of_two() {
        return subtrees.subtree(count.trailing_zeros(), begin / count);
    }
    let middle = begin + split(count);
    Ok(node(&span(subtrees, begin, middle)?, &span(subtrees, middle, end)?))
}

/// The greatest power of two below `count`, which is above 1.
fn split(count: u64) -> u64 {
    1 << (63 - (count - 1).leading_zeros())
}

/// The right edge of a tree that grows leaf by leaf: all that its root needs.
#[derive(Clone, Debug, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of complete subtrees, the greatest first.
    edge: Vec<Hash>,
}

impl Frontier {
    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.edge.pop().expect("one root for each bit of the size");
            hash = node(&left, &hash);
        }
        self.edge.push(hash);
        self.size += 1;
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        let folded = self.edge.iter().rev().copied().reduce(|right, left| node(&left, &right));
        folded.unwrap_or_else(|| Sha256::digest([]).into())
    }
}
