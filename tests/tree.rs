//! The Merkle tree against the standard's own vectors and against an implementation of others.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;
use tempfile::TempDir;

use journal::tree::{Frontier, Hash, Levels, Signer, consistency, inclusion, leaf, root};

/// The eight entries of the vectors that Certificate Transparency publishes with RFC 6962.
const ENTRIES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];
/// Their roots, from none to all of them.
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hex(hash: Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tiles of so many entries, added in steps.
fn tiles(entries: &[Vec<u8>], step: usize) -> (TempDir, Levels) {
    let folder = tempfile::tempdir().unwrap();
    let levels = Levels::open(folder.path(), true).unwrap();
    let mut size = 0;
    for some in entries.chunks(step) {
        let leaves: Vec<_> = some.iter().map(|entry| leaf(entry)).collect();
        levels.extend(size, &leaves).unwrap();
        size += leaves.len() as u64;
    }
    (folder, levels)
}

#[test]
fn roots_are_those_of_the_published_vectors() {
    let entries: Vec<_> = ENTRIES.iter().map(|entry| entry.to_vec()).collect();
    let (_folder, levels) = tiles(&entries, 3);
    let mut frontier = Frontier::default();
    for (size, due) in (0..).zip(ROOTS) {
        assert_eq!(hex(root(&levels, size).unwrap()), due, "of {size}");
        assert_eq!(hex(frontier.root()), due, "of {size}");
        if let Some(entry) = ENTRIES.get(size as usize) {
            frontier.push(leaf(entry));
        }
    }
}

#[test]
fn proofs_are_those_of_the_published_vectors() {
    let entries: Vec<_> = ENTRIES.iter().map(|entry| entry.to_vec()).collect();
    let (_folder, levels) = tiles(&entries, 8);
    let told = |proof: Vec<Hash>| -> Vec<String> { proof.into_iter().map(hex).collect() };
    assert_eq!(told(inclusion(&levels, 0, 1).unwrap()), [""; 0]);
    assert_eq!(
        told(inclusion(&levels, 5, 8).unwrap()),
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    assert_eq!(
        told(consistency(&levels, 6, 8).unwrap()),
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
}

/// Sizes at and about the edges of tiles, and any.
fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![1_usize..40, 250_usize..262, 500_usize..900, 65_530_usize..65_540]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn roots_and_proofs_are_those_of_another_implementation(
        size in sizes(),
        step in prop_oneof![Just(1_000_usize), 7_usize..400],
        picks in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 12),
    ) {
        let entries: Vec<Vec<u8>> = (0..size).map(|n| format!("entry {n}").into_bytes()).collect();
        let (_folder, levels) = tiles(&entries, step.max(size / 50));
        let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        entries.into_iter().for_each(|entry| other.push(entry));
        let due = other.root();
        prop_assert_eq!(&root(&levels, size as u64).unwrap()[..], due.as_bytes().as_slice());
        for (one, two) in picks {
            let index = one.index(size);
            let ours = inclusion(&levels, index as u64, size as u64).unwrap();
            let theirs = other.prove_inclusion(index);
            prop_assert_eq!(ours.as_flattened(), theirs.as_bytes());
            let added = two.index(size);
            if added > 0 {
                let old = (size - added) as u64;
                let ours = consistency(&levels, old, size as u64).unwrap();
                let theirs = other.prove_consistency(added);
                prop_assert_eq!(ours.as_flattened(), theirs.as_bytes());
            }
        }
    }
}

/// The key and the note of the specification's own example (Go's `sumdb/note`).
#[test]
fn notes_are_those_of_the_go_checksum_database() {
    let secret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let signer = Signer::read(secret).unwrap();
    assert_eq!(signer.verifier().text(), public);
    assert_eq!(signer.secret_text(), secret);
}
