//! The package holds tests only; they are in `all.rs` and the files beside it.
