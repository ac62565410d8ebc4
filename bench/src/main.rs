//! Measures the product beside its peers and the disk.
fn main() {}
