//! The binary `renkou`.
fn main() {}
